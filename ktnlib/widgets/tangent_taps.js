// One kernel on the plane that touches the sphere, nine taps on the grid: the same square everywhere on the globe, a fan
// near the poles of the picture.

const STATE = ["grid_height", "row", "column", "spacing", "tap", "arithmetic"];
const HEIGHTS = [16, 32, 64, 512];
const NAMES = ["north-west", "north", "north-east", "west", "middle", "east", "south-west", "south", "south-east"];
const WORDS = ["none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];

const latitudeWords = (latitude, digits = 1) =>
  `${Math.abs(degrees(latitude)).toFixed(digits)}° ${latitude < 0 ? "south" : "north"}`;
const longitudeWords = (longitude) => {
  const turn = modulo(longitude + Math.PI, 2 * Math.PI) - Math.PI;
  return `${Math.abs(degrees(turn)).toFixed(2)}° ${turn < 0 ? "west" : "east"}`;
};

// spacing: in pixels at the equator. `beyond`: how many taps have passed a pole; `rows` and `columns` as of tapRow.
export function tapsAt(row, height, spacing) {
  const width = 2 * height, taps = tapRow(row, height, width, (spacing * 2 * Math.PI) / width);
  const past = taps.columns.map((column) => Math.abs(column) > width / 4); // more than a quarter turn from the middle
  return { ...taps, past, beyond: past.filter(Boolean).length, spanned: columnsSpanned(taps, height, width) };
}

// The last row, counted from the north, that still has a tap beyond the pole.
export function lastCrossingRow(height, spacing) {
  let row = -1;
  while (row + 1 < height / 2 && tapsAt(row + 1, height, spacing).beyond) row++;
  return row;
}

function render({ model, el }) {
  const ui = frame(el, { task: model.get("task"), model, traits: STATE });
  ui.root.classList.add("ktn-tangent-taps");
  const grid = stage(ui.stages, { ...GRID_STAGE, density: 3, focusable: true, caption: "on the grid", label: "The grid" });
  const globe = stage(ui.stages, { width: GLOBE, height: GLOBE, density: 3, focusable: true, caption: "on the sphere", label: "The sphere" });
  const limit = (value, low, high) => Math.min(high, Math.max(low, value));
  const put = (row, column) => {
    const height = model.get("grid_height");
    ui.set({ row: limit(Math.round(row), 0, height - 1), column: modulo(Math.round(column), 2 * height) });
  };
  const now = () => {
    const height = model.get("grid_height"), width = 2 * height, row = limit(model.get("row"), 0, height - 1);
    const column = modulo(model.get("column"), width), spacing = model.get("spacing"), tap = model.get("tap");
    return { height, width, row, column, spacing, tap, step: (spacing * 2 * Math.PI) / width, ...tapsAt(row, height, spacing),
      latitude: rowLatitude(row, height), longitude: columnLongitude(column, width), middle: columnLongitude(column, width) };
  };

  const rowSlider = slider(ui.controls, {
    label: "row", min: 0, max: 31, step: 1, value: 0, onInput: (row) => put(row, model.get("column")),
    format: (row) => `${row}, at ${latitudeWords(rowLatitude(row, model.get("grid_height")))}`,
  });
  const spacingSlider = slider(ui.controls, {
    label: "tap spacing", min: 0.5, max: 8, step: 0.5, coarse: 2, value: 1, onInput: (spacing) => ui.set({ spacing }),
    format: (value) => `${value} pixel${value === 1 ? "" : "s"}`,
  });
  const heights = choice(ui.controls, {
    label: "grid", options: HEIGHTS.map((height) => [height, `${height} × ${2 * height} pixels`]), value: 32,
    onChange: (height) => { // the kernel stays where it is on the sphere
      const to = +height, ratio = to / model.get("grid_height"), scaled = (at) => Math.floor((at + 0.5) * ratio);
      ui.set({ grid_height: to, row: scaled(model.get("row")), column: scaled(model.get("column")) });
    },
  });
  const opener = toggle(ui.buttons, "Show the arithmetic", false, (arithmetic) => ui.set({ arithmetic }));
  const sheet = make("div", ui.root, { className: "ktn-arithmetic", hidden: true });
  const close = stage(sheet, { ...CLOSE, density: 2, caption: "the tap's pixels", label: "" });
  const numbers = make("div", sheet, { className: "ktn-numbers" });
  const tapChoice = choice(numbers, {
    label: "tap", options: NAMES.map((name, k) => [k, name]), value: 0, onChange: (tap) => ui.set({ tap: +tap }),
  });
  const steps = make("table", numbers), reads = make("table", numbers);

  let picture = null, mosaics = {};
  createImageBitmap(new Blob([model.get("picture")])).then((decoded) => { picture = decoded; frames.request(); })
    .catch(() => ui.say("This browser cannot read the picture under the taps, a WebP file."));

  function follow() {
    const { height, row, spacing, tap } = now(), open = model.get("arithmetic");
    rowSlider.range(0, height - 1, 1);
    rowSlider.set(row);
    spacingSlider.set(spacing);
    heights.set(height);
    tapChoice.set(tap);
    opener.set(open);
    sheet.hidden = !open;
  }

  function draw() {
    if (!picture) return;
    const state = now(), paint = colours(ui.root), open = model.get("arithmetic");
    const mosaic = mosaics[state.height] ??= reduced(picture, state.height);
    drawGrid(grid.context2d(), state, mosaic, paint, open);
    drawGlobe(globe.context2d(), state, mosaic, paint, open);
    const where = `row ${state.row} of ${state.height}, ${latitudeWords(state.latitude)}`;
    const span = state.spanned === state.width ? `all ${state.width} columns` : `${state.spanned} of ${state.width} columns`;
    const crossed = state.beyond === 0 ? "none has crossed the pole"
      : `${WORDS[state.beyond]} of them ${state.beyond === 1 ? "has" : "have"} crossed the pole to the far side`;
    grid.setLabel(`The grid with the kernel's nine taps, in ${where}, spanning ${span}. Arrow keys move the kernel.`);
    globe.setLabel(`The sphere from above the kernel: a square of nine taps at ${latitudeWords(state.latitude)}. Arrow keys move it.`);
    ui.say(`In ${where}, the nine taps span ${span}; ${crossed}.`);
    if (open) showArithmetic(state, mosaic, paint);
    ui.ready();
  }

  function showArithmetic(state, mosaic, paint) {
    const { tap, step, latitude, longitude, height, width } = state, east = ((tap % 3) - 1) * step;
    const south = (Math.floor(tap / 3) - 1) * step, [phi, lambda] = planeToSphere(east, south, latitude, longitude);
    const [row, column] = [state.rows[tap], state.columns[tap] + state.column], read = neighbours(row, column, height, width);
    drawClose(close.context2d(), { ...state, at: [row, column] }, mosaic, paint);
    close.setLabel(`The ${NAMES[tap]} tap between the centres of four pixels, each with its weight.`);
    const number = (value) => value.toFixed(4).replace("-", "−");
    table(steps, "Where the tap lies", null, [
      ["on the plane, east U and south V", `${number(east)}, ${number(south)}`],
      ["forward, cos φ₀ + V sin φ₀", number(Math.cos(latitude) + south * Math.sin(latitude))],
      ["latitude, atan2(sin φ₀ − V cos φ₀, hypot(forward, U))", latitudeWords(phi, 2)],
      ["longitude, λ₀ + atan2(U, forward)", longitudeWords(lambda)],
      ["row, column", `${row.toFixed(3).replace("-", "−")}, ${modulo(column, width).toFixed(3)}`],
    ]);
    table(reads, "The four pixels it reads", ["row", "column", "weight"],
      read.map(([i, j, weight], k) => [["upper left", "upper right", "lower left", "lower right"][k], i, j, weight.toFixed(3)]));
  }

  const frames = animate(draw, ui.root);
  const cell = () => GRID.height / model.get("grid_height");
  let grip = null; // {row, column} when the hand took hold of the kernel, else null: the kernel comes to the hand
  const hold = () => { const { row, column } = now(); return { row, column }; };
  const nearest = ({ x, y }, state) => {
    const far = state.rows.map((row, k) => {
      const [left, top] = gridPlace(row, state.columns[k] + state.column, state);
      return Math.hypot(left - x, top - y);
    });
    const least = Math.min(...far);
    return least < 10 ? far.indexOf(least) : -1;
  };
  ui.undo.add(drag(grid.canvas, {
    ...GRID_STAGE,
    start: (point) => {
      grip = nearest(point, now()) < 0 ? null : hold();
      if (!grip) put((point.y - GRID.y) / cell() - 0.5, (point.x - GRID.x) / cell() - 0.5);
      grip ??= hold();
    },
    move: ({ dx, dy }) => put(grip.row + dy / cell(), grip.column + dx / cell()),
    end: (point) => { const tap = nearest(point, now()); if (tap >= 0 && same(grip, hold())) ui.set({ tap }); },
  }));
  ui.undo.add(drag(globe.canvas, { // the sphere rolls under the kernel
    width: GLOBE, height: GLOBE, start: () => { grip = hold(); },
    move: ({ dx, dy }) => {
      const pixel = (GLOBE / 2 / reach(now())) * (Math.PI / model.get("grid_height"));
      const thin = Math.max(0.15, Math.cos(rowLatitude(grip.row, model.get("grid_height"))));
      put(grip.row - dy / pixel, grip.column - dx / pixel / thin);
    },
  }));
  for (const { canvas } of [grid, globe]) ui.undo.add(arrows(canvas, {
    move: (right, down, coarse) => {
      const far = coarse ? model.get("grid_height") / 8 : 1;
      put(model.get("row") + down * far, model.get("column") + right * far);
    },
    home: () => put(0, model.get("column")), end: () => put(model.get("grid_height") - 1, model.get("column")),
  }));
  ui.watch(STATE, () => { follow(); frames.request(); });
  ui.undo.add(onThemeChange(ui.root, frames.request));
  ui.undo.add(frames.stop);
  ui.undo.add(() => picture?.close());
  follow();
  return ui.undo.all;
}

const same = (a, b) => a.row === b.row && a.column === b.column;
function table(node, caption, head, rows) {
  node.replaceChildren();
  make("caption", node, { textContent: caption });
  const top = head && make("tr", make("thead", node)), body = make("tbody", node);
  if (top) {
    make("td", top);
    for (const word of head) make("th", top, { scope: "col", textContent: word });
  }
  for (const [name, ...values] of rows) {
    const line = make("tr", body);
    make("th", line, { scope: "row", textContent: name });
    for (const value of values) make("td", line, { textContent: value });
  }
}

export default { render };
