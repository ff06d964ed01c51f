"""What is painted on the six sides of the painted room and on its furniture, as seen from inside.

Every function returns an sRGB picture, float32 in [0, 1], `PIXELS_PER_METRE` fine. Lengths are metres from
the picture's top left corner. Only the room's renderer, make_painted_room.py, uses this file.
"""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

PIXELS_PER_METRE = 160
BLUE, ORANGE, GREEN = "#0072B2", "#B84F00", "#00805C"
CREAM, INK, OAK, RUST, NAVY, SAGE = "#F6EBD6", "#2B2420", "#B98552", "#A8482A", "#153B57", "#8FAE8B"


class Wall:
    """A canvas measured in metres."""

    def __init__(self, width: float, height: float, colour: str):
        self.size = (round(width * PIXELS_PER_METRE), round(height * PIXELS_PER_METRE))
        self.image = Image.new("RGB", self.size, colour)
        self.draw = ImageDraw.Draw(self.image)

    def box(self, left: float, top: float, right: float, bottom: float, colour: str) -> None:
        corners = [round(value * PIXELS_PER_METRE) for value in (left, top, right, bottom)]
        self.draw.rectangle((corners[0], corners[1], corners[2] - 1, corners[3] - 1), fill=colour)

    def framed(self, left, top, right, bottom, colour: str, border: float, inside: str) -> None:
        self.box(left, top, right, bottom, colour)
        self.box(left + border, top + border, right - border, bottom - border, inside)

    def polygon(self, points, colour: str) -> None:
        self.draw.polygon([(x * PIXELS_PER_METRE, y * PIXELS_PER_METRE) for x, y in points], fill=colour)

    def disc(self, x: float, y: float, radius: float, colour: str) -> None:
        edges = [value * PIXELS_PER_METRE for value in (x - radius, y - radius, x + radius, y + radius)]
        self.draw.ellipse(edges, fill=colour)

    def text(self, x, y, height, colour, *, width=None, bold=0.0, outline=None, text="KERNEL") -> None:
        """Letters whose capitals are `height` tall, centred on (x, y), stretched to `width` where given."""
        font = ImageFont.load_default(size=400)
        stroke = round(bold * 400)
        left, top, right, bottom = font.getbbox(text, stroke_width=stroke)
        mask = Image.new("L", (right - left, bottom - top))
        ImageDraw.Draw(mask).text((-left, -top), text, font=font, fill=255, stroke_width=stroke)
        ratio = (right - left) / (bottom - top)
        tall = round(height * PIXELS_PER_METRE)
        wide = round((width or height * ratio) * PIXELS_PER_METRE)
        mask = mask.resize((wide, tall), Image.Resampling.LANCZOS)
        corner = (round(x * PIXELS_PER_METRE - wide / 2), round(y * PIXELS_PER_METRE - tall / 2))
        if outline:
            shift = round(0.03 * PIXELS_PER_METRE)
            self.image.paste(outline, (corner[0] + shift, corner[1] + shift), mask)
        self.image.paste(colour, corner, mask)

    def checker(self, left, top, columns, rows, size, dark, light) -> None:
        for row in range(rows):
            for column in range(columns):
                x, y = left + column * size, top + row * size
                self.box(x, y, x + size, y + size, dark if (row + column) % 2 else light)

    def array(self, grain: np.ndarray | None = None) -> np.ndarray:
        pixels = np.asarray(self.image, dtype=np.float32) / 255
        return pixels if grain is None else np.clip(pixels * grain[..., None], 0, 1)


def plaster(size: tuple[int, int], seed: int, strength: float) -> np.ndarray:
    """Broad soft stains, about 1: the brushwork of a painted wall."""
    generator = np.random.default_rng(seed)
    total = np.zeros((size[1], size[0]), dtype=np.float32)
    for cells, share in ((6, 0.5), (16, 0.3), (45, 0.2)):
        coarse = Image.fromarray(generator.normal(size=(cells, 2 * cells)).astype(np.float32))
        total += share * np.asarray(coarse.resize(size, Image.Resampling.BICUBIC))
    return 1 + strength * total


