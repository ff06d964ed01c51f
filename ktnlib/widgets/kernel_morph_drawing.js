// What kernel_morph.js draws: the pad of nine source weights, and one row kernel on the panorama's own pixels.

const PAD = 174, PAD_STAGE = { width: PAD, height: PAD };
const CELL = 10, REACH = 3, STRIP = { width: 32 * CELL, height: (2 * REACH + 1) * CELL }; // units
const signed = (value, digits) => `${value < -0.5 * 10 ** -digits ? "−" : ""}${Math.abs(value).toFixed(digits)}`;

// the shade of a weight: as drawKernel's, on a scale that all kernels of the widget share
const shade = (paint) => diverging(paint.muted, paint.zero, paint.kernel);

function drawPad(context, { source, tap }, paint) {
  context.clearRect(0, 0, PAD, PAD);
  drawKernel(context, source, paint, 0, 0, PAD, { marks: false });
  const cell = PAD / 3;
  Object.assign(context, { font: "600 16px system-ui, sans-serif", textAlign: "center", textBaseline: "middle" });
  source.forEach((weight, k) => {
    const x = ((k % 3) + 0.5) * cell, y = (Math.floor(k / 3) + 0.5) * cell, text = `${weight}`.replace("-", "−");
    context.fillStyle = paint.ground; // a plate, so that the number reads on every shade
    context.fillRect(x - 24, y - 11, 48, 22);
    context.fillStyle = paint.text;
    context.fillText(text, x, y + 1);
    if (k === tap) {
      Object.assign(context, { strokeStyle: paint.text, lineWidth: 3 });
      context.strokeRect(x - cell / 2 + 3, y - cell / 2 + 3, cell - 6, cell - 6);
    }
  });
}

// The columns a strip shows, counted from the kernel's own: all of a circle of 32, else the 32 in the middle.
const stripColumn = (x) => Math.floor(x / CELL) - 16;
const stripPlace = (offset, width) => (modulo(offset + width / 2, width) - width / 2 + 16) * CELL; // left edge
const inStrip = (pixel, row, width) => {
  const x = stripPlace(pixel.column, width);
  return x >= 0 && x < STRIP.width && Math.abs(pixel.row - row) <= REACH;
};

function drawStrip(context, { row, height, chosen, open }, { matrix, source, most, taps }, paint) {
  const width = 2 * height, colour = shade(paint), top = (i) => (i - row + REACH) * CELL;
  context.clearRect(0, 0, STRIP.width, STRIP.height);
  context.fillStyle = paint.zero;
  context.fillRect(0, Math.max(0, top(0)), STRIP.width, Math.min(STRIP.height, top(height)) - Math.max(0, top(0)));
  for (const pixel of matrix) {
    if (!inStrip(pixel, row, width)) continue;
    const value = rowWeight(pixel.shares, source), x = stripPlace(pixel.column, width), y = top(pixel.row);
    context.fillStyle = `rgb(${colour(value / most).map(Math.round).join(" ")})`;
    context.fillRect(x, y, CELL, CELL);
    if (Math.abs(value) < 0.12 * most) continue;
    context.fillStyle = paint.ground; // the sign, not by colour alone
    context.fillRect(x + 2.5, y + 4.5, 5, 1);
    if (value > 0) context.fillRect(x + 4.5, y + 2.5, 1, 5);
  }
  grid(context, paint, Math.max(0, top(0)), Math.min(STRIP.height, top(height)));
  for (const [i, name] of [[0, "north pole"], [height, "south pole"]]) { // beyond it there are no pixels
    const y = top(i);
    if (y <= 0 || y >= STRIP.height) continue;
    context.fillStyle = paint.text;
    context.fillRect(0, y - 1, STRIP.width, 2);
    Object.assign(context, { font: "11px system-ui, sans-serif", textAlign: "left", textBaseline: "middle", fillStyle: paint.muted });
    if (i ? y < STRIP.height - 16 : y > 16) context.fillText(name, 4, i ? y + 10 : y - 9);
  }
  if (taps) taps.rows.forEach((at, k) => { // where the plane's nine taps lie
    const over = at < -0.5 || at > height - 0.5, inside = at < -0.5 ? -1 - at : over ? 2 * height - 1 - at : at;
    const x = stripPlace(taps.columns[k] + (over ? width / 2 : 0), width) + CELL / 2;
    context.beginPath();
    context.arc(x, top(inside) + CELL / 2, k === 4 ? 2.6 : 1.8, 0, 2 * Math.PI);
    Object.assign(context, { fillStyle: paint.ground, strokeStyle: paint.text, lineWidth: 1 });
    context.fill();
    context.stroke();
  });
  if (open) {
    Object.assign(context, { strokeStyle: paint.text, lineWidth: 2 });
    context.strokeRect(stripPlace(chosen[1], width) - 0.5, top(chosen[0]) - 0.5, CELL + 1, CELL + 1);
  }
}

function grid(context, paint, first, last) {
  Object.assign(context, { fillStyle: paint.ground, globalAlpha: 0.7 });
  for (let x = CELL; x < STRIP.width; x += CELL) context.fillRect(x - 0.25, first, 0.5, last - first);
  for (let y = CELL; y < STRIP.height; y += CELL) if (y > first && y < last) context.fillRect(0, y - 0.25, STRIP.width, 0.5);
  context.globalAlpha = 1;
}
