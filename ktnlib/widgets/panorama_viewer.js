// A camera in a panorama, and its footprint on the equirectangular picture. The view is drawn by WebGL2, or by the same
// formulas on the processor.

const WIDTH = 360, HEIGHT = 270, DENSITY = 2; // of both stages, in units; the view's sides are as 4 to 3
const MAP = { x: 34, y: 6, width: 320, height: 160 }; // the panorama on its stage; bars stand below
const MOST = 2048; // pixels: a reader's own panorama is scaled down to this width
const TRAITS = ["yaw_deg", "pitch_deg", "fov_deg"], FOV = [20, 140];

const FRAGMENT = SPHERE_LOOKUP + `
uniform float yaw, pitch, roll, fov;
void main() {
  vec2 at = (gl_FragCoord.xy - 0.5 * extent) * 2.0 * tan(fov / 2.0) / extent.x;
  float east = at.x * cos(roll) + at.y * sin(roll), south = at.x * sin(roll) - at.y * cos(roll);
  float outward = cos(pitch) + south * sin(pitch);
  float latitude = atan(sin(pitch) - south * cos(pitch), length(vec2(outward, east)));
  colour = vec4(lookup(latitude, yaw + atan(east, outward)), 1);
}`;

export const direction = (angle, positive, negative) => `${Math.abs(angle)}° ${angle < 0 ? negative : positive}`;
export const share = (value) => `${(100 * value).toFixed(value < 0.0995 ? 1 : 0)}\u00a0%`;

// view as in sphere.js -> the shares of columns, of pixels (counted on a grid of 360 rows) and of the sphere
export function shares(view, mask = coverage(view, 360, 720)) {
  return [columnShare(view), mask.reduce((sum, inside) => sum + inside, 0) / mask.length, sphereShare(view)];
}

