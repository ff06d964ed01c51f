// Chapter 0: does a layer commute with a transformation? The two orders, their difference, and one pixel's arithmetic.

const TRANSFORMATIONS = {
  rotate: { name: "turn", label: "angle", make: rotation, unit: Math.PI / 180, min: -180, max: 180, step: 1, coarse: 15,
    first: 45, format: (v) => `${Math.abs(v)}°${v ? (v > 0 ? " left" : " right") : ""}` },
  shift: { name: "shift", label: "way", make: shift, unit: 1, min: -6, max: 6, step: 0.5, coarse: 2,
    first: 3, format: (v) => `${Math.abs(v)} px${v ? (v > 0 ? " right" : " left") : ""}` },
  zoom: { name: "zoom", label: "factor", make: zoom, unit: 1, min: 0.5, max: 2, step: 0.01, coarse: 0.1,
    first: 1.5, format: (v) => `× ${v.toFixed(2)}` },
  shear: { name: "shear", label: "slant", make: shear, unit: 1, min: -1, max: 1, step: 0.01, coarse: 0.1,
    first: 0.5, format: (v) => `${v.toFixed(2).replace("-", "−")} px a row` },
};

export const matrixOf = (transformation, amount) => TRANSFORMATIONS[transformation].make(amount);

// What the pixel of Γ(Tx) adds up: taps of Tx, weights, products, their sum and what ReLU leaves of it.
export function tapArithmetic(moved, n, kernel, row, column) {
  const size = Math.sqrt(kernel.length), half = (size - 1) / 2, weights = Array.from(kernel);
  const taps = weights.map((_, k) => {
    const r = row + Math.floor(k / size) - half, c = column + (k % size) - half;
    return r >= 0 && c >= 0 && r < n && c < n ? moved[r * n + c] : 0;
  });
  const products = weights.map((weight, k) => weight * taps[k]), sum = products.reduce((a, b) => a + b, 0);
  return { taps, weights, products, sum, value: Math.max(0, sum) };
}

// What the same pixel of TΓ(x) reads: up to four pixels of Γ(x), weighted by nearness.
export function mapArithmetic(still, n, matrix, row, column) {
  const [r, c] = source(row, column, n, invert(matrix));
  const parts = neighbours(r, c, n).map(([i, j, weight]) => ({ row: i, column: j, value: still[i * n + j], weight }));
  return { row: r, column: c, parts, value: parts.reduce((sum, { value, weight }) => sum + value * weight, 0) };
}

const SIDE = 200, DENSITY = 2;
const round = (value, step) => Math.round(value / step) * step;
// the largest response where the meter looks; beyond it, moving the image has lost content
export const peak = (map, mask) => map.reduce((most, value, k) => (mask[k] ? Math.max(most, value) : most), 0);
const number = (value) => (Math.abs(value) < 0.005 ? "0" : value.toFixed(2).replace("-", "−"));

function slices(bytes, lengths) {
  const all = floats(bytes);
  let from = 0;
  return lengths.map((length) => all.slice(from, (from += length)));
}

