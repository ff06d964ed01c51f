// What digit_globe.js draws: the sphere and the grid with the digit on it, the bars of one reader, and one line of the strip.

const BALL = 174, BARS = { width: 170, height: 92 }; // units
const METHOD_TONE = { direct: "direct", spherenet: "bilinear", ktn: "kernel", exact: "text" };
const INK = [[14, 20, 27], [232, 238, 244]]; // a panorama's black and white, the same in both themes

const tint = (value) => INK[0].map((dark, c) => dark + (INK[1][c] - dark) * Math.min(1, value));

// From outside, straight above a point a little nearer the equator than the digit; east is to the right, as on the map.
function drawBall(context, { panorama, height, latitude, longitude }) {
  const side = 1.5 * BALL, canvas = document.createElement("canvas"), tilt = 0.7 * latitude, width = 2 * height;
  const sin = Math.sin(tilt), cos = Math.cos(tilt), inner = Object.assign(canvas, { width: side, height: side }).getContext("2d");
  const out = inner.createImageData(side, side);
  for (let v = 0; v < side; v++) for (let u = 0; u < side; u++) {
    const east = (2 * (u + 0.5)) / side - 1, north = 1 - (2 * (v + 0.5)) / side, rest = 1 - east * east - north * north;
    if (rest <= 0) continue;
    const up = Math.sqrt(rest), phi = Math.asin(Math.max(-1, Math.min(1, up * sin + north * cos)));
    const turn = Math.atan2(east, up * cos - north * sin); // the digit's own meridian is in the middle
    const i = Math.min(height - 1, Math.floor((0.5 - phi / Math.PI) * height)), j = modulo(Math.floor((turn / (2 * Math.PI) + 0.5) * width), width);
    const thin = 0.011 / Math.max(0.08, Math.cos(phi)), line = Math.abs(modulo(phi + Math.PI / 12, Math.PI / 6) - Math.PI / 12) < 0.011
      || Math.abs(modulo(turn + longitude + Math.PI / 12, Math.PI / 6) - Math.PI / 12) < thin && Math.abs(phi) < 1.4;
    const shade = tint(Math.max(panorama[i * width + j], line ? 0.28 : 0.07)), light = 0.6 + 0.4 * up;
    out.data.set([light * shade[0], light * shade[1], light * shade[2], 255 * Math.min(1, (rest * side) / 4)], 4 * (v * side + u));
  }
  inner.putImageData(out, 0, 0);
  context.clearRect(0, 0, BALL, BALL);
  context.imageSmoothingEnabled = true;
  context.drawImage(canvas, 0, 0, BALL, BALL);
  for (const pole of [1, -1]) if (Math.sin(tilt) * pole > 0.15) {
    const y = BALL / 2 - (BALL / 2) * pole * Math.cos(tilt);
    poleMark(context, BALL / 2, y, pole > 0 ? "N" : "S", { size: 3.5, above: y > 20, width: BALL });
  }
}

function drawChart(context, { panorama, height, columns, latitude }, paint) {
  const width = 2 * height;
  context.clearRect(0, 0, GRID_STAGE.width, GRID_STAGE.height);
  const moved = panorama.map((_, k) => panorama[k - (k % width) + modulo((k % width) - columns, width)]);
  pixels(context, moved, width, tint, GRID.x, GRID.y, GRID.width, GRID.height);
  latitudeTicks(context, GRID, paint.muted);
  const y = GRID.y + (0.5 - latitude / Math.PI) * GRID.height; // the latitude of its middle
  context.fillStyle = paint.image;
  context.beginPath();
  for (const [right, down] of [[0, 0], [6, -5], [6, 5]]) context.lineTo(GRID.x + GRID.width + right, y + down);
  context.fill();
}

// Ten bars; the highest in the reader's colour, the rest muted; the digit's own name stands in a box.
function drawBars(context, name, shares, truth, paint) {
  const { width, height } = BARS, floor = height - 20, wide = width / shares.length, first = shares.indexOf(Math.max(...shares));
  context.clearRect(0, 0, width, height);
  Object.assign(context, { font: "12px system-ui, sans-serif", textAlign: "center", textBaseline: "middle" });
  shares.forEach((share, k) => {
    const x = (k + 0.5) * wide, tall = Math.max(1, share * (floor - 4));
    context.fillStyle = k === first ? paint[METHOD_TONE[name]] : paint.muted;
    context.globalAlpha = k === first ? 1 : 0.6;
    context.fillRect(x - 0.36 * wide, floor - tall, 0.72 * wide, tall);
    context.globalAlpha = 1;
    context.fillStyle = k === first || k === truth ? paint.text : paint.muted;
    context.fillText(k, x, floor + 10.5);
    if (k !== truth) return;
    Object.assign(context, { strokeStyle: paint.text, lineWidth: 1.25 });
    context.strokeRect(x - 0.44 * wide, floor + 2, 0.88 * wide, 16);
  });
  context.fillStyle = paint.hairline;
  context.fillRect(0, floor, width, 1);
}

// One reader at every latitude from south to north: solid as far as it was right, hatched as far as it was wrong.
// counts: [[right, asked], ...]; `here`: the cell of the present latitude.
function drawStrip(context, name, counts, here, paint, { width, height }) {
  const cell = width / counts.length;
  context.clearRect(0, 0, width, height);
  counts.forEach(([right, asked], k) => {
    const x = k * cell, wide = cell - 1, tall = height - 4;
    context.fillStyle = paint.zero;
    context.fillRect(x, 2, wide, tall);
    if (!asked) return;
    const solid = (tall * right) / asked;
    context.fillStyle = paint[METHOD_TONE[name]];
    context.fillRect(x, 2 + tall - solid, wide, solid);
    if (right === asked) return;
    clipped(context, { x, y: 2, width: wide, height: tall - solid }, () => {
      Object.assign(context, { strokeStyle: paint.error, lineWidth: 1.6 });
      context.beginPath();
      for (let y = -wide; y < tall + wide; y += 5) { context.moveTo(x, 2 + y + wide); context.lineTo(x + wide, 2 + y); }
      context.stroke();
    });
  });
  Object.assign(context, { strokeStyle: paint.text, lineWidth: 1.5 });
  context.strokeRect(here * cell - 0.5, 0.75, cell, height - 1.5);
}