function render({ model, el }) {
  const ui = frame(el, { task: model.get("task"), model, traits: TRAITS });
  ui.root.classList.add("ktn-panorama-viewer");
  const small = { width: WIDTH, height: HEIGHT, density: DENSITY, focusable: true };
  const camera = stage(ui.stages, { ...small, caption: "the view", label: "The camera's view" });
  const map = stage(ui.stages, { ...small, caption: "its footprint", label: "The whole panorama with the view's footprint" });
  const view = (width, height) => ({
    width, height, roll: radians(model.get("roll_deg")), yaw: radians(model.get("yaw_deg")),
    pitch: radians(model.get("pitch_deg")), fov: radians(model.get("fov_deg")),
  });
  const wrap = (angle) => modulo(angle + 180, 360) - 180, tenth = (angle) => Math.round(10 * angle) / 10;
  const limit = (value, low, high) => Math.min(high, Math.max(low, value));
  const look = (yaw, pitch) => ui.set({ yaw_deg: tenth(wrap(yaw)), pitch_deg: tenth(limit(pitch, -90, 90)) });
  const zoom = (factor) => ui.set({ fov_deg: tenth(limit(model.get("fov_deg") * factor, ...FOV)) });

  const control = (label, trait, min, max, format) => slider(ui.controls, {
    label, min, max, step: 1, value: model.get(trait), format, onInput: (value) => ui.set({ [trait]: value }),
  });
  const sliders = [
    control("yaw", "yaw_deg", -180, 180, (angle) => direction(angle, "east", "west")),
    control("pitch", "pitch_deg", -90, 90, (angle) => direction(angle, "north", "south")),
    control("field of view", "fov_deg", ...FOV, (angle) => `${angle}°`),
  ];

  const follow = () => TRAITS.forEach((trait, k) => sliders[k].set(model.get(trait)));
  let picture = null, numbers = null, home = null; // the panorama as a canvas, and as numbers once the processor needs them
  let note = ""; // said once before the next reading
  const scale = devicePixelRatio > 1 ? 2 : 1.5;
  const gpu = model.get("backend") === "2d" ? null
    : painter(FRAGMENT, { width: WIDTH * scale, height: HEIGHT * scale, onChange: () => frames.request() });

  function draw() {
    if (!picture) return;
    const paint = colours(ui.root), now = view(WIDTH, HEIGHT), mask = coverage(now, 360, 720);
    const got = shares(now, mask);
    ui.root.dataset.backend = gpu?.usable() ? "webgl2" : "2d";
    drawView(camera.context2d());
    drawMap(map.context2d(), { picture, view: now, mask, got, paint });
    const east = direction(model.get("yaw_deg"), "east", "west"), north = direction(model.get("pitch_deg"), "north", "south");
    camera.setLabel(`The camera's view, looking ${east}, ${north}, ${model.get("fov_deg")}° wide. `
      + "Arrow keys look around, plus and minus change the field of view.");
    map.setLabel(`The whole panorama; the view covers ${share(got[1])} of its pixels. Arrow keys move the footprint.`);
    const columns = got[0] === 1 ? "in every column" : `in ${share(got[0])} of the columns`;
    ui.say(`${note}Looking ${east}, ${north}: the view covers ${share(got[1])} of the pixels, ${columns}, `
      + `and ${share(got[2])} of the sphere.`);
    note = "";
    ui.ready();
  }

  function drawView(context) {
    if (gpu?.usable()) {
      gpu.draw(view(0, 0));
      context.drawImage(gpu.canvas, 0, 0, WIDTH, HEIGHT);
    } else {
      numbers ??= picture.getContext("2d").getImageData(0, 0, picture.width, picture.height).data;
      context.drawImage(byHand(numbers, picture, view(WIDTH / 2, HEIGHT / 2)), 0, 0, WIDTH, HEIGHT);
    }
    for (const [latitude, name] of [[Math.PI / 2, "north pole"], [-Math.PI / 2, "south pole"]])
      if (inView(latitude, 0, view(WIDTH, HEIGHT))) {
        const [row, column] = viewPixel(latitude, 0, view(WIDTH, HEIGHT));
        poleMark(context, column + 0.5, row + 0.5, name, { width: WIDTH, above: row > HEIGHT - 30 });
      }
  }

  const show = (next) => { picture = next; numbers = null; gpu?.load(next); frames.request(); };
  const room = scaled(new Blob([model.get("picture")])).then((decoded) => { home = decoded; show(decoded); })
    .catch((error) => ui.say(error.message));
  const back = button(ui.buttons, "Back to the first panorama", () => { back.hidden = true; show(home); chooser.focus(); });
  back.hidden = true;
  async function take(file) {
    if (!file) return;
    try {
      const own = await scaled(file, file.name);
      await room;
      back.hidden = false;
      note = `“${file.name}”, ${own.width} × ${own.height} pixels here, stays in your browser. `;
      show(own);
    } catch (error) {
      ui.say(`${error.message} The view stays as it was.`);
    }
  }
  const input = make("input", ui.buttons, { type: "file", accept: "image/*", hidden: true });
  const chooser = button(ui.buttons, "Use your own panorama", () => input.click());
  ui.undo.listen(input, "change", () => { take(input.files[0]); input.value = ""; });

  const hover = (on) => (e) => {
    e.preventDefault();
    ui.root.classList.toggle("ktn-drop", on);
  };
  ui.undo.listen(ui.root, "dragover", hover(true));
  ui.undo.listen(ui.root, "dragleave", hover(false));
  ui.undo.listen(ui.root, "drop", (e) => { hover(false)(e); take(e.dataTransfer.files[0]); });

  const frames = animate(draw, ui.root);
  let from = null;
  const remember = () => { from = { yaw: model.get("yaw_deg"), pitch: model.get("pitch_deg"), fov: model.get("fov_deg") }; };
  const fingers = pinch(camera.canvas, { start: remember, move: (ratio) => zoom((from.fov * ratio) / model.get("fov_deg")) });
  ui.undo.add(fingers.stop);
  ui.undo.add(drag(camera.canvas, {
    width: WIDTH, height: HEIGHT, start: remember,
    move: ({ dx, dy }) => { // the picture follows the hand: at the middle one pixel turns the camera by one pixel's angle
      if (fingers.many()) return;
      const pixel = degrees((2 * Math.tan(radians(from.fov) / 2)) / WIDTH);
      look(from.yaw - (dx * pixel) / Math.max(0.25, Math.cos(radians(from.pitch))), from.pitch + dy * pixel);
    },
  }));
  ui.undo.add(drag(map.canvas, {
    width: WIDTH, height: HEIGHT,
    start: ({ x, y }) => { // outside the footprint the middle comes to the hand
      const [yaw, pitch] = [((x - MAP.x) / MAP.width) * 360 - 180, 90 - ((y - MAP.y) / MAP.height) * 180];
      if (y < MAP.y + MAP.height && !inView(radians(pitch), radians(yaw), view(WIDTH, HEIGHT))) look(yaw, pitch);
      remember();
    },
    move: ({ dx, dy }) => look(from.yaw + (dx / MAP.width) * 360, from.pitch - (dy / MAP.height) * 180),
  }));
  for (const { canvas } of [camera, map]) ui.undo.add(arrows(canvas, {
    move: (right, down, coarse) => look(
      model.get("yaw_deg") + right * (coarse ? 10 : 1), model.get("pitch_deg") - down * (coarse ? 10 : 1)),
    home: () => look(model.get("yaw_deg"), 90), end: () => look(model.get("yaw_deg"), -90),
  }));
  ui.undo.listen(camera.canvas, "keydown", (e) => {
    if (e.key === "+" || e.key === "=") zoom(1 / 1.1);
    if (e.key === "-") zoom(1.1);
  });
  ui.undo.listen(camera.canvas, "wheel", (e) => { // a page that scrolls past is not held up: only once the view is chosen
    if (document.activeElement !== camera.canvas && !e.ctrlKey) return;
    e.preventDefault();
    zoom(Math.exp(limit(e.deltaY, -100, 100) / 500));
  }, { passive: false });
  ui.watch([...TRAITS, "roll_deg"], () => { follow(); frames.request(); });
  ui.undo.add(onThemeChange(ui.root, frames.request));
  ui.undo.add(frames.stop);
  ui.undo.add(() => gpu?.dispose());
  return ui.undo.all;
}

