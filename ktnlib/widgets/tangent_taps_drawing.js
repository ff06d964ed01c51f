// What tangent_taps.js draws beside the grid: the kernel on the sphere, and the pixels around one of its taps.

const GLOBE = 174, CELLS = 4, CELL = 50, LEFT = 54, TOP = 24; // units
const CLOSE = { width: LEFT + CELLS * CELL + 6, height: TOP + CELLS * CELL + 24 };

const reach = ({ step }) => Math.min(1.06, 5.5 * step); // of the sphere's radius, from the middle of its stage to the side

// From straight above the kernel: the plane stays where it is, the sphere rolls beneath it.
function drawGlobe(context, state, mosaic, paint, open) {
  const { latitude, longitude, step } = state, far = reach(state), scale = GLOBE / 2 / far, half = GLOBE / 2;
  const onto = (east, north) => [half + east * scale, half - north * scale];
  const place = (phi, lambda) => { // straight down onto the picture
    const turn = lambda - longitude, cos = Math.cos(phi);
    return onto(cos * Math.sin(turn), Math.sin(phi) * Math.cos(latitude) - cos * Math.sin(latitude) * Math.cos(turn));
  };
  context.clearRect(0, 0, GLOBE, GLOBE);
  context.save();
  context.beginPath();
  context.arc(half, half, Math.min(scale, half - 1), 0, 2 * Math.PI);
  context.clip();
  context.globalAlpha = FAINT;
  context.drawImage(globePicture(state, mosaic, far), 0, 0, GLOBE, GLOBE);
  context.globalAlpha = 1;
  context.fillStyle = `${paint.ground}77`;
  const side = 3.1 * step * scale;
  context.fillRect(half - side / 2, half - side / 2, side, side);
  Object.assign(context, { strokeStyle: paint.kernel, lineWidth: 1.5 });
  context.strokeRect(half - side / 2, half - side / 2, side, side);
  const size = Math.min(4, 0.25 * step * scale);
  drawTaps(context, state, place, paint, size, open);
  const north = latitude > 0, [x, y] = place((north ? 1 : -1) * (Math.PI / 2), 0), off = Math.abs(y - half);
  if (off < half - 8) { // its name keeps clear of the kernel
    poleMark(context, x, y, "", { size: 4, width: GLOBE });
    const away = off > side / 2 + 4 ? y + (north === y > 24 ? -12 : 12) : half + (north ? -1 : 1) * (side / 2 + 10);
    if (side < 0.75 * GLOBE) label(context, north ? "north pole" : "south pole", half, away, { font: "600 11px system-ui, sans-serif" });
  }
  context.restore();
}

function globePicture({ height, width, latitude, longitude }, { data }, far) {
  const side = 1.5 * GLOBE, canvas = document.createElement("canvas"), sin = Math.sin(latitude), cos = Math.cos(latitude);
  Object.assign(canvas, { width: side, height: side });
  const context = canvas.getContext("2d"), out = context.createImageData(side, side), dense = side / 2 / far; // px a radius
  const cell = (Math.PI / height) * dense; // px a pixel of the grid, at the equator
  for (let v = 0; v < side; v++) for (let u = 0; u < side; u++) {
    const east = ((u + 0.5) / side - 0.5) * 2 * far, north = (0.5 - (v + 0.5) / side) * 2 * far, rest = 1 - east * east - north * north;
    if (rest <= 0) continue;
    const up = Math.sqrt(rest), z = up * sin + north * cos, turn = Math.atan2(east, up * cos - north * sin);
    const i = (0.5 - Math.asin(Math.min(1, Math.max(-1, z))) / Math.PI) * height, j = ((longitude + turn) / (2 * Math.PI) + 0.5) * width;
    const narrow = cell * Math.sqrt(Math.max(0, 1 - z * z)); // px a column here
    const line = edge(i, cell * up) || edge(j, narrow * up), light = 0.62 + 0.38 * up;
    const from = 4 * (Math.min(height - 1, Math.floor(i)) * width + modulo(Math.floor(j), width)), to = 4 * (v * side + u);
    for (let c = 0; c < 3; c++) out.data[to + c] = light * (data[from + c] * (line ? 0.6 : 1) + (line ? 90 : 0));
    out.data[to + 3] = 255;
  }
  context.putImageData(out, 0, 0);
  return canvas;
}

// whether a fractional row or column lies within ¾ px of a pixel's border, where pixels are wide enough for lines
const edge = (at, wide) => wide > 7 && Math.abs(at - Math.round(at)) * wide < 0.75;

// The pixels around one tap, each under its own name: beyond a pole they come from the far side.
function drawClose(context, { height, width, at, past, tap }, { data }, paint) {
  const first = [Math.floor(at[0]) - 1, Math.floor(at[1]) - 1], over = (row) => row < 0 || row >= height;
  const span = CELLS * CELL, x = (k) => LEFT + k * CELL, y = (k) => TOP + k * CELL;
  context.clearRect(0, 0, CLOSE.width, CLOSE.height);
  const weights = new Map(neighbours(...at, height, width).map(([i, j, weight]) => [`${i} ${j}`, weight]));
  for (let v = 0; v < CELLS; v++) for (let u = 0; u < CELLS; u++) {
    const [i, j] = fold(first[0] + v, first[1] + u, height, width), from = 4 * (i * width + j);
    context.fillStyle = `rgb(${data[from]}, ${data[from + 1]}, ${data[from + 2]})`;
    context.fillRect(x(u), y(v), CELL + 0.5, CELL + 0.5);
    const inside = u > 0 && u < 3 && v > 0 && v < 3;
    if (inside) label(context, weights.get(`${i} ${j}`).toFixed(2), x(u) + CELL * (u - 1 ? 0.62 : 0.38), y(v) + CELL * (v - 1 ? 0.68 : 0.32));
  }
  Object.assign(context, { strokeStyle: paint.kernel, lineWidth: 3 });
  for (const [u, v] of [[1, 1], [2, 1], [1, 2], [2, 2]]) context.strokeRect(x(u), y(v), CELL, CELL);
  Object.assign(context, { font: "12px system-ui, sans-serif", textBaseline: "middle", fillStyle: paint.text, textAlign: "right" });
  for (let v = 0; v < CELLS; v++) context.fillText(`row ${fold(first[0] + v, 0, height, width)[0]}`, LEFT - 6, y(v) + CELL / 2);
  const names = (row, top) => {
    context.textAlign = "center";
    for (let u = 0; u < CELLS; u++) context.fillText(fold(row, first[1] + u, height, width)[1], x(u) + CELL / 2, top);
    Object.assign(context, { textAlign: "right" });
    context.fillText("column", LEFT - 6, top);
  };
  names(first[0], TOP - 11);
  if (over(first[0]) !== over(first[0] + CELLS - 1)) { // the far side is turned by half the width
    names(first[0] + CELLS - 1, TOP + span + 12);
    const border = y(over(first[0]) ? -first[0] : height - first[0]);
    Object.assign(context, { fillStyle: paint.text, font: "600 12px system-ui, sans-serif", textAlign: "right" });
    context.fillRect(LEFT - 46, border - 1.5, span + 46, 3);
    context.fillText("pole", LEFT - 10, border - 9);
  }
  dot(context, x(at[1] - first[1] + 0.5), y(at[0] - first[0] + 0.5), 6, past[tap], paint);
}
