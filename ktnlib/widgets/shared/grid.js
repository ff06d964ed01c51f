// A panorama's pixels as a stage: the picture box by box, a tangent-plane kernel's taps and the pixels they read.

const GRID = { x: 34, y: 6, width: 320, height: 160 }, GRID_STAGE = { width: 360, height: 174 };
const FAINT = 0.62; // of the picture, behind the taps

const gridPlace = (row, column, { height, width }) =>
  [GRID.x + ((modulo(column + 0.5, width)) / width) * GRID.width, GRID.y + ((row + 0.5) / height) * GRID.height];

// The picture on a grid of the given height: box means where the grid is coarser.
function reduced(picture, height) {
  const canvas = document.createElement("canvas"), width = 2 * height, box = picture.height / height;
  Object.assign(canvas, box > 1 ? { width: picture.width, height: picture.height } : { width, height });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(picture, 0, 0, canvas.width, canvas.height);
  const from = context.getImageData(0, 0, canvas.width, canvas.height).data;
  if (box <= 1) return { canvas, data: from };
  const out = new ImageData(width, height), far = Math.floor(box);
  for (let i = 0; i < height; i++) for (let j = 0; j < width; j++) for (let c = 0; c < 4; c++) {
    let sum = 0;
    for (let y = Math.floor(i * box), v = 0; v < far; v++) for (let x = Math.floor(j * box), u = 0; u < far; u++)
      sum += from[4 * ((y + v) * picture.width + x + u) + c];
    out.data[4 * (i * width + j) + c] = sum / far / far;
  }
  Object.assign(canvas, { width, height });
  context.putImageData(out, 0, 0);
  return { canvas, data: out.data };
}

// The kernel's lines and taps; `place(latitude, longitude)` -> [x, y] on the stage, longitudes running on.
function drawTaps(context, state, place, paint, size, open) {
  const { step, latitude, longitude, past, tap } = state, far = 1.0001 * step;
  const line = (east, south) => {
    let before = null;
    for (let k = 0; k <= 48; k++) {
      const t = (k / 24 - 1) * far, [phi, lambda] = planeToSphere(east ?? t, south ?? t, latitude, longitude);
      if (before !== null && Math.abs(lambda - before) > 0.9 * Math.PI) context.moveTo(...place(phi, lambda)); // over the pole
      else context.lineTo(...place(phi, lambda));
      before = lambda;
    }
  };
  for (const [colour, wide] of [[paint.ground, 0.9 * size + 1], [paint.kernel, 0.45 * size]]) for (const at of [-step, 0, step])
    for (const ends of [[at, null], [null, at]]) {
      Object.assign(context, { strokeStyle: colour, lineWidth: wide, lineJoin: "round" });
      context.beginPath();
      line(...ends);
      context.stroke();
    }
  for (let k = 0; k < 9; k++) {
    const [x, y] = place(...planeToSphere(((k % 3) - 1) * step, (Math.floor(k / 3) - 1) * step, latitude, longitude));
    dot(context, x, y, k === 4 ? 1.25 * size : size, past[k], paint);
    if (open && k === tap) ring(context, x, y, size + 4, paint.text, paint.ground);
  }
}

function dot(context, x, y, size, hollow, paint) { // taps past a pole are open diamonds
  context.beginPath();
  if (hollow) for (let k = 0; k < 5; k++) context.lineTo(x + 1.4 * size * Math.sin((k * Math.PI) / 2), y + 1.4 * size * Math.cos((k * Math.PI) / 2));
  else context.arc(x, y, size, 0, 2 * Math.PI);
  Object.assign(context, { fillStyle: hollow ? paint.ground : paint.kernel, strokeStyle: hollow ? paint.kernel : paint.ground, lineWidth: 0.4 * size });
  context.fill();
  context.stroke();
}

function ring(context, x, y, size, colour, halo) {
  for (const [stroke, wide] of [[halo, 4], [colour, 2]]) {
    Object.assign(context, { strokeStyle: stroke, lineWidth: wide });
    context.beginPath();
    context.arc(x, y, size, 0, 2 * Math.PI);
    context.stroke();
  }
}

function drawGrid(context, state, mosaic, paint, open) {
  const { height, width, rows, columns, column } = state, cell = GRID.height / height;
  context.clearRect(0, 0, GRID_STAGE.width, GRID_STAGE.height);
  context.imageSmoothingEnabled = cell < 1;
  context.globalAlpha = FAINT; // the taps are in front
  context.drawImage(mosaic.canvas, GRID.x, GRID.y, GRID.width, GRID.height);
  context.globalAlpha = 1;
  clipped(context, GRID, () => {
    if (cell > 7) lattice(context, cell, paint);
    context.fillStyle = paint.kernel; // the pixels that are read
    rows.forEach((row, k) => neighbours(row, columns[k] + column, height, width).forEach(([i, j, weight]) => {
      context.globalAlpha = 0.85 * weight;
      context.fillRect(GRID.x + j * cell, GRID.y + i * cell, cell, cell);
    }));
    context.globalAlpha = 1;
    const size = Math.min(4, Math.max(1.3, 0.3 * cell * state.spacing));
    for (const turn of [-1, 0, 1]) drawTaps(context, state, (latitude, longitude) =>
      mapPlace(latitude, longitude + 2 * Math.PI * turn, GRID), paint, size, open);
    if (cell * state.spacing < 3) ring(context, ...gridPlace(state.row, column, state), 9 + 2 * cell * state.spacing, paint.kernel, paint.ground);
  });
  latitudeTicks(context, GRID, paint.muted);
}

function lattice(context, cell, paint) {
  Object.assign(context, { fillStyle: paint.ground, globalAlpha: 0.55 });
  for (let x = cell; x < GRID.width; x += cell) context.fillRect(GRID.x + x - 0.25, GRID.y, 0.5, GRID.height);
  for (let y = cell; y < GRID.height; y += cell) context.fillRect(GRID.x, GRID.y + y - 0.25, GRID.width, 0.5);
  context.globalAlpha = 1;
}
