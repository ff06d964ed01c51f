"""Checkers of chapter 2: a short step, a camera's taps, a row kernel, the cost of the exact network.

Each checker hands random, asymmetric input to the reader's function. A wrong answer is compared with
those that the usual mistakes give, so that a mistake is called by its name.
"""

import math
from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor

from ktnlib.exercises.answer import Diagnosis, checker, compare
from ktnlib.sphere import EquirectGrid
from ktnlib.sphere.sampling import bilinear_neighbours, fold_poles


@checker
def check_quarter(guess: object) -> Diagnosis:
    """Judge the latitude, in degrees, at which direct convolution answers a smooth slope by a quarter.

    >>> print(check_quarter(60))
    not yet: there it answers by a half: the step east shrinks with cos φ, and cos φ is to be a quarter
    """
    right = torch.tensor(math.degrees(math.acos(0.25)))
    mistakes = {
        "there it answers by a half: the step east shrinks with cos φ, and cos φ is to be a quarter": 60.0,
        "that is the angle from the pole: latitude counts from the equator": math.degrees(math.asin(0.25)),
        "that is in radians: give degrees": math.acos(0.25),
        "there it is off by a quarter: it answers by three quarters": math.degrees(math.acos(0.75)),
    }
    return compare(guess, right, mistakes=_numbers(mistakes), tolerance=5e-3)


@checker
def check_taps_apart(guess: object, *, fov_deg: float = 65.5, pixels: int = 640) -> Diagnosis:
    """Judge how many panorama pixels lie between two taps of a camera's kernel, at the equator.

    Args:
        guess: a number; the panorama has 640 columns.
        fov_deg: the camera's horizontal field of view in degrees.
        pixels: the width of its picture, in pixels.

    >>> print(check_taps_apart(0.1819))
    not yet: you spread the angle evenly over the camera's pixels: a camera spreads its tangent
    """
    half, column = math.radians(fov_deg) / 2, 2 * math.pi / 640
    right = 2 * math.tan(half) / pixels / column
    mistakes = {
        "you spread the angle evenly over the camera's pixels: a camera spreads its tangent": fov_deg / 360,
        "that is s in sphere radii: divide it by the width of a column, 2π/640": right * column,
        "you took the tangent of the whole field of view: the picture reaches half of it to either side": (
            2 * math.tan(2 * half) / pixels / column
        ),
        "half of the picture is 320 pixels wide, not 640": right / 2,
        "these are taps to a pixel: you are asked for pixels from tap to tap": 1 / right,
        "that is what integer division makes of it: 3 // 2 is 1 and not 1.5": (
            1.5 * (math.tan(1.5 * 2 * half / pixels) / 1.5) / column
        ),
    }
    return compare(guess, torch.tensor(right), mistakes=_numbers(mistakes), tolerance=5e-3)


def _numbers(mistakes: dict[str, float]) -> dict[str, Tensor]:
    return {what: torch.tensor(number) for what, number in mistakes.items()}


@checker
def check_row_kernel(
    function: Callable[[Tensor, int, int, float], Tensor], *, height: int = 8, seed: int = 0
) -> Diagnosis:
    """Judge a function that writes a planar kernel out as the dense kernel of one row.

    Args:
        function: called as ``function(weight, row, height, spacing)`` with weight, float64 (3, 3), its first
            row the northern one, and the spacing of the taps in sphere radii. Returns (height, 2 * height):
            what every pixel of the panorama weighs in the output pixel of that row in column 0.
        height: rows of the panorama.
        seed: chooses the weights.
    """
    weight = torch.rand(3, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) - 0.3
    pixel = math.pi / height
    # fine taps stop between the pole and the first row's centres, coarse ones lie beyond the pole
    cases = [(row, height, s * pixel) for s in (0.37, 1.0) for row in (0, 2, height - 2, height - 1)]

    def all_cases(**mistake) -> Tensor:
        return torch.stack([_row_kernel(weight, *case, **mistake) for case in cases])

    mistakes = {what: all_cases(**mistake) for what, mistake in _ROW_MISTAKES.items()}
    middle = "the output pixel is the one in column 0: yours stands in the middle of the picture"
    mistakes[middle] = all_cases().roll(height, -1)
    answers = [function(weight.clone(), *case) for case in cases]
    if not all(isinstance(one, Tensor) and one.shape == answers[0].shape for one in answers):
        return Diagnosis(False, f"return one tensor of shape ({height}, {2 * height}) for every row")
    return compare(torch.stack(answers), all_cases(), mistakes=mistakes, tolerance=1e-6)


