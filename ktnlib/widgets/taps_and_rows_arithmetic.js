// One edge filter, three ways over a panorama: on each pixel's tangent plane, on the grid as it is, and on the planes
// of every S-th pixel with straight lines between. Maps are rows of numbers, height x width.

// Answers 1 to a step from black to white towards `angle`: 0 is east, a quarter turn north. West to east, north to south.
export function edgeFilter(angle) {
  const east = [-1, 0, 1, -2, 0, 2, -1, 0, 1], north = [1, 2, 1, 0, 0, 0, -1, -2, -1];
  return east.map((weight, k) => (Math.cos(angle) * weight + Math.sin(angle) * north[k]) / 4);
}

// The mean of red, green and blue, from 0 to 1; `data` as getImageData gives it.
export const greyValues = (data) =>
  Float64Array.from({ length: data.length / 4 }, (_, k) => (data[4 * k] + data[4 * k + 1] + data[4 * k + 2]) / 765);

// What the nine taps about a pixel read on its plane and on the grid -> {plane, grid}
export function tapValues(values, height, width, row, column) {
  const { rows, columns } = tapRow(row, height, width);
  const plane = rows.map((at, k) => neighbours(at, columns[k] + column, height, width)
    .reduce((sum, [i, j, weight]) => sum + weight * values[i * width + j], 0));
  const grid = rows.map((_, k) => {
    const [i, j] = fold(row + Math.floor(k / 3) - 1, column + (k % 3) - 1, height, width);
    return values[i * width + j];
  });
  return { plane, grid };
}

// Neighbouring pixels in place of taps: reads = [[row, column offset, weight], ...] of every row of the picture.
function readRows(values, height, width, readsOf) {
  const out = new Float64Array(height * width);
  for (let i = 0; i < height; i++) for (const [row, offset, weight] of readsOf(i)) {
    if (weight === 0) continue;
    for (let j = 0, from = modulo(offset, width); j < width; j++, from = from + 1 === width ? 0 : from + 1)
      out[i * width + j] += weight * values[row * width + from];
  }
  return out;
}

export const exactMap = (values, height, width, kernel) => readRows(values, height, width, (row) => {
  const taps = tapRow(row, height, width);
  return kernel.flatMap((own, k) => neighbours(taps.rows[k], taps.columns[k], height, width)
    .map(([i, j, weight]) => [i, j, own * weight]));
});

// Columns wrap and rows fold over the poles: the best border a convolution of the grid can have.
export const directMap = (values, height, width, kernel) => readRows(values, height, width, (row) =>
  kernel.map((own, k) => [...fold(row + Math.floor(k / 3) - 1, (k % 3) - 1, height, width), own]));

// The two knots around a row, of ⌊S/2⌋, ⌊S/2⌋ + S, ..., and the way from the first to the second; over a pole the
// outermost knot is met again.
export function knotRows(row, height, every) {
  const first = every >> 1, above = row < first ? -1 - first : row - ((row - first) % every);
  const next = row < first ? first : above + every, below = next < height ? next : 2 * height - 1 - above;
  return [above, below, (row - above) / (below - above)];
}

// Exact at the knots, bilinear between; `every` divides half the width.
export function interpolatedMap(exact, height, width, every) {
  const out = new Float64Array(height * width);
  for (let i = 0; i < height; i++) {
    const [above, below, down] = knotRows(i, height, every);
    for (let j = 0; j < width; j++) {
      const left = j - modulo(j - (every >> 1), every), right = (j - left) / every;
      const at = (row, column) => { const [y, x] = fold(row, column, height, width); return exact[y * width + x]; };
      out[i * width + j] = (1 - down) * ((1 - right) * at(above, left) + right * at(above, left + every))
        + down * ((1 - right) * at(below, left) + right * at(below, left + every));
    }
  }
  return out;
}

// Every filter of the family is a mixture of the one to the east and the one to the north, and so is its map.
export function steered([east, north], angle) {
  const cos = Math.cos(angle), sin = Math.sin(angle);
  return east.map((value, k) => cos * value + sin * north[k]);
}

// ‖map − exact‖ / ‖exact‖ in one row; 0 where both are zero
export function rowError(map, exact, width, row) {
  let above = 0, below = 0;
  for (let k = row * width; k < (row + 1) * width; k++) {
    above += (map[k] - exact[k]) ** 2;
    below += exact[k] ** 2;
  }
  return above === 0 ? 0 : Math.sqrt(above / below);
}

// The same over the sphere: every row counts by its solid angle, which goes with the cosine of its latitude.
export function sphereError(map, exact, height, width) {
  let above = 0, below = 0;
  for (let k = 0; k < map.length; k++) {
    const weight = Math.cos(rowLatitude(Math.floor(k / width), height));
    above += weight * (map[k] - exact[k]) ** 2;
    below += weight * exact[k] ** 2;
  }
  return above === 0 ? 0 : Math.sqrt(above / below);
}
