// A formula that is wider than its place can be scrolled, and only then is it a stop for the Tab key.
(() => {
  const setStops = () => {
    for (const box of document.querySelectorAll("span.math, div.math mjx-container")) {
      const formula = box.querySelector("mjx-math");  // the box also holds a hidden copy for screen readers
      const wide = formula && formula.getBoundingClientRect().width > box.clientWidth + 1;
      box.style.overflowX = wide ? "auto" : "";
      if (wide) box.tabIndex = 0;
      else box.removeAttribute("tabindex");
    }
  };
  addEventListener("load", () => window.MathJax?.startup?.promise.then(setStops));
  addEventListener("resize", setStops);
  document.addEventListener("toggle", setStops, true);  // what was folded has a width now
})();
