// A bar that says how far off something is: length, colour and the number in words.

// `most`: the fraction at which the bar is full; a mark stands at 100 % where that is not the end.
export function meter(parent, { label, most = 1.5, kind = "error" }) {
  const node = make("div", parent, { className: `ktn-meter ktn-${kind}` });
  const words = make("div", node, { className: "ktn-meter-words" });
  make("span", words, { textContent: label });
  const number = make("strong", words);
  const bar = make("div", node, {
    className: "ktn-bar", role: "meter", "aria-label": label, "aria-valuemin": 0, "aria-valuenow": 0,
    "aria-valuemax": Math.round(100 * most),
  });
  const fill = make("div", bar);
  if (most > 1) make("i", bar).style.left = `${100 / most}%`;
  return {
    node,
    set(fraction) {
      const text = percent(fraction);
      number.textContent = text;
      fill.style.width = `${(100 * Math.min(fraction, most)) / most}%`;
      bar.setAttribute("aria-valuenow", Math.round(100 * Math.min(fraction, most)));
      bar.setAttribute("aria-valuetext", text);
    },
  };
}

export function percent(fraction) {
  const value = 100 * fraction;
  return `${value < 0.05 ? "0" : value < 9.95 ? value.toFixed(1) : Math.round(value)}\u00a0%`; // never broken
}