// A picture file as a canvas at most MOST pixels wide; refuses by words what is no panorama.
async function scaled(blob, name = "the panorama") {
  const bitmap = await createImageBitmap(blob).catch(() => {
    throw new Error(`“${name}” is no picture this browser can read; choose a JPEG, PNG or WebP file.`);
  });
  const { width, height } = bitmap;
  if (Math.abs(width / height - 2) > 0.02) throw new Error(`“${name}” has ${width} × ${height} pixels; `
    + `an equirectangular panorama is twice as wide as it is high, here ${width} × ${Math.round(width / 2)}.`);
  const canvas = document.createElement("canvas"), wide = Math.min(MOST, width - (width % 2));
  Object.assign(canvas, { width: wide, height: wide / 2 });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  Object.assign(context, { imageSmoothingQuality: "high" });
  context.drawImage(bitmap, 0, 0, wide, wide / 2);
  bitmap.close();
  return canvas;
}

function byHand(values, { width, height }, view) {
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: view.width, height: view.height });
  const context = canvas.getContext("2d"), out = context.createImageData(view.width, view.height);
  out.data.set(renderView(values, height, width, 4, view));
  context.putImageData(out, 0, 0);
  return canvas;
}

function drawMap(context, { picture, view, mask, got, paint }) {
  context.clearRect(0, 0, WIDTH, HEIGHT);
  context.drawImage(picture, MAP.x, MAP.y, MAP.width, MAP.height);
  context.drawImage(veil(mask, paint), MAP.x, MAP.y, MAP.width, MAP.height);
  const edge = footprint(view);
  clipped(context, MAP, () => {
    for (const [colour, wide] of [[paint.ground, 5], [paint.image, 2.5]]) {
      Object.assign(context, { strokeStyle: colour, lineWidth: wide, lineJoin: "round" });
      for (const turn of [-2, -1, 0, 1, 2]) { // longitudes run on past the seam
        context.beginPath();
        for (const [latitude, longitude] of edge) context.lineTo(...mapPlace(latitude, longitude + 2 * Math.PI * turn, MAP));
        context.stroke();
      }
    }
  });
  latitudeTicks(context, MAP, paint.muted);
  ["columns", "pixels", "sphere"].forEach((name, k) => bar(context, MAP.y + MAP.height + 28 + 28 * k, name, got[k], paint));
}

// what the view does not see steps back
function veil(mask, paint) {
  const canvas = document.createElement("canvas"), [r, g, b] = rgb(paint.ground), width = Math.sqrt(2 * mask.length);
  Object.assign(canvas, { width, height: width / 2 });
  const context = canvas.getContext("2d"), out = context.createImageData(width, width / 2);
  for (let k = 0; k < mask.length; k++) if (!mask[k]) {
    out.data[4 * k] = r; out.data[4 * k + 1] = g; out.data[4 * k + 2] = b; out.data[4 * k + 3] = 140;
  }
  context.putImageData(out, 0, 0);
  return canvas;
}

function bar(context, y, name, value, paint) {
  const x = MAP.x + 62, long = MAP.width - 62 - 48;
  Object.assign(context, { font: "13px system-ui, sans-serif", textBaseline: "middle", textAlign: "right" });
  context.fillStyle = paint.text;
  context.fillText(name, x - 10, y);
  context.fillText(share(value), MAP.x + MAP.width, y);
  context.fillStyle = paint.hairline;
  context.fillRect(x, y - 5, long, 10);
  context.fillStyle = name === "sphere" ? paint.muted : paint.image;
  context.fillRect(x, y - 5, long * value, 10);
}

// Two fingers: `move` gets the distance at the start over the distance now.
function pinch(canvas, { start, move }) {
  const down = new Map(), done = undo();
  let far = 0;
  const apart = () => { const [a, b] = [...down.values()]; return Math.hypot(a.x - b.x, a.y - b.y) || 1; };
  const at = (e) => down.set(e.pointerId, { x: e.clientX, y: e.clientY });
  done.listen(canvas, "pointerdown", (e) => { at(e); if (down.size === 2) { far = apart(); start(); } });
  done.listen(canvas, "pointermove", (e) => {
    if (!down.has(e.pointerId)) return;
    at(e);
    if (down.size === 2) move(far / apart());
  });
  for (const type of ["pointerup", "pointercancel"]) done.listen(canvas, type, (e) => down.delete(e.pointerId));
  return { many: () => down.size > 1, stop: done.all };
}

export default { render };
