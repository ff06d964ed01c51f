"""Render the book's own panorama, the painted room: `python data/make_painted_room.py`.

A ray goes through every pixel centre of a finer equirectangular grid (row 0 looks up, longitude 0 is the
centre of the image) to the nearest of a few axis-aligned boxes and spheres; light comes through the window
and from five lamps, with shadows; a box filter brings the picture down. Axes: x to longitude 0, y to
longitude +90° (the viewer's right), z up, metres from the camera. Takes two minutes.
"""

import argparse
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import painted_room_walls as walls
from PIL import Image

ROOM_LOW = np.array([-3.2, -3.6, -1.6], dtype=np.float32)
ROOM_HIGH = np.array([3.0, 3.6, 1.7], dtype=np.float32)
# outward from the box, in this order: -x, +x, -y, +y, -z, +z
NORMALS = np.array([[-1, 0, 0], [1, 0, 0], [0, -1, 0], [0, 1, 0], [0, 0, -1], [0, 0, 1]], dtype=np.float32)
WINDOW = (-1.8, 1.8, 0.28, 1.42)  # left, right, bottom, top in y and z, on the wall x = 3
SUN = np.array([0.62, 0.24, 0.75], dtype=np.float32)  # direction towards the sun
SUPERSAMPLING = 3


@dataclass(frozen=True)
class Box:
    """An axis-aligned box; `faces` maps a side's index in NORMALS to a picture, other sides have `colour`."""

    low: np.ndarray
    high: np.ndarray
    colour: tuple[float, float, float]
    faces: dict[int, np.ndarray] = field(default_factory=dict)


def srgb_to_linear(value: np.ndarray) -> np.ndarray:
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def linear_to_srgb(value: np.ndarray) -> np.ndarray:
    return np.where(value <= 0.0031308, value * 12.92, 1.055 * np.maximum(value, 1e-9) ** (1 / 2.4) - 0.055)