def front(width: float, height: float) -> np.ndarray:
    """Longitude 0: a wide window over the word, in blue."""
    wall = Wall(width, height, "#2F78A8")
    middle = width / 2
    wall.box(0, 2.62, width, height, CREAM)
    for x in np.arange(0.12, width - 0.1, 0.696):
        wall.framed(x, 2.72, x + 0.6, 3.12, "#D9C9AC", 0.02, "#EFE2C9")
    wall.box(0, 2.58, width, 2.64, "#FFF8EA")
    wall.text(middle, 2.02, 0.76, "#FFF6E4", width=4.9, bold=0.035, outline=NAVY)
    left, right, top, bottom = middle - 1.8, middle + 1.8, 0.28, 1.42
    wall.box(left - 0.1, top - 0.1, right + 0.1, bottom + 0.06, "#FFF8EA")
    landscape(wall, left, top, right, bottom)
    for x in np.linspace(left, right, 7):
        wall.box(x - 0.022, top, x + 0.022, bottom, "#FFF8EA")
    for y in np.linspace(top, bottom, 3):
        wall.box(left, y - 0.022, right, y + 0.022, "#FFF8EA")
    wall.box(left - 0.2, bottom + 0.04, right + 0.2, bottom + 0.11, OAK)
    return wall.array(plaster(wall.size, 1, 0.025))


def landscape(wall: Wall, left: float, top: float, right: float, bottom: float) -> None:
    """Sky, a low sun and three ranges of hills, behind the window."""
    for y in np.arange(top, bottom, 0.0125):
        share = (y - top) / (bottom - top)
        red, green, blue = (round(a + (b - a) * share) for a, b in ((122, 255), (190, 232), (235, 196)))
        wall.box(left, y, right, y + 0.013, f"#{red:02x}{green:02x}{blue:02x}")
    wall.disc(left + 0.72 * (right - left), top + 0.42, 0.16, "#FFF6C9")
    along = np.linspace(left, right, 90)
    for base, swing, pace, colour in (
        (0.62, 0.16, 2.1, "#8FB7BE"),
        (0.78, 0.12, 3.3, "#5C9A86"),
        (0.9, 0.06, 5.0, "#3C7A55"),
    ):
        crest = top + base * (bottom - top) + swing * np.sin(pace * along + 7 * base) * np.cos(0.9 * along)
        crest = np.clip(crest, top, bottom)
        wall.polygon([*zip(along, crest, strict=True), (right, bottom), (left, bottom)], colour)


def east(width: float, height: float) -> np.ndarray:
    """Longitude +90°: bricks with the word as an old painted sign, and a shelf of books below."""
    wall = Wall(width, height, "#D8C3AC")
    generator = np.random.default_rng(2)
    for course in range(int(height / 0.11) + 1):
        for brick in range(-1, int(width / 0.31) + 1):
            shade = 1 + 0.09 * generator.normal()
            x, y = brick * 0.31 + (0.155 if course % 2 else 0), course * 0.11
            red, green, blue = (round(min(255, value * shade)) for value in (178, 98, 70))
            wall.box(x + 0.012, y + 0.012, x + 0.31, y + 0.11, f"#{red:02x}{green:02x}{blue:02x}")
    sign = Wall(width, height, "#000000")
    sign.text(width / 2, 1.62, 0.96, "#FFFFFF", width=4.9, bold=0.05)
    mask = sign.image.convert("L").point(lambda value: round(0.9 * value))
    wall.image.paste("#FBF3E2", (0, 0), mask)
    wall.box(0, 0, width, 0.14, CREAM)
    wall.box(0, height - 0.14, width, height, CREAM)
    return wall.array(plaster(wall.size, 3, 0.03))


