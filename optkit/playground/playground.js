/* The playground: drag a start on a surface and race the rules from there.

   It knows no formula. The rules and surfaces are `optkit`, a script that is printed from their Python lines (by
   `printed` in optkit/playground); one step of a rule here is one call of that script. Everything is drawn as SVG with
   the colours of playground.css, nothing is fetched, and nothing moves before somebody asks for it. */
(() => {
  "use strict";

  const {rules, surfaces, look, starts, overlays, presets} = optkit;
  const MOST_STEPS = 2000;
  const TINY = 1e-3; // a run is at rest where the slope and the next step are both shorter
  const SHAPE = 4 / 3; // width to height of the surface as drawn: one unit is as long up as across
  const COLUMNS = 120, ROWS = 90; // of the grid for the contours
  const SECONDS = 8; // a race is never longer than this

  // ---- Numbers as people write them

  const rounded = (value, digits) => Number(value.toPrecision(digits));

  function short(value, digits = 3) {
    const size = Math.abs(value);
    if (size !== 0 && (size < 1e-3 || size >= 1e5)) return value.toExponential(digits - 1).replace("e+", "e");
    return String(rounded(value, digits));
  }

  function number(text) {
    return String(text).trim() === "" ? NaN : Number(String(text).replace(",", "."));
  }

  const inWords = name => name.startsWith("beta") ? name : name.replaceAll("_", " ");

  // ---- Scales: how a setting lies along its slider

  function logarithmic(low, high, lowestIsZero = false) {
    const first = Math.log10(low);
    return {
      low: first, high: Math.log10(high), fine: 0.02, allows: value => value >= 0 && value < Infinity,
      place: value => value > 0 ? Math.log10(value) : first,
      value: place => lowestIsZero && place <= first ? 0 : rounded(10 ** place, 3),
    };
  }

  function linear(low, high, fine, least = low) {
    return {low, high, fine, allows: value => value >= least && value < Infinity,
            place: value => value, value: place => rounded(place, 4)};
  }

  // What matters about a decay is its distance from 1: 0.9, 0.99 and 0.999 are equally far apart.
  const decay = {
    low: 0, high: 4, fine: 0.02, allows: value => value >= 0 && value < 1,
    place: value => -Math.log10(1 - value), value: place => rounded(1 - rounded(10 ** -place, 3), 6),
  };

  const SCALES = {
    learning_rate: logarithmic(1e-4, 10), epsilon: logarithmic(1e-10, 10),
    initial_accumulator: logarithmic(1e-4, 100, true), weight_decay: logarithmic(1e-4, 10, true),
    momentum: decay, rho: decay, beta_1: decay, beta_2: decay,
    condition_number: {...logarithmic(1, 1000), allows: value => value >= 1 && value < Infinity},
    angle: linear(-90, 90, 1, -Infinity), ripple: linear(0, 5, 0.1),
  };

  /* Of a setting that only somebody's own rule has, no more is known than the number that it comes with. */
  function around(usual) {
    const far = 2 * Math.abs(usual) || 1;
    return linear(usual > 0 ? 0 : -far, usual < 0 ? 0 : far, far / 200, -Infinity);
  }
  for (const {settings} of Object.values(rules)) {
    for (const [name, usual] of Object.entries(settings)) SCALES[name] ??= around(usual);
  }

  // ---- The state, and how it is written: in an address as in the directive

  function firstState() {
    const settings = {};
    for (const name in rules) settings[name] = {...rules[name].settings};
    return {surface: "Ravine", on: {...surfaces.Ravine.settings}, start: [...starts.Ravine], settings,
            racing: ["GradientDescent", "Momentum"], chosen: "Momentum", uncorrected: [], steps: 150,
            show: [], step: 150};
  }

  const corrected = name => /now\.\w+_hat|settings\.beta_1 \*\* t/.test(String(rules[name].step));

  /* Each field of an address changes the state if it means something; else what was there stays. */
  const FIELDS = {
    surface(state, text) {
      for (const [name, settings] of called(text, surfaces)) {
        Object.assign(state, {surface: name, on: settings, start: [...starts[name]]});
      }
    },
    start(state, text) {
      const start = text.split(",").map(number);
      if (start.length === 2 && start.every(Number.isFinite)) state.start = start;
    },
    rules(state, text) {
      const racing = called(text, rules);
      for (const [name, settings] of racing) state.settings[name] = settings;
      if (racing.length) state.racing = [...new Set(racing.map(([name]) => name))];
      state.chosen = state.racing.at(-1);
    },
    chosen(state, text) { if (state.racing.includes(text)) state.chosen = text; },
    uncorrected(state, text) { state.uncorrected = text.split(",").filter(name => name in rules && corrected(name)); },
    steps(state, text) {
      const steps = number(text);
      if (Number.isInteger(steps) && steps >= 1 && steps <= MOST_STEPS) state.steps = steps;
      state.step = state.steps;
    },
    show(state, text) { state.show = overlays.filter(name => text.split(",").includes(name)); },
    step(state, text) {
      const step = number(text);
      if (Number.isInteger(step) && step >= 0 && step <= state.steps) state.step = step;
    },
  };

  function read(text) {
    const state = firstState(), fields = {};
    for (const part of decoded(text).split("&")) {
      const [name, ...rest] = part.split("=");
      fields[name] = rest.join("=");
    }
    for (const name in FIELDS) if (Object.hasOwn(fields, name)) FIELDS[name](state, fields[name]);
    state.start = inside(state, state.start);
    return state;
  }

  function decoded(text) {
    try { return decodeURIComponent(text); } catch { return ""; } // a lone % is no address of ours
  }

  /* Names and settings from a text such as Momentum(0.02,momentum=0.8),Adam; unknown names are left out. */
  function called(text, known) {
    const found = [];
    for (const [, name, list] of text.matchAll(/([\p{L}\p{N}_]+)(?:\(([^()]*)\))?/gu)) {
      if (Object.hasOwn(known, name)) found.push([name, withSettings(known[name].settings, list)]);
    }
    return found;
  }

  function withSettings(usual, list = "") {
    const settings = {...usual}, names = Object.keys(usual);
    list.split(",").forEach((part, place) => {
      const [word, value] = part.includes("=") ? part.split("=") : [names[place], part];
      if (Object.hasOwn(usual, word) && SCALES[word].allows(number(value))) settings[word] = number(value);
    });
    return settings;
  }

  function written(state) {
    const fields = {
      surface: callOf(state.surface, state.on, surfaces[state.surface].settings),
      start: state.start.join(","),
      rules: state.racing.map(name => callOf(name, state.settings[name], rules[name].settings, 1)).join(","),
      chosen: state.chosen, uncorrected: state.uncorrected.join(","), show: state.show.join(","),
      steps: state.steps, step: state.step,
    };
    return Object.entries(fields).filter(([, value]) => value !== "").map(pair => pair.join("=")).join("&");
  }

  /* The settings up to the last unusual one; the first `least` are always said. */
  function callOf(name, settings, usual, least = 0) {
    const values = Object.values(settings), usually = Object.values(usual);
    while (values.length > least && values.at(-1) === usually[values.length - 1]) values.pop();
    return values.length ? `${name}(${values.join(",")})` : name;
  }

  // ---- The race

  function lowest(state) {
    const {height, minima} = surfaces[state.surface];
    return Math.min(...minima.map(point => height(state.on, ...point)));
  }

  function run(name, state) {
    const {start, step} = rules[name], settings = state.settings[name];
    const {height, slope} = surfaces[state.surface], floor = lowest(state);
    // 1 - beta ** Infinity is 1: told that number of a step, a rule with bias correction is the same rule without.
    const counted = state.uncorrected.includes(name) ? () => Infinity : t => t;
    const frames = [];
    let now = state.start.map(x => ({x, ...start(settings)}));
    for (let t = 1; t <= state.steps + 1; t++) {
      const point = now.map(one => one.x), above = Math.max(0, height(state.on, ...point) - floor);
      if (!Number.isFinite(above)) break;
      const slopes = slope(state.on, ...point);
      now = now.map((one, axis) => step(settings, counted(t), slopes[axis], one));
      frames.push({point, above, slopes, next: now});
    }
    return {name, frames, rest: restOf(frames), diverged: divergedIn(frames, state.steps)};
  }

  /* As optkit.paths.Path has it: the height became infinite, or ended above where it began. */
  function divergedIn(frames, steps) {
    return frames.length <= steps || frames.at(-1).above > frames[0].above;
  }

  /* From which step on it rests for good: RMSprop may lie still for a while, forget, and jump again. */
  function restOf(frames) {
    const last = frames.findLastIndex(({point, slopes, next}) => Math.hypot(...slopes) >= TINY ||
      Math.hypot(...next.map((one, axis) => one.x - point[axis])) >= TINY);
    return last + 1 < frames.length ? last + 1 : Infinity;
  }

  /* Where there is nothing more to see: every run rests or has left the numbers, or the last step. */
  function lastToSee(runs, steps) {
    return Math.min(steps, Math.max(...runs.map(one => Math.min(one.rest, one.frames.length))));
  }

  function result(one, step, steps) {
    const gone = step >= one.frames.length;
    return gone || (one.diverged && step === steps) ? "diverged" : short(one.frames[step].above, 2);
  }

  const words = (one, step, steps) => result(one, step, steps) + (step >= one.rest ? ", at rest" : "");

  // ---- Momentum: how fast a step contracts, measured by making it

  /* The larger size of the two eigenvalues of a 2 x 2 matrix. */
  function radius([[a, b], [c, d]]) {
    const middle = (a + d) / 2, apart = middle * middle - (a * d - b * c);
    return apart < 0 ? Math.sqrt(a * d - b * c) : Math.abs(middle) + Math.sqrt(apart);
  }

  const LINEAR = ["Momentum", "Nesterov"];

  /* On a quadratic a step of these is linear in the place and the velocity, so that its effect on the two unit
     vectors is its matrix. The slope at a place is the curvature times the place. */
  function contraction(name, settings, curvatures) {
    return Math.max(...curvatures.map(curvature => {
      const [first, second] = [{x: 1, m: 0}, {x: 0, m: 1}].map(unit =>
        rules[name].step(settings, 1, curvature * unit.x, unit));
      return radius([[first.x, second.x], [first.m, second.m]]);
    }));
  }

  /* The curvatures of a quadratic: the eigenvalues of the matrix that its slopes at two unit vectors make. */
  function curvaturesOf(state) {
    const {slope} = surfaces[state.surface];
    const [[a, b], [, d]] = [slope(state.on, 1, 0), slope(state.on, 0, 1)];
    const spread = Math.hypot((a - d) / 2, b);
    return [(a + d) / 2 - spread, (a + d) / 2 + spread];
  }

  // ---- Contours by marching squares

  function heightsOn(frame, height) {
    const heights = [];
    for (let row = 0; row <= ROWS; row++) {
      for (let column = 0; column <= COLUMNS; column++) {
        heights.push(height(frame.left + frame.wide * column / COLUMNS, frame.bottom + frame.tall * row / ROWS));
      }
    }
    return heights;
  }

  /* Levels that leave about as much room between lines everywhere, as in the book's figures. */
  function levelsOf(heights) {
    const sorted = [...heights].sort((a, b) => a - b);
    return Array.from({length: 12}, (_, i) => sorted[Math.floor((0.02 + 0.93 * i / 11) ** 1.6 * (sorted.length - 1))]);
  }

  /* Where the line of one level crosses the four sides of a cell, in units of the grid, in pairs to be joined. */
  function crossings(corners, level) {
    const [a, b, c, d] = corners, found = [];
    const part = (from, to) => (level - from) / (to - from);
    if (a > level !== b > level) found.push([part(a, b), 0]);
    if (b > level !== c > level) found.push([1, part(b, c)]);
    if (c > level !== d > level) found.push([1 - part(c, d), 1]);
    if (d > level !== a > level) found.push([0, 1 - part(d, a)]);
    // Four crossings: a pass. Its middle says which two opposite corners belong together.
    const turned = found.length === 4 && (a + b + c + d) / 4 > level !== a > level;
    return turned ? [found[3], ...found.slice(0, 3)] : found;
  }

  function contours(frame, height) {
    const heights = heightsOn(frame, height), levels = levelsOf(heights), lines = [], width = COLUMNS + 1;
    for (let row = 0; row < ROWS; row++) {
      for (let column = 0; column < COLUMNS; column++) {
        const at = row * width + column;
        const corners = [heights[at], heights[at + 1], heights[at + width + 1], heights[at + width]];
        const low = Math.min(...corners), high = Math.max(...corners);
        for (const level of levels) {
          if (level < low || level >= high) continue;
          for (const [x, y] of crossings(corners, level)) lines.push([(column + x) / COLUMNS, (row + y) / ROWS]);
        }
      }
    }
    return lines;
  }

  // ---- Places on paper

  /* A rectangle of pixels that shows a rectangle of numbers. */
  function makeFrame(box, pixels) {
    const [left, right, bottom, top] = box, [x, y, width, height] = pixels;
    const wide = right - left, tall = top - bottom;
    const kept = value => Math.max(-1e5, Math.min(1e5, value)); // SVG does not like the rest
    return {
      left, right, bottom, top, wide, tall, pixels,
      across: value => kept(x + (value - left) / wide * width),
      up: value => kept(y + height - (value - bottom) / tall * height),
      place: (across, up) => [left + (across - x) / width * wide, bottom + (y + height - up) / height * tall],
    };
  }

  /* The box of a surface, widened to the shape in which it is drawn. */
  function boxOf(state) {
    const [left, right, bottom, top] = surfaces[state.surface].box;
    const tall = Math.max(top - bottom, (right - left) / SHAPE), wide = tall * SHAPE;
    const x = (left + right) / 2, y = (bottom + top) / 2;
    return [x - wide / 2, x + wide / 2, y - tall / 2, y + tall / 2];
  }

  function inside(state, [x, y]) {
    const [left, right, bottom, top] = boxOf(state);
    return [Math.max(left, Math.min(right, x)), Math.max(bottom, Math.min(top, y))];
  }

  function polyline(points) {
    return points.map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(1)},${y.toFixed(1)}`).join("");
  }

  function ticks(low, high, most) {
    const rough = (high - low) / most, power = 10 ** Math.floor(Math.log10(rough));
    const gap = [1, 2, 5, 10].map(one => one * power).find(one => one >= rough);
    const found = [];
    for (let i = Math.ceil(low / gap); i * gap <= high; i++) found.push(rounded(i * gap, 6));
    return found;
  }

  // ---- Elements

  const SVG = "http://www.w3.org/2000/svg";

  function fill(node, attributes, text) {
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
      else node.setAttribute(name, value);
    }
    if (text !== undefined) node.textContent = text;
    return node;
  }

  function add(parent, tag, attributes = {}, text) {
    return parent.appendChild(fill(document.createElement(tag), attributes, text));
  }

  function draw(parent, tag, attributes = {}, text) {
    return parent.appendChild(fill(document.createElementNS(SVG, tag), attributes, text));
  }

  const widthOf = drawing => drawing.getBoundingClientRect().width;

  let counted = 0;
  const freshId = () => `playground-${++counted}`;

  /* Of a rule: what playground.css turns into its colour, light or dark. */
  const inked = name => `--light: ${look[name].light}; --dark: ${look[name].dark}`;

  /* A place that is dragged in a drawing by mouse or finger, or moved by arrow keys; `place` takes pixels. */
  function makeHandle(drawing, label, place, nudge) {
    const handle = draw(drawing, "g", {class: "handle", tabindex: 0, role: "slider", "aria-label": label});
    draw(handle, "circle", {r: 22, class: "reach"});
    draw(handle, "circle", {r: 9, class: "halo"});
    draw(handle, "circle", {r: 6, class: "knob"});
    handle.addEventListener("touchstart", event => event.preventDefault(), {passive: false}); // else the page scrolls
    let held = false, tapped = false;
    const follow = event => {
      const box = drawing.getBoundingClientRect();
      place(event.clientX - box.left, event.clientY - box.top);
    };
    drawing.addEventListener("pointerdown", event => {
      tapped = event.pointerType === "touch" && !handle.contains(event.target);
      if (tapped) return; // a finger beside the handle scrolls the page, or comes up again where it was: a tap
      event.preventDefault();
      held = true;
      drawing.setPointerCapture(event.pointerId);
      handle.focus({preventScroll: true});
      follow(event);
    });
    drawing.addEventListener("pointermove", event => { if (held) follow(event); });
    for (const end of ["pointerup", "pointercancel"]) drawing.addEventListener(end, () => { held = false; });
    drawing.addEventListener("click", event => { if (tapped) follow(event); });
    handle.addEventListener("keydown", event => {
      const by = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1]}[event.key];
      if (!by) return;
      event.preventDefault();
      nudge(...by.map(one => one * (event.shiftKey ? 10 : 1) / 100));
    });
    return handle;
  }

  function moveHandle(handle, x, y, now, text) {
    fill(handle, {transform: `translate(${x.toFixed(1)},${y.toFixed(1)})`, "aria-valuenow": now, "aria-valuetext": text});
  }

  // ---- One playground

  class Playground {
    constructor(root) {
      this.root = root;
      this.compact = "compact" in root.dataset;
      this.state = read(this.address() || root.dataset.state);
      this.first = read(root.dataset.state);
      this.shows = {}; // what brings the fields and sliders of each group up to date
      this.board = add(root, "div", {class: "board", role: "group", "aria-label": "Playground"});
      root.classList.add("alive"); // playground.css now hides the still picture
      this.build();
      this.change();
      new ResizeObserver(() => this.resized()).observe(this.board);
      if (!this.compact) window.addEventListener("hashchange", () => this.addressChanged());
    }

    address() {
      const text = this.compact ? "" : location.hash.slice(1);
      return text.includes("=") ? text : "";
    }

    addressChanged() {
      if (!this.address() || this.address() === this.said) return;
      this.load(read(this.address()));
    }

    load(state) {
      this.pause();
      this.state = state;
      this.buildControls();
      this.change();
    }

    // -- Controls

    build() {
      if (!this.compact) {
        this.buildPresets();
        this.buildPlace();
      }
      const columns = add(this.board, "div", {class: "columns"});
      const left = add(add(columns, "div", {class: "column"}), "div", {class: "stays"});
      this.controls = add(columns, "div", {class: "column"});
      this.surface = draw(left, "svg", {class: "surface", role: "group", "aria-label": "The surface from above"});
      this.layers = draw(this.surface, "g");
      this.handle = makeHandle(this.surface, "Start: arrow keys move it, with shift ten times as far",
        (x, y) => this.setStart(this.frame.place(x, y)),
        (x, y) => this.setStart([this.state.start[0] + x * this.frame.wide, this.state.start[1] + y * this.frame.tall]));
      this.buildTransport(left);
      this.summary = add(left, "p", {class: "summary", "aria-live": "polite"});
      this.buildCurve(left);
      this.foot = add(this.board, "p", {class: "foot"});
      this.buildFoot();
      this.buildControls();
    }

    buildPresets() {
      const row = add(this.board, "div", {class: "presets"});
      const label = add(row, "label", {}, "Situation ");
      this.situation = add(label, "select", {onchange: () => this.choosePreset()});
      add(this.situation, "option", {value: ""}, "your own");
      presets.forEach(({name}, i) => add(this.situation, "option", {value: i}, name));
      this.comment = add(row, "p", {class: "comment", "aria-live": "polite"});
    }

    choosePreset() {
      const preset = presets[this.situation.value];
      if (preset) this.load(read(preset.state));
    }

    /* The sentence stands as long as the state is the one that it describes. */
    showComment() {
      const same = text => written({...this.state, step: 0, chosen: "", show: []}) ===
        written({...read(text), step: 0, chosen: "", show: []});
      const place = presets.findIndex(preset => same(preset.state));
      this.situation.value = place < 0 ? "" : place;
      const text = place < 0 ? "" : presets[place].sentence;
      if (this.comment.textContent !== text) this.comment.textContent = text;
    }

    buildTransport(parent) {
      const row = add(parent, "div", {class: "transport"});
      add(row, "button", {type: "button", onclick: () => this.goTo(0)}, "Back to start");
      add(row, "button", {type: "button", onclick: () => this.goTo(this.state.step + 1)}, "Step");
      this.playing = add(row, "button", {type: "button", onclick: () => this.timer ? this.pause() : this.play()}, "Play");
      const label = add(row, "label", {class: "scrub"});
      this.count = add(label, "span");
      this.scrub = add(label, "input", {type: "range", min: 0, step: 1, "aria-label": "Step",
        oninput: () => this.goTo(Number(this.scrub.value))});
    }

    buildCurve(parent) {
      this.curve = draw(parent, "svg", {class: "curve", role: "slider", tabindex: 0, "aria-valuemin": 0,
        "aria-label": "Height above the minimum against the step; arrow keys look along it"});
      const look = event => {
        const [step] = this.curveFrame.place(event.clientX - this.curve.getBoundingClientRect().left, 0);
        this.lookAt(step);
      };
      this.curve.addEventListener("pointermove", look);
      this.curve.addEventListener("pointerdown", look);
      this.curve.addEventListener("pointerleave", () => this.lookAt(undefined));
      this.curve.addEventListener("blur", () => this.lookAt(undefined));
      this.curve.addEventListener("click", () => this.looked !== undefined && this.goTo(this.looked));
      this.curve.addEventListener("keydown", event => this.curveKey(event));
      this.reading = add(parent, "p", {class: "reading"});
    }

    curveKey(event) {
      const now = this.looked ?? this.state.step;
      const to = {ArrowLeft: now - 1, ArrowDown: now - 1, ArrowRight: now + 1, ArrowUp: now + 1, PageDown: now - 10,
                  PageUp: now + 10, Home: 0, End: this.state.steps, Enter: now}[event.key];
      if (to === undefined) return;
      event.preventDefault();
      if (event.key === "Enter") this.goTo(now); else this.lookAt(to);
    }

    buildFoot() {
      if (this.compact && this.root.dataset.page) this.link = add(this.foot, "a", {}, "Open in the playground");
      if (this.compact) {
        add(this.foot, "button", {type: "button", onclick: () => this.load(read(this.root.dataset.state))}, "As it was");
      } else {
        add(this.foot, "button", {type: "button", onclick: () => this.copy()}, "Copy link");
        this.copied = add(this.foot, "span", {role: "status"});
      }
    }

    async copy() {
      this.say();
      try {
        await navigator.clipboard.writeText(location.href);
        this.copied.textContent = "Copied.";
      } catch { // a page opened from disk may not write there
        this.copied.textContent = `Copy this address: ${location.href}`;
      }
    }

    buildControls() {
      this.controls.textContent = "";
      if (!this.compact) this.buildShape();
      this.buildRules();
      this.own = add(this.controls, "fieldset");
      this.buildSettings();
      const shown = add(this.group(this.controls, "Show where it stands"), "div", {class: "beside"});
      for (const name of overlays) {
        this.tick(shown, name, this.state.show.includes(name), on => this.switchIn("show", name, on));
      }
      this.numbers = add(this.controls, "table", {class: "numbers"});
      this.map = add(this.controls, "div", {class: "map"});
      this.buildMap();
    }

    group(parent, legend) {
      const group = add(parent, "fieldset");
      add(group, "legend", {}, legend);
      return group;
    }

    tick(parent, text, checked, changed) {
      const label = add(parent, "label", {class: "tick"});
      const box = add(label, "input", {type: "checkbox", onchange: () => changed(box.checked)});
      box.checked = checked;
      add(label, "span", {}, text);
      return label;
    }

    switchIn(list, name, on) {
      this.state[list] = this.state[list].filter(one => one !== name).concat(on ? name : []);
      this.change();
    }

    /* Made once, so that the list of surfaces keeps the focus while its sliders change. */
    buildPlace() {
      const group = this.group(this.board, "Surface"), row = add(group, "div", {class: "beside"});
      this.surfaces = add(row, "select", {"aria-label": "Surface", onchange: () => {
        FIELDS.surface(this.state, this.surfaces.value);
        this.load(this.state);
      }});
      for (const name in surfaces) add(this.surfaces, "option", {}, name);
      this.shows.place = ["x", "y"].map((name, axis) => this.typed(row, `start ${name}`, Number.isFinite,
        () => this.state.start[axis],
        value => this.setStart(this.state.start.map((old, i) => i === axis ? value : old))));
      this.shows.place.push(this.typed(row, "steps",
        value => Number.isInteger(value) && value >= 1 && value <= MOST_STEPS,
        () => this.state.steps, value => this.setSteps(value)));
      this.shape = add(row, "div", {class: "beside grow"});
    }

    buildShape() {
      this.surfaces.value = this.state.surface;
      this.shape.textContent = "";
      this.shows.shape = Object.keys(this.state.on).map(name => this.slider(this.shape, this.state.on, name));
    }

    setSteps(steps) {
      const atEnd = this.state.step === this.state.steps;
      this.state.steps = steps;
      this.state.step = atEnd ? steps : Math.min(this.state.step, steps);
      this.change();
    }

    /* A field for a number: what is no allowed number is marked, and changes nothing. Returns what shows the number
       that holds, except to somebody who is typing. */
    typed(parent, text, allows, now, changed) {
      const label = add(parent, "label", {class: "typed"});
      add(label, "span", {}, text);
      const input = add(label, "input", {type: "text", inputmode: "decimal", autocomplete: "off",
        onblur: () => this.soon(), oninput: () => {
          const value = number(input.value), fine = allows(value);
          fill(input, {"aria-invalid": !fine});
          if (fine) changed(value);
        }});
      return () => {
        if (document.activeElement !== input) fill(input, {"aria-invalid": false}).value = now();
      };
    }

    /* A setting as a number to type and a bar to slide. */
    slider(parent, settings, name) {
      const scale = SCALES[name], row = add(parent, "div", {class: "slider"});
      const set = value => { settings[name] = value; this.change(); };
      const show = this.typed(row, inWords(name), scale.allows, () => settings[name], set);
      const bar = add(row, "input", {type: "range", min: scale.low, max: scale.high, step: scale.fine,
        "aria-label": inWords(name), oninput: () => set(scale.value(Number(bar.value)))});
      return () => {
        show();
        fill(bar, {"aria-valuetext": settings[name]}).value = scale.place(settings[name]);
      };
    }

    buildRules() {
      const group = this.group(this.controls, "Rules"), list = add(group, "div", {class: "rules"});
      this.results = {};
      for (const name in rules) {
        if (this.compact && !this.first.racing.includes(name)) continue;
        const label = this.tick(list, name, this.state.racing.includes(name), on => this.enter(name, on, label));
        label.style = inked(name);
        const swatch = draw(label, "svg", {class: "swatch", viewBox: "0 0 30 10", "aria-hidden": "true"});
        draw(swatch, "path", {d: "M1,5H29", "stroke-dasharray": look[name].dash});
        this.results[name] = add(label, "span", {class: "result"});
      }
      const label = add(group, "label", {class: "typed"});
      add(label, "span", {}, "settings of");
      this.choice = add(label, "select", {onchange: () => this.choose(this.choice.value)});
      this.offer();
    }

    /* Somebody has to race: the last rule stays. */
    enter(name, on, label) {
      const racing = Object.keys(rules).filter(one => one === name ? on : this.state.racing.includes(one));
      if (!racing.length) { label.querySelector("input").checked = true; return; }
      this.state.racing = racing;
      this.choose(on ? name : racing.includes(this.state.chosen) ? this.state.chosen : racing[0]);
    }

    offer() {
      this.choice.textContent = "";
      for (const name of this.state.racing) add(this.choice, "option", {}, name);
      this.choice.value = this.state.chosen;
    }

    choose(name) {
      this.state.chosen = name;
      this.offer();
      this.buildSettings();
      this.buildMap();
      this.change();
    }

    buildSettings() {
      const name = this.state.chosen, settings = this.state.settings[name];
      this.own.textContent = "";
      add(this.own, "legend", {}, name);
      this.shows.own = Object.keys(settings).map(setting => this.slider(this.own, settings, setting));
      if (corrected(name)) {
        this.tick(this.own, "bias correction", !this.state.uncorrected.includes(name),
          on => this.switchIn("uncorrected", name, !on));
      }
    }

    // -- Time

    goTo(step) {
      this.pause();
      this.setStep(step);
    }

    setStep(step) {
      this.state.step = Math.max(0, Math.min(this.state.steps, step));
      this.soon();
    }

    play() {
      const end = lastToSee(this.runs, this.state.steps);
      if (matchMedia("(prefers-reduced-motion: reduce)").matches) { this.setStep(end); return; }
      const from = this.state.step >= end ? 0 : this.state.step, pace = Math.max(15, this.state.steps / SECONDS);
      const began = performance.now();
      this.playing.textContent = "Pause";
      const move = now => {
        this.setStep(Math.min(end, from + Math.floor((now - began) / 1000 * pace)));
        if (this.state.step >= end) this.pause(); else this.timer = requestAnimationFrame(move);
      };
      this.timer = requestAnimationFrame(move);
    }

    pause() {
      cancelAnimationFrame(this.timer);
      this.timer = undefined;
      this.playing.textContent = "Play";
      this.later();
    }

    // -- What follows a change

    setStart(start) {
      this.state.start = inside(this.state, start).map(value => rounded(value, 3));
      this.change();
    }

    change() {
      this.runs = this.state.racing.map(name => run(name, this.state));
      this.looked = undefined;
      this.soon();
    }

    /* Draw with the next frame of the screen, however many changes come before it. */
    soon() {
      this.drawn ??= requestAnimationFrame(() => { this.drawn = undefined; this.drawAll(); });
      this.later();
    }

    /* Say in words and in the address where things stand, once they have stood for a moment. */
    later() {
      clearTimeout(this.waiting);
      this.waiting = setTimeout(() => this.say(), 400);
    }

    say() {
      const {step, steps} = this.state;
      const text = `Step ${step} of ${steps}: ` +
        this.runs.map(one => `${one.name} ${words(one, step, steps)}`).join("; ") + ".";
      if (this.summary.textContent !== text) this.summary.textContent = text;
      const said = written(this.state);
      if (this.link) this.link.href = `${this.root.dataset.page}#${said}`;
      if (this.compact || said === (this.said ?? written(read(this.address() || this.root.dataset.state)))) return;
      this.said = said;
      try { history.replaceState(null, "", `#${said}`); } catch { location.replace(`#${said}`); }
    }

    // -- Drawing

    resized() {
      if (this.width !== widthOf(this.surface)) this.soon();
    }

    drawAll() {
      this.width = widthOf(this.surface);
      if (!this.width) return; // hidden: in a folded box, or on paper
      this.drawSurface();
      this.drawCurve();
      this.drawNumbers();
      this.drawMap();
      this.refreshControls();
    }

    refreshControls() {
      const {step, steps} = this.state;
      this.count.textContent = `Step ${step} of ${steps}`;
      fill(this.scrub, {max: steps}).value = step;
      for (const one of this.runs) this.results[one.name].textContent = result(one, step, steps);
      for (const name in this.results) if (!this.state.racing.includes(name)) this.results[name].textContent = "";
      for (const show of Object.values(this.shows).flat()) show();
      if (this.situation) this.showComment();
    }

    /* A drawing of `height` pixels with its axes; returns the frame of numbers. */
    axes(drawing, layer, height, box, xTicks, yTicks) {
      const width = this.width, pixels = [44, 10, width - 54, height - 34];
      const frame = makeFrame(box, pixels), [x, y, wide, tall] = pixels;
      fill(drawing, {viewBox: `0 0 ${width} ${height}`, height});
      draw(layer, "rect", {x, y, width: wide, height: tall, class: "ground"});
      for (const [value, text] of xTicks) {
        draw(layer, "text", {x: frame.across(value), y: y + tall + 16, class: "middle"}, text);
      }
      for (const [value, text] of yTicks) {
        draw(layer, "text", {x: x - 6, y: frame.up(value) + 4, class: "end"}, text);
      }
      return frame;
    }

    drawSurface() {
      const box = boxOf(this.state), height = (this.width - 54) / SHAPE + 34;
      const numbers = (low, high) => ticks(low, high, 6).map(value => [value, String(value)]);
      this.layers.textContent = "";
      const frame = this.axes(this.surface, this.layers, height, box, numbers(box[0], box[1]), numbers(box[2], box[3]));
      this.frame = frame;
      this.drawContours(frame);
      const clip = freshId(), [x, y, width, tall] = frame.pixels;
      draw(draw(this.layers, "clipPath", {id: clip}), "rect", {x, y, width, height: tall});
      const layer = draw(this.layers, "g", {"clip-path": `url(#${clip})`});
      for (const point of surfaces[this.state.surface].minima) this.drawMinimum(layer, frame, point);
      for (const one of this.runs) this.drawPath(layer, frame, one);
      this.drawArrows(layer, frame);
      const [startX, startY] = this.state.start;
      moveHandle(this.handle, frame.across(startX), frame.up(startY), startX, `x ${short(startX)}, y ${short(startY)}`);
    }

    /* The lines change with the surface alone, so they are found once for each. */
    drawContours(frame) {
      const key = this.state.surface + JSON.stringify(this.state.on);
      if (this.contoured !== key) {
        const {height} = surfaces[this.state.surface];
        this.lines = contours(frame, (x, y) => height(this.state.on, x, y));
        this.contoured = key;
      }
      const [x, y, width, height] = frame.pixels;
      draw(this.layers, "path", {class: "contours", d: this.lines.map(([across, up], i) =>
        `${i % 2 ? "L" : "M"}${(x + across * width).toFixed(1)},${(y + (1 - up) * height).toFixed(1)}`).join("")});
    }

    drawMinimum(layer, frame, [x, y]) {
      draw(layer, "path", {class: "minimum", d: `M${frame.across(x) - 6},${frame.up(y)}h12m-6,-6v12`});
    }

    drawPath(layer, frame, one) {
      const points = one.frames.slice(0, this.state.step + 1).map(({point: [x, y]}) => [frame.across(x), frame.up(y)]);
      const group = draw(layer, "g", {class: "path", "data-rule": one.name, style: inked(one.name)});
      draw(group, "path", {class: "line", d: polyline(points), "stroke-dasharray": look[one.name].dash});
      draw(group, "path", {class: "dots", d: points.map(([x, y]) => `M${x.toFixed(1)},${y.toFixed(1)}h0`).join("")});
      const [x, y] = points.at(-1);
      draw(group, "circle", {class: "now", cx: x.toFixed(1), cy: y.toFixed(1), r: 5});
    }

    /* What the chosen rule sees where it stands: the step that it makes next. */
    chosenFrame() {
      return this.runs.find(one => one.name === this.state.chosen).frames[this.state.step];
    }

    drawArrows(layer, frame) {
      const now = this.chosenFrame();
      if (!now) return;
      const at = [frame.across(now.point[0]), frame.up(now.point[1])];
      if (this.state.show.includes("gradient")) this.drawArrow(layer, at, now.slopes, "−g", "gradient");
      const velocity = now.next.map(one => one.m);
      if (this.state.show.includes("velocity") && velocity[0] !== undefined) {
        this.drawArrow(layer, at, velocity, "−m", "velocity");
      }
    }

    /* Against the vector, since a rule steps against it; long ones are drawn shorter than they are. */
    drawArrow(layer, [x, y], [across, up], text, kind) {
      const size = Math.hypot(across, up), long = 25 + 55 * size / (size + 1);
      if (!(size > 0 && size < Infinity)) return;
      const [dx, dy] = [-across / size, up / size], [endX, endY] = [x + dx * long, y + dy * long];
      const wing = side => `M${endX},${endY}L${endX - 9 * dx + side * 5 * dy},${endY - 9 * dy - side * 5 * dx}`;
      draw(layer, "path", {class: `arrow ${kind}`, d: `M${x},${y}L${endX},${endY}${wing(1)}${wing(-1)}`});
      draw(layer, "text", {class: "arrow-name", x: endX + dx * 12, y: endY + dy * 12 + 4}, text);
    }

    drawCurve() {
      const {step, steps} = this.state, [low, high] = this.heights();
      const decades = ticks(low, high, 5).filter(Number.isInteger).map(power => [power, `1e${power}`]);
      this.curve.textContent = "";
      this.curveFrame = this.axes(this.curve, this.curve, 190, [0, steps, low, high],
        ticks(0, steps, 6).filter(Number.isInteger).map(value => [value, String(value)]), decades);
      const frame = this.curveFrame, [, y, , tall] = frame.pixels;
      for (const one of this.runs) {
        const within = power => Math.max(low, Math.min(high, power));
        const points = one.frames.map(({above}, i) => [frame.across(i), frame.up(within(Math.log10(above)))]);
        draw(this.curve, "path", {class: "line", d: polyline(points), style: inked(one.name),
          "stroke-dasharray": look[one.name].dash});
      }
      draw(this.curve, "path", {class: "present", d: `M${frame.across(step)},${y}v${tall}`});
      this.pointer = draw(this.curve, "path", {class: "pointer"});
      this.lookAt(this.looked);
    }

    /* The powers of ten that the curves span, from the lowest height worth telling from zero. */
    heights() {
      const all = this.runs.flatMap(one => one.frames.map(frame => frame.above)).filter(above => above > 0);
      const first = Math.max(1e-6, this.runs[0].frames[0].above);
      const low = Math.max(1e-12, Math.min(first, ...all)), high = Math.min(1e3 * first, Math.max(first, ...all));
      return [Math.floor(Math.log10(low)), Math.max(Math.ceil(Math.log10(high)), Math.floor(Math.log10(low)) + 1)];
    }

    /* The exact heights at a step of the curve, under the pointer or where the arrow keys have gone. */
    lookAt(step) {
      const {steps} = this.state;
      this.looked = step === undefined ? undefined : Math.max(0, Math.min(steps, Math.round(step)));
      const at = this.looked ?? this.state.step, [, y, , tall] = this.curveFrame.pixels;
      fill(this.pointer, {d: this.looked === undefined ? "" : `M${this.curveFrame.across(at)},${y}v${tall}`});
      this.reading.textContent = `Height above the minimum at step ${at}`;
      const list = add(this.reading, "span", {class: "values"});
      const values = this.runs.map(one => [one.name, one.frames[at] ? short(one.frames[at].above, 6) : "not finite"]);
      for (const [name, value] of values) add(list, "span", {}, `${name} ${value}`);
      fill(this.curve, {"aria-valuemax": steps, "aria-valuenow": at,
        "aria-valuetext": `step ${at}: ${values.map(pair => pair.join(" ")).join(", ")}`});
    }

    /* For each axis what the chosen rule's next step is made of, as numbers and as a pair of bars. */
    drawNumbers() {
      this.numbers.textContent = "";
      const now = this.chosenFrame();
      if (!this.state.show.includes("numbers") || !now) return;
      add(this.numbers, "caption", {}, `Next step of ${this.state.chosen}`);
      const head = add(add(this.numbers, "thead"), "tr"), body = add(this.numbers, "tbody");
      for (const text of ["", "along x", "along y"]) add(head, text ? "th" : "td", text ? {scope: "col"} : {}, text);
      const {next, point} = now, raw = this.state.uncorrected.includes(this.state.chosen);
      const rows = {
        "gradient g": now.slopes,
        "velocity m": next.map(one => one.m), "m, corrected": next.map(one => raw ? NaN : one.m_hat),
        "root of v": next.map(one => Math.sqrt(one.v)), "root, corrected": next.map(one => raw ? NaN : Math.sqrt(one.v_hat)),
        "largest u": next.map(one => one.u),
      };
      for (const slot in rules[this.state.chosen].start(this.state.settings[this.state.chosen])) {
        if (!"mvu".includes(slot)) rows[`memory ${slot}`] = next.map(one => one[slot]);
      }
      rows.step = next.map((one, axis) => one.x - point[axis]);
      for (const [name, values] of Object.entries(rows)) if (Number.isFinite(values[0])) this.numbersRow(body, name, values);
    }

    numbersRow(body, name, values) {
      const row = add(body, "tr"), most = Math.max(...values.map(Math.abs)) || 1;
      add(row, "th", {scope: "row"}, name);
      for (const value of values) {
        const cell = add(row, "td", {}, short(value));
        add(cell, "span", {class: "bar", style: `width: ${(100 * Math.abs(value) / most).toFixed(1)}%`});
      }
    }

    // -- The map of momentum

    /* Whether the chosen rule has a map, and the surface is the quadratic on which it is exact. */
    mapped() {
      return this.state.surface === "Ravine" && LINEAR.includes(this.state.chosen);
    }

    buildMap() {
      this.map.textContent = "";
      this.mapKey = undefined;
      if (!this.mapped()) return;
      add(this.map, "p", {class: "map-title"}, `How fast ${this.state.chosen} converges here, the fainter the faster: ` +
        "learning rate across, momentum upwards");
      this.chart = draw(this.map, "svg", {class: "chart", role: "group", "aria-label": "Map of convergence"});
      this.bands = draw(this.chart, "g");
      this.point = makeHandle(this.chart, "Learning rate and momentum: arrow keys move them",
        (x, y) => this.setOnMap(...this.mapFrame.place(x, y)),
        (x, y) => {
          const [rate, momentum] = this.onMap();
          this.setOnMap(rate + x * this.mapFrame.wide, momentum + y * this.mapFrame.tall);
        });
      this.verdict = add(this.map, "p", {class: "map-verdict"});
    }

    onMap() {
      const {learning_rate: rate, momentum} = this.state.settings[this.state.chosen];
      return [SCALES.learning_rate.place(rate), decay.place(momentum)];
    }

    setOnMap(rate, momentum) {
      const {left, right, bottom, top} = this.mapFrame, settings = this.state.settings[this.state.chosen];
      settings.learning_rate = SCALES.learning_rate.value(Math.max(left, Math.min(right, rate)));
      settings.momentum = decay.value(Math.max(bottom, Math.min(top, momentum)));
      this.change();
    }

    drawMap() {
      if (!this.mapped() !== !this.map.firstChild) this.buildMap();
      if (!this.mapped()) return;
      const curvatures = curvaturesOf(this.state), key = `${this.width} ${this.state.chosen} ${curvatures}`;
      if (this.mapKey !== key) this.drawBands(curvatures);
      this.mapKey = key;
      const [rate, momentum] = this.onMap(), settings = this.state.settings[this.state.chosen], frame = this.mapFrame;
      const {learning_rate, momentum: kept} = settings;
      moveHandle(this.point, Math.max(frame.pixels[0], frame.across(rate)), frame.up(momentum), learning_rate,
        `learning rate ${learning_rate}, momentum ${kept}`);
      this.verdict.textContent = verdictOf(contraction(this.state.chosen, settings, curvatures));
    }

    drawBands(curvatures) {
      const width = widthOf(this.chart), kept = this.width;
      const powers = [-3, -2, -1, 0].map(power => [power, `1e${power}`]);
      const decays = [0, 0.5, 0.9, 0.99].map(value => [decay.place(value), String(value)]);
      this.bands.textContent = "";
      this.width = width;
      this.mapFrame = this.axes(this.chart, this.bands, 220, [-3.3, 0.3, 0, 2.3], powers, decays);
      this.width = kept;
      const [x, y, wide, tall] = this.mapFrame.pixels, columns = 72, rows = 46;
      const across = column => Math.round(x + wide * column / columns), up = row => Math.round(y + tall * (1 - row / rows));
      for (let row = 0; row < rows; row++) {
        let from = 0, band = this.bandAt(0.5 / columns, (row + 0.5) / rows, curvatures);
        for (let column = 1; column <= columns; column++) { // neighbours of one shade become one rectangle
          const next = column < columns ? this.bandAt((column + 0.5) / columns, (row + 0.5) / rows, curvatures) : -1;
          if (next === band) continue;
          draw(this.bands, "rect", {class: `band band-${band}`, x: across(from), width: across(column) - across(from),
            y: up(row + 1), height: up(row) - up(row + 1)});
          [from, band] = [column, next];
        }
      }
      draw(this.bands, "text", {class: "end on-map", x: x + wide - 8, y: y + tall - 10}, "diverges");
    }

    bandAt(across, up, curvatures) {
      const {left, wide, bottom, tall} = this.mapFrame, usual = this.state.settings[this.state.chosen];
      const factor = contraction(this.state.chosen,
        {...usual, learning_rate: 10 ** (left + wide * across), momentum: 1 - 10 ** -(bottom + tall * up)}, curvatures);
      return BANDS.filter(edge => factor >= edge).length;
    }
  }

  const BANDS = [0.8, 0.9, 0.97, 1]; // factors at which the map changes its shade

  function verdictOf(factor) {
    const each = `In the long run each step multiplies the distance by ${short(factor)}`;
    if (factor >= 1) return `${each}: ${factor > 1 ? "it diverges" : "it stays as far away"}.`;
    return `${each}: ten times closer every ${Math.max(1, Math.ceil(Math.log(0.1) / Math.log(factor)))} steps.`;
  }

  for (const root of document.querySelectorAll(".playground")) new Playground(root);
})();