function render({ model, el }) {
  const pictures = slices(model.get("pixels"), model.get("pictures").map(([, n]) => n * n));
  const kernels = slices(model.get("weights"), model.get("filters").map(([, size, labels]) => size * size * labels.length))
    .map((all, k) => {
      const [, size, labels] = model.get("filters")[k];
      return labels.map((_, c) => all.slice(c * size * size, (c + 1) * size * size));
    });
  const ui = frame(el, {
    task: model.get("task"), model,
    traits: ["picture", "filter", "transformation", "amount", "row", "column", "channel", "arithmetic"],
  });
  ui.root.classList.add("ktn-commutation");
  ui.stages.classList.add("ktn-near");
  const square = (kind, caption, label) => {
    const made = stage(ui.stages, { width: SIDE, height: SIDE, density: DENSITY, caption, label, focusable: true });
    made.figure.classList.add(`ktn-is-${kind}`);
    return made;
  };
  const image = square("picture", "x and T x", "the image");
  const first = square("image", "move the image", "Γ(T x)");
  const second = square("map", "move the map", "T Γ(x)");
  const apart = square("error", "difference", "Γ(T x) minus T Γ(x)");
  const meters = make("div", null, { className: "ktn-meters" });
  ui.stages.after(meters);
  const errorMeter = meter(meters, { label: "Γ(T x) against T Γ(x)" });
  const returnMeter = meter(meters, { label: "the picture, there and back", kind: "plain" });

  const options = (names) => names.map((name, k) => [k, name]);
  const pictureChoice = choice(ui.controls, {
    label: "picture", options: options(model.get("pictures").map(([name]) => name)), value: model.get("picture"),
    onChange: (k) => ui.set({ picture: +k, row: -1, column: -1 }),
  });
  const beside = make("div", ui.controls, { className: "ktn-beside" });
  const filterChoice = choice(beside, {
    label: "filter", options: options(model.get("filters").map(([name]) => name)), value: model.get("filter"),
    onChange: (k) => ui.set({ filter: +k, channel: 0, row: -1, column: -1 }),
  });
  const drawn = make("canvas", beside, { role: "img", className: "ktn-weights" });
  const kindChoice = choice(ui.controls, {
    label: "transformation", value: model.get("transformation"),
    options: Object.entries(TRANSFORMATIONS).map(([key, { name }]) => [key, name]),
    onChange: (key) => ui.set({ transformation: key, amount: TRANSFORMATIONS[key].first * TRANSFORMATIONS[key].unit }),
  });
  const rule = () => TRANSFORMATIONS[model.get("transformation")];
  const shown = () => +round(model.get("amount") / rule().unit, rule().step).toFixed(2);
  const move = (value) => {
    const { min, max, step, unit } = rule();
    const turned = rule() === TRANSFORMATIONS.rotate ? ((((value + 180) % 360) + 360) % 360) - 180 : value;
    ui.set({ amount: Math.min(max, Math.max(min, round(turned, step))) * unit });
  };
  const amountSlider = slider(ui.controls, {
    ...rule(), value: shown(), format: (value) => rule().format(value),
    onInput: (value) => ui.set({ amount: value * rule().unit }),
  });
  for (const [name, traits] of model.get("presets"))
    button(ui.buttons, name, () => ui.set({ row: -1, column: -1, channel: 0, ...traits }));
  const shows = toggle(ui.buttons, "Show the arithmetic", model.get("arithmetic"), (on) => ui.set({ arithmetic: on }));
  const arithmetic = arithmeticPanel(ui.root);
  let state;

  function compute() {
    const n = model.get("pictures")[model.get("picture")][1], picture = pictures[model.get("picture")];
    const bank = kernels[model.get("filter")], matrix = matrixOf(model.get("transformation"), model.get("amount"));
    const result = commutation(picture, n, bank, matrix, model.get("margin"));
    const channel = Math.min(model.get("channel"), bank.length - 1);
    const back = thereAndBackError(picture, n, matrix, model.get("margin"));
    const difference = result.imageFirst.map((map, c) => map.map((value, k) => value - result.mapMoved[c][k]));
    const most = Math.max(1e-9, ...result.imageFirst.map((map) => Math.max(...map)), ...result.mapMoved.map((map) => Math.max(...map)));
    let [row, column] = [model.get("row"), model.get("column")];
    if (row < 0 || column < 0 || row >= n || column >= n) { // nobody chose one yet: where the two differ most
      const size = difference[channel].map((value, k) => result.mask[k] * (Math.abs(value) + 1e-6 * result.imageFirst[channel][k]));
      const k = size.indexOf(Math.max(...size));
      [row, column] = [Math.floor(k / n), k % n];
    }
    return { ...result, n, bank, matrix, channel, back, difference, most, row, column };
  }

  function draw() {
    state = compute();
    const { n, bank, matrix, difference, most, error, back } = state, paint = colours(ui.root), kind = rule();
    const [name, , labels] = model.get("filters")[model.get("filter")];
    pictureChoice.set(model.get("picture"));
    filterChoice.set(model.get("filter"));
    kindChoice.set(model.get("transformation"));
    amountSlider.range(kind.min, kind.max, kind.step);
    amountSlider.row.firstChild.textContent = kind.label;
    amountSlider.set(shown());
    shows.set(model.get("arithmetic"));

    const context = image.context2d(), scale = SIDE / n;
    pixels(context, state.moved, n, ink(paint), 0, 0, SIDE, SIDE);
    outline(context, matrix, SIDE / 2, SIDE / 2, SIDE - 2, scale, paint.image);
    // x itself, to compare, at the left below; at the right where T x lies in the way
    const below = (k) => Math.floor(k / n) >= (SIDE - 46) / scale - 1;
    const corner = state.moved.some((value, k) => value > 0.1 && below(k) && k % n <= 46 / scale) ? SIDE - 46 : 4;
    pixels(context, pictures[model.get("picture")], n, ink(paint), corner, SIDE - 46, 42, 42);
    Object.assign(context, { strokeStyle: paint.muted, lineWidth: 1 });
    context.strokeRect(corner, SIDE - 46, 42, 42);
    if (model.get("arithmetic")) {
      const size = Math.sqrt(bank[0].length);
      Object.assign(context, { strokeStyle: paint.kernel, lineWidth: 2 });
      context.strokeRect((state.column - (size - 1) / 2) * scale, (state.row - (size - 1) / 2) * scale, size * scale, size * scale);
    }
    drawMaps(first.context2d(), state.imageFirst.map((map) => map.map((v) => v / most)), ink(paint));
    drawMaps(second.context2d(), state.mapMoved.map((map) => map.map((v) => v / most)), ink(paint));
    drawMaps(apart.context2d(), difference.map((map) => map.map((v) => v / most)), diverging(paint.map, paint.zero, paint.image), true);
    drawWeights();
    apart.setCaption(`difference, ± ${most.toFixed(2)}`);
    errorMeter.set(error);
    returnMeter.set(back);
    if (model.get("arithmetic")) arithmetic.fill(state, labels[state.channel]);
    arithmetic.node.hidden = !model.get("arithmetic");

    const done = `${kind.name} ${kind.format(shown())}`, peaks = (maps) => maps.map((map, c) =>
      `${labels[c]} ${number(peak(map, state.mask))}`).join(", ");
    const where = `pixel row ${state.row}, column ${state.column}`;
    image.setLabel(`The image, ${done}. Drag it or use the arrow keys.`);
    first.setLabel(`Feature map of the moved image, ${where}. Arrow keys choose a pixel.`);
    second.setLabel(`Moved feature map of the image, ${where}. Arrow keys choose a pixel.`);
    apart.setLabel(`Their difference, ${percent(error)} of the map, ${where}. Arrow keys choose a pixel.`);
    ui.say(`${done[0].toUpperCase()}${done.slice(1)}, filter “${name}”: the two orders differ by ${percent(error)} of Γ(x); `
      + `the picture itself by ${percent(back)} there and back.`
      + (bank.length > 1 ? ` Peaks: ${peaks(state.imageFirst)} against ${peaks(state.mapMoved)}.` : ""));
    ui.ready();

    function drawMaps(context, maps, colour, disc = false) {
      context.clearRect(0, 0, SIDE, SIDE);
      maps.forEach((map, c) => {
        const { x, y, side } = tile(c, maps.length), cell = side / n;
        pixels(context, map, n, colour, x, y, side, side);
        Object.assign(context, { strokeStyle: paint.muted, fillStyle: paint.text, lineWidth: 1, textAlign: "center",
          font: "14px system-ui, sans-serif" });
        if (disc) {
          context.beginPath();
          context.arc(x + side / 2, y + side / 2, (n / 2 - model.get("margin") - (Math.sqrt(bank[0].length) - 1) / 2) * cell, 0, 7);
          context.stroke();
        }
        if (labels[c]) context.fillText(labels[c], x + side / 2, y - 8);
        if (labels[c] && !disc) context.fillText(number(most * peak(map, state.mask)), x + side / 2, y + side + 18);
        if (!model.get("arithmetic") || c !== state.channel) return;
        Object.assign(context, { strokeStyle: paint.kernel, lineWidth: 2 });
        context.strokeRect(x + state.column * cell - 1, y + state.row * cell - 1, cell + 2, cell + 2);
      });
    }

    function drawWeights() {
      const pen = drawn.getContext("2d"), size = Math.sqrt(bank[0].length);
      const width = 56 * bank.length;
      Object.assign(drawn, { width: width * DENSITY, height: 62 * DENSITY });
      drawn.style.width = `${width}px`;
      pen.setTransform(DENSITY, 0, 0, DENSITY, 0, 0);
      bank.forEach((kernel, c) => drawKernel(pen, kernel, paint, c * 56 + 6, 1, 48, { marks: size <= 7 }));
      Object.assign(pen, { fillStyle: paint.muted, font: "10px system-ui, sans-serif", textAlign: "center" });
      pen.fillRect(width - 50, 50.5, 48, 1.5);
      pen.fillText(`${size} px`, width - 26, 60);
      drawn.setAttribute("aria-label", `The weights of the filter “${name}”, ${size} by ${size}`);
    }
  }

  const frames = animate(draw, ui.root);
  grabImage();
  for (const map of [first, second, apart]) choosePixel(map);
  ui.watch(["picture", "filter", "transformation", "amount", "row", "column", "channel", "arithmetic"], frames.request);
  ui.undo.add(onThemeChange(ui.root, frames.request));
  ui.undo.add(frames.stop);
  frames.request();
  return ui.undo.all;

  // the point taken hold of stays under the hand, whatever the transformation
  function grabImage() {
    let from, began;
    const about = ({ x, y }) => ({ x: x - SIDE / 2, y: y - SIDE / 2 });
    const ways = {
      rotate: (p) => began + ((Math.atan2(-p.y, p.x) - Math.atan2(-from.y, from.x)) * 180) / Math.PI,
      shift: (p) => began + ((p.x - from.x) * state.n) / SIDE,
      zoom: (p) => (began * Math.hypot(p.x, p.y)) / Math.max(15, Math.hypot(from.x, from.y)),
      shear: (p) => began + (p.x - from.x) / (Math.sign(from.y || 1) * Math.max(30, Math.abs(from.y))),
    };
    ui.undo.add(drag(image.canvas, {
      width: SIDE, height: SIDE,
      start: (point) => { from = about(point); began = shown(); },
      move: (point) => move(ways[model.get("transformation")](about(point))),
    }));
    ui.undo.add(arrows(image.canvas, {
      move: (right, down, coarse) => move(shown() + (right - down) * (coarse ? rule().coarse : rule().step)),
      home: () => move(rule().min), end: () => ui.set({ amount: rule().max * rule().unit }),
    }));
  }

  function choosePixel({ canvas }) {
    const limit = (v) => Math.min(state.n - 1, Math.max(0, v));
    const choose = ({ x, y }) => {
      const channel = state.bank.length > 1 && x > SIDE / 2 ? 1 : 0, at = tile(channel, state.bank.length);
      const cell = at.side / state.n;
      ui.set({ row: limit(Math.floor((y - at.y) / cell)), column: limit(Math.floor((x - at.x) / cell)), channel, arithmetic: true });
    };
    const at = (event) => choose(pointOn(canvas, event, SIDE, SIDE));
    // a finger that passes over a map scrolls the page; a tap, or the mouse held down, chooses
    ui.undo.listen(canvas, "click", at);
    ui.undo.listen(canvas, "pointermove", (e) => { if (e.pointerType === "mouse" && e.buttons === 1) at(e); });
    ui.undo.add(arrows(canvas, { move: (right, down, coarse) => {
      const by = coarse ? 5 : 1; // `state` at once, not with the next frame: quick presses all count
      Object.assign(state, { row: limit(state.row + down * by), column: limit(state.column + right * by) });
      ui.set({ row: state.row, column: state.column, arithmetic: true });
    } }));
  }
}

// Where the map of a channel lies: one fills the square, two stand side by side.
const tile = (channel, channels) => (channels === 1 ? { x: 0, y: 0, side: SIDE }
  : { x: channel * (SIDE / 2 + 2), y: SIDE / 4, side: SIDE / 2 - 2 });

export default { render };