def furniture() -> list[Box]:
    def box(low, high, colour, faces=None):
        rgb = tuple(int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
        return Box(np.float32(low), np.float32(high), rgb, faces or {})

    legs = [
        box((1.55 + dx, -2.05 + dy, -1.6), (1.6 + dx, -2.0 + dy, -1.02), "#5A3A20")
        for dx in (0, 0.75)
        for dy in (0, 0.75)
    ]
    return [
        box((-1.5, 3.22, -1.6), (1.9, 3.6, -0.62), "#8A5A34", {2: walls.books(3.4, 0.98)}),
        box((-1.4, -3.55, -1.6), (1.4, -3.2, -0.82), "#C4622D", {3: walls.sofa_back(2.8, 0.78)}),
        box((-1.4, -3.2, -1.6), (1.4, -2.6, -1.16), "#D2713A"),
        box((-1.62, -3.55, -1.6), (-1.4, -2.58, -0.98), "#B5561F"),
        box((1.4, -3.55, -1.6), (1.62, -2.58, -0.98), "#B5561F"),
        box((-1.1, -3.2, -1.16), (-0.62, -3.02, -0.78), "#0072B2"),
        box((0.6, -3.2, -1.16), (1.08, -3.02, -0.78), "#E8B04B"),
        box((1.5, -2.1, -1.02), (2.4, -1.2, -0.97), "#B98552"),
        *legs,
        box((2.48, 2.98, -1.6), (2.88, 3.38, -1.2), "#B84F00"),
        box((-3.02, 2.98, -1.6), (-2.58, 3.42, -1.15), "#153B57"),
    ]


def spheres() -> list[tuple[np.ndarray, float, tuple[float, float, float], float]]:
    """Centre, radius, linear colour, own light: a paper lantern, two plants, a globe, fruit."""
    leaves = []
    generator = np.random.default_rng(11)
    for stem, spread in (((2.68, 3.18, -0.75), 0.28), ((-2.8, 3.2, -0.72), 0.26)):
        for _ in range(34):
            shift = generator.normal(size=3) * spread * np.array([0.55, 0.55, 0.85])
            green = generator.uniform(0.6, 1.2)
            leaves.append(
                (np.float32(np.array(stem) + shift), 0.1, (0.06 * green, 0.26 * green, 0.1 * green), 0.0)
            )
    return [
        (np.float32([1.95, -1.65, 0.95]), 0.28, (1.0, 0.82, 0.55), 1.15),
        (np.float32([0.4, 3.4, -0.46]), 0.16, (0.05, 0.25, 0.5), 0.0),
        (np.float32([1.9, -1.72, -0.89]), 0.08, (0.75, 0.2, 0.03), 0.0),
        (np.float32([2.03, -1.6, -0.895]), 0.075, (0.4, 0.5, 0.06), 0.0),
        *leaves,
    ]


def hit_box(origin, direction, low, high, inside: bool):
    """Distance and side where each ray meets the box (infinity where it misses)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        first, second = (low - origin) / direction, (high - origin) / direction
    near, far = np.minimum(first, second), np.maximum(first, second)
    enters, leaves = near.max(-1), far.min(-1)
    axis = far.argmin(-1) if inside else near.argmax(-1)
    forward = np.take_along_axis(direction, axis[:, None], 1)[:, 0] > 0
    side = 2 * axis + (forward if inside else ~forward)
    distance = leaves if inside else np.where((enters < leaves) & (enters > 1e-4), enters, np.inf)
    return distance, side


def hit_sphere(origin, direction, centre, radius):
    toward = centre - origin
    along = (toward * direction).sum(-1)
    gap = radius**2 - ((toward * toward).sum(-1) - along**2)
    distance = along - np.sqrt(np.maximum(gap, 0))
    return np.where((gap > 0) & (distance > 1e-4), distance, np.inf)


def face_colour(point, side: int, box: Box, inside: bool) -> np.ndarray:
    """Linear colour of points on one side of a box; the picture's right is the viewer's right."""
    picture = box.faces.get(side)
    if picture is None:
        return np.broadcast_to(srgb_to_linear(np.float32(box.colour)), point.shape)
    normal = -NORMALS[side] if inside else NORMALS[side]
    level = normal[2] == 0
    right = np.cross(normal, (0, 0, 1)) if level else np.array([0, 1, 0])
    down = np.array([0, 0, -1]) if level else np.array([-normal[2], 0, 0])
    across, below = (np.minimum(box.low * axis, box.high * axis).sum() for axis in (right, down))
    column = (point @ right - across) * walls.PIXELS_PER_METRE - 0.5
    row = (point @ down - below) * walls.PIXELS_PER_METRE - 0.5
    return srgb_to_linear(bilinear(picture, row, column))


def bilinear(picture, row, column) -> np.ndarray:
    height, width = picture.shape[:2]
    row, column = np.clip(row, 0, height - 1.001), np.clip(column, 0, width - 1.001)
    top, left = row.astype(int), column.astype(int)
    down, right = (row - top)[:, None], (column - left)[:, None]
    upper = picture[top, left] * (1 - right) + picture[top, left + 1] * right
    lower = picture[top + 1, left] * (1 - right) + picture[top + 1, left + 1] * right
    return upper * (1 - down) + lower * down


class Room:
    def __init__(self):
        width, depth, height = 7.2, 6.2, 3.3
        sides = {
            0: walls.back(width, height),
            1: walls.front(width, height),
            2: walls.west(depth, height),
            3: walls.east(depth, height),
            4: walls.floor(width, depth),
            5: walls.ceiling(width, depth),
        }
        self.shell = Box(ROOM_LOW, ROOM_HIGH, (1, 1, 1), sides)
        self.boxes = furniture()
        self.spheres = spheres()

    def nearest(self, direction):
        """Point, normal towards the viewer, colour and own light where each ray from the camera ends."""
        origin = np.zeros(3, np.float32)
        distance, side = hit_box(origin, direction, self.shell.low, self.shell.high, True)
        thing = np.zeros(len(distance), int)
        for number, box in enumerate(self.boxes, 1):
            there, face = hit_box(origin, direction, box.low, box.high, False)
            closer = there < distance
            distance[closer], side[closer], thing[closer] = there[closer], face[closer], number
        for number, (centre, radius, *_) in enumerate(self.spheres, len(self.boxes) + 1):
            there = hit_sphere(origin, direction, centre, radius)
            closer = there < distance
            distance[closer], thing[closer] = there[closer], number
        return self.surface(direction * distance[:, None], side, thing)

    def surface(self, point, side, thing):
        normal = np.where(thing[:, None] == 0, -NORMALS[side], NORMALS[side])
        colour, glow = np.ones_like(point), np.zeros(len(point), np.float32)
        for number, box in enumerate([self.shell, *self.boxes]):
            for face in range(6):
                here = (thing == number) & (side == face)
                if here.any():
                    colour[here] = face_colour(point[here], face, box, number == 0)
        for number, (centre, radius, shade, light) in enumerate(self.spheres, len(self.boxes) + 1):
            here = thing == number
            if here.any():
                normal[here] = (point[here] - centre) / radius
                colour[here] = shade
                # a paper lantern: brighter where one looks through it squarely, ribs every 3 cm
                square = -(normal[here] * point[here]).sum(-1) / np.linalg.norm(point[here], axis=-1)
                ribs = 1 - 0.12 * (np.abs(point[here][:, 2] / 0.06 % 1 - 0.5) > 0.42)
                glow[here] = light * (0.45 + 0.55 * square) * ribs
        window = (thing == 0) & (side == 1) & in_window(point[:, 1], point[:, 2])
        glow[window] = 0.95
        return point, normal, colour, glow

    def lit(self, point, toward, reach):
        """Whether nothing stands between each point and its light; thin things and lamps throw no shadow."""
        free = np.ones(len(point), bool)
        for box in self.boxes:
            there, _ = hit_box(point, toward, box.low, box.high, False)
            free &= there > reach - 1e-3
        return free

    def light(self, point, normal) -> np.ndarray:
        """Light arriving at each point, linear RGB: sky through the window, lamps, sun, and the walls."""
        start = point + 1e-3 * normal
        total = np.zeros_like(point) + np.float32([0.47, 0.45, 0.42]) * self.openness(point, normal)[:, None]
        sky = [((2.98, y, z), (0.55, 0.60, 0.66)) for y in (-1.35, -0.45, 0.45, 1.35) for z in (0.55, 1.15)]
        lamps = [((x, y, 1.6), (0.42, 0.35, 0.25)) for x in (-2.0, 1.7) for y in (-2.3, 2.3)]
        lantern = ((1.95, -1.65, 0.95), (0.8, 0.6, 0.36))
        for place, power in [*sky, *lamps, lantern]:
            gap = np.float32(place) - start
            reach = np.sqrt((gap * gap).sum(-1))
            toward = gap / reach[:, None]
            facing = np.maximum((toward * normal).sum(-1), 0)
            if power[2] > power[0]:
                facing = facing * np.maximum(toward[:, 0], 0)
            facing *= self.lit(start, toward, reach)
            total += (facing / (reach**2 + 0.6))[:, None] * np.float32(power)
        return total + self.sunlight(start, normal)[:, None] * np.float32([1.5, 1.2, 0.8])

    def sunlight(self, point, normal) -> np.ndarray:
        toward = np.broadcast_to(SUN / np.linalg.norm(SUN), point.shape)
        facing = np.maximum((toward * normal).sum(-1), 0)
        steps = (ROOM_HIGH[0] - point[:, 0]) / toward[:, 0]
        crossing = point + steps[:, None] * toward
        through = in_window(crossing[:, 1], crossing[:, 2]) & ~on_bars(crossing[:, 1], crossing[:, 2])
        return facing * through * self.lit(point, toward, steps)

    def openness(self, point, normal) -> np.ndarray:
        """Soft darkening towards the edges of the room, 1 in the open."""
        gaps = np.concatenate([point - ROOM_LOW, ROOM_HIGH - point], -1)
        facing = np.concatenate([np.abs(normal), np.abs(normal)], -1) > 0.5
        return np.where(facing, 1, 1 - 0.42 * np.exp(-gaps / 0.35)).prod(-1)


def in_window(y, z):
    left, right, bottom, top = WINDOW
    return (y > left) & (y < right) & (z > bottom) & (z < top)


def on_bars(y, z):
    left, right, bottom, top = WINDOW
    upright = np.abs((y - left) / (right - left) * 6 % 1 - 0.5) > 0.46
    level = np.abs((z - bottom) / (top - bottom) * 2 % 1 - 0.5) > 0.46
    return upright | level


def tone(linear: np.ndarray) -> np.ndarray:
    """Compress the highlights softly, nearly straight in the dark; then the sRGB curve."""
    exposed = 1.5 * linear
    return linear_to_srgb(np.clip(exposed * (1 + exposed / 9) / (1 + 0.55 * exposed), 0, 1))


def render(height: int) -> np.ndarray:
    """The panorama, (height, 2 height, 3) uint8; the filter averages light, not sRGB codes."""
    room, fine = Room(), SUPERSAMPLING * height
    longitude = -np.pi + (np.arange(2 * fine) + 0.5) * np.pi / fine
    rows = []
    for start in range(0, fine, SUPERSAMPLING * 8):
        latitude = np.pi / 2 - (np.arange(start, min(start + SUPERSAMPLING * 8, fine)) + 0.5) * np.pi / fine
        phi, lam = (a.ravel() for a in np.meshgrid(latitude, longitude, indexing="ij"))
        direction = np.stack([np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)], -1)
        point, normal, colour, glow = room.nearest(direction.astype(np.float32))
        linear = colour * np.where(glow[:, None] > 0, glow[:, None], room.light(point, normal))
        shown = srgb_to_linear(tone(linear)).reshape(-1, SUPERSAMPLING, 2 * height, SUPERSAMPLING, 3)
        rows.append(linear_to_srgb(shown.mean((1, 3))))
    return np.round(255 * np.clip(np.concatenate(rows), 0, 1)).astype(np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--height", type=int, default=512, help="rows of the panorama; the width is twice that"
    )
    parser.add_argument("--output", type=Path, default=Path(__file__).with_name("painted_room.png"))
    arguments = parser.parse_args()
    Image.fromarray(render(arguments.height)).save(arguments.output, optimize=True)
    print(f"{arguments.output}: {arguments.output.stat().st_size} bytes")


if __name__ == "__main__":
    main()
