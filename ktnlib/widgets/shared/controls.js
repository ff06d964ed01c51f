// The anatomy every widget shares: task, stages, controls, reading, buttons. State lives in the model.
// Drags, arrow keys and frames are in motion.js, colours in palette.js.

export function make(tag, parent, properties = {}) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(properties)) {
    if (key === "role" || key.includes("-")) node.setAttribute(key, value);
    else node[key] = value;
  }
  parent?.append(node);
  return node;
}

export const floats = (view) =>
  new Float32Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));

export const reducedMotion = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

export function undo() {
  const steps = [];
  return {
    add: (step) => void steps.push(step),
    listen(target, type, handler, options) {
      target.addEventListener(type, handler, options);
      steps.push(() => target.removeEventListener(type, handler, options));
    },
    all: () => { while (steps.length) steps.pop()(); },
  };
}

// `traits`: what the reset button and Escape put back to the values they had when the widget was drawn.
export function frame(el, { task, model, traits = [] }) {
  const done = undo(), id = `ktn-${Math.random().toString(36).slice(2, 9)}`;
  const initial = traits.map((name) => [name, model.get(name)]);
  const root = make("section", el, { className: "ktn-widget", role: "group", "aria-labelledby": id,
    "data-lm-suppress-shortcuts": "true" }); // JupyterLab leaves the keys to us
  make("p", root, { className: "ktn-task", id, textContent: task });
  const part = (name) => make("div", root, { className: `ktn-${name}` });
  const stages = part("stages"), controls = part("controls");
  // seen at once, spoken only when the hand rests: a drag must not flood a screen reader
  const foot = part("foot"), reading = make("p", foot, { className: "ktn-reading", "aria-hidden": "true" });
  const spoken = make("p", foot, { className: "ktn-spoken", role: "status", "aria-live": "polite" });
  const row = make("div", foot, { className: "ktn-buttons" }), buttons = make("div", row, { className: "ktn-verbs" });
  let timer;
  const say = (text) => {
    reading.textContent = text;
    clearTimeout(timer);
    timer = setTimeout(() => { spoken.textContent = text; }, 500);
  };
  const set = (values) => {
    for (const [name, value] of Object.entries(values)) model.set(name, value);
    model.save_changes();
  };
  const watch = (names, handler) => names.forEach((name) => {
    const own = () => handler(); // one function a name: `off` finds a handler by its identity
    model.on(`change:${name}`, own);
    done.add(() => model.off(`change:${name}`, own));
  });
  const reset = () => set(Object.fromEntries(initial));
  if (traits.length) {
    button(row, "Reset", reset).classList.add("ktn-reset");
    done.listen(root, "keydown", (e) => { if (e.key === "Escape" && e.target.tagName !== "SELECT") reset(); });
  }
  done.add(() => { clearTimeout(timer); root.remove(); });
  const ready = () => { root.dataset.ready = "true"; };
  return { root, stages, controls, reading, buttons, say, set, watch, reset, ready, undo: done };
}

// width and height in units of drawing; `density` canvas pixels make one unit.
export function stage(parent, { width, height, caption, label, focusable = false, density = 1 }) {
  const figure = make("figure", parent, { className: "ktn-stage" });
  const canvas = make("canvas", figure, { width: width * density, height: height * density, className: "ktn-canvas" });
  canvas.style.aspectRatio = `${width} / ${height}`;
  canvas.setAttribute("role", focusable ? "application" : "img");
  if (focusable) canvas.tabIndex = 0;
  const setLabel = (text) => canvas.setAttribute("aria-label", text);
  setLabel(label);
  const words = make("figcaption", figure, { textContent: caption });
  const context2d = () => {
    const context = canvas.getContext("2d");
    context.setTransform(density, 0, 0, density, 0, 0);
    return context;
  };
  return { canvas, context2d, figure, setLabel, setCaption: (text) => { words.textContent = text; }, width, height };
}

export function slider(parent, { label, min, max, step, coarse = 10 * step, value, format = String, onInput }) {
  const row = make("label", parent, { className: "ktn-slider" });
  make("span", row, { textContent: label });
  const out = make("output", row), input = make("input", row, { type: "range", min, max, step });
  const set = (now) => {
    input.value = now;
    out.textContent = format(now);
    input.setAttribute("aria-valuetext", format(now));
  };
  const ways = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 };
  input.addEventListener("input", () => onInput(+input.value));
  input.addEventListener("keydown", (e) => {
    if (!e.shiftKey || !(e.key in ways)) return;
    e.preventDefault();
    // set at once: of two presses within one frame the second goes on from the first
    set(Math.min(+input.max, Math.max(+input.min, +input.value + ways[e.key] * coarse)));
    onInput(+input.value);
  });
  const range = (low, high, fine) => Object.assign(input, { min: low, max: high, step: fine });
  set(value);
  return { input, set, range, row };
}

export function choice(parent, { label, options, value, onChange }) {
  const row = make("label", parent, { className: "ktn-choice" });
  make("span", row, { textContent: label });
  const input = make("select", row);
  for (const [key, text] of options) make("option", input, { value: key, textContent: text });
  input.addEventListener("change", () => onChange(input.value));
  input.value = value;
  return { input, set: (now) => { input.value = now; } };
}

export function button(parent, text, onClick) {
  const node = make("button", parent, { type: "button", textContent: text });
  node.addEventListener("click", onClick);
  return node;
}

export function toggle(parent, text, pressed, onChange) {
  const set = (now) => node.setAttribute("aria-pressed", String(now));
  const node = button(parent, text, () => onChange(node.getAttribute("aria-pressed") !== "true"));
  set(pressed);
  return { node, set };
}
