// A digit on the sphere and four readers with the same weights: drag it towards a pole and see who still reads it.

const GLOBE_TRAITS = ["latitude_deg", "longitude_deg", "digit", "visited"];
const STEP = 3; // degrees of latitude from place to place
const PLACES = 180 / STEP + 1, LINE = { width: 61 * 10, height: 30 };
const READER_NAMES = { direct: "direct", spherenet: "SphereNet", ktn: "KTN", exact: "exact" };

const article = (digit) => `${digit === 8 ? "an" : "a"} ${digit}`;
const northSouth = (angle) => (angle ? `${Math.abs(angle)}° ${angle < 0 ? "south" : "north"}` : "the equator");

function render({ model, el }) {
  const ui = frame(el, { task: model.get("task"), model, traits: GLOBE_TRAITS });
  ui.root.classList.add("ktn-digit-globe");
  const ball = stage(ui.stages, { width: BALL, height: BALL, density: 2, focusable: true, caption: "on the sphere", label: "The sphere" });
  const chart = stage(ui.stages, { ...GRID_STAGE, density: 2, focusable: true, caption: "on the grid", label: "The grid" });
  const bars = make("div", ui.stages, { className: "ktn-bars" });
  const charts = READERS.map((name) => ({ name, ...stage(bars, { ...BARS, density: 2, caption: READER_NAMES[name], label: READER_NAMES[name] }) }));
  const strip = make("div", ui.stages, { className: "ktn-strip" });
  const lines = READERS.map((name) => stripLine(strip, name));
  stripAxis(strip);

  const digits = levels(model.get("digits")), labels = model.get("labels"), side = Math.sqrt(digits.length / labels.length);
  const height = model.get("grid_height"), TURN = 720 / height; // degrees of four columns, the network's stride: no answer changes
  const fov = radians(model.get("fov_deg")), spacing = model.get("spacing");
  const coefficients = floats(model.get("coefficients"));
  const setup = { height, spacing, stages: model.get("stages"), weights: floats(model.get("weights")), learned: { coefficients, knots: coefficients.length / 72 } };
  const limit = (value, low, high) => Math.min(high, Math.max(low, value));
  const near = (angle) => limit(STEP * Math.round(angle / STEP), -90, 90);
  const put = (latitude, longitude = model.get("longitude_deg")) => ui.set({ latitude_deg: near(latitude),
    longitude_deg: modulo(TURN * Math.round(longitude / TURN) + 180, 360) - 180 });

  const slope = slider(ui.controls, {
    label: "latitude", min: -90, max: 90, step: STEP, coarse: 15, value: 0, onInput: (angle) => { halt(); put(angle); }, format: (angle) => northSouth(+angle),
  });
  const which = choice(ui.controls, { label: "digit", options: labels.map((label, k) => [k, `${label}, no. ${k + 1}`]), value: 0,
    onChange: (digit) => { halt(); ui.set({ digit: +digit }); } });
  button(ui.buttons, "Next digit", () => { halt(); ui.set({ digit: (model.get("digit") + 1) % labels.length }); });
  const walker = toggle(ui.buttons, "Walk from pole to pole", false, (on) => (on ? walk() : halt()));

  const known = new Map(), placed = new Map(), name = (digit, latitude) => `${digit} ${latitude}`;
  const panoramaOf = (digit, latitude) => {
    const key = name(digit, latitude);
    if (!placed.has(key)) placed.set(key, placeDigit(digits.subarray(digit * side * side, (digit + 1) * side * side), height, radians(latitude), fov));
    if (placed.size > 8) placed.delete(placed.keys().next().value);
    return placed.get(key);
  };
  const desk = readingDesk(model.get("_esm"), setup, ({ digit, angle }, scores) => {
    known.set(name(digit, angle), scores);
    remember(digit, angle);
    frames.request();
    stride(angle);
  });
  const remember = (digit, angle) => { // whose answer is right, one bit a reader
    const key = name(digit, angle), visited = model.get("visited");
    if (key in visited) return;
    const right = known.get(key).reduce((bits, scores, r) => bits + (best(scores) === labels[digit] ? 1 << r : 0), 0);
    ui.set({ visited: { ...visited, [key]: right } });
  };
  const look = (angle = model.get("latitude_deg")) => {
    const digit = model.get("digit");
    if (known.has(name(digit, angle))) return void (remember(digit, angle), frames.request(), setTimeout(stride, 0, angle));
    desk.ask({ digit, angle, latitude: radians(angle), panorama: panoramaOf(digit, angle) });
  };

  let way = null; // {from, at} while the digit walks; without motion it stays and only the strip fills
  const walk = () => { way = { from: model.get("latitude_deg"), at: -90 }; walker.set(true); pace(); };
  const pace = () => (reducedMotion() || model.get("latitude_deg") === way.at ? look(way.at) : ui.set({ latitude_deg: way.at }));
  const stride = (angle) => {
    if (!way || angle !== way.at) return;
    if (way.at < 90) { way.at += STEP; pace(); return; }
    const { from } = way;
    halt();
    ui.set({ latitude_deg: from });
  };
  function halt() { way = null; walker.set(false); }

  let shown = null; // the answers on the page: of the last place that was answered
  function draw() {
    const angle = model.get("latitude_deg"), digit = model.get("digit"), paint = colours(ui.root), turn = model.get("longitude_deg");
    const scores = known.get(name(digit, angle));
    const state = { panorama: panoramaOf(digit, angle), height, latitude: radians(angle), longitude: radians(turn), columns: Math.round((turn * height) / 180) };
    slope.set(angle);
    which.set(digit);
    drawBall(ball.context2d(), state);
    drawChart(chart.context2d(), state, paint);
    const where = northSouth(angle), truth = labels[digit];
    ball.setLabel(`The sphere with ${article(truth)} at ${where}. Arrow keys move it.`);
    chart.setLabel(`The panorama of ${height} × ${2 * height} pixels with ${article(truth)} at ${where}. Arrow keys move it.`);
    if (scores) shown = { scores, digit };
    if (!shown || shown.digit !== digit) { if (!scores) return; }
    const shares = shown.scores.map(softmax), reads = shown.scores.map(best);
    charts.forEach((one, r) => {
      drawBars(one.context2d(), one.name, shares[r], truth, paint);
      one.setCaption(`${READER_NAMES[one.name]} reads ${reads[r]} ${reads[r] === truth ? "✓" : "✗"}`);
      one.setLabel(`${READER_NAMES[one.name]} reads ${reads[r]} with ${percent(Math.max(...shares[r]))}, the digit itself with ${percent(shares[r][truth])}.`);
    });
    const counts = tally(model.get("visited"), READERS.length), asked = Object.keys(model.get("visited")).length;
    lines.forEach((line, r) => line.draw(counts[r], (angle + 90) / STEP, paint));
    if (scores) tell(where, truth, reads, counts, asked);
    ui.ready();
  }

  function tell(where, truth, reads, counts, asked) {
    const says = READERS.map((reader, r) => `${READER_NAMES[reader]} reads ${reads[r]}`);
    const sums = READERS.map((reader, r) => `${READER_NAMES[reader]} ${counts[r].reduce((sum, [right]) => sum + right, 0)}`);
    ui.say(`${article(truth).replace("a", "A")} at ${where}: ${says.join(", ")}. Right at ${asked === 1 ? "this place" : `the ${asked} places visited`}: ${sums.join(", ")}.`);
  }

  const frames = animate(draw, ui.root);
  let grip = null;
  const hold = () => { halt(); grip = { latitude: model.get("latitude_deg"), longitude: model.get("longitude_deg") }; };
  ui.undo.add(drag(chart.canvas, { // the digit goes with the hand
    ...GRID_STAGE, start: hold,
    move: ({ dx, dy }) => put(grip.latitude - (180 * dy) / GRID.height, grip.longitude + (360 * dx) / GRID.width),
  }));
  ui.undo.add(drag(ball.canvas, { // it moves over the sphere, which rolls a little under it
    width: BALL, height: BALL, start: hold,
    move: ({ dx, dy }) => put(grip.latitude - (180 * dy) / BALL, grip.longitude + (180 * dx) / BALL),
  }));
  for (const { canvas } of [ball, chart]) ui.undo.add(arrows(canvas, {
    move: (right, down, coarse) => {
      halt();
      const far = coarse ? 5 : 1;
      put(model.get("latitude_deg") - down * STEP * far, model.get("longitude_deg") + right * TURN * far);
    },
    home: () => { halt(); put(90); }, end: () => { halt(); put(-90); },
  }));
  ui.undo.listen(ui.root, "keydown", (event) => { if (event.key === "Escape") halt(); }, true);
  ui.watch(["latitude_deg", "digit"], () => look());
  ui.watch(GLOBE_TRAITS, frames.request);
  ui.watch(["visited"], () => { if (!Object.keys(model.get("visited")).length) { halt(); look(); } }); // after a reset
  ui.undo.add(onThemeChange(ui.root, frames.request));
  ui.undo.add(frames.stop);
  ui.undo.add(desk.stop);
  look();
  frames.request();
  return ui.undo.all;
}