def back(width: float, height: float) -> np.ndarray:
    """Longitude 180°: the word runs over the image's seam, a green door to its left."""
    wall = Wall(width, height, "#EBC98A")
    wall.box(0, 0, width, 0.42, CREAM)
    wall.checker(0, 0.42, round(width / 0.12), 2, 0.12, ORANGE, CREAM)
    wall.box(0, 2.5, width, 2.56, ORANGE)
    wall.box(0, height - 0.16, width, height, CREAM)
    wall.text(width / 2 + 0.75, 1.62, 1.0, ORANGE, width=4.2, bold=0.045, outline="#FFF3D8")
    door = width / 2 - 2.45
    wall.box(door - 0.62, 0.98, door + 0.62, height, "#FFF8EA")
    wall.box(door - 0.52, 1.08, door + 0.52, height, GREEN)
    for row in (1.2, 1.88, 2.56):
        for column in (-0.42, 0.05):
            wall.framed(door + column, row, door + column + 0.37, row + 0.58, "#006348", 0.025, "#128F6B")
    wall.disc(door + 0.44, 2.32, 0.045, "#F2C14E")
    return wall.array(plaster(wall.size, 4, 0.03))


def west(width: float, height: float) -> np.ndarray:
    """Longitude −90°: three framed pictures over the word, tiles below."""
    wall = Wall(width, height, SAGE)
    wall.box(0, 0, width, 0.14, CREAM)
    wall.checker(0, 2.5, round(width / 0.2), 4, 0.2, "#2C6E5A", "#E9E4D0")
    for x in np.arange(0, width, 0.2):
        wall.box(x - 0.006, 2.5, x + 0.006, height, "#CFC7AE")
    for y in np.arange(2.5, height, 0.2):
        wall.box(0, y - 0.006, width, y + 0.006, "#CFC7AE")
    wall.box(0, 2.44, width, 2.5, "#1F4F41")
    wall.text(width / 2, 1.9, 0.74, "#0B4F3C", width=5.0, bold=0.05)
    wall.text(width / 2, 1.9, 0.69, "#F8F0DC", width=4.93, bold=0.012)
    for centre, ground in ((-1.7, CREAM), (0.0, "#DDE9F2"), (1.7, "#F9E3D2")):
        x = width / 2 + centre
        wall.framed(x - 0.52, 0.3, x + 0.52, 1.3, OAK, 0.06, "#FFFDF6")
        wall.box(x - 0.38, 0.44, x + 0.38, 1.16, ground)
    wall.text(width / 2 - 1.7, 0.8, 0.5, INK, text="5", bold=0.02)
    wall.text(width / 2 + 1.7, 0.8, 0.42, BLUE, text="W", bold=0.02)
    turn = np.linspace(0, 2 * np.pi, 120)
    across = 0.016 * 16 * np.sin(turn) ** 3
    up = 0.016 * (13 * np.cos(turn) - 5 * np.cos(2 * turn) - 2 * np.cos(3 * turn) - np.cos(4 * turn))
    wall.polygon(list(zip(width / 2 + across, 0.78 - up, strict=True)), "#B0004E")
    return wall.array(plaster(wall.size, 5, 0.025))


def ceiling(width: float, height: float) -> np.ndarray:
    """Overhead: ruled panels, the word across the zenith, four round lamps."""
    wall = Wall(width, height, "#F4E8CF")
    wall.framed(0.25, 0.25, width - 0.25, height - 0.25, BLUE, 0.05, "#FAF1DE")
    wall.framed(0.42, 0.42, width - 0.42, height - 0.42, ORANGE, 0.025, "#FAF1DE")
    for x in np.linspace(0.445, width - 0.445, 9)[1:-1]:
        wall.box(x - 0.012, 0.445, x + 0.012, height - 0.445, "#DFC79C")
    for y in np.linspace(0.445, height - 0.445, 8)[1:-1]:
        wall.box(0.445, y - 0.012, width - 0.445, y + 0.012, "#DFC79C")
    wall.text(width / 2, height / 2, 1.2, BLUE, width=5.2, bold=0.045, outline="#F2C68F")
    return wall.array(plaster(wall.size, 6, 0.015))


