// The lines around a word that was found are those of the article, not of the menus beside it; a formula is left out.
// A definition is shown with what it defines.
Search.htmlToText = (text, anchor) => {
  const page = new DOMParser().parseFromString(text, "text/html");
  for (const part of page.querySelectorAll(".headerlink, script, style, details.hide > summary")) part.remove();
  for (const formula of page.querySelectorAll(".math")) formula.replaceWith("\u2026");
  for (const part of page.querySelectorAll("dt, td, th")) part.append(" ");  // where words would run together
  const place = (anchor && page.getElementById(anchor.slice(1))) || page.querySelector("article");
  const definition = place.matches("dt") && page.querySelector(`#${CSS.escape(place.id)} ~ dd`);
  return [place, definition].map(part => part ? part.textContent : "").join(" ").replace(/\s+/g, " ").trim();
};
