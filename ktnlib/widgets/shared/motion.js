// Hands and frames: one drag for mouse, touch and pen, arrow keys, and at most one drawing a frame.

// `root`: nothing is drawn while it is off screen; what was asked for meanwhile is drawn when it comes back.
export function animate(draw, root) {
  let handle = 0, asked = false, seen = !root;
  const run = () => { handle = 0; if (asked && seen) { asked = false; draw(); } };
  const request = () => { asked = true; if (seen && !handle) handle = requestAnimationFrame(run); };
  const watcher = root && new IntersectionObserver((entries) => {
    seen = entries.at(-1).isIntersecting;
    if (seen && asked) request();
  }, { rootMargin: "200px" });
  watcher?.observe(root);
  return { request, stop: () => { cancelAnimationFrame(handle); watcher?.disconnect(); } };
}

// Where an event lies on a canvas, in the units it shows (width x height of its stage).
export function pointOn(canvas, event, width, height) {
  const box = canvas.getBoundingClientRect();
  return { x: ((event.clientX - box.left) / box.width) * width, y: ((event.clientY - box.top) / box.height) * height };
}

// `start`, `move` and `end` get such points; `move` also the way since the start.
export function drag(canvas, { start, move, end, width = canvas.width, height = canvas.height }) {
  let origin = null;
  const at = (e) => pointOn(canvas, e, width, height);
  const down = (e) => {
    if (e.button) return;
    origin = at(e);
    canvas.setPointerCapture(e.pointerId);
    start?.(origin, e);
  };
  const moved = (e) => {
    if (!origin) return;
    const point = at(e);
    move?.({ ...point, dx: point.x - origin.x, dy: point.y - origin.y }, e);
  };
  const up = (e) => { if (origin) { origin = null; end?.(at(e), e); } };
  const events = [["pointerdown", down], ["pointermove", moved], ["pointerup", up], ["pointercancel", up]];
  canvas.classList.add("ktn-drag");
  for (const [type, handler] of events) canvas.addEventListener(type, handler);
  return () => { for (const [type, handler] of events) canvas.removeEventListener(type, handler); };
}

// `move(right, down, coarse)` for the arrows; `home()` and `end()` where they mean something.
export function arrows(canvas, { move, home, end }) {
  const ways = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  const handler = (e) => {
    if (e.key in ways) move(...ways[e.key], e.shiftKey);
    else if (e.key === "Home" && home) home();
    else if (e.key === "End" && end) end();
    else return;
    e.preventDefault();
    e.stopPropagation(); // the page's own keys (turn the page, next cell) are not meant
  };
  canvas.addEventListener("keydown", handler);
  return () => canvas.removeEventListener("keydown", handler);
}
