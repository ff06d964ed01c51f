// A small reader of digits on a panorama, four ways with one set of weights: 3 × 3 convolutions and 2 × 2 maxima whose
// taps lie on the grid (direct) or on tangent planes (SphereNet, KTN), and exact: the planar network on patches of its
// own. Maps are rows of numbers, height × width × channels. The peer of ktnlib.sphere.to_sphere.

export const READERS = ["direct", "spherenet", "ktn", "exact"];
const SIDE = 4; // of the read-out's grid of places: what the planar network's last map has, four pixels apart

const snapped = (place) => (Math.abs(place - Math.round(place)) < 1e-11 ? Math.round(place) : place);
const pixelOf = (latitude, longitude, height) => sphereToPixel(latitude, longitude, height, 2 * height).map(snapped);

// The camera's square picture on an otherwise black panorama, longitude 0 in its middle.
export function placeDigit(digit, height, latitude, fov) {
  const n = Math.sqrt(digit.length), width = 2 * height, out = new Float64Array(height * width);
  const view = { yaw: 0, pitch: latitude, fov, width: n, height: n }, clamp = (at) => Math.min(n - 1, Math.max(0, at));
  const least = Math.cos(Math.atan(Math.SQRT2 * Math.tan(fov / 2))) - 1e-9; // to the picture's corners
  for (let i = 0; i < height; i++) for (let j = 0; j < width; j++) {
    const phi = rowLatitude(i, height), lambda = columnLongitude(j, width);
    if (Math.sin(phi) * Math.sin(latitude) + Math.cos(phi) * Math.cos(latitude) * Math.cos(lambda) < least) continue;
    const [y, x] = viewPixel(phi, lambda, view).slice(0, 2).map(snapped);
    if (y < -0.5 || x < -0.5 || y > n - 0.5 || x > n - 0.5) continue;
    const top = Math.floor(y), left = Math.floor(x), down = y - top, right = x - left;
    const at = (r, c) => digit[clamp(r) * n + clamp(c)];
    out[i * width + j] = (1 - down) * ((1 - right) * at(top, left) + right * at(top, left + 1))
      + down * ((1 - right) * at(top + 1, left) + right * at(top + 1, left + 1));
  }
  return out;
}

// What each tap of an output row reads -> [[row, column, weight], ...] a tap, for the output pixel of column 0. The input
// has `height` rows; `learned`: {coefficients, knots} of the tap filters, none for a maximum, which reads bicubically.
export function tapReads(method, row, { height, size, stride, spacing, learned }) {
  const width = 2 * height, latitude = rowLatitude(row, height / stride), middle = (size - 1) / 2, first = (size - stride) / 2;
  return Array.from({ length: size * size }, (_, tap) => {
    const v = Math.floor(tap / size), u = tap % size, across = (u - middle) * spacing, down = (v - middle) * spacing;
    if (method === "direct") return [[...fold(row * stride + v - first, u - first, height, width), 1]];
    const plane = method === "spherenet" ? [Math.tan(across), Math.tan(down) / Math.cos(across)] : [across, down];
    const [tapLatitude, turn] = planeToSphere(...plane, latitude, 0);
    const y = pixelOf(tapLatitude, 0, height)[0], x = snapped((turn * width) / (2 * Math.PI) + (stride - 1) / 2);
    if (method === "spherenet") return neighbours(y, x, height, width);
    const top = Math.floor(y), left = Math.floor(x), phases = [y - top, x - left], weights = bicubicWeights(...phases);
    if (learned) learnedPart(tap, ...phases, Math.PI / 2 - latitude, learned.coefficients, learned.knots)
      .forEach((part, n) => { weights[n] += part; });
    return weights.map((weight, n) => [...fold(top - 1 + (n >> 2), left - 1 + (n % 4), height, width), weight]);
  });
}

// rows of reads as flat numbers: `each` pixels a tap
const flatReads = (rows) => rows.map((taps) => {
  const all = taps.flat(), each = taps[0].length;
  return { taps: taps.length, each, rows: Int32Array.from(all, (read) => read[0]), columns: Int32Array.from(all, (read) => read[1]),
    weights: Float64Array.from(all, (read) => read[2]) };
});

