"""A page of the site, printed: light, whatever it is on the screen, and nothing cut off."""


def test_a_dark_page_is_light_on_paper_and_dark_again(browser, site):
    context = browser.new_context(color_scheme="dark")
    page = context.new_page()
    page.goto((site / "chapters" / "weight-decay.html").as_uri(), wait_until="load")
    page.evaluate("""addEventListener("beforeprint", () => { window.printed = [document.documentElement.dataset.theme,
        getComputedStyle(document.querySelector("article p")).color,
        getComputedStyle(document.querySelector("div.cell_input pre")).color]; })""")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.pdf()
    theme, words, code = page.evaluate("window.printed")
    assert theme == "light"
    for colour in (words, code):
        assert max(int(part) for part in colour.removeprefix("rgb(").rstrip(")").split(", ")[:3]) < 100, colour
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 700, "height": 1000})  # about the width of a sheet
    assert page.evaluate("""[...document.querySelectorAll("div.cell_input pre")].filter(
        code => code.offsetParent && code.scrollWidth > code.clientWidth).length""") == 0
    context.close()
