// Feature maps of a network on a panorama: swipe from a method's map to the exact one, and look at both through a camera.

const TRAITS = ["row", "column", "layer", "method", "difference"], METHODS = ["direct", "bilinear", "ktn"];
const SIDE = 174, FOV = radians(60);
const CALLED = { direct: "direct convolution", bilinear: "bilinear taps", ktn: "the kernel transformer" };
const SHORT = { direct: "direct", bilinear: "bilinear", ktn: "KTN" };

const latitudeOf = (row, height) => {
  const angle = degrees(rowLatitude(row, height));
  return `${Math.abs(angle).toFixed(1)}° ${angle < 0 ? "south" : "north"}`;
};
const longitudeOf = (column, height) => {
  const angle = degrees(columnLongitude(column, 2 * height));
  return `${Math.abs(angle).toFixed(1)}° ${angle < 0 ? "west" : "east"}`;
};

function render({ model, el }) {
  const ui = frame(el, { task: model.get("task"), model, traits: TRAITS });
  ui.root.classList.add("ktn-panorama-microscope");
  const height = model.get("grid_height"), width = 2 * height, labels = model.get("labels");
  const map = stage(ui.stages, { width: 360, height: 188, density: 3, focusable: true, caption: "", label: "The map" });
  const plot = stage(ui.stages, { width: 174, height: 188, density: 3, caption: "error by latitude, cut at 100 %", label: "Errors" });
  const row3 = make("div", ui.stages, { className: "ktn-views" });
  const [room, ours, other] = ["camera", "method", "exact"].map((caption) =>
    stage(row3, { width: SIDE, height: SIDE, density: 2, caption, label: caption }));
  const put = (row, column) => ui.set({ row: limited(Math.round(row), 0, height - 1), column: modulo(Math.round(column), width) });
  const latitude = slider(ui.controls, {
    label: "latitude", min: 0, max: height - 1, step: 1, coarse: height / 16, value: 0,
    format: (step) => latitudeOf(height - 1 - step, height), onInput: (step) => put(height - 1 - step, model.get("column")),
  });
  const longitude = slider(ui.controls, {
    label: "longitude", min: 0, max: width - 1, step: 1, coarse: width / 16, value: 0,
    format: (column) => longitudeOf(column, height), onInput: (column) => put(model.get("row"), column),
  });
  const layer = choice(ui.controls, { label: "map of", options: labels.map((name, k) => [k, name]), value: 0, onChange: (k) => ui.set({ layer: +k }) });
  const method = choice(ui.controls, { label: "method", options: METHODS.map((name) => [name, CALLED[name]]), value: "direct", onChange: (name) => ui.set({ method: name }) });
  const apart = toggle(ui.buttons, "Show the difference", false, (difference) => ui.set({ difference }));

  let bytes = null, picture = null, drawn = {}; // canvases of whole maps by what they show
  const layers = []; // {maps, spread, shades, errors, whole} as they are asked for
  const failed = (what) => () => ui.say(`This browser cannot read ${what}.`);
  inflated(model.get("maps")).then((read) => { bytes = read; frames.request(); }).catch(failed("the maps"));
  createImageBitmap(new Blob([model.get("picture")])).then((decoded) => {
    picture = reduced(decoded, height).data;
    decoded.close();
    frames.request();
  }).catch(failed("the panorama, a WebP file"));

  function known(k) {
    if (layers[k]) return layers[k];
    const maps = unpackLayer(bytes, k, height * width, model.get("scales")[k], METHODS);
    const errors = Object.fromEntries(METHODS.map((name) => [name, rowErrors(maps[name], maps.exact, height)]));
    const whole = METHODS.map((name) => spreadError(maps[name], maps.exact, height));
    return (layers[k] = { maps, errors, whole, spread: sphereSpread(maps.exact, height), shades: shades(maps.exact) });
  }

  function follow() {
    latitude.set(height - 1 - model.get("row"));
    longitude.set(model.get("column"));
    layer.set(model.get("layer"));
    method.set(model.get("method"));
    apart.set(model.get("difference"));
  }

  function draw() {
    if (!bytes || !picture) return;
    const row = limited(model.get("row"), 0, height - 1), column = modulo(model.get("column"), width);
    const k = limited(model.get("layer"), 0, labels.length - 1), name = model.get("method"), differ = model.get("difference");
    const one = known(k), paint = colours(ui.root), [low, high] = one.shades;
    const signed = diverging(paint.image, paint.zero, paint.map), shade = (value) => grey((value - low) / (high - low));
    const away = (value, at) => signed((value - one.maps.exact[at]) / one.spread);
    const whole = (what) => drawn[`${k} ${what} ${paint.zero}`] ??= mapPicture(one.maps[what === "away" ? name : what], height, what === "away" ? away : shade);
    if (differ) drawn = {}; // it depends on the method, and is drawn in a few milliseconds
    const east = whole(differ ? "away" : "exact"), west = differ ? east : whole(name);
    const view = { yaw: columnLongitude(column, width), pitch: rowLatitude(row, height), fov: FOV, width: VIEW, height: VIEW };
    drawSwipe(map.context2d(), { west, east, row, column, height, view }, paint);
    drawErrors(plot.context2d(), one.errors, { row, method: name }, paint);
    const samples = viewSamples(view, height, width), seen = (values, channels = 1, channel = 0) => sampled(samples, values, channels, channel);
    const colour = [0, 1, 2].map((channel) => seen(picture, 4, channel)), [own, exact] = [name, "exact"].map((each) => seen(one.maps[each]));
    drawView(room.context2d(), SIDE, (at) => colour.map((plane) => plane[at]));
    drawView(ours.context2d(), SIDE, (at) => shade(own[at]));
    drawView(other.context2d(), SIDE, (at) => (differ ? signed((own[at] - exact[at]) / one.spread) : shade(exact[at])));
    ui.root.dataset.method = name;
    words({ row, column, name, differ, label: labels[k], one });
    ui.ready();
  }

  function words({ row, column, name, differ, label, one }) {
    const place = `${latitudeOf(row, height)}, ${longitudeOf(column, height)}`;
    map.setCaption(differ ? `${SHORT[name]} minus exact, orange +, blue − its spread` : `${SHORT[name]} | exact`);
    ours.setCaption(SHORT[name]);
    other.setCaption(differ ? "difference" : "exact");
    map.setLabel(`${map.figure.textContent}, ${label}, over the whole panorama; a camera at ${place}. Arrow keys move the camera.`);
    room.setLabel(`What a camera 60° wide sees of the panorama at ${place}.`);
    ours.setLabel(`The same view of the map by ${CALLED[name]}.`);
    other.setLabel(differ ? "The same view of the difference." : "The same view of the exact map.");
    const here = METHODS.map((each) => percent(one.errors[each][row])), all = one.whole.map(percent);
    const listed = (values) => METHODS.map((each, m) => `${SHORT[each]} ${values[m]}`).join(", ");
    plot.setLabel(`Errors of ${label} from the north pole to the south pole. In the camera's row: ${listed(here)}.`);
    ui.say(`At ${latitudeOf(row, height)} ${CALLED[name]} ${name === "bilinear" ? "are" : "is"} off by ${here[METHODS.indexOf(name)]} of the spread of ${label}’s map. `
      + `Over the whole sphere: ${listed(all)}.`);
  }

  const frames = animate(draw, ui.root), cell = GRID.height / height;
  let grip = null;
  ui.undo.add(drag(map.canvas, {
    width: 360, height: 188,
    start: ({ x, y }) => {
      put((y - GRID.y) / cell - 0.5, (x - GRID.x) / cell - 0.5);
      grip = { row: model.get("row"), column: model.get("column") };
    },
    move: ({ dx, dy }) => put(grip.row + dy / cell, grip.column + dx / cell),
  }));
  ui.undo.add(drag(plot.canvas, { width: 174, height: 188, start: ({ y }) => upright(y), move: ({ y }) => upright(y) }));
  const upright = (y) => put((y - PLOT.y) / cell - 0.5, model.get("column"));
  ui.undo.add(arrows(map.canvas, {
    move: (right, down, coarse) => put(model.get("row") + down * (coarse ? height / 16 : 1), model.get("column") + right * (coarse ? width / 16 : 1)),
    home: () => put(0, model.get("column")), end: () => put(height - 1, model.get("column")),
  }));
  ui.watch(TRAITS, () => { follow(); frames.request(); });
  ui.undo.add(onThemeChange(ui.root, frames.request));
  ui.undo.add(frames.stop);
  follow();
  return ui.undo.all;
}

const inflated = async (view) => new Uint8Array(await new Response(
  new Blob([view]).stream().pipeThrough(new DecompressionStream("deflate"))).arrayBuffer());

export default { render };