// The layers of a method up to the last map; `setup`: {height, spacing, stages, weights, learned}. In `weights` follow, as in
// torch, each convolution's (output, input, 3, 3) and biases, then the linear head's; taps come first here.
export function readerLayers(method, { height, spacing, stages, weights, learned }) {
  const layers = [], planar = method === "exact";
  let at = 0, inputs = 1, side = planar ? fieldOf(stages) : height, jump = 1;
  const add = (kind, size, stride, outputs, more) => {
    const outHeight = planar ? (side - size) / stride + 1 : side / stride, inWidth = planar ? side : 2 * side;
    const options = { height: side, size, stride, spacing: spacing * jump, learned: kind === "conv" ? learned : null };
    const reads = Array.from({ length: outHeight }, (_, row) => planar
      ? Array.from({ length: size * size }, (_, tap) => [[row * stride + Math.floor(tap / size), tap % size, 1]])
      : tapReads(method, row, options));
    layers.push({ kind, inputs, outputs, stride, inWidth, outHeight, outWidth: planar ? outHeight : 2 * outHeight, reads: flatReads(reads), ...more });
    [side, inputs, jump] = [outHeight, outputs, jump * stride];
  };
  stages.forEach((widths, stage) => {
    if (stage) add("max", 2, 2, inputs);
    for (const outputs of widths) {
      const weight = new Float64Array(outputs * 9 * inputs);
      for (let o = 0; o < outputs; o++) for (let c = 0; c < inputs; c++) for (let k = 0; k < 9; k++)
        weight[(o * 9 + k) * inputs + c] = weights[at++];
      const bias = Float64Array.from(weights.slice(at, (at += outputs)));
      add("conv", 3, 1, outputs, { weight, bias });
    }
  });
  return { layers, head: weights.slice(at), channels: inputs, jump };
}

// pixels of the source that a unit of the last map sees, a side
export const fieldOf = (stages) =>
  1 + stages.reduce((sum, widths, stage) => sum + 2 ** stage * 2 * widths.length + (stage ? 2 ** (stage - 1) : 0), 0);

// The pixels that a layer's outputs read, of those outputs that are wanted.
function readThrough({ reads, stride, inWidth, outWidth }, wanted, inHeight) {
  const found = new Uint8Array(inHeight * inWidth);
  reads.forEach(({ rows, columns }, i) => {
    for (let j = 0; j < outWidth; j++) if (wanted[i * outWidth + j]) for (let n = 0; n < rows.length; n++) {
      const column = columns[n] + stride * j;
      found[rows[n] * inWidth + (column < inWidth ? column : column - inWidth)] = 1;
    }
  });
  return found;
}

// A map as {values, lit, ground}: pixels that see nothing but black are not lit, and all have the values of `ground`, because
// the shares of every tap add up to one.
const wholePicture = (values) => ({ values, lit: values.map((value) => value !== 0), ground: Float64Array.of(0) });

function applyLayer(layer, { values, lit, ground }, wanted) {
  const { inputs, outputs, stride, inWidth, outHeight, outWidth, reads } = layer, { taps, each } = reads[0];
  const out = new Float64Array(outHeight * outWidth * outputs), outLit = new Uint8Array(outHeight * outWidth);
  const sampled = new Float64Array(taps * inputs), outGround = new Float64Array(outputs);
  for (let k = 0; k < taps; k++) sampled.set(ground, k * inputs);
  answerOf(layer, sampled, outGround, 0);
  for (let i = 0; i < outHeight; i++) {
    const { rows, columns, weights } = reads[i], count = rows.length;
    const pixel = (n, j) => { const at = columns[n] + stride * j; return rows[n] * inWidth + (at < inWidth ? at : at - inWidth); };
    for (let j = 0; j < outWidth; j++) {
      const at = i * outWidth + j;
      if (wanted && !wanted[at]) continue;
      let n = 0;
      while (n < count && !lit[pixel(n, j)]) n++;
      if (n === count) { out.set(outGround, at * outputs); continue; }
      outLit[at] = 1;
      sampled.fill(0);
      for (n = 0; n < count; n++) {
        const share = weights[n], from = pixel(n, j) * inputs, to = Math.floor(n / each) * inputs;
        for (let c = 0; c < inputs; c++) sampled[to + c] += share * values[from + c];
      }
      answerOf(layer, sampled, out, at * outputs);
    }
  }
  return { values: out, lit: outLit, ground: outGround };
}

