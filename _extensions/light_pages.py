"""Pages that are light to load: the finished HTML is gone through once more, and says the same with less.

- The theme loads all of Font Awesome, 540 KB compressed, to replace a dozen <i> elements by pictures. Here those
  few are put into the page when it is built, as Font Awesome would do it in the browser, and its script is left out.
  Of its font, which the style sheets use for the icons of notes and warnings, they get the letters that they name.
- A picture is loaded when the reader comes near it. Its size is in the page, so that nothing jumps when it comes.
- Pictures are recoded as WebP, without loss: the same pixels in well under half the bytes. The notebooks keep theirs.
- A figure is there twice, for light and for dark pages (dark_pictures); a browser loads the one that it shows.
- An index of pictures (picture_index) shows small ones.
- Jupyter Book adds each script and style sheet of _static to every page; those of one extension's own are left to it.
- The search index is loaded by the search page alone; the others show no results while one types.
- A page that follows a dark system is dark from its first moment, not only once the theme's script has run.
"""

import html
import re
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import dark_pictures
from fontTools import subset
from fontTools.ttLib import TTFont
from PIL import Image

ICON = re.compile(r'<(i|span) class="((?:[^"]*\s)?(fa[bsr]|fa-solid|fa-regular|fa-brands)\s[^"]*)"([^>]*)>\s*</\1>')
ICON_SOURCE = re.compile(r'[{,]"?([\w-]+)"?:\[(\d+),(\d+),\[([^\]]*)\],"\w+","([^"]+)"\]')
ICON_CLASS = re.compile(r'[^{}]*\.fa-[\w-]+:{1,2}before\{[^}]*\}')  # of Font Awesome itself
ICON_LETTER = re.compile(r"\\(f[0-9a-f]{3})\b|([\uf000-\uf8ff])")
ICON_FONT = "vendor/fontawesome/webfonts/fa-solid-900"
ICON_SCRIPT = re.compile(r'\s*<!-- So that users can add custom icons -->\s*<script[^>]*fontawesome\.js[^>]*></script>')
SEARCH_SCRIPT = re.compile(r'\s*<script src="[^"]*(?:searchtools|language_data|searchindex)\.js[^"]*"></script>')
PICTURE = re.compile(r'<img\b[^>]*?\bsrc="([^":]*_images/[^"]+\.png)"[^>]*>')
PICTURE_LINK = re.compile(r'(<a\b[^>]*?\bhref="[^":]*_images/[^"]+)\.png"')
LINKED_PICTURE = re.compile(
    r'(<a\b[^>]*_images/[^>]*>\s*)?<img\b[^>]*?\bsrc="([^":]*_images/[^"]+\.webp)"[^>]*>(?(1)\s*</a>)')
DOWNLOAD = re.compile(r'(<a href="[^"]*" )target="_blank"(\s+class="[^"]*btn-download-source-button)')
PICTURE_INDEX = re.compile(r'<div class="[^"]*\bpicture-index\b.*?</div>', re.DOTALL)
WEBP = {"format": "WEBP", "lossless": True, "exact": True, "method": 1, "quality": 40}
SMALL = 400, 312  # pixels, twice what _static/pictures.css shows of the left half
OWN_FILES = {"search.js"}
SIZES = {"fa-lg"}  # the classes of Font Awesome that say how large, not which


@cache
def icons(script):
    """The outlines in Font Awesome's script: of the solid ones, which come last, and of the brands, which come first."""
    names, others, brands = {}, {}, {}
    for name, width, height, aliases, path in ICON_SOURCE.findall(script.read_text("utf-8")):
        icon = (width, height, path)
        names[name] = icon
        brands.setdefault(name, icon)
        others.update((alias, icon) for alias in re.findall(r'"([\w-]+)"', aliases))
    return {"solid": {**others, **names}, "brands": brands}


