// An edge filter at one pixel and at all of them: on the tangent plane, on the grid, and interpolated between planes.

const TRAITS = ["row", "column", "angle_deg", "shown", "every", "grid_height", "arithmetic"];
const PATCH = 174, SIDE = 11; // units of the stage, samples across
const SHOWN = [["direct-exact", "direct minus exact"], ["interpolated-exact", "interpolated minus exact"],
  ["exact", "exact"], ["direct", "direct"], ["interpolated", "interpolated"]];
const LIMIT = 0.5; // answers of this size and more have the full colour
const MODES = { exact: [1, 0, 0], direct: [0, 1, 0], interpolated: [0, 0, 1], "direct-exact": [-1, 1, 0], "interpolated-exact": [-1, 0, 1] };
const TONES = ["negative", "zero", "positive"], CHANNELS = ["R", "G", "B"];
const TONE_NAMES = TONES.flatMap((tone) => CHANNELS.map((channel) => tone + channel));

const FRAGMENT = SPHERE_LOOKUP + `
uniform float east, north, every, exactly, directly, between, limit, ${TONE_NAMES.join(", ")};
float weightAt(int u, int v) { // edgeFilter
  float e = float(u) * (v == 0 ? 2.0 : 1.0), n = -float(v) * (u == 0 ? 2.0 : 1.0);
  return (east * e + north * n) / 4.0;
}
float mean(vec3 c) { return (c.r + c.g + c.b) / 3.0; }
float onPlane(ivec2 at, ivec2 size) {
  bool over = at.y < 0 || at.y >= size.y;
  if (over) at = ivec2(at.x + size.x / 2, at.y < 0 ? -1 - at.y : 2 * size.y - 1 - at.y);
  float latitude = PI / 2.0 - (float(at.y) + 0.5) * PI / float(size.y), sum = 0.0, s = 2.0 * PI / float(size.x);
  float longitude = (float(at.x) + 0.5) * s - PI;
  for (int v = -1; v <= 1; v++) for (int u = -1; u <= 1; u++) {
    vec2 tap = vec2(u, v) * s;
    float outward = cos(latitude) + tap.y * sin(latitude);
    float up = atan(sin(latitude) - tap.y * cos(latitude), length(vec2(outward, tap.x)));
    sum += weightAt(u, v) * mean(lookup(up, longitude + atan(tap.x, outward)));
  }
  return sum;
}
float onGrid(ivec2 at, ivec2 size) {
  float sum = 0.0;
  for (int v = -1; v <= 1; v++) for (int u = -1; u <= 1; u++) sum += weightAt(u, v) * mean(pixelAt(at + ivec2(u, v), size));
  return sum;
}
float onLattice(ivec2 at, ivec2 size) { // knotRows
  int step = int(every), first = step / 2, left = at.x - (at.x - first + step) % step;
  int above = at.y < first ? -1 - first : at.y - (at.y - first) % step, below = at.y < first ? first : above + step;
  if (below >= size.y) below = 2 * size.y - 1 - above;
  vec2 t = vec2(float(at.x - left) / every, float(at.y - above) / float(below - above));
  return mix(mix(onPlane(ivec2(left, above), size), onPlane(ivec2(left + step, above), size), t.x),
             mix(onPlane(ivec2(left, below), size), onPlane(ivec2(left + step, below), size), t.x), t.y);
}
void main() {
  ivec2 size = textureSize(picture, 0);
  ivec2 at = ivec2(gl_FragCoord.x / extent.x * float(size.x), (1.0 - gl_FragCoord.y / extent.y) * float(size.y));
  float value = 0.0;
  if (exactly != 0.0) value += exactly * onPlane(at, size);
  if (directly != 0.0) value += directly * onGrid(at, size);
  if (between != 0.0) value += between * onLattice(at, size);
  vec3 zero = vec3(zeroR, zeroG, zeroB);
  vec3 full = value < 0.0 ? vec3(negativeR, negativeG, negativeB) : vec3(positiveR, positiveG, positiveB);
  colour = vec4(mix(zero, full, min(1.0, abs(value) / limit)) / 255.0, 1);
}`;

const latitudeWords = (latitude) => `${Math.abs(degrees(latitude)).toFixed(1)}° ${latitude < 0 ? "south" : "north"}`;
const number = (value) => (Math.abs(value) < 0.005 ? "0.00" : value.toFixed(2).replace("-", "−"));
const compass = (angle) => `${angle}°, ${["east", "north-east", "north", "north-west", "west", "south-west", "south", "south-east"][Math.round(angle / 45) % 8]}`;

