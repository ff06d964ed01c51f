// Predict before you run: a guess is entered, then the measurement is shown, and how far off the guess was.

// How far a guess is from the measured value, in the words a reader gets; `decimals` as shown.
export function verdict(guess, measured, tolerance, unit, decimals) {
  // 20 % guessed for 10 % is ten points too high, not ten per cent
  const own = unit === "%" ? "points" : unit, gap = Math.abs(guess - measured);
  const words = `${gap.toFixed(decimals)}${own ? ` ${own}` : ""}`;
  if (gap <= tolerance) return { close: true, text: gap < 0.5 * 10 ** -decimals ? "Exactly that." : `Close: ${words} off.` };
  return { close: false, text: `${words} too ${guess > measured ? "high" : "low"}.` };
}

function render({ model, el }) {
  const ui = frame(el, { task: model.get("task"), model, traits: ["guess", "choice", "revealed"] });
  ui.root.classList.add("ktn-predict");
  const options = model.get("options"), unit = model.get("unit"), decimals = model.get("decimals");
  const say = (value) => `${value.toFixed(decimals).replace("-", "−")}${unit ? ` ${unit}` : ""}`;
  const own = options.length ? chooser() : number();
  const scale = options.length ? null : ruler();
  const reveal = button(ui.buttons, "Reveal the measurement", () => { if (reveal.getAttribute("aria-disabled") !== "true") ui.set({ revealed: true }); });

  // radio buttons: the arrow keys move between them, as everywhere
  function chooser() {
    const group = make("fieldset", ui.controls, { className: "ktn-options" }), name = `${ui.root.getAttribute("aria-labelledby")}-guess`;
    make("legend", group, { textContent: "your prediction" });
    const inputs = options.map((text, k) => {
      const label = make("label", group), input = make("input", label, { type: "radio", name, value: k });
      make("span", label, { textContent: text });
      input.addEventListener("change", () => ui.set({ choice: k }));
      return input;
    });
    return { set: (locked) => inputs.forEach((input, k) => {
      input.checked = k === model.get("choice");
      input.disabled = locked;
    }) };
  }

  function number() {
    const [low, high] = model.get("bounds"), step = model.get("step");
    const made = slider(ui.controls, {
      label: "your prediction", min: low, max: high, step, value: model.get("guess"), format: say,
      onInput: (value) => ui.set({ guess: value }),
    });
    return { set: (locked) => { made.set(model.get("guess")); made.input.disabled = locked; } };
  }

  // guess and measurement on one line; the words below say the same
  function ruler() {
    const line = make("div", ui.stages, { className: "ktn-ruler", "aria-hidden": "true" });
    const mark = (kind) => make("span", line, { className: `ktn-mark ktn-mark-${kind}` });
    const gap = mark("gap"), guess = mark("guess"), measured = mark("measured"), [low, high] = model.get("bounds"), value = make("b", measured);
    const place = (value) => 100 * Math.min(1, Math.max(0, (value - low) / (high - low)));
    return () => {
      const [a, b] = [place(model.get("guess")), place(model.get("measured"))], shown = model.get("revealed");
      guess.style.left = `${a}%`;
      measured.style.left = `${b}%`;
      value.textContent = say(model.get("measured"));
      value.style.transform = `translateX(-${b}%)`; // inside the line at both ends
      Object.assign(gap.style, { left: `${Math.min(a, b)}%`, width: `${Math.abs(a - b)}%` });
      gap.hidden = measured.hidden = !shown;
    };
  }

  function draw() {
    const shown = model.get("revealed"), choice = model.get("choice"), guess = model.get("guess");
    own.set(shown); // a guess is a guess: it stays where it was, until the reset
    scale?.();
    // not `disabled`, which would take the keyboard's focus away
    reveal.setAttribute("aria-disabled", String(shown || (options.length > 0 && choice < 0)));
    ui.root.dataset.revealed = String(shown);
    if (!shown) {
      ui.say(options.length ? (choice < 0 ? "Choose before you look." : `You predict: ${options[choice]}.`)
        : `You predict ${say(guess)}. Commit to it, then look.`);
    } else if (options.length) {
      const right = model.get("answer");
      ui.say(`${choice === right ? "Yes" : "No"}: ${options[right]}. ${model.get("explanation")}`);
    } else {
      const found = verdict(guess, model.get("measured"), model.get("tolerance"), unit, decimals);
      ui.say(`Measured: ${say(model.get("measured"))}. ${found.text} ${model.get("explanation")}`);
    }
    ui.ready();
  }

  ui.watch(["guess", "choice", "revealed", "measured"], draw);
  draw();
  return ui.undo.all;
}

export default { render };