def with_icons(page, script):
    """The page with its icons drawn in it. KeyError names one that the theme does not have."""
    def drawn(match):
        _, classes, style, attributes = match.groups()
        classes = classes.split()
        name = next(word for word in classes if word.startswith("fa-") and word not in SIZES | {style})
        kind = "brands" if style in ("fab", "fa-brands") else "solid"
        width, height, path = icons(script)[kind][name.removeprefix("fa-")]
        classes.remove(style)  # as Font Awesome does: the theme's rules for it are for the element without a picture
        attributes = re.sub(r'\s+title="[^"]*"', "", attributes)  # the button around it has a name
        return (f'<svg class="svg-inline--fa {" ".join(classes)}"{attributes} aria-hidden="true" focusable="false" '
                f'viewBox="0 0 {width} {height}"><path fill="currentColor" d="{path}"/></svg>')
    return ICON_SCRIPT.sub("", ICON.sub(drawn, page))


def shorten_font(static):
    """Beside the font of icons, one with only those that a style sheet names, for the theme's style sheet to load."""
    sheets = {sheet: sheet.read_text("utf-8") for sheet in static.rglob("*.css")}
    named = [found for text in sheets.values() for found in ICON_LETTER.findall(ICON_CLASS.sub("", text))]
    letters = {int(code, 16) if code else ord(letter) for code, letter in named}
    options = subset.Options(flavor="woff", notdef_outline=True, layout_features=[])
    with TTFont(static / f"{ICON_FONT}.ttf", recalcTimestamp=False) as font:
        subsetter = subset.Subsetter(options)
        subsetter.populate(unicodes=letters)
        subsetter.subset(font)
        subset.save_font(font, static / f"{ICON_FONT}-few.woff", options)
    for sheet, text in sheets.items():
        few = text.replace(f'{ICON_FONT}.woff2) format("woff2")', f'{ICON_FONT}-few.woff) format("woff")')
        if few != text:
            sheet.write_text(few, "utf-8")


def recode(picture):
    """A PNG as WebP beside it, pixel for pixel the same; the name of a picture tells its content, so once is enough."""
    target = picture.with_suffix(".webp")
    if picture.exists() and (not target.exists() or target.stat().st_mtime < picture.stat().st_mtime):
        with Image.open(picture) as image:
            image.save(target, **WEBP)


def make_dark(picture):
    """Beside a WebP of optkit.plot its dark version; a picture from elsewhere has none, and is shown as it is."""
    target = picture.with_name(f"dark-{picture.name}")
    changed = max(path.stat().st_mtime for path in (picture, Path(dark_pictures.__file__)))
    if not target.exists() or target.stat().st_mtime < changed:
        with Image.open(picture) as image:
            if dark_pictures.is_figure(image):
                dark_pictures.darkened(image).save(target, **WEBP)


