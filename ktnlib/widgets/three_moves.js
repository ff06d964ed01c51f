// The intro's picture of the whole book: one turn, applied to the image, to the feature map, or to the kernel.

// Γ_K(Tx), T Γ_K(x) and T Γ_{T⁻¹K}(x): the kernel turned back, its answer read in the turned frame.
export function threeMoves(picture, n, kernel, matrix, margin) {
  const { moved, still, imageFirst, mapMoved, mask, error } = commutation(picture, n, [kernel], matrix, margin);
  const turnedKernel = affineWarp(kernel, Math.sqrt(kernel.length), invert(matrix));
  const kernelMoved = layer(picture, n, [turnedKernel]).map((map) => affineWarp(map, n, matrix));
  return {
    moved, turnedKernel, maps: [imageFirst[0], mapMoved[0], kernelMoved[0]],
    mapError: error, kernelError: relativeError(imageFirst, kernelMoved, still, mask),
  };
}

export const threeMovesErrors = (...given) => {
  const { mapError, kernelError } = threeMoves(...given);
  return [mapError, kernelError];
};

const WAYS = [["image", "move the image", "Γ(T x)"], ["map", "move the map", "T Γ(x)"],
  ["kernel", "move the kernel", "T Γ′(x)"]];
const DIAL = 240, VIEW = 120, STRIP = 44, DENSITY = 2;
const degrees = (angle) => Math.round((angle * 180) / Math.PI);
const spoken = (angle) => `${Math.abs(degrees(angle))}°${degrees(angle) ? (angle > 0 ? " left" : " right") : ""}`;

