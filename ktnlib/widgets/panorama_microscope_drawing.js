// What panorama_microscope.js draws: the map with its swipe, errors by latitude, three pictures of one camera.

const PLOT = { x: 10, y: 6, width: 154, height: 160 }, VIEW = 84; // the plot's rows are the map's; samples across a picture

// Grey between two shades, or signed differences; a canvas of the map's own pixels.
function mapPicture(values, height, colour) {
  const canvas = document.createElement("canvas"), width = values.length / height;
  Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d"), out = context.createImageData(width, height);
  for (let k = 0; k < values.length; k++) out.data.set([...colour(values[k], k), 255], 4 * k);
  context.putImageData(out, 0, 0);
  return canvas;
}

// West of the line the method's picture, east of it the exact one; where both are one, no line.
function drawSwipe(context, { west, east, row, column, height, view }, paint) {
  const [middle, y] = gridPlace(row, column, { height, width: 2 * height });
  const x = Math.round(3 * middle) / 3; // on whole pixels of the canvas, or its edge looks different each time
  context.clearRect(0, 0, 360, 188);
  context.imageSmoothingEnabled = false;
  clipped(context, { ...GRID, width: x - GRID.x }, () => context.drawImage(west, GRID.x, GRID.y, GRID.width, GRID.height));
  clipped(context, { ...GRID, x, width: GRID.x + GRID.width - x }, () => context.drawImage(east, GRID.x, GRID.y, GRID.width, GRID.height));
  clipped(context, GRID, () => {
    const edge = footprint(view);
    for (const [colour, wide] of [[paint.ground, 4], [paint.image, 2]]) {
      Object.assign(context, { strokeStyle: colour, lineWidth: wide, lineJoin: "round" });
      for (const turn of [-1, 0, 1]) { // longitudes run on past the seam
        context.beginPath();
        for (const [latitude, longitude] of edge) context.lineTo(...mapPlace(latitude, longitude + 2 * Math.PI * turn, GRID));
        context.stroke();
      }
      if (west === east) continue;
      context.beginPath();
      context.moveTo(x, GRID.y);
      context.lineTo(x, GRID.y + GRID.height);
      context.stroke();
    }
    ring(context, x, y, 6, paint.image, paint.ground);
  });
  latitudeTicks(context, GRID, paint.muted);
  Object.assign(context, { textAlign: "center", textBaseline: "top", fillStyle: paint.muted });
  for (const [angle, name] of [[-90, "90°W"], [0, "0°"], [90, "90°E"]])
    context.fillText(name, mapPlace(0, radians(angle), GRID)[0], GRID.y + GRID.height + 7);
}

// curves: {method: errors by row}
function drawErrors(context, curves, { row, method }, paint) {
  const tones = { direct: paint.direct, bilinear: paint.bilinear, ktn: paint.kernel };
  const dashes = { direct: [2, 3], bilinear: [7, 4], ktn: [] }, names = { direct: "direct", bilinear: "bilinear", ktn: "KTN" };
  const height = curves.direct.length, across = (error) => PLOT.x + Math.min(error, 1) * PLOT.width;
  const down = (at) => PLOT.y + ((at + 0.5) / height) * PLOT.height;
  context.clearRect(0, 0, 174, 188);
  Object.assign(context, { font: "11px system-ui, sans-serif", textBaseline: "top", textAlign: "center", lineWidth: 1 });
  for (const tick of [0, 0.5, 1]) {
    context.fillStyle = paint.hairline;
    context.fillRect(across(tick) - 0.5, PLOT.y, 1, PLOT.height);
    context.fillStyle = paint.muted;
    context.fillText(`${Math.round(100 * tick)} %`, limited(across(tick), 12, 156), PLOT.y + PLOT.height + 7);
  }
  context.fillStyle = paint.image;
  context.fillRect(PLOT.x, down(row) - 0.5, PLOT.width, 1);
  Object.entries(curves).forEach(([name, errors], n) => {
    Object.assign(context, { strokeStyle: tones[name], lineWidth: (name === method ? 8 : 4) / 3 });
    context.setLineDash(dashes[name]);
    context.beginPath();
    errors.forEach((error, i) => context.lineTo(across(error), down(i)));
    context.stroke();
    const y = PLOT.y + PLOT.height / 2 + 16 * (n - 1); // the curves leave the equator free
    context.beginPath();
    context.moveTo(86, y);
    context.lineTo(106, y);
    context.stroke();
    context.setLineDash([]);
    Object.assign(context, { fillStyle: paint.text, textAlign: "left", textBaseline: "middle" });
    context.font = `${name === method ? 600 : 400} 12px system-ui, sans-serif`;
    context.fillText(names[name], 112, y);
    ring(context, across(errors[row]), down(row), 2.5, tones[name], paint.ground);
  });
}

const limited = (value, low, high) => Math.min(high, Math.max(low, value));

// The camera's picture, `side` units wide; colour(index) -> [r, g, b]
function drawView(context, side, colour) {
  pixels(context, Array.from({ length: VIEW * VIEW }, (_, at) => at), VIEW, colour, 0, 0, side, side);
}