def made_small(picture):
    """The name of a small WebP beside a picture: its left part, in the shape that the index of pictures shows."""
    target = picture.with_name(f"{picture.stem}-small.webp")
    if not target.exists() or target.stat().st_mtime < picture.stat().st_mtime:
        with Image.open(picture) as image:
            width, height = min(image.width, image.height * SMALL[0] // SMALL[1]), image.height
            small = image.convert("RGB").crop((0, 0, width, height)).resize(SMALL, Image.Resampling.LANCZOS)
            small.save(target, "WEBP", quality=80)
    return target.name


def with_small_pictures(page, folder):
    """The page with small pictures in its index of pictures, before with_pictures has looked at them."""
    def small(match):
        file = (folder / unquote(html.unescape(match.group(1)))).with_suffix(".webp")
        name = made_small(file) if file.exists() else Path(match.group(1)).name
        if (dark := file.with_name(f"dark-{file.name}")).exists():
            made_small(dark)
        tag = match.group().replace(Path(match.group(1)).name, name)
        return f'<img width="{SMALL[0]}" height="{SMALL[1]}" loading="lazy" decoding="async"' + tag.removeprefix("<img")
    return PICTURE_INDEX.sub(lambda index: PICTURE.sub(small, index.group()), page)


def with_pictures(page, folder):
    """The page with its pictures as WebP where there is one, loaded late, their size known."""
    def late(match):
        tag, address = match.group(), match.group(1)
        file = (folder / unquote(html.unescape(address))).with_suffix(".webp")
        if not file.exists():
            return tag
        with Image.open(file) as image:
            width, height = image.size
        tag = tag.replace(address, address.removesuffix(".png") + ".webp")
        size = "" if re.search(r"\s(width|height)=", tag) else f' width="{width}" height="{height}"'
        return f'<img loading="lazy" decoding="async"{size}' + tag.removeprefix("<img")
    return PICTURE_LINK.sub(r'\1.webp"', PICTURE.sub(late, page))


def with_dark_pictures(page, folder):
    """The page with the dark version, where there is one, beside each picture; the theme hides one of the two."""
    def both(match):
        shown, address, name = match.group(), match.group(2), match.group(2).rpartition("/")[2]
        dark = (folder / unquote(html.unescape(address))).with_name(f"dark-{name}")
        if "only-light" in shown or not dark.exists():
            return shown
        return marked(shown, "only-light") + marked(shown.replace(f"/{name}", f"/dark-{name}"), "only-dark")
    return LINKED_PICTURE.sub(both, page)


def marked(tags, name):
    """The picture, and the link around it, with one more class."""
    def mark(tag):
        if ' class="' in tag.group():
            return tag.group().replace(' class="', f' class="{name} ', 1)
        return f'<{tag.group(1)} class="{name}"' + tag.group().removeprefix(f"<{tag.group(1)}")
    return re.sub(r"<(a|img)\b[^>]*>", mark, tags)


def with_early_theme(page):
    """Without a stored choice the theme says "", reports it as an error and mends it later: say what it will find."""
    page = page.replace('dataset.mode = localStorage.getItem("mode") || "";',
                        'dataset.mode = localStorage.getItem("mode") || "auto";')
    return page.replace('dataset.theme = localStorage.getItem("theme") || "";',
                        'dataset.theme = document.documentElement.dataset.mode !== "auto" && '
                        'localStorage.getItem("theme") || '
                        '(matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");')


def lighten(page, file, outdir):
    page = with_icons(page, outdir / "_static" / "scripts" / "fontawesome.js")
    page = with_pictures(with_small_pictures(page, file.parent), file.parent)
    page = with_early_theme(with_dark_pictures(page, file.parent))
    page = DOWNLOAD.sub(r"\1download\2", page)  # saved under its name, not opened as text
    return page if file.name == "search.html" else SEARCH_SCRIPT.sub("", page)


def lighten_all(app, exception):
    if exception is not None or app.builder.name not in ("html", "dirhtml"):
        return
    outdir = Path(app.outdir)
    shorten_font(outdir / "_static")
    pictures = sorted((outdir / "_images").glob("*.png"))
    with ThreadPoolExecutor() as pool:
        list(pool.map(recode, pictures))
        list(pool.map(make_dark, [file for file in sorted((outdir / "_images").glob("*.webp"))
                                  if not re.match(r"dark-|.*-small\.", file.name)]))
    for file in sorted(outdir.rglob("*.html")):
        if "_static" not in file.relative_to(outdir).parts:
            before = file.read_text("utf-8")
            after = lighten(before, file, outdir)
            if after != before:
                file.write_text(after, "utf-8")
    for picture in pictures:
        picture.unlink()  # Sphinx copies it again with the page that shows it


def leave_own_files(app, config):
    for files in (config.html_js_files, config.html_css_files):
        files[:] = [file for file in files if (file if isinstance(file, str) else file[0]) not in OWN_FILES]


def setup(app):
    app.connect("config-inited", leave_own_files)
    app.connect("build-finished", lighten_all, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
