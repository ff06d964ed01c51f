/* Small services of every page: the widget on the first screen comes before the formulas; the report link learns which
   heading the reader is at; wide tables and formulas can be scrolled by keyboard. */

// setting the formulas holds the page for about a second, so they wait for the widget in view, at most this long
const PATIENCE_MS = 2000;

function widgetInView() {
  const place = [...document.querySelectorAll(".ktn-place")].find((p) => p.getBoundingClientRect().top < innerHeight);
  return new Promise((done) => {
    if (!place) return done();
    const watcher = new MutationObserver(() => { if (place.querySelector("[data-ready]")) done(); });
    watcher.observe(place, { subtree: true, childList: true, attributes: true, attributeFilter: ["data-ready"] });
    setTimeout(done, PATIENCE_MS);
  });
}

if (window.MathJax) {
  window.MathJax.startup = { pageReady: () => widgetInView().then(() => window.MathJax.startup.defaultPageReady()) };
}

addEventListener("DOMContentLoaded", () => {
  for (const link of document.querySelectorAll('a[href*="/issues/new?"]')) {
    link.addEventListener("click", () => {
      const above = [...document.querySelectorAll("article h1, article h2, article h3")]
        .filter((heading) => heading.getBoundingClientRect().top < innerHeight / 2).at(-1);
      const address = new URL(link.href);
      const heading = above?.firstChild?.textContent?.trim() ?? "";
      address.searchParams.set("body", address.searchParams.get("body")
        .replace(/^Heading: .*$/m, `Heading: ${heading}`)
        .replace(/^Browser: .*$/m, `Browser: ${navigator.userAgent}`));
      link.href = address.href;
    });
  }
  const makeScrollable = () => {
    for (const box of document.querySelectorAll("div.highlight pre, div.pst-scrollable-table-container, div.math")) {
      if (box.scrollWidth > box.clientWidth + 1) box.tabIndex = 0;
    }
  };
  makeScrollable();
  addEventListener("resize", makeScrollable);
});
