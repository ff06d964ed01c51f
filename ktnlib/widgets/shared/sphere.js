// The sphere in numbers, by the book's conventions: pixel centres, row 0 north, longitude to the east, radians; a view
// looks along (yaw, pitch), roll turns the camera clockwise; a tap beyond a pole comes back half a revolution away.

export const degrees = (radians) => (radians * 180) / Math.PI;
export const radians = (angle) => (angle * Math.PI) / 180;
export const modulo = (value, period) => ((value % period) + period) % period;

export const rowLatitude = (row, height) => Math.PI / 2 - ((row + 0.5) * Math.PI) / height;
export const columnLongitude = (column, width) => ((column + 0.5) * 2 * Math.PI) / width - Math.PI;

// latitude, longitude -> [row, column], fractional, 0 at the centre of the first pixel
export const sphereToPixel = (latitude, longitude, height, width) =>
  [((Math.PI / 2 - latitude) * height) / Math.PI - 0.5, ((longitude + Math.PI) * width) / (2 * Math.PI) - 0.5];

// The plane that touches the sphere at the given point, in sphere radii -> [latitude, longitude]; the longitude keeps
// within half a turn of the point's own and is not wrapped.
export function planeToSphere(east, south, latitude, longitude) {
  const sin = Math.sin(latitude), cos = Math.cos(latitude), outward = cos + south * sin;
  return [Math.atan2(sin - south * cos, Math.hypot(outward, east)), longitude + Math.atan2(east, outward)];
}

// the way back -> [east, south, whether the point is in front of the plane's half of the sphere]
export function sphereToPlane(latitude, longitude, centreLatitude, centreLongitude) {
  const turn = longitude - centreLongitude, sin = Math.sin(latitude), cos = Math.cos(latitude);
  const sin0 = Math.sin(centreLatitude), cos0 = Math.cos(centreLatitude);
  const ahead = sin * sin0 + cos * cos0 * Math.cos(turn);
  return [(cos * Math.sin(turn)) / ahead, (cos * sin0 * Math.cos(turn) - sin * cos0) / ahead, ahead > 0];
}

// view: {yaw, pitch, roll, fov, width, height}; what its pixel (row, column) looks at -> [latitude, longitude]
export function viewPoint(row, column, { yaw, pitch, roll = 0, fov, width, height }) {
  const step = (2 * Math.tan(fov / 2)) / width, right = (column + 0.5 - width / 2) * step;
  const down = (row + 0.5 - height / 2) * step, cos = Math.cos(roll), sin = Math.sin(roll);
  return planeToSphere(right * cos - down * sin, right * sin + down * cos, pitch, yaw);
}

// the way back -> [row, column, in front]
export function viewPixel(latitude, longitude, { yaw, pitch, roll = 0, fov, width, height }) {
  const [east, south, facing] = sphereToPlane(latitude, longitude, pitch, yaw);
  const step = (2 * Math.tan(fov / 2)) / width, cos = Math.cos(roll), sin = Math.sin(roll);
  return [(south * cos - east * sin) / step + height / 2 - 0.5, (east * cos + south * sin) / step + width / 2 - 0.5, facing];
}

export function inView(latitude, longitude, view) {
  const [row, column, facing] = viewPixel(latitude, longitude, view);
  return facing && Math.abs(row + 0.5 - view.height / 2) <= view.height / 2 &&
    Math.abs(column + 0.5 - view.width / 2) <= view.width / 2;
}

// [row, column] of whole pixels that may lie outside -> the pixel they mean: past a pole, and round the seam
export function fold(row, column, height, width) {
  const over = row < 0 || row >= height, inside = row < 0 ? -1 - row : 2 * height - 1 - row;
  return [over ? inside : row, modulo(over ? column + width / 2 : column, width)];
}

// the four pixels a bilinear sample reads -> [[row, column, weight], ...], north-west, north-east, south-west, south-east
export function neighbours(row, column, height, width) {
  const top = Math.floor(row), left = Math.floor(column), down = row - top, right = column - left;
  const read = (i, j, weight) => { const at = fold(top + i, left + j, height, width); at.push(weight); return at; };
  return [read(0, 0, (1 - down) * (1 - right)), read(0, 1, (1 - down) * right), read(1, 0, down * (1 - right)),
    read(1, 1, down * right)];
}

