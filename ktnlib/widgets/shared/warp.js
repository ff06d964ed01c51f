// Affine warps and layers on square pictures, the peer of ktnlib.alignment: (T_h f)(x) = f(h^-1 x), positions in pixels
// about the picture's centre, x to the right, y down; bilinear, zero outside. Pictures are rows of numbers, n x n.

export const rotation = (angle) => [[Math.cos(angle), Math.sin(angle), 0], [-Math.sin(angle), Math.cos(angle), 0]];
export const zoom = (factor) => [[factor, 0, 0], [0, factor, 0]];
export const shear = (amount) => [[1, amount, 0], [0, 1, 0]];
export const shift = (right, down = 0) => [[1, 0, right], [0, 1, down]];

export function invert([[a, b, x], [c, d, y]]) {
  const size = a * d - b * c;
  return [[d / size, -b / size, (b * y - d * x) / size], [-c / size, a / size, (c * x - a * y) / size]];
}

// The four pixels a bilinear sample at (row, column) reads, with their weights; those outside the picture are left out.
export function neighbours(row, column, n) {
  const r = Math.floor(row), c = Math.floor(column), down = row - r, right = column - c;
  return [[r, c, (1 - down) * (1 - right)], [r, c + 1, (1 - down) * right], [r + 1, c, down * (1 - right)],
    [r + 1, c + 1, down * right]].filter(([i, j]) => i >= 0 && j >= 0 && i < n && j < n);
}

// Where the value of T f at (row, column) is read in f.
export function source(row, column, n, back) {
  const middle = (n - 1) / 2, x = column - middle, y = row - middle;
  return [back[1][0] * x + back[1][1] * y + back[1][2] + middle, back[0][0] * x + back[0][1] * y + back[0][2] + middle];
}

export function affineWarp(picture, n, matrix) {
  const back = invert(matrix), out = new Float64Array(n * n);
  for (let k = 0; k < n * n; k++) {
    const [row, column] = source(Math.floor(k / n), k % n, n, back);
    for (const [i, j, weight] of neighbours(row, column, n)) out[k] += weight * picture[i * n + j];
  }
  return out;
}

// Correlation as in torch (no flip), zeros around the picture, same size; `kernel` is an odd square.
export function correlate(picture, n, kernel) {
  const size = Math.sqrt(kernel.length), half = (size - 1) / 2, out = new Float64Array(n * n);
  for (let r = 0; r < n; r++) for (let c = 0; c < n; c++) {
    let sum = 0;
    for (let u = Math.max(0, half - r); u < Math.min(size, n + half - r); u++)
      for (let v = Math.max(0, half - c); v < Math.min(size, n + half - c); v++)
        sum += kernel[u * size + v] * picture[(r + u - half) * n + c + v - half];
    out[r * n + c] = sum;
  }
  return out;
}

// Γ: one map a kernel, negative answers cut off.
export const layer = (picture, n, kernels) =>
  kernels.map((kernel) => correlate(picture, n, kernel).map((value) => Math.max(0, value)));

// 1 where a pixel centre and the place T reads it from both lie in the disc, so that no border is compared;
// the last bit of a cosine must not decide, hence the 1e-9.
export function discMask(n, radius, matrix) {
  const back = invert(matrix), middle = (n - 1) / 2;
  return Uint8Array.from({ length: n * n }, (_, k) => {
    const row = Math.floor(k / n), column = k % n, [r, c] = source(row, column, n, back);
    return Math.max(Math.hypot(row - middle, column - middle), Math.hypot(r - middle, c - middle)) <= radius + 1e-9 ? 1 : 0;
  });
}

// ‖a − b‖ / ‖reference‖ over the masked pixels of all channels.
export function relativeError(a, b, reference, mask) {
  let above = 0, below = 0;
  a.forEach((map, channel) => mask.forEach((inside, k) => {
    above += inside * (map[k] - b[channel][k]) ** 2;
    below += inside * reference[channel][k] ** 2;
  }));
  return above === 0 ? 0 : Math.sqrt(above / below);
}

// Γ(Tx), TΓ(x) and ‖Γ(Tx) − TΓ(x)‖ / ‖Γ(x)‖
export function commutation(picture, n, kernels, matrix, margin) {
  const still = layer(picture, n, kernels), moved = affineWarp(picture, n, matrix);
  const imageFirst = layer(moved, n, kernels), mapMoved = still.map((map) => affineWarp(map, n, matrix));
  const mask = discMask(n, n / 2 - margin - (Math.sqrt(kernels[0].length) - 1) / 2, matrix);
  return { moved, still, imageFirst, mapMoved, mask, error: relativeError(imageFirst, mapMoved, still, mask) };
}

export const commutationError = (...given) => commutation(...given).error;

// ‖T⁻¹Tx − x‖ / ‖x‖: what interpolation alone costs the picture; T⁻¹ comes last, so the disc is asked about T⁻¹
export function thereAndBackError(picture, n, matrix, margin) {
  const back = invert(matrix), returned = affineWarp(affineWarp(picture, n, matrix), n, back);
  return relativeError([returned], [picture], [picture], discMask(n, n / 2 - margin, back));
}