const levels = (view) => Float64Array.from(new Uint8Array(view.buffer, view.byteOffset, view.byteLength), (level) => level / 255);
const best = (scores) => scores.indexOf(Math.max(...scores));

// visited: {"digit latitude": bits} -> a reader: [[right, asked], ...] from the south pole to the north pole
export function tally(visited, readers) {
  const counts = Array.from({ length: readers }, () => Array.from({ length: PLACES }, () => [0, 0]));
  for (const [key, bits] of Object.entries(visited)) {
    const place = (+key.split(" ")[1] + 90) / STEP;
    counts.forEach((line, r) => { line[place][1] += 1; line[place][0] += (bits >> r) & 1; });
  }
  return counts;
}

function stripLine(parent, name) {
  make("span", parent, { className: "ktn-strip-name", textContent: READER_NAMES[name] });
  const canvas = make("canvas", parent, { ...LINE, role: "img" }), share = make("span", parent, { className: "ktn-strip-share" });
  const draw = (counts, here, paint) => {
    drawStrip(canvas.getContext("2d"), name, counts, here, paint, LINE);
    const [right, asked] = counts.reduce(([a, b], [c, d]) => [a + c, b + d], [0, 0]), wrong = counts.filter(([c, d]) => c < d).length;
    share.textContent = `${right}/${asked}`;
    canvas.setAttribute("aria-label", `${READER_NAMES[name]}: right ${right} of ${asked} times, wrong at ${wrong} latitudes.`);
  };
  return { draw };
}

function stripAxis(parent) {
  make("span", parent);
  const axis = make("div", parent, { className: "ktn-strip-axis" });
  for (const text of ["90°S", "60°S", "30°S", "0°", "30°N", "60°N", "90°N"]) make("span", axis, { textContent: text });
  make("span", parent, { className: "ktn-strip-share", textContent: "right" });
}

export default { render };