function render({ model, el }) {
  const ui = frame(el, { task: model.get("task"), model, traits: TRAITS });
  ui.root.classList.add("ktn-taps-and-rows");
  const grid = stage(ui.stages, { ...GRID_STAGE, density: 3, focusable: true, caption: "taps on the grid", label: "The grid" });
  const patch = stage(ui.stages, { width: PATCH, height: PATCH, density: 3, caption: "tangent patch", label: "The patch" });
  const map = stage(ui.stages, { ...GRID_STAGE, density: 3, focusable: true, caption: "", label: "The map" });
  const numbers = make("table", make("div", ui.stages, { className: "ktn-numbers" }));
  const limit = (value, low, high) => Math.min(high, Math.max(low, value));
  const put = (row, column) => {
    const height = model.get("grid_height");
    ui.set({ row: limit(Math.round(row), 0, height - 1), column: modulo(Math.round(column), 2 * height) });
  };
  const rowSlider = slider(ui.controls, {
    label: "row", min: 0, max: 63, step: 1, coarse: 8, value: 0, onInput: (row) => put(row, model.get("column")),
    format: (row) => `${row}, at ${latitudeWords(rowLatitude(row, model.get("grid_height")))}`,
  });
  const angleSlider = slider(ui.controls, {
    label: "brighter towards", min: 0, max: 345, step: 15, coarse: 45, value: 0, format: compass, onInput: (angle_deg) => ui.set({ angle_deg }),
  });
  const shown = choice(ui.controls, { label: "map", options: SHOWN, value: "exact", onChange: (key) => ui.set({ shown: key }) });
  const every = choice(ui.controls, {
    label: "exact at every", options: [4, 8, 16, 32].map((step) => [step, `${step}th pixel`.replace("32th", "32nd")]), value: 16,
    onChange: (step) => ui.set({ every: +step }),
  });
  const finer = toggle(ui.buttons, "Finer grid", false, (on) => { // the kernel stays where it is on the sphere
    const height = on ? 256 : 64, scaled = (at) => Math.floor(((at + 0.5) * height) / model.get("grid_height"));
    ui.set({ grid_height: height, row: scaled(model.get("row")), column: scaled(model.get("column")) });
  });
  const opener = toggle(ui.buttons, "Show the arithmetic", false, (arithmetic) => ui.set({ arithmetic }));
  const sheet = tapSheet(ui.root);

  let picture = null, loaded = 0, painted = ""; // the height of the grid that WebGL2 holds, what it shows
  const mosaics = {}, bases = {}; // by height
  let known = { key: "" }; // the three maps of one filter
  const gpu = model.get("backend") === "2d" ? null
    : painter(FRAGMENT, { width: 512, height: 256, onChange: () => { loaded = 0; painted = ""; frames.request(); } });
  createImageBitmap(new Blob([model.get("picture")])).then((decoded) => { picture = decoded; frames.request(); })
    .catch(() => ui.say("This browser cannot read the panorama, a WebP file."));

  function maps(mosaic, height, angle, step) {
    const width = 2 * height, key = `${height} ${angle} ${step}`;
    if (known.key === key) return known;
    const values = mosaic.values ??= greyValues(mosaic.data);
    const own = bases[height] ??= [exactMap, directMap].map((way) => [0, Math.PI / 2].map((turn) => way(values, height, width, edgeFilter(turn))));
    const [exact, direct] = own.map((pair) => steered(pair, angle));
    return (known = { key, exact, direct, interpolated: interpolatedMap(exact, height, width, step) });
  }

  function follow() {
    const height = model.get("grid_height");
    rowSlider.range(0, height - 1, 1);
    rowSlider.set(limit(model.get("row"), 0, height - 1));
    angleSlider.set(model.get("angle_deg"));
    shown.set(model.get("shown"));
    every.set(model.get("every"));
    finer.set(height > 64);
    opener.set(model.get("arithmetic"));
    sheet.node.hidden = !model.get("arithmetic");
  }

  function draw() {
    if (!picture) return;
    const height = model.get("grid_height"), width = 2 * height, row = limit(model.get("row"), 0, height - 1);
    const column = modulo(model.get("column"), width), angle = radians(model.get("angle_deg")), paint = colours(ui.root);
    const mosaic = mosaics[height] ??= reduced(picture, height), key = model.get("shown");
    const found = maps(mosaic, height, angle, model.get("every")), taps = tapRow(row, height, width);
    const state = { height, width, row, column, ...taps, spacing: 1, step: (2 * Math.PI) / width, tap: -1, latitude: rowLatitude(row, height),
      longitude: columnLongitude(column, width), past: taps.columns.map((at) => Math.abs(at) > width / 4) };
    if (gpu?.usable() && loaded !== height) { gpu.load(mosaic.canvas); loaded = height; }
    ui.root.dataset.backend = gpu?.usable() ? "webgl2" : "2d";
    drawGrid(grid.context2d(), state, mosaic, paint, false);
    drawPatch(patch.context2d(), state, mosaic, edgeFilter(angle), paint);
    drawMap(map.context2d(), state, paint, answer(key, found, angle, paint));
    map.setCaption(`${SHOWN.find(([name]) => name === key)[1]}: blue −${LIMIT}, orange +${LIMIT}`);
    const span = columnsSpanned(taps, height, width);
    grid.setLabel(`The panorama with the kernel's nine taps in row ${row} of ${height}, spanning ${span} of ${width} columns. Arrow keys move the kernel.`);
    patch.setLabel(`The tangent patch at ${latitudeWords(state.latitude)}, ${SIDE} samples wide, with the filter's nine weights in its middle.`);
    map.setLabel(`${map.figure.textContent}, over the whole panorama. Arrow keys move the kernel.`);
    tell(state, found, key);
    if (model.get("arithmetic")) sheet.fill(tapValues(mosaic.values, height, width, row, column), edgeFilter(angle));
    ui.ready();
  }

  function answer(key, found, angle, paint) {
    const tones = [paint.image, paint.zero, paint.map]; // as in the book's figures
    if (gpu?.usable()) {
      const [exactly, directly, between] = MODES[key], uniforms = { east: Math.cos(angle), north: Math.sin(angle), every: model.get("every") };
      tones.forEach((tone, t) => rgb(tone).forEach((value, c) => { uniforms[TONES[t] + CHANNELS[c]] = value; }));
      const all = { ...uniforms, exactly, directly, between, limit: LIMIT }, wanted = `${loaded} ${Object.values(all)}`;
      if (painted !== wanted) gpu.draw(all); // not again while the kernel is dragged
      painted = wanted;
      return (context) => context.drawImage(gpu.canvas, GRID.x, GRID.y, GRID.width, GRID.height);
    }
    const [one, other] = key.split("-"), values = other ? found[one].map((value, k) => value - found[other][k]) : found[one];
    const width = 2 * model.get("grid_height");
    return (context) => pixels(context, values.map((value) => value / LIMIT), width, diverging(...tones), GRID.x, GRID.y, GRID.width, GRID.height);
  }

  function tell({ row, column, height, width, latitude }, found, key) {
    const step = model.get("every"), at = row * width + column;
    const own = ["direct", "interpolated"].map((name) => [found[name][at], rowError(found[name], found.exact, width, row), sphereError(found[name], found.exact, height, width)]);
    const lines = [["exact", found.exact[at]], ["direct", ...own[0]], [`every ${step}`, ...own[1]]];
    fillTable(numbers, ["", "here", "off in row", "on sphere"], lines.map(([name, here, ...off]) =>
      [name, number(here), ...(off.length ? off.map(percent) : ["–", "–"])]));
    const [[here, inRow, inAll], way, name] = key.startsWith("interpolated") ? [own[1], "interpolated", "interpolation"] : [own[0], "on the grid", "direct convolution"];
    ui.say(`At ${latitudeWords(latitude)} the filter answers ${number(found.exact[at])} on the tangent plane and ${number(here)} ${way}. `
      + `In this row ${name} is off by ${percent(inRow)}, over the whole sphere by ${percent(inAll)}.`);
  }

  const frames = animate(draw, ui.root);
  const cell = () => GRID.height / model.get("grid_height");
  let grip = null;
  const here = () => ({ row: model.get("row"), column: model.get("column") });
  for (const { canvas } of [grid, map]) {
    ui.undo.add(drag(canvas, {
      width: GRID_STAGE.width, height: GRID_STAGE.height,
      start: ({ x, y }) => {
        put((y - GRID.y) / cell() - 0.5, (x - GRID.x) / cell() - 0.5);
        grip = here();
      },
      move: ({ dx, dy }) => put(grip.row + dy / cell(), grip.column + dx / cell()),
    }));
    ui.undo.add(arrows(canvas, {
      move: (right, down, coarse) => {
        const far = coarse ? model.get("grid_height") / 8 : 1;
        put(model.get("row") + down * far, model.get("column") + right * far);
      },
      home: () => put(0, model.get("column")), end: () => put(model.get("grid_height") - 1, model.get("column")),
    }));
  }
  ui.watch(TRAITS, () => { follow(); frames.request(); });
  ui.undo.add(onThemeChange(ui.root, frames.request));
  ui.undo.add(frames.stop);
  ui.undo.add(() => { gpu?.dispose(); picture?.close(); });
  follow();
  return ui.undo.all;
}

export default { render };
