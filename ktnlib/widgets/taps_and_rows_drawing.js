// What taps_and_rows.js draws and tells: the patch under the kernel, the map of all answers, and nine products.

function drawPatch(context, { height, width, row, column, step }, { data }, kernel, paint) {
  const cell = PATCH / SIDE, { rows, columns } = tapRow(row, height, width, step, SIDE), half = (SIDE - 3) / 2;
  const samples = rows.map((at, k) => neighbours(at, columns[k] + column, height, width).reduce((sum, [i, j, weight]) =>
    sum.map((value, c) => value + weight * data[4 * (i * width + j) + c]), [0, 0, 0]));
  pixels(context, samples.map((_, k) => k), SIDE, (k) => samples[k], 0, 0, PATCH, PATCH);
  const most = Math.max(...kernel.map(Math.abs));
  kernel.forEach((weight, k) => { // a weight's sign in the middle of its sample, as strong as it is
    const x = (half + (k % 3) + 0.5) * cell, y = (half + Math.floor(k / 3) + 0.5) * cell, size = 1 + (3.5 * Math.abs(weight)) / most;
    if (Math.abs(weight) < 0.05 * most) return;
    for (const [colour, wide] of [[paint.ground, 4], [paint.kernel, 2]]) {
      Object.assign(context, { strokeStyle: colour, lineWidth: wide });
      context.beginPath();
      context.moveTo(x - size, y);
      context.lineTo(x + size, y);
      if (weight > 0) { context.moveTo(x, y - size); context.lineTo(x, y + size); }
      context.stroke();
    }
  });
  for (const [colour, wide] of [[paint.ground, 4], [paint.kernel, 2]]) {
    Object.assign(context, { strokeStyle: colour, lineWidth: wide });
    context.strokeRect(half * cell, half * cell, 3 * cell, 3 * cell);
  }
}

function drawMap(context, state, paint, fill) {
  context.clearRect(0, 0, GRID_STAGE.width, GRID_STAGE.height);
  fill(context);
  latitudeTicks(context, GRID, paint.muted);
  clipped(context, GRID, () => ring(context, ...gridPlace(state.row, state.column, state), 7, paint.kernel, paint.ground));
}

function fillTable(node, head, rows) {
  node.replaceChildren();
  const top = make("tr", make("thead", node)), body = make("tbody", node);
  for (const word of head) word ? make("th", top, { scope: "col", textContent: word }) : make("td", top);
  for (const [name, ...values] of rows) {
    const line = make("tr", body);
    make("th", line, { scope: "row", textContent: name });
    for (const value of values) make("td", line, { textContent: value });
  }
}

// "Show the arithmetic": weights, what they meet on the plane and on the grid, and the two sums.
function tapSheet(parent) {
  const node = make("div", parent, { className: "ktn-arithmetic", hidden: true }), tables = make("div", node, { className: "ktn-tables" });
  const bodies = ["weights", "read on the plane", "read on the grid"].map((caption) => {
    const table = make("table", tables);
    make("caption", table, { textContent: caption });
    const body = make("tbody", table);
    for (let k = 0; k < 9; k++) make("td", k % 3 ? body.lastChild : make("tr", body));
    return body;
  });
  const number = (value) => (Math.abs(value) < 5e-4 ? "0.000" : value.toFixed(3).replace("-", "−"));
  const sums = make("p", node, { className: "ktn-sum" });
  const fill = ({ plane, grid }, weights) => {
    [weights, plane, grid].forEach((values, t) => values.forEach((value, k) => {
      bodies[t].rows[Math.floor(k / 3)].cells[k % 3].textContent = number(value);
    }));
    const sum = (values) => number(values.reduce((total, value, k) => total + weights[k] * value, 0));
    sums.textContent = `Weight times value, nine times, adds up to ${sum(plane)} on the plane and to ${sum(grid)} on the grid.`;
  };
  return { node, fill };
}