// One pixel's answers from what its taps have read: the largest of each channel, or weighted sums, negative ones cut off.
function answerOf({ kind, inputs, outputs, weight, bias }, sampled, out, to) {
  if (kind === "max") for (let c = 0; c < inputs; c++) {
    let most = sampled[c];
    for (let at = c + inputs; at < sampled.length; at += inputs) most = Math.max(most, sampled[at]);
    out[to + c] = most;
  } else for (let o = 0, q = 0; o < outputs; o++) {
    let sum = bias[o];
    for (let p = 0; p < sampled.length; p++, q++) sum += weight[q] * sampled[p];
    out[to + o] = Math.max(0, sum);
  }
}

// The places of the read-out -> [[latitude, longitude], ...], a grid on the plane that touches at the digit's middle.
export const readOutPlaces = (latitude, spacing) => Array.from({ length: SIDE * SIDE }, (_, k) =>
  planeToSphere(((k % SIDE) - (SIDE - 1) / 2) * spacing, (Math.floor(k / SIDE) - (SIDE - 1) / 2) * spacing, latitude, 0));

// The mean of the last map over those places; only what they need is computed.
function onTheGrid({ layers, channels }, panorama, places) {
  const { outHeight, outWidth } = layers.at(-1), wanted = new Uint8Array(outHeight * outWidth), mean = new Float64Array(channels);
  const reads = places.flatMap(([latitude, longitude]) => neighbours(...pixelOf(latitude, longitude, outHeight), outHeight, outWidth));
  for (const [i, j] of reads) wanted[i * outWidth + j] = 1;
  const masks = [wanted];
  for (let l = layers.length - 1; l > 0; l--) masks.unshift(readThrough(layers[l], masks[0], layers[l - 1].outHeight));
  const map = layers.reduce((input, layer, l) => applyLayer(layer, input, masks[l]), wholePicture(panorama)).values;
  for (const [i, j, weight] of reads) for (let c = 0; c < channels; c++)
    mean[c] += (weight * map[(i * outWidth + j) * channels + c]) / places.length;
  return mean;
}

// The same, every place with the planar network on a patch of its own.
function onPatches({ layers, channels }, panorama, places, { height, spacing, stages }) {
  const mean = new Float64Array(channels), side = fieldOf(stages), patch = new Float64Array(side * side);
  for (const [latitude, longitude] of places) {
    for (let k = 0; k < side * side; k++) {
      const [east, south] = [k % side, Math.floor(k / side)].map((at) => (at - (side - 1) / 2) * spacing);
      const [y, x] = pixelOf(...planeToSphere(east, south, latitude, longitude), height);
      patch[k] = neighbours(y, x, height, 2 * height).reduce((sum, [i, j, weight]) => sum + weight * panorama[i * 2 * height + j], 0);
    }
    layers.reduce((input, layer) => applyLayer(layer, input, null), wholePicture(patch)).values
      .forEach((value, c) => { mean[c] += value / places.length; });
  }
  return mean;
}

// -> (method, panorama, latitude of the digit's middle) => the scores of the classes
export function makeReader(setup) {
  const made = {};
  return (method, panorama, latitude) => {
    const own = (made[method] ??= readerLayers(method, setup)), places = readOutPlaces(latitude, own.jump * setup.spacing);
    const mean = method === "exact" ? onPatches(own, panorama, places, setup) : onTheGrid(own, panorama, places);
    const classes = own.head.length / (own.channels + 1);
    return Array.from({ length: classes }, (_, k) =>
      mean.reduce((sum, value, c) => sum + value * own.head[k * own.channels + c], own.head[classes * own.channels + k]));
  };
}

export const readDigit = (method, panorama, latitude, setup) => makeReader(setup)(method, panorama, latitude);

export function softmax(scores) {
  const most = Math.max(...scores), powers = scores.map((score) => Math.exp(score - most));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}
