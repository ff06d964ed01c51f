/* The host of the book's widgets: each page carries their state and their code, so nothing is fetched and no kernel runs.
   It gives a widget what Jupyter would (get, set, on, off, save_changes) and draws it when it comes near the screen. */
(() => {
const STATE = 'script[type="application/vnd.jupyter.widget-state+json"]';

// a deferred script: the page is parsed when it runs
start();

function start() {
  const holder = document.querySelector(STATE);
  if (!holder) return;
  const { state } = JSON.parse(holder.textContent);
  const models = new Map();
  const modules = new Map();
  const near = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      near.unobserve(entry.target);
      draw(entry.target).catch((error) => showStill(entry.target, error));
    }
  }, { rootMargin: "300px" });
  for (const place of document.querySelectorAll(".ktn-place")) near.observe(place);

  async function draw(place) {
    const id = place.dataset.model;
    const { _esm, _css } = state[id].state;
    if (_css) place.append(Object.assign(document.createElement("style"), { textContent: _css }));
    const widget = await load(_esm);
    const model = (models.get(id) ?? models.set(id, makeModel(state[id])).get(id));
    await widget.initialize?.({ model });
    const el = place.appendChild(document.createElement("div"));
    await widget.render({ model, el });
    place.dataset.drawn = "true";
  }

  async function load(text) {
    if (!modules.has(text)) {
      const url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
      modules.set(text, import(url).then((module) => module.default));
    }
    const widget = await modules.get(text);
    return typeof widget === "function" ? widget() : widget;
  }
}

function makeModel({ state: values, buffers = [] }) {
  for (const { path, data } of buffers) {
    const last = path.at(-1);
    const parent = path.slice(0, -1).reduce((at, key) => (at[key] ??= {}), values);
    parent[last] = new DataView(Uint8Array.from(atob(data), (c) => c.charCodeAt(0)).buffer);
  }
  const handlers = new Map();
  const tell = (name, value) => { for (const handler of [...(handlers.get(name) ?? [])]) handler(value); };
  return {
    get: (key) => values[key],
    set(key, value) {
      if (values[key] === value) return;
      values[key] = value;
      tell(`change:${key}`, value);
      tell("change", value);
    },
    save_changes() {},
    send() {},
    on(names, handler) {
      for (const name of names.split(/\s+/)) handlers.set(name, (handlers.get(name) ?? new Set()).add(handler));
    },
    off(names, handler) {
      if (!names) return handlers.clear();
      for (const name of names.split(/\s+/)) handler ? handlers.get(name)?.delete(handler) : handlers.delete(name);
    },
  };
}

function showStill(place, error) {
  place.dataset.failed = String(error);
  const { still, description } = place.dataset;
  const shown = still
    ? Object.assign(document.createElement("img"), { src: still, alt: description })
    : Object.assign(document.createElement("p"), { textContent: description });
  const note = Object.assign(document.createElement("p"), {
    textContent: "This demonstration needs a newer browser; the picture shows its first state.",
  });
  place.replaceChildren(shown, note);
}
})();
