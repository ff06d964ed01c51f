// One source kernel, four row kernels: as the latitude slides, each head turns the same nine weights into as many
// weights as the row needs. Nine shares a pixel say how.

const MORPH_STATE = ["weights", "tap", "grid_height", "row", "head", "pixel_row", "pixel_column", "arithmetic"];
const TAP_NAMES = ["north-west", "north", "north-east", "west", "middle", "east", "south-west", "south", "south-east"];
const KERNELS = [
  ["arrow", [0, 1, 1, 0, 1, 1, -1, 0, 0]],
  ["edge, to the east", [-1, 0, 1, -2, 0, 2, -1, 0, 1]],
  ["edge, to the south", [-1, -2, -1, 0, 0, 0, 1, 2, 1]],
  ["blur", [0.25, 0.5, 0.25, 0.5, 1, 0.5, 0.25, 0.5, 0.25]],
  ["one pixel", [0, 0, 0, 0, 1, 0, 0, 0, 0]],
];
const LEAST = 0.25, LARGEST = 2; // step and bound of a source weight

const latitudeText = (row, height) => {
  const angle = degrees(rowLatitude(row, height));
  return `${Math.abs(angle).toFixed(1)}° ${angle < 0 ? "south" : "north"}`;
};

function render({ model, el }) {
  const ui = frame(el, { task: model.get("task"), model, traits: MORPH_STATE });
  ui.root.classList.add("ktn-kernel-morph");
  const pad = stage(ui.stages, { ...PAD_STAGE, density: 3, focusable: true, caption: "source kernel", label: "The source kernel" });
  const column = make("div", ui.stages, { className: "ktn-strips" });
  const strips = HEADS.map((head) => {
    const one = stage(column, { ...STRIP, density: 3, focusable: true, caption: head, label: head });
    one.figure.classList.add(`ktn-head-${head}`);
    return { head, ...one };
  });
  const limit = (value, low, high) => Math.min(high, Math.max(low, value));
  const coefficients = floats(model.get("coefficients")), knots = coefficients.length / 72;
  const now = () => {
    const height = model.get("grid_height"), row = limit(model.get("row"), 0, height - 1);
    const down = limit(model.get("pixel_row"), -REACH, REACH), right = limit(model.get("pixel_column"), -16, 15);
    return { height, row, source: model.get("weights"), tap: model.get("tap"), head: model.get("head"),
      chosen: [limit(row + down, 0, height - 1), right], open: model.get("arithmetic") };
  };
  const setWeight = (tap, weight) => {
    const weights = [...model.get("weights")];
    weights[tap] = limit(Math.round(weight / LEAST) * LEAST, -LARGEST, LARGEST);
    ui.set({ weights, tap });
  };
  const setRow = (row) => ui.set({ row: limit(Math.round(row), 0, model.get("grid_height") - 1) });

  const rowSlider = slider(ui.controls, {
    label: "row", min: 0, max: 15, step: 1, coarse: 4, value: 0, onInput: setRow,
    format: (row) => `${row}, at ${latitudeText(row, model.get("grid_height"))}`,
  });
  const weightSlider = slider(ui.controls, {
    label: "weight", min: -LARGEST, max: LARGEST, step: LEAST, coarse: 0.5, value: 0,
    onInput: (weight) => setWeight(model.get("tap"), weight),
    format: (weight) => `${signed(+weight, 2)}, ${TAP_NAMES[model.get("tap")]}`,
  });
  const kernels = choice(ui.controls, {
    label: "kernel", options: [...KERNELS.map(([name], k) => [k, name]), [-1, "your own"]], value: 0,
    onChange: (k) => ui.set({ weights: (KERNELS[k] ?? [0, model.get("weights")])[1] }),
  });
  const heights = choice(ui.controls, {
    label: "grid", options: [16, 64, 256].map((height) => [height, `${height} × ${2 * height} pixels`]), value: 16,
    onChange: (height) => ui.set({ grid_height: +height,
      row: Math.floor(((model.get("row") + 0.5) * height) / model.get("grid_height")) }), // it stays where it is
  });
  const opener = toggle(ui.buttons, "Show the arithmetic", false, (arithmetic) => ui.set({ arithmetic }));
  const sheet = make("div", ui.root, { className: "ktn-arithmetic", hidden: true }), sum = make("table", sheet);

  function follow() {
    const { height, row, source, tap, open } = now();
    rowSlider.range(0, height - 1, 1);
    rowSlider.set(row);
    weightSlider.set(source[tap]);
    kernels.set(KERNELS.findIndex(([, weights]) => weights.every((weight, k) => weight === source[k])));
    heights.set(height);
    opener.set(open);
    sheet.hidden = !open;
  }

  const kept = {}; // matrices of the present row
  const matrixOf = (head, row, height) => {
    const name = `${row} ${height}`;
    if (kept[head]?.name !== name) kept[head] = { name, matrix: rowMatrix(head, row, height, coefficients, knots) };
    return kept[head].matrix;
  };

  function draw() {
    const state = now(), { row, height, source, open } = state, paint = colours(ui.root);
    const most = Math.max(1e-9, ...source.map(Math.abs)), all = source.reduce((total, weight) => total + weight, 0);
    const where = `row ${row} of ${height}, ${latitudeText(row, height)}`, facts = {};
    drawPad(pad.context2d(), state, paint);
    pad.setCaption(`source kernel: sum ${signed(all, 2)}`);
    pad.setLabel(`The source kernel, nine weights: ${source.map((weight) => signed(weight, 2)).join(", ")}. `
      + "Arrow keys choose one, the slider changes it.");
    for (const { head, context2d, setCaption, setLabel } of strips) {
      const matrix = matrixOf(head, row, height), { sum: total, pixels: touched } = facts[head] = footing(matrix, source);
      const taps = head === "projected" ? null : tapRow(row, height, 2 * height);
      drawStrip(context2d(), { ...state, open: open && head === state.head }, { matrix, source, most, taps }, paint);
      const seen = matrix.filter((pixel) => inStrip(pixel, row, 2 * height) && Math.abs(rowWeight(pixel.shares, source)) > 1e-9).length;
      setCaption(`${head}: sum ${signed(total, 2)}, ${touched} pixels${seen < touched ? `, ${seen} here` : ""}`);
      setLabel(`The ${head} row kernel in ${where}: ${touched} pixels, sum ${signed(total, 2)}. Arrow keys choose a pixel.`);
    }
    const apart = kernelDistance(matrixOf("learned", row, height), matrixOf("bicubic", row, height), source);
    const low = kernelDistance(matrixOf("bilinear", row, height), matrixOf("bicubic", row, height), source);
    ui.say(`In ${where}, the source's sum of ${signed(all, 2)} becomes ${signed(facts.projected.sum, 2)} in the projected kernel and stays `
      + `${signed(facts.learned.sum, 2)} in the others. Bilinear is ${percent(low)} off the bicubic one, learned ${percent(apart)}.`);
    if (open) showArithmetic(state);
    ui.ready();
  }

  function showArithmetic({ row, height, source, head, chosen }) {
    const width = 2 * height, own = (one) => one.row === chosen[0] && one.column === modulo(chosen[1], width);
    const none = Array(9).fill(0), find = (name) => matrixOf(name, row, height).find(own)?.shares ?? none;
    const shares = find(head), geometric = find("bicubic"), learns = head === "learned";
    const name = `${signed(chosen[0] - row, 0)} rows, ${signed(chosen[1], 0)} columns from the middle`;
    sheetTable(sum, `One weight of the ${head} row kernel: the pixel ${name}`,
      [...(learns ? ["(bicubic", "+ learned)"] : ["share"]), "× weight", "= product"], // five columns are too many for a phone
      shares.map((share, k) => [TAP_NAMES[k], ...(learns ? [geometric[k], share - geometric[k]] : [share]), source[k], share * source[k]])
        .filter(([, ...values]) => values.slice(0, -2).some((value) => Math.abs(value) > 5e-5)),
      ["sum", rowWeight(shares, source)]);
  }

  const frames = animate(draw, ui.root);
  let grip = null;
  const tapAt = ({ x, y }) => 3 * limit(Math.floor((3 * y) / PAD), 0, 2) + limit(Math.floor((3 * x) / PAD), 0, 2);
  ui.undo.add(drag(pad.canvas, { // up is more
    ...PAD_STAGE,
    start: (point) => { const tap = tapAt(point); grip = { tap, weight: model.get("weights")[tap] }; ui.set({ tap }); },
    move: ({ dy }) => setWeight(grip.tap, grip.weight - (dy / 10) * LEAST),
  }));
  ui.undo.add(arrows(pad.canvas, {
    move: (right, down) => {
      const tap = model.get("tap"), i = limit(Math.floor(tap / 3) + down, 0, 2), j = limit((tap % 3) + right, 0, 2);
      ui.set({ tap: 3 * i + j });
    },
  }));
  for (const { canvas, head } of strips) {
    const choose = (down, right) => ui.set({ head, pixel_row: limit(down, -REACH, REACH), pixel_column: limit(right, -16, 15) });
    ui.undo.add(drag(canvas, { // the grid runs under the kernel
      ...STRIP,
      start: () => { grip = { row: now().row, moved: false }; },
      move: ({ dy }) => { if (Math.abs(dy) >= CELL) grip.moved = true; setRow(grip.row - Math.trunc(dy / CELL)); },
      end: ({ x, y }) => { if (!grip.moved) choose(Math.floor(y / CELL) - REACH, stripColumn(x)); },
    }));
    ui.undo.add(arrows(canvas, {
      move: (right, down, coarse) => choose(model.get("pixel_row") + down, model.get("pixel_column") + right * (coarse ? 4 : 1)),
      home: () => choose(0, 0),
    }));
  }
  ui.watch(MORPH_STATE, () => { follow(); frames.request(); });
  ui.undo.add(onThemeChange(ui.root, frames.request));
  ui.undo.add(frames.stop);
  follow();
  frames.request();
  return ui.undo.all;
}

function sheetTable(node, caption, head, rows, [last, total]) {
  node.replaceChildren();
  make("caption", node, { textContent: caption });
  const top = make("tr", make("thead", node)), body = make("tbody", node);
  make("td", top);
  for (const word of head) make("th", top, { scope: "col", textContent: word });
  const line = (name, values) => {
    const entry = make("tr", body);
    make("th", entry, { scope: "row", textContent: name });
    for (const value of values) make("td", entry, { textContent: value });
  };
  for (const [name, ...values] of rows) line(name, values.map((value) => signed(value, 4)));
  line(rows.length ? last : "no tap reaches this pixel", [...Array(head.length - 1).fill(""), signed(total, 4)]);
}

export default { render };
