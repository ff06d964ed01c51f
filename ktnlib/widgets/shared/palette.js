// Colours by meaning, read from the style sheet, so that one file decides for both themes.

const MEANINGS = ["text", "muted", "ground", "hairline", "zero", "image", "map", "kernel", "error",
  "direct", "bilinear", "bicubic", "sphconv"];

export function colours(el) {
  const style = getComputedStyle(el);
  return Object.fromEntries(MEANINGS.map((name) => [name, style.getPropertyValue(`--ktn-${name}`).trim()]));
}

// Calls back when the page or the system changes between light and dark; returns what ends that.
export function onThemeChange(el, callback) {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const watcher = new MutationObserver(() => callback());
  const options = { attributes: true, attributeFilter: ["data-theme", "data-jp-theme-light", "class"] };
  for (const node of [document.documentElement, document.body]) watcher.observe(node, options);
  dark.addEventListener("change", callback);
  return () => { watcher.disconnect(); dark.removeEventListener("change", callback); };
}

export function rgb(hex) {
  const full = hex.length === 4 ? hex.replace(/[0-9a-f]/gi, "$&$&") : hex;
  return [1, 3, 5].map((i) => parseInt(full.slice(i, i + 2), 16));
}

const mix = (a, b, t) => a.map((v, i) => v + (b[i] - v) * t);

// value in [-1, 1] -> [r, g, b]; zero is `zero`, the ground of signed pictures
export function diverging(negative, zero, positive) {
  const [n, z, p] = [negative, zero, positive].map(rgb);
  return (value) => mix(z, value < 0 ? n : p, Math.min(1, Math.abs(value)));
}

// value in [0, 1] -> [r, g, b] between two colours
export function ramp(from, to) {
  const [a, b] = [from, to].map(rgb);
  return (value) => mix(a, b, Math.min(1, Math.max(0, value)));
}

export const grey = (value) => Array(3).fill(255 * Math.min(1, Math.max(0, value)));

// cividis at ten points, where it is matplotlib's map to the last of 8 bits; straight lines between
const CIVIDIS = [[0, 34, 78], [18, 53, 112], [59, 73, 108], [87, 93, 109], [112, 113, 115], [138, 134, 120],
  [165, 156, 116], [195, 179, 105], [225, 204, 85], [254, 232, 56]];

export function cividis(value) {
  const place = Math.min(1, Math.max(0, value)) * (CIVIDIS.length - 1), i = Math.min(Math.floor(place), CIVIDIS.length - 2);
  return mix(CIVIDIS[i], CIVIDIS[i + 1], place - i);
}

// Draw a square or oblong array of numbers enlarged with hard pixels into the rectangle x, y, width, height.
export function pixels(context, values, columns, colour, x, y, width, height) {
  const rows = values.length / columns, small = document.createElement("canvas");
  Object.assign(small, { width: columns, height: rows });
  const inner = small.getContext("2d"), picture = inner.createImageData(columns, rows);
  for (let k = 0; k < values.length; k++) picture.data.set([...colour(values[k]), 255], 4 * k);
  inner.putImageData(picture, 0, 0);
  context.imageSmoothingEnabled = false;
  context.drawImage(small, x, y, width, height);
}