_ROW_MISTAKES = {
    "your kernel is flipped: convolution here is torch's cross-correlation": {"flip": (0, 1)},
    "north and south are exchanged: the weight's first row is the northern one": {"flip": (0,)},
    "east and west are exchanged: the weight's last column is the eastern one": {"flip": (1,)},
    "the weight's axes are exchanged: rows run south, columns east": {"transpose": True},
    "your taps are half a pixel off: whole numbers are the centres of the pixels": {"off": 0.5},
    "you used atan where atan2 is needed: taps beyond the pole come back on its near side": {
        "one_argument": True
    },
    "row −1 is row 0 turned by half the width: you left it in its column": {"turned": False},
    "your taps lie 1.5 times too far apart: the slip of an integer division": {"apart": 1.5},
    "you took the nearest pixel: mix the four around each tap": {"nearest": True},
    "you gave up the plane: even steps in longitude are the direct convolution": {"direct": True},
}


def _row_kernel(
    weight: Tensor,
    row: int,
    height: int,
    spacing: float,
    *,
    flip: tuple[int, ...] = (),
    transpose: bool = False,
    off: float = 0.0,
    one_argument: bool = False,
    turned: bool = True,
    apart: float = 1.0,
    nearest: bool = False,
    direct: bool = False,
) -> Tensor:
    """The dense kernel of a row; every keyword switches one mistake on."""
    grid = EquirectGrid(height)
    offsets = torch.arange(-1, 2, dtype=torch.float64) * apart * spacing
    east, south = offsets.repeat(3), offsets.repeat_interleave(3)
    latitude = grid.latitudes[row]
    ahead, up = latitude.cos() + south * latitude.sin(), latitude.sin() - south * latitude.cos()
    turn = torch.atan(east / ahead) if one_argument else torch.atan2(east, ahead)
    rows = grid.latitude_to_row(torch.atan2(up, torch.hypot(ahead, east))) + off
    columns = grid.turn_to_columns(turn) + off
    if direct:
        rows, columns = row + south * height / math.pi, east * height / math.pi
    if nearest:
        rows, columns = rows.round(), columns.round()
    plan = bilinear_neighbours(rows, columns)
    folded = fold_poles(plan, height, 2 * height)
    index = folded.rows * 2 * height + (folded if turned else plan).columns.remainder(2 * height)
    own = (weight.T if transpose else weight).flip(flip).flatten()[:, None] * plan.weights
    flat = weight.new_zeros(2 * height * height)
    return flat.index_add(0, index.flatten(), own.flatten()).view(height, -1)


@checker
def check_exact_cost(function: Callable[[list[int], int, int], float], *, seed: int = 0) -> Diagnosis:
    """Judge a count of the products that the exact network takes over one panorama.

    Args:
        function: called as ``function(channels, height, width)``: a chain of unpadded 3×3 layers from
            channels[0] channels to channels[1] and so on, run on its own tangent patch at every pixel.
            Returns the number of multiply-adds; biases and the rendering of patches don't count.
        seed: chooses the channels.
    """
    random = torch.Generator().manual_seed(seed)
    depth = 4 + seed % 3
    channels = torch.randint(2, 40, (depth + 1,), generator=random).tolist()
    height, width = 20 + seed, 2 * (20 + seed)
    layers = [9 * before * after for before, after in pairwise(channels)]
    sides = [2 * (depth - index) - 1 for index in range(depth)]  # of each layer's output
    right = sum(layer * side**2 for layer, side in zip(layers, sides, strict=True))
    mistakes = {
        "that is the cost of one tangent convolution a layer: the exact network starts anew at every pixel": (
            sum(layers)
        ),
        "the patch shrinks: an unpadded 3×3 layer takes a pixel off every side": sum(layers)
        * (sides[0] + 2) ** 2,
        "each layer's output counts, and it is two pixels narrower than its input": sum(
            layer * (side + 2) ** 2 for layer, side in zip(layers, sides, strict=True)
        ),
        "the patch shrinks on the way up: the first layer has the largest output": sum(
            layer * side**2 for layer, side in zip(layers, sides[::-1], strict=True)
        ),
        "a patch has two sides: its area is the side squared": sum(
            layer * side for layer, side in zip(layers, sides, strict=True)
        ),
        "every output channel reads every input channel": sum(
            9 * after * side**2 for after, side in zip(channels[1:], sides, strict=True)
        ),
        "a 3×3 kernel has nine weights": right / 9,
    }
    pixels = height * width
    scaled = {what: torch.tensor(float(number) * pixels) for what, number in mistakes.items()}
    scaled["that is one pixel: the panorama has height times width of them"] = torch.tensor(float(right))
    answer = function(list(channels), height, width)
    return compare(answer, torch.tensor(float(right * pixels)), mistakes=scaled, tolerance=1e-5)