def floor(width: float, height: float) -> np.ndarray:
    """Underfoot: oak planks that run from front to back, and a rug with the word."""
    wall = Wall(width, height, OAK)
    generator = np.random.default_rng(7)
    for plank in range(int(width / 0.18) + 1):
        start = -generator.uniform(0, 1.5)
        while start < height:
            shade = 1 + 0.1 * generator.uniform(-1, 1)
            colour = [round(value * shade) for value in (190, 138, 86)]
            wall.box(
                plank * 0.18, start, plank * 0.18 + 0.172, start + 1.49, "#{:02x}{:02x}{:02x}".format(*colour)
            )
            wall.box(plank * 0.18 + 0.172, start, plank * 0.18 + 0.18, start + 1.5, "#6F4A2A")
            wall.box(plank * 0.18, start + 1.49, plank * 0.18 + 0.18, start + 1.5, "#6F4A2A")
            start += 1.5
    rug(wall, width / 2, height / 2)
    wide, tall = wall.size
    grain = Image.fromarray(generator.normal(size=(tall // 40, wide // 3)).astype(np.float32))
    return wall.array(1 + 0.03 * np.asarray(grain.resize(wall.size, Image.Resampling.BICUBIC)))


def rug(wall: Wall, x: float, y: float) -> None:
    """A rug 4.8 m by 2.6 m about (x, y): fringe, checker border, two lines, the word."""
    wall.box(x - 2.48, y - 1.3, x + 2.48, y + 1.3, "#EAD9B8")
    wall.box(x - 2.4, y - 1.3, x + 2.4, y + 1.3, RUST)
    wall.checker(x - 2.3, y - 1.2, 46, 1, 0.1, NAVY, CREAM)
    wall.checker(x - 2.3, y + 1.1, 46, 1, 0.1, CREAM, NAVY)
    wall.checker(x - 2.3, y - 1.2, 1, 24, 0.1, NAVY, CREAM)
    wall.checker(x + 2.2, y - 1.2, 1, 24, 0.1, CREAM, NAVY)
    wall.framed(x - 2.1, y - 1.0, x + 2.1, y + 1.0, "#E8B04B", 0.03, NAVY)
    wall.framed(x - 1.98, y - 0.88, x + 1.98, y + 0.88, "#3F6C8A", 0.02, NAVY)
    wall.text(x, y, 0.92, CREAM, width=3.5, bold=0.045, outline=RUST)


def books(width: float, height: float) -> np.ndarray:
    """The front of a bookcase of two shelves."""
    wall = Wall(width, height, "#8A5A34")
    generator = np.random.default_rng(8)
    colours = (BLUE, ORANGE, GREEN, "#E8B04B", CREAM, RUST, NAVY, "#7A9E7E", "#C9A0A0")
    for shelf in range(2):
        top, bottom = 0.06 + shelf * height / 2, height / 2 * (shelf + 1) - 0.03
        wall.box(0.05, top, width - 0.05, bottom, "#4A2F1B")
        x = 0.07
        while x < width - 0.14:
            thick = generator.uniform(0.035, 0.075)
            tall = (bottom - top) * generator.uniform(0.7, 0.95)
            colour = colours[generator.integers(len(colours))]
            wall.box(x, bottom - tall, x + thick - 0.006, bottom, colour)
            wall.box(x, bottom - 0.7 * tall, x + thick - 0.006, bottom - 0.62 * tall, "#F2DFB0")
            x += thick
    return wall.array()


def sofa_back(width: float, height: float) -> np.ndarray:
    """Upholstery with seams between three cushions."""
    wall = Wall(width, height, "#C4622D")
    for x in np.linspace(0, width, 4)[1:-1]:
        wall.box(x - 0.015, 0, x + 0.015, height, "#8C4018")
    wall.box(0, height - 0.03, width, height, "#8C4018")
    return wall.array(plaster(wall.size, 9, 0.03))
