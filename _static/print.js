// On paper a page is light, whatever it is on the screen.
addEventListener("beforeprint", () => {
  const page = document.documentElement.dataset, theme = page.theme;
  page.theme = "light";
  addEventListener("afterprint", () => { page.theme = theme; }, {once: true});
});
