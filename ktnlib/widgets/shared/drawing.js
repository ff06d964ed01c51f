// How pictures, maps and kernels of the chapters look: ink on the ground, hard pixels, kernels with sign and centre.

export const ink = (paint) => ramp(paint.zero, paint.text);

// The weights: green is positive, grey negative, and a minus says so too; the centre has a ring, each pixel its cell.
export function drawKernel(context, kernel, paint, x, y, side, { marks = true } = {}) {
  const size = Math.sqrt(kernel.length), cell = side / size;
  const most = kernel.reduce((top, weight) => Math.max(top, Math.abs(weight)), 1e-12);
  pixels(context, Array.from(kernel, (weight) => weight / most), size, diverging(paint.muted, paint.zero, paint.kernel),
    x, y, side, side);
  context.strokeStyle = paint.hairline;
  context.lineWidth = 1;
  context.strokeRect(x, y, side, side);
  if (marks) kernel.forEach((weight, k) => {
    if (Math.abs(weight) < 0.25 * most) return;
    const u = x + ((k % size) + 0.5) * cell, v = y + (Math.floor(k / size) + 0.5) * cell, half = Math.min(3, cell / 4);
    context.fillStyle = paint.ground;
    context.fillRect(u - half, v - 0.5, 2 * half, 1);
    if (weight > 0) context.fillRect(u - 0.5, v - half, 1, 2 * half);
  });
  context.strokeStyle = paint.text;
  context.beginPath();
  context.arc(x + side / 2, y + side / 2, Math.max(1.5, 0.42 * cell), 0, 2 * Math.PI);
  context.stroke();
}

// The outline of a square of `side` about (x, y) after the linear map, dashed: where the frame of a picture has gone.
export function outline(context, matrix, x, y, side, scale, colour) {
  const [[a, b, right], [c, d, down]] = matrix, half = side / 2;
  context.save();
  Object.assign(context, { strokeStyle: colour, lineWidth: 2 });
  context.setLineDash([5, 4]);
  context.beginPath();
  for (const [u, v] of [[-half, -half], [half, -half], [half, half], [-half, half]])
    context.lineTo(x + a * u + b * v + right * scale, y + c * u + d * v + down * scale);
  context.closePath();
  context.stroke();
  context.restore();
}

// Draw in a frame turned counter-clockwise by `angle` about (x, y).
export function turned(context, angle, x, y, draw) {
  context.save();
  context.translate(x, y);
  context.rotate(-angle);
  draw();
  context.restore();
}
