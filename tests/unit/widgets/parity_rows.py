"""What chapter 2's widget computes, said by `ktnlib.sphere`, torch and numpy: cases as those of `parity`.

Arguments and answers are plain JSON; maps are flat, row by row from the north-west corner.
"""

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import conv2d

from ktnlib.sphere import EquirectGrid, tangent_conv2d, tangent_taps
from ktnlib.sphere.baselines import interpolated_conv2d
from ktnlib.widgets.taps_and_rows import TapsAndRows

TOLERANCE = 1e-9
EAST = torch.tensor([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], dtype=torch.float64) / 4
ANGLES = (0.0, 0.5, math.pi / 2, 4.0)
SIZES = ((4, 8), (8, 16))


def noise(*shape: int, seed: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def flat(values: Tensor) -> list[float]:
    return values.flatten().tolist()


def continued(panorama: Tensor) -> Tensor:
    """One pixel more on every side: columns wrap, rows beyond a pole are the outermost, turned by half."""
    half = panorama.shape[-1] // 2
    tall = torch.cat(
        [panorama[..., :1, :].roll(half, -1), panorama, panorama[..., -1:, :].roll(half, -1)], -2
    )
    return torch.cat([tall[..., -1:], tall, tall[..., :1]], -1)


def edge_filters() -> list[tuple]:
    """A quarter turn of the filter's numbers turns what it looks for from east to north."""
    north = EAST.rot90(1)
    cases = []
    for angle in ANGLES:
        expected = math.cos(angle) * EAST + math.sin(angle) * north
        cases.append((TapsAndRows, "edgeFilter", [angle], flat(expected), TOLERANCE))
    return cases


def greys() -> list[tuple]:
    data, expected = [0, 128, 255, 9, 255, 255, 255, 9], [383 / 765, 1.0]
    return [(TapsAndRows, "greyValues", [data], expected, TOLERANCE)]


def maps() -> list[tuple]:
    cases = []
    for height, width in SIZES:
        panorama, kernel = noise(1, 1, height, width, seed=height), noise(1, 1, 3, 3, seed=3) - 0.5
        given = [flat(panorama), height, width, flat(kernel)]
        exact, direct = tangent_conv2d(panorama, kernel), conv2d(continued(panorama), kernel)
        cases.append((TapsAndRows, "exactMap", given, flat(exact), TOLERANCE))
        cases.append((TapsAndRows, "directMap", given, flat(direct), TOLERANCE))
    return cases


def taps() -> list[tuple]:
    height, width = 8, 16
    panorama, table = noise(height, width, seed=5), tangent_taps(8, 16, 3)
    rows, columns, weights = table.neighbours()
    padded = continued(panorama)
    cases = []
    for row, column in ((0, 3), (3, 0), (7, 15)):
        read = panorama[rows[row], (columns[row] + column).remainder(width)] * weights[row]
        expected = {
            "plane": flat(read.sum(dim=-1)),
            "grid": flat(padded[row : row + 3, column : column + 3]),
        }
        given = [flat(panorama), height, width, row, column]
        cases.append((TapsAndRows, "tapValues", given, expected, TOLERANCE))
    return cases


def interpolations() -> list[tuple]:
    """Straight lines through the knots, first along the rows, then along the columns, by `numpy.interp`."""
    cases = []
    for height, every in ((8, 4), (8, 2), (16, 8), (4, 4)):
        width, first = 2 * height, every // 2
        exact = noise(height, width, seed=every).numpy()
        rows, knots = range(first, height, every), np.arange(first - every, width + every, every)
        across = [np.interp(np.arange(width), knots, exact[row, knots % width]) for row in rows]
        # the outermost rows again, seen over the poles
        far_sides = [np.roll(line, width // 2) for line in (across[0], across[-1])]
        whole = np.stack([far_sides[0], *across, far_sides[1]])
        places = [-1 - first, *rows, 2 * height - 1 - rows[-1]]
        columns = [np.interp(np.arange(height), places, whole[:, j]) for j in range(width)]
        expected = np.stack(columns, axis=1).flatten().tolist()
        given = [exact.flatten().tolist(), height, width, every]
        cases.append((TapsAndRows, "interpolatedMap", given, expected, TOLERANCE))
    panorama, kernel = noise(1, 1, 16, 32, seed=6), noise(1, 1, 3, 3, seed=7)
    given = [flat(tangent_conv2d(panorama, kernel)), 16, 32, 8]
    expected = flat(interpolated_conv2d(panorama, kernel, every=8))
    return [*cases, (TapsAndRows, "interpolatedMap", given, expected, TOLERANCE)]


def mixtures() -> list[tuple]:
    """The map of a turned filter is the same mixture of maps as the filter is of filters."""
    panorama = noise(1, 1, 4, 8, seed=9)
    pair = [flat(tangent_conv2d(panorama, kernel[None, None])) for kernel in (EAST, EAST.rot90(1))]
    cases = []
    for angle in ANGLES:
        kernel = math.cos(angle) * EAST + math.sin(angle) * EAST.rot90(1)
        expected = flat(tangent_conv2d(panorama, kernel[None, None]))
        cases.append((TapsAndRows, "steered", [pair, angle], expected, TOLERANCE))
    return cases


def errors() -> list[tuple]:
    height, width = 6, 12
    exact, other = noise(height, width, seed=1), noise(height, width, seed=2)
    areas = EquirectGrid(height, width).solid_angles[:, None]
    whole = ((areas * (other - exact) ** 2).sum() / (areas * exact**2).sum()).sqrt().item()
    row = ((other - exact)[4].norm() / exact[4].norm()).item()
    maps = [flat(other), flat(exact)]
    return [
        (TapsAndRows, "sphereError", [*maps, height, width], whole, TOLERANCE),
        (TapsAndRows, "rowError", [*maps, width, 4], row, TOLERANCE),
        (TapsAndRows, "rowError", [maps[0], maps[0], width, 4], 0, 0),
    ]


PARITY = [*edge_filters(), *greys(), *maps(), *taps(), *interpolations(), *mixtures(), *errors()]
