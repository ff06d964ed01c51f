// Feature maps as the page carries them, and how far a method's map is from the exact one. Maps are rows of numbers.

// A layer's bytes -> {exact, direct, bilinear, ktn}: the exact map in 256 levels from low to high, then what each method
// adds to it, signed bytes of which 127 is the largest difference.
export function unpackLayer(bytes, layer, pixels, [low, high, ...most], methods) {
  const start = layer * (methods.length + 1) * pixels, maps = { exact: new Float64Array(pixels) };
  for (let k = 0; k < pixels; k++) maps.exact[k] = low + ((high - low) * bytes[start + k]) / 255;
  methods.forEach((name, m) => {
    const from = start + (m + 1) * pixels, out = maps[name] = new Float64Array(pixels);
    for (let k = 0; k < pixels; k++) {
      const byte = bytes[from + k];
      out[k] = maps.exact[k] + ((byte > 127 ? byte - 256 : byte) * most[m]) / 127;
    }
  });
  return maps;
}

// The mean of a map over the sphere, each row by its solid angle; `of(value, index)` may change the values first.
export function sphereMean(map, height, of = (value) => value) {
  const width = map.length / height;
  let sum = 0, total = 0;
  for (let i = 0; i < height; i++) {
    const weight = Math.cos(rowLatitude(i, height));
    for (let k = i * width; k < (i + 1) * width; k++) sum += weight * of(map[k], k);
    total += weight * width;
  }
  return sum / total;
}

// How much a map varies over the sphere: its standard deviation.
export function sphereSpread(map, height) {
  const middle = sphereMean(map, height);
  return Math.sqrt(sphereMean(map, height, (value) => (value - middle) ** 2));
}

// RMS of map − exact over the sphere, relative to the exact map's spread
export const spreadError = (map, exact, height) =>
  Math.sqrt(sphereMean(map, height, (value, k) => (value - exact[k]) ** 2)) / sphereSpread(exact, height);

// The same in every row, relative to the same spread, so that rows can be compared
export function rowErrors(map, exact, height) {
  const width = map.length / height, spread = sphereSpread(exact, height);
  return Array.from({ length: height }, (_, i) => {
    let sum = 0;
    for (let k = i * width; k < (i + 1) * width; k++) sum += (map[k] - exact[k]) ** 2;
    return Math.sqrt(sum / width) / spread;
  });
}

// The values below which a share of the pixels lies, and above which as many: what is drawn black and white.
export function shades(map, share = 0.005) {
  const sorted = Float64Array.from(map).sort(), far = Math.floor(share * (sorted.length - 1));
  return [sorted[far], sorted[sorted.length - 1 - far]];
}

// The four pixels that each pixel of a camera's view reads, and their shares -> {at, share}, four entries a pixel
export function viewSamples(view, height, width) {
  const at = new Int32Array(4 * view.height * view.width), share = new Float64Array(at.length);
  for (let row = 0, n = 0; row < view.height; row++) for (let column = 0; column < view.width; column++) {
    const [y, x] = sphereToPixel(...viewPoint(row, column, view), height, width);
    for (const [i, j, weight] of neighbours(y, x, height, width)) {
      at[n] = i * width + j;
      share[n++] = weight;
    }
  }
  return { at, share };
}

// What the camera sees of one channel of many that lie side by side
export function sampled({ at, share }, values, channels = 1, channel = 0) {
  const out = new Float64Array(at.length / 4);
  for (let n = 0; n < at.length; n++) out[n >> 2] += share[n] * values[channels * at[n] + channel];
  return out;
}
