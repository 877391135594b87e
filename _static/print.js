// On paper a page is light, whatever it is on the screen, and what folds is open.
addEventListener("beforeprint", () => {
  const page = document.documentElement.dataset, theme = page.theme;
  const folded = document.querySelectorAll("article details:not([open])");
  // A browser that prints loads what it would load late, even what paper does not show.
  const unseen = [...document.querySelectorAll("img.only-dark")].filter(image => !image.complete);
  const addresses = unseen.map(image => image.getAttribute("src"));
  page.theme = "light";
  for (const part of folded) part.open = true;
  for (const image of unseen) image.removeAttribute("src");
  addEventListener("afterprint", () => {
    page.theme = theme;
    for (const part of folded) part.open = false;
    unseen.forEach((image, i) => image.setAttribute("src", addresses[i]));
  }, {once: true});
});
