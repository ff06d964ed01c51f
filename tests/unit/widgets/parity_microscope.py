"""What chapter 5's widget computes, said by torch and `ktnlib.sphere`: cases as those of `parity`."""

import math
import zlib

import torch
from torch import Tensor

from ktnlib.sphere import EquirectGrid, render_perspective
from ktnlib.widgets.panorama_microscope import METHODS, PanoramaMicroscope, pack

TOLERANCE = 1e-9
HEIGHT, WIDTH = 6, 12


def noise(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def flat(values: Tensor) -> list[float]:
    return values.flatten().tolist()


def layers() -> dict[str, dict[str, Tensor]]:
    """Two layers whose maps differ by little, by much and not at all."""
    made = {}
    for seed, label in enumerate(("one", "two")):
        exact = noise(HEIGHT, WIDTH, seed=seed) - 3
        apart = {"direct": 2.0, "bilinear": 0.1, "ktn": 0.0}
        others = {name: exact + far * noise(HEIGHT, WIDTH, seed=9 + seed) for name, far in apart.items()}
        made[label] = {"exact": exact, **others}
    return made


def unpacked() -> list[tuple]:
    """A byte is a step of 1/255 of the exact map's range, or of 1/127 of the largest difference."""
    maps = layers()
    packed, scales, height = pack(maps)
    content = zlib.decompress(packed)
    cases = []
    for k, layer in enumerate(maps.values()):
        low, high = layer["exact"].aminmax()
        exact = low + ((layer["exact"] - low) / (high - low) * 255).round() / 255 * (high - low)
        expected = {"exact": flat(exact)}
        for name in METHODS:
            apart = layer[name] - layer["exact"]
            step = apart.abs().max() / 127
            expected[name] = flat(exact + (apart / step).round() * step if step else exact)
        given = [list(content), k, height * WIDTH, scales[k], list(METHODS)]
        cases.append((PanoramaMicroscope, "unpackLayer", given, expected, TOLERANCE))
    return cases


def statistics() -> list[tuple]:
    areas = EquirectGrid(HEIGHT, WIDTH).solid_angles[:, None].expand(HEIGHT, WIDTH) / (4 * math.pi)
    exact, other = noise(HEIGHT, WIDTH, seed=1) + 5, noise(HEIGHT, WIDTH, seed=2)
    mean = (areas * exact).sum()
    spread = (areas * (exact - mean) ** 2).sum().sqrt()
    whole = (areas * (other - exact) ** 2).sum().sqrt() / spread
    rows = (other - exact).square().mean(dim=1).sqrt() / spread
    return [
        (PanoramaMicroscope, "sphereMean", [flat(exact), HEIGHT], mean.item(), TOLERANCE),
        (PanoramaMicroscope, "sphereSpread", [flat(exact), HEIGHT], spread.item(), TOLERANCE),
        (PanoramaMicroscope, "spreadError", [flat(other), flat(exact), HEIGHT], whole.item(), TOLERANCE),
        (PanoramaMicroscope, "rowErrors", [flat(other), flat(exact), HEIGHT], flat(rows), TOLERANCE),
        (PanoramaMicroscope, "rowErrors", [flat(exact), flat(exact), HEIGHT], [0.0] * HEIGHT, 0),
    ]


def tones() -> list[tuple]:
    values = torch.randperm(201, generator=torch.Generator().manual_seed(0)).double()
    return [
        (PanoramaMicroscope, "shades", [flat(values)], [1, 199], 0),
        (PanoramaMicroscope, "shades", [flat(values), 0.1], [20, 180], 0),
    ]


def views() -> list[tuple]:
    """A camera's picture of one channel of three that lie side by side, over a pole and the seam too."""
    panorama, cases = noise(1, 3, HEIGHT, WIDTH, seed=4), []
    together = flat(panorama[0].movedim(0, -1))
    for yaw, pitch, channel in ((0.4, 0.2, 1), (3.1, -0.3, 0), (-1.0, math.pi / 2 - 0.1, 2)):
        view = {"yaw": yaw, "pitch": pitch, "fov": 1.2, "width": 5, "height": 5}
        seen = render_perspective(panorama, yaw=yaw, pitch=pitch, fov=1.2, size=5)[0, channel]
        samples = view_samples(view)
        cases.append((PanoramaMicroscope, "viewSamples", [view, HEIGHT, WIDTH], samples, TOLERANCE))
        given = [samples, together, 3, channel]
        cases.append((PanoramaMicroscope, "sampled", given, flat(seen), TOLERANCE))
    return cases


def view_samples(view: dict[str, float]) -> dict[str, list[float]]:
    """The four pixels around each ray, from its direction in space."""
    step, at, share = 2 * math.tan(view["fov"] / 2) / view["width"], [], []
    yaw, pitch = view["yaw"], view["pitch"]
    ahead = (math.cos(pitch) * math.cos(yaw), math.cos(pitch) * math.sin(yaw), math.sin(pitch))
    east = (-math.sin(yaw), math.cos(yaw), 0.0)
    north = (-math.sin(pitch) * math.cos(yaw), -math.sin(pitch) * math.sin(yaw), math.cos(pitch))
    for row in range(view["height"]):
        for column in range(view["width"]):
            right, up = (column - (view["width"] - 1) / 2) * step, ((view["height"] - 1) / 2 - row) * step
            ray = [a + right * e + up * n for a, e, n in zip(ahead, east, north, strict=True)]
            polar = math.atan2(math.hypot(ray[0], ray[1]), ray[2])
            y = polar * HEIGHT / math.pi - 0.5
            x = (math.atan2(ray[1], ray[0]) + math.pi) * WIDTH / (2 * math.pi) - 0.5
            for i in (math.floor(y), math.floor(y) + 1):
                for j in (math.floor(x), math.floor(x) + 1):
                    over = not 0 <= i < HEIGHT
                    inside = (-1 - i if i < 0 else 2 * HEIGHT - 1 - i) if over else i
                    at.append(inside * WIDTH + (j + over * WIDTH // 2) % WIDTH)
                    share.append((1 - abs(y - i)) * (1 - abs(x - j)))
    return {"at": at, "share": share}


PARITY = [*unpacked(), *statistics(), *tones(), *views()]