function render({ model, el }) {
  const ui = frame(el, { task: model.get("task"), model, traits: ["angle"] });
  const picture = floats(model.get("picture")), kernel = floats(model.get("kernel")), n = Math.sqrt(picture.length);
  ui.root.classList.add("ktn-three");
  const dial = stage(ui.stages, {
    width: DIAL, height: DIAL, density: DENSITY, focusable: true, caption: "drag to turn", label: "the digit on a dial",
  });
  const views = make("div", ui.stages, { className: "ktn-stages ktn-near ktn-views" });
  const panels = WAYS.map(([kind, name, formula]) => {
    const panel = stage(views, { width: VIEW, height: VIEW + STRIP, density: DENSITY, caption: "", label: name });
    panel.figure.classList.add(`ktn-is-${kind}`);
    const words = panel.figure.querySelector("figcaption");
    make("strong", words, { textContent: name });
    make("span", words, { textContent: formula });
    panel.meter = kind === "image"
      ? make("div", panel.figure, { className: "ktn-meter", textContent: "the reference" })
      : meter(panel.figure, { label: "differs by" });
    return panel;
  });
  const turn = (angle) => ui.set({ angle: Math.atan2(Math.sin(angle), Math.cos(angle)) });
  const dialSlider = slider(ui.controls, {
    label: "turn of the image", min: -180, max: 180, step: 1, coarse: 15, value: degrees(model.get("angle")),
    format: (value) => spoken((value * Math.PI) / 180), onInput: (value) => ui.set({ angle: (value * Math.PI) / 180 }),
  });

  function draw() {
    const angle = model.get("angle"), paint = colours(ui.root), result = threeMoves(
      picture, n, kernel, rotation(angle), model.get("margin"));
    dialSlider.set(degrees(angle));
    drawDial(dial.context2d(), result.moved, n, angle, paint);
    const most = Math.max(...result.maps[0], 1e-9);
    panels.forEach((panel, way) => drawView(panel.context2d(), way, result.maps[way].map((v) => v / most)));
    panels[1].meter.set(result.mapError);
    panels[2].meter.set(result.kernelError);
    dial.setLabel(`The digit on a dial, turned ${spoken(angle)}. Arrow keys turn it.`);
    panels.forEach((panel, way) => panel.setLabel(`${WAYS[way][1]}: the feature map ${WAYS[way][2]}${
      way ? `, ${percent([0, result.mapError, result.kernelError][way])} from the first` : ""}`));
    ui.say(degrees(angle) === 0 ? "Nothing is turned, and all three agree."
      : `Turned ${spoken(angle)}. Against moving the image, moving the map is ${percent(result.mapError)} off; turning the `
        + `kernel back instead, ${percent(result.kernelError)}. Interpolation alone costs the picture ${
          percent(thereAndBackError(picture, n, rotation(angle), model.get("margin")))}.`);
    ui.ready();

    // above: the image and the kernel that meet; below: their answer, in the frame it is read in
    function drawView(context, way, map) {
      const colour = paint[WAYS[way][0]], side = 27, thumb = 30;
      context.clearRect(0, 0, VIEW, VIEW + STRIP);
      const icon = (x, turnBy, paintIt) => turned(context, turnBy, x, STRIP / 2, () => {
        paintIt(-thumb / 2);
        if (turnBy === 0) return;
        Object.assign(context, { strokeStyle: colour, lineWidth: 2 });
        context.strokeRect(-thumb / 2, -thumb / 2, thumb, thumb);
      });
      icon(side, way === 0 ? angle : 0, (at) => pixels(context, picture, n, ink(paint), at, at, thumb, thumb));
      icon(VIEW - side, way === 2 ? -angle : 0, (at) =>
        drawKernel(context, kernel, paint, at, at, thumb, { marks: false }));
      Object.assign(context, { fillStyle: paint.muted, font: "15px system-ui, sans-serif", textAlign: "center" });
      context.fillText("∗", VIEW / 2, STRIP / 2 + 6);
      pixels(context, map, n, ink(paint), 0, STRIP, VIEW, VIEW);
      context.save();
      context.beginPath();
      context.rect(0, STRIP, VIEW, VIEW);
      context.clip();
      if (way) outline(context, rotation(angle), VIEW / 2, STRIP + VIEW / 2, VIEW - 2, 1, colour);
      context.restore();
    }
  }

  const frames = animate(draw, ui.root);
  const middle = DIAL / 2, around = ({ x, y }) => Math.atan2(middle - y, x - middle);
  let hold = 0;
  ui.undo.add(drag(dial.canvas, {
    width: DIAL, height: DIAL,
    start: (point) => { hold = model.get("angle") - around(point); },
    move: (point) => turn(hold + around(point)),
  }));
  ui.undo.add(arrows(dial.canvas, {
    move: (right, down, coarse) => turn(model.get("angle") + ((right - down) * (coarse ? 15 : 1) * Math.PI) / 180),
    home: () => turn(0), end: () => turn(Math.PI),
  }));
  ui.watch(["angle"], frames.request);
  ui.undo.add(onThemeChange(ui.root, frames.request));
  ui.undo.add(frames.stop);
  frames.request();
  return ui.undo.all;
}

function drawDial(context, moved, n, angle, paint) {
  const middle = DIAL / 2, ring = middle - 16, side = 2 * (ring - 10) * Math.SQRT1_2;
  context.clearRect(0, 0, DIAL, DIAL);
  context.fillStyle = paint.zero;
  context.beginPath();
  context.arc(middle, middle, ring, 0, 2 * Math.PI);
  context.fill();
  pixels(context, moved, n, ink(paint), middle - side / 2, middle - side / 2, side, side);
  const spoke = (at, from, to) => {
    context.beginPath();
    for (const r of [from, to]) context.lineTo(middle - r * Math.sin(at), middle - r * Math.cos(at));
    context.stroke();
  };
  Object.assign(context, { strokeStyle: paint.muted, lineWidth: 1 });
  for (let tick = 0; tick < 24; tick++) spoke((tick * Math.PI) / 12, ring - (tick % 6 ? 4 : 9), ring);
  Object.assign(context, { strokeStyle: paint.image, lineWidth: 3 });
  context.beginPath();
  context.arc(middle, middle, ring, -Math.PI / 2, -Math.PI / 2 - angle, angle > 0);
  context.stroke();
  context.fillStyle = paint.image;
  context.beginPath();
  context.arc(middle - ring * Math.sin(angle), middle - ring * Math.cos(angle), 11, 0, 2 * Math.PI);
  context.fill();
  outline(context, rotation(angle), middle, middle, side * 0.98, 1, paint.image);
}

export default { render };
