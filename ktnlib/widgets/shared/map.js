// The house way to draw an equirectangular picture: north up, longitude 0 in the middle, a latitude tick every 30°.

// box: {x, y, width, height} of the whole sphere on the stage -> [x, y]; longitudes may run on past the seam
export const mapPlace = (latitude, longitude, box) =>
  [box.x + (longitude / (2 * Math.PI) + 0.5) * box.width, box.y + (0.5 - latitude / Math.PI) * box.height];

export function clipped(context, box, paint) {
  context.save();
  context.beginPath();
  context.rect(box.x, box.y, box.width, box.height);
  context.clip();
  paint();
  context.restore();
}

export function latitudeTicks(context, box, colour) {
  Object.assign(context, { font: "11px system-ui, sans-serif", textAlign: "right", textBaseline: "middle", fillStyle: colour });
  for (const angle of [90, 60, 30, 0, -30, -60, -90]) {
    const y = box.y + (0.5 - angle / 180) * box.height;
    context.fillText(angle ? `${Math.abs(angle)}°${angle > 0 ? "N" : "S"}` : "0°", box.x - 6, y);
    context.fillRect(box.x - 4, y - 0.5, 4, 1);
  }
}

// Text that stays readable on any picture.
export function label(context, text, x, y, { font = "600 13px system-ui, sans-serif", align = "center" } = {}) {
  Object.assign(context, { font, textAlign: align, textBaseline: "middle", lineJoin: "round", lineWidth: 3.5 });
  Object.assign(context, { strokeStyle: "#000c", fillStyle: "#fff" });
  context.strokeText(text, x, y);
  context.fillText(text, x, y);
}

// `size`: the radius of the ring; the name stands above it if `above`, else below.
export function poleMark(context, x, y, name, { size = 6, above = false, width }) {
  for (const [colour, wide] of [["#000c", 4], ["#fff", 2]]) {
    Object.assign(context, { strokeStyle: colour, lineWidth: wide });
    context.beginPath();
    context.arc(x, y, size, 0, 2 * Math.PI);
    context.stroke();
  }
  label(context, name, Math.min(width - 42, Math.max(42, x)), y + (above ? -3 : 3) * size, { font: `600 ${7 + size}px system-ui, sans-serif` });
}
