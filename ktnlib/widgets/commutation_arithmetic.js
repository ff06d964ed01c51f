// "Show the arithmetic": the chosen pixel's taps, weights, products and sum, beside what moving the map reads there.

function arithmeticPanel(parent) {
  const node = make("div", parent, { className: "ktn-arithmetic", hidden: true });
  const line = (kind) => make("p", node, { className: `ktn-${kind}` });
  const one = line("order"), tables = make("div", node, { className: "ktn-tables" });
  const grids = [["taps of T x", "×"], ["weights", "="], ["products", ""]].map(([caption, sign]) => {
    const table = make("table", tables);
    make("caption", table, { textContent: caption });
    if (sign) make("span", tables, { className: "ktn-sign", textContent: sign });
    return make("tbody", table);
  });
  const sum = line("sum"), two = line("order"), reads = make("div", node, { className: "ktn-tables" });
  const list = make("table", reads), rows = make("tbody", list), both = line("sum");
  make("caption", list, { textContent: "pixels of Γ(x) around that place" });

  // cells are kept from one drawing to the next; only their words and tints change
  function fillGrid(body, values, size, tint) {
    if (body.rows.length !== size) {
      body.replaceChildren();
      for (let r = 0; r < size; r++) for (let c = 0, row = make("tr", body); c < size; c++) make("td", row);
    }
    const most = Math.max(1e-9, ...values.map(Math.abs));
    values.forEach((value, k) => {
      const cell = body.rows[Math.floor(k / size)].cells[k % size], share = Math.round((40 * Math.abs(value)) / most);
      cell.textContent = number(value);
      cell.style.background = `color-mix(in srgb, var(--ktn-${value < 0 ? "muted" : tint}) ${share}%, transparent)`;
    });
  }

  function fill({ moved, still, n, bank, matrix, channel, row, column }, name) {
    const size = Math.sqrt(bank[channel].length), own = tapArithmetic(moved, n, bank[channel], row, column);
    const other = mapArithmetic(still[channel], n, matrix, row, column);
    one.textContent = `Move the image: row ${row}, column ${column} of Γ(T x)${name ? `, channel ${name}` : ""}`;
    [[own.taps, "image"], [own.weights, "kernel"], [own.products, "kernel"]].forEach(([values, tint], k) =>
      fillGrid(grids[k], values, size, tint));
    sum.textContent = `The ${size * size} products add up to ${number(own.sum)}; ReLU ${own.sum < 0 ? "makes that" : "leaves"} ${number(own.value)}.`;
    two.textContent = `Move the map: the same pixel of T Γ(x) reads Γ(x) at row ${number(other.row)}, column ${number(other.column)}`;
    rows.replaceChildren();
    for (const part of other.parts) {
      const entry = make("tr", rows);
      make("th", entry, { scope: "row", textContent: `row ${part.row}, column ${part.column}` });
      make("td", entry, { textContent: `${number(part.value)} × ${number(part.weight)} = ${number(part.value * part.weight)}` });
    }
    list.hidden = !other.parts.length;
    both.textContent = `${other.parts.length ? "Together" : "Outside the picture:"} ${number(other.value)}. `
      + `Difference at this pixel: ${number(own.value)} − ${number(other.value)} = ${number(own.value - other.value)}.`;
  }
  return { node, fill };
}
