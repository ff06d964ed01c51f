/* Small services of every page: the report link learns which heading the reader is at; wide tables and formulas can be
   scrolled by keyboard. */
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