// The view of a panorama whose channels lie last, as flat numbers in the same order.
export function renderView(values, height, width, channels, view) {
  const picture = Array(view.height * view.width * channels).fill(0);
  for (let row = 0, at = 0; row < view.height; row++) for (let column = 0; column < view.width; column++, at += channels) {
    const [latitude, longitude] = viewPoint(row, column, view), [y, x] = sphereToPixel(latitude, longitude, height, width);
    for (const [i, j, weight] of neighbours(y, x, height, width))
      for (let c = 0; c < channels; c++) picture[at + c] += weight * values[(i * width + j) * channels + c];
  }
  return picture;
}

// The view's edge, clockwise from its top left corner -> [[latitude, longitude], ...]; longitudes run on without a jump:
// they come back to the first, or to one a whole turn away where the view holds a pole.
export function footprint(view, perEdge = 48) {
  const corners = [[0, 0], [0, 1], [1, 1], [1, 0], [0, 0]], points = [];
  for (let edge = 0; edge < 4; edge++)
    for (let k = edge ? 1 : 0; k <= perEdge; k++) {
      const [from, to] = [corners[edge], corners[edge + 1]], t = k / perEdge;
      const [y, x] = [0, 1].map((axis) => from[axis] + (to[axis] - from[axis]) * t);
      const [latitude, longitude] = viewPoint(y * view.height - 0.5, x * view.width - 0.5, view);
      const before = points.length ? points.at(-1)[1] : longitude; // an edge is an arc of less than half a turn
      points.push([latitude, before + modulo(longitude - before + Math.PI, 2 * Math.PI) - Math.PI]);
    }
  return points;
}

export const holdsPole = (view) => inView(Math.PI / 2, 0, view) || inView(-Math.PI / 2, 0, view);

// the share of all longitudes that the view reaches
export function columnShare(view) {
  if (holdsPole(view)) return 1;
  const longitudes = footprint(view).map(([, longitude]) => longitude);
  return (Math.max(...longitudes) - Math.min(...longitudes)) / (2 * Math.PI);
}

// the share of the sphere: the solid angle of a pyramid on a rectangle, wherever it points
export function sphereShare({ fov, width, height }) {
  const a = Math.tan(fov / 2), b = (a * height) / width;
  return Math.atan((a * b) / Math.sqrt(1 + a * a + b * b)) / Math.PI;
}

// 1 for each pixel of a panorama whose centre is in the view, else 0
export function coverage(view, height, width) {
  const { yaw, pitch, roll = 0, fov } = view, mask = new Uint8Array(height * width);
  const a = Math.tan(fov / 2), b = (a * view.height) / view.width;
  const sin0 = Math.sin(pitch), cos0 = Math.cos(pitch), sinRoll = Math.sin(roll), cosRoll = Math.cos(roll);
  const turns = Array.from({ length: width }, (_, j) => columnLongitude(j, width) - yaw);
  const sines = turns.map(Math.sin), cosines = turns.map(Math.cos);
  for (let i = 0; i < height; i++) {
    const latitude = rowLatitude(i, height), sin = Math.sin(latitude), cos = Math.cos(latitude);
    for (let j = 0; j < width; j++) {
      const ahead = sin * sin0 + cos * cos0 * cosines[j], east = cos * sines[j];
      const south = cos * sin0 * cosines[j] - sin * cos0;
      if (Math.abs(east * cosRoll + south * sinRoll) <= a * ahead && Math.abs(south * cosRoll - east * sinRoll) <= b * ahead)
        mask[i * width + j] = 1;
    }
  }
  return mask;
}

// The taps of a square kernel on the plane that touches at the centre of a pixel in `row`, west to east, north to south:
// fractional input rows, and columns counted from the pixel's own. One pattern serves a whole row.
export function tapRow(row, height, width, spacing = (2 * Math.PI) / width, size = 3) {
  const rows = [], columns = [], middle = (size - 1) / 2, latitude = rowLatitude(row, height);
  for (let v = -middle; v <= middle; v++)
    for (let u = -middle; u <= middle; u++) {
      const [tapLatitude, turn] = planeToSphere(u * spacing, v * spacing, latitude, 0);
      rows.push(sphereToPixel(tapLatitude, 0, height, width)[0]);
      columns.push((turn * width) / (2 * Math.PI));
    }
  return { rows, columns };
}

// How many columns the shortest stretch has that holds every pixel the taps read, round the seam if that is shorter.
export function columnsSpanned({ rows, columns }, height, width) {
  const read = rows.flatMap((row, k) => neighbours(row, columns[k] + width / 2, height, width))
    .filter(([, , weight]) => weight > 1e-9).map(([, column]) => column);
  const ordered = [...new Set(read)].sort((a, b) => a - b);
  const gaps = ordered.map((column, k) => (k ? column - ordered[k - 1] : column + width - ordered.at(-1)));
  return width + 1 - Math.max(...gaps);
}
