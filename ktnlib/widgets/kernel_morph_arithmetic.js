// Four ways to make a row kernel of nine weights, all of one form: K_θ = A_θ vec K. A pixel's weight is the sum over
// the nine taps of the tap's share in that pixel times the source weight. The peer of ktnlib.sphere.tap_filters.

export const HEADS = ["projected", "bilinear", "bicubic", "learned"];

const keys = (a) => (t) => {
  const x = Math.abs(t);
  return x < 1 ? ((a + 2) * x - (a + 3)) * x * x + 1 : x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
};
const soft = keys(-1 / 2), sharp = keys(-3 / 4);
const tent = (t) => Math.max(0, 1 - Math.abs(t));
const bump = (t) => { // the uniform cubic B-spline, and its derivatives
  const x = Math.abs(t);
  return x < 1 ? 2 / 3 - x * x + (x * x * x) / 2 : x < 2 ? (2 - x) ** 3 / 6 : 0;
};
const slope = (t) => {
  const x = Math.abs(t);
  return Math.sign(t) * (x < 1 ? (1.5 * x - 2) * x : x < 2 ? -((2 - x) ** 2) / 2 : 0);
};
const bend = (t) => {
  const x = Math.abs(t);
  return x < 1 ? 3 * x - 2 : x < 2 ? 2 - x : 0;
};

// 16 weights of the pixels floor(p) − 1 … floor(p) + 2, north to south, then west to east; phase = p − floor(p).
const patch = (down, across, phaseRow, phaseColumn) =>
  Array.from({ length: 16 }, (_, n) => down(phaseRow + 1 - Math.floor(n / 4)) * across(phaseColumn + 1 - (n % 4)));

export const bicubicWeights = (phaseRow, phaseColumn) => patch(soft, soft, phaseRow, phaseColumn);

// The eight corrections a tap may learn; each sums to zero, so that a tap's weights always sum to one.
export function zeroSumBasis(phaseRow, phaseColumn) {
  const at = (down, across) => patch(down, across, phaseRow, phaseColumn), own = at(soft, soft);
  const less = (other) => other.map((weight, n) => weight - own[n]);
  return [less(at(sharp, sharp)), less(at(tent, tent)), less(at(bump, bump)),
    at(bump, slope), at(slope, bump), at(bump, bend), at(bend, bump), at(slope, slope)];
}

// the values at a polar angle of `knots` cubic B-splines, evenly spread from pole to pole; they add up to one
export const splineBasis = (polarAngle, knots) =>
  Array.from({ length: knots }, (_, j) => bump((polarAngle / Math.PI) * (knots - 3) - (j - 1)));

// What the learned head adds to a tap's bicubic weights; `coefficients` run over taps, basis kernels, knots.
export function learnedPart(tap, phaseRow, phaseColumn, polarAngle, coefficients, knots) {
  const splines = splineBasis(polarAngle, knots), part = Array(16).fill(0);
  zeroSumBasis(phaseRow, phaseColumn).forEach((kernel, b) => {
    const amount = splines.reduce((sum, value, j) => sum + value * coefficients[(tap * 8 + b) * knots + j], 0);
    kernel.forEach((weight, n) => { part[n] += amount * weight; });
  });
  return part;
}

// pixels, and the share of each tap in them
function collect() {
  const pixels = new Map();
  return {
    add(row, column, tap, share) {
      const name = `${row} ${column}`;
      if (!pixels.has(name)) pixels.set(name, { row, column, shares: Array(9).fill(0) });
      pixels.get(name).shares[tap] += share;
    },
    list: () => [...pixels.values()].filter(({ shares }) => shares.some((share) => Math.abs(share) > 1e-9))
      .sort((a, b) => a.row - b.row || a.column - b.column),
  };
}

// The kernel as a picture on its plane, read where the panorama's pixels lie: geometry turned the wrong way round.
function projectedShares(row, height, spacing) {
  const width = 2 * height, found = collect(), centre = rowLatitude(row, height), far = 4; // rows
  for (let i = Math.max(0, row - far); i <= Math.min(height - 1, row + far); i++) for (let j = 0; j < width; j++) {
    const [east, south, ahead] = sphereToPlane(rowLatitude(i, height), (j * 2 * Math.PI) / width, centre, 0);
    if (!ahead) continue;
    for (let tap = 0; tap < 9; tap++) {
      const share = tent(east / spacing - ((tap % 3) - 1)) * tent(south / spacing - (Math.floor(tap / 3) - 1));
      if (share) found.add(i, j, tap, share);
    }
  }
  return found.list();
}

// The matrix A_θ of a head for the kernels of one row -> [{row, column, shares}]: the panorama's row, the column counted
// eastwards from the kernel's own (0 … width − 1), and the share of each of the nine taps in that pixel.
export function rowMatrix(head, row, height, coefficients = [], knots = 16) {
  const width = 2 * height, spacing = Math.PI / height;
  if (head === "projected") return projectedShares(row, height, spacing);
  const { rows, columns } = tapRow(row, height, width, spacing), found = collect(), angle = ((row + 0.5) * Math.PI) / height;
  for (let tap = 0; tap < 9; tap++) {
    const [y, x] = [rows[tap], columns[tap]].map((place) => Math.abs(place - Math.round(place)) < 1e-11 ? Math.round(place) : place);
    const top = Math.floor(y), left = Math.floor(x);
    let weights = head === "bilinear" ? patch(tent, tent, y - top, x - left) : bicubicWeights(y - top, x - left);
    if (head === "learned") {
      const more = learnedPart(tap, y - top, x - left, angle, coefficients, knots);
      weights = weights.map((weight, n) => weight + more[n]);
    }
    weights.forEach((weight, n) => {
      const [i, j] = fold(top - 1 + Math.floor(n / 4), left - 1 + (n % 4), height, width);
      found.add(i, j, tap, weight);
    });
  }
  return found.list();
}

// one weight of the row kernel: nine shares times nine source weights
export const rowWeight = (shares, source) => shares.reduce((sum, share, tap) => sum + share * source[tap], 0);

// what the row kernel adds up to, and in how many pixels it has a weight
export function footing(matrix, source) {
  const weights = matrix.map(({ shares }) => rowWeight(shares, source));
  return { sum: weights.reduce((sum, weight) => sum + weight, 0), pixels: weights.filter((weight) => Math.abs(weight) > 1e-9).length };
}

// ‖a − b‖ / ‖b‖ of two row kernels
export function kernelDistance(a, b, source) {
  const weights = new Map(), at = ({ row, column }) => `${row} ${column}`;
  for (const one of b) weights.set(at(one), [0, rowWeight(one.shares, source)]);
  for (const one of a) weights.set(at(one), [rowWeight(one.shares, source), weights.get(at(one))?.[1] ?? 0]);
  let off = 0, all = 0;
  for (const [p, q] of weights.values()) { off += (p - q) ** 2; all += q * q; }
  return all < 1e-18 ? 0 : Math.sqrt(off / all);
}
