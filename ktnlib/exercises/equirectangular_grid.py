"""Checkers of chapter 1: two averages, an error by area, a camera's rays, a sampler with both seams.

Each checker hands random, asymmetric input to the reader's function. A wrong answer is compared with
those that the usual mistakes give, so that a mistake is called by its name.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from ktnlib.exercises.answer import Diagnosis, checker, compare, not_answered


@checker
def check_two_averages(guess: object, *, error: float = 0.3, cap_deg: float = 30.0) -> Diagnosis:
    """Judge the two averages of an error that lies only near the poles.

    Args:
        guess: the plain mean over pixels and the mean by area.
        error: the error within `cap_deg` degrees of either pole; elsewhere it is zero.
        cap_deg: angular radius of each of the two caps, in degrees.

    >>> print(check_two_averages((0.10, 0.10)))
    not yet: you gave the same number twice: polar rows hold as many pixels and less area
    """
    if not isinstance(guess, tuple | list | Tensor) or len(guess) != 2:
        return Diagnosis(False, "give two numbers: the average over the pixels, then over the sphere")
    if any(number is None or number is ... for number in guess):
        return not_answered()
    plain, area = (torch.tensor(error * share) for share in _cap_shares(cap_deg))
    right = torch.stack([plain, area])
    same = "you gave the same number twice: polar rows hold as many pixels and less area"
    mistakes = {
        same: torch.stack([plain, plain]),
        "the two averages are exchanged: the pixels overstate the caps": right.flip(0),
        "you counted one cap: there are two poles": right / 2,
        "these are the shares of the caps: multiply them by the error": right / error,
        "this is in per cent, and the error is not: divide by 100": right * 100,
        "you weighted by the cosine of the cap's edge: integrate cos φ over the cap": torch.stack(
            [plain, plain * math.sin(math.radians(cap_deg))]
        ),
    }
    return compare(guess, right, mistakes=mistakes, tolerance=0.02)


def _cap_shares(cap_deg: float) -> tuple[float, float]:
    return 2 * cap_deg / 180, 1 - math.cos(math.radians(cap_deg))


@checker
def check_area_mse(function: Callable[[Tensor, Tensor], Tensor], *, seed: int = 0) -> Diagnosis:
    """Judge a mean squared error over the sphere: two panoramas (H, 2H) to one number.

    Args:
        function: takes two panoramas, float64 (height, 2 * height); returns their mean squared
            difference, every pixel weighted by its solid angle.
        seed: chooses the panoramas.
    """
    first, second = _panorama(10, seed), _panorama(10, seed + 1)
    squared, height = (first - second).square(), first.shape[0]
    latitude = math.pi / 2 - (torch.arange(height, dtype=torch.float64)[:, None] + 0.5) * math.pi / height
    weight = latitude.cos().expand_as(squared)

    def mean(weights: Tensor, values: Tensor = squared) -> Tensor:
        return (weights * values).sum() / weights.sum()

    mistakes = {
        "rows not weighted by cos φ: this is the mean over pixels": squared.mean(),
        "rows weighted by the sine of the latitude: the equator has the area": mean(
            latitude.sin().abs().expand_as(squared)
        ),
        "your latitudes are half a pixel off: take the rows' centres, i + ½": mean(
            (latitude + math.pi / height / 2).cos().expand_as(squared)
        ),
        "you divided by the number of pixels: divide by the sum of the weights": (weight * squared).mean(),
        "you did not divide by the sum of the weights": (weight * squared).sum(),
        "you summed the weights of the rows and forgot the columns: a row has 2·height pixels": (
            mean(weight) * squared.shape[1]
        ),
        "solid angles sum to 4π: divide by it": mean(weight) * 4 * math.pi,
        "this is the mean absolute difference: square it": mean(weight, (first - second).abs()),
        "you weighted the difference before squaring it: the weight multiplies the square": (
            (weight * (first - second)).square().sum() / weight.sum()
        ),
        "this is the root of the mean squared error: leave the square root out": mean(weight).sqrt(),
    }
    return compare(function(first.clone(), second.clone()), mean(weight), mistakes=mistakes, tolerance=1e-6)


@checker
def check_camera_ray(function: Callable[..., tuple[Tensor, Tensor]], *, seed: int = 0) -> Diagnosis:
    """Judge the directions that a camera's pixels look in.

    Args:
        function: called as ``function(row, column, size=(height, width), fov=, yaw=, pitch=, roll=)``
            with the indices of all pixels, float64 (n,), and angles in radians; returns latitudes and
            longitudes in radians, (n,) each.
        seed: chooses the camera; one of its views holds a pole.
    """
    verdict = Diagnosis(False, "your function was not called")
    for pitch in (0.35, 1.25):
        camera = _camera(seed, pitch)
        height, width = camera["size"]
        row, column = (
            index.flatten().to(torch.float64)
            for index in torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
        )
        right = torch.stack(_rays(row, column, **camera))
        mistakes = {
            what: _near(torch.stack(_rays(row, column, **camera, **change)), right)
            for what, change in _CAMERA_MISTAKES.items()
        }
        mistakes["latitude counted from the south: row 0 of the view looks north"] = right * torch.tensor(
            [[-1.0], [1.0]]
        )
        mistakes["your latitude is a polar angle: subtract it from π/2"] = torch.stack(
            [math.pi / 2 - right[0], right[1]]
        )
        mistakes["these are degrees: every angle in code is in radians"] = _near(right.rad2deg(), right)
        mistakes["latitude and longitude are exchanged: return the latitude first"] = _near(
            right.flip(0), right
        )
        answer = function(row, column, **camera)
        if not (isinstance(answer, tuple | list | Tensor) and len(answer) == 2):
            return Diagnosis(False, "return two tensors, the latitudes and the longitudes, in this order")
        given = _near(torch.stack([torch.as_tensor(part, dtype=torch.float64) for part in answer]), right)
        verdict = compare(given, right, mistakes=mistakes, tolerance=1e-6)
        if not verdict:
            return verdict
    return Diagnosis(True, "every ray agrees, on both sides of the pole")


_CAMERA_MISTAKES = {
    "your rays are half a pixel off: a pixel's centre lies at column + ½ and row + ½": {"half": 0.0},
    "you used atan where atan2 is needed: rays beyond the pole come back on its near side": {
        "one_argument": True
    },
    "north and south are exchanged: the plane's second axis points south": {"south": -1.0},
    "your roll turns the wrong way: the camera turns clockwise, the picture counter-clockwise": {
        "turn": -1.0
    },
    "you left out the roll": {"turn": 0.0},
    "you took `fov` for the vertical field of view: it is horizontal, s = 2 tan(fov/2) / width": {
        "vertical": True
    },
    "your pitch turns the wrong way: it grows to the north": {"tilt": -1.0},
    "`size` is (height, width), in this order": {"exchanged": True},
    "you left out the yaw: longitude is yaw plus the angle from the middle of the view": {"follow": 0.0},
    "you spread the angle evenly over the pixels: a camera spreads its tangent": {"even": True},
}


def _rays(
    row: Tensor,
    column: Tensor,
    *,
    size: tuple[int, int],
    fov: float,
    yaw: float,
    pitch: float,
    roll: float,
    half: float = 0.5,
    one_argument: bool = False,
    south: float = 1.0,
    turn: float = 1.0,
    vertical: bool = False,
    follow: float = 1.0,
    even: bool = False,
    tilt: float = 1.0,
    exchanged: bool = False,
) -> tuple[Tensor, Tensor]:
    """Directions of a camera's pixels; every argument from `half` on switches one mistake on."""
    (height, width), pitch = size[::-1] if exchanged else size, tilt * pitch
    spacing = fov / width if even else 2 * math.tan(fov / 2) / (height if vertical else width)
    right, down = (column + half - width / 2) * spacing, (row + half - height / 2) * spacing * south
    if even:
        right, down = right.tan(), down.tan()
    c, s = math.cos(turn * roll), math.sin(turn * roll)
    u, v = c * right - s * down, s * right + c * down
    forward, up = math.cos(pitch) + v * math.sin(pitch), math.sin(pitch) - v * math.cos(pitch)
    east = torch.atan(u / forward) if one_argument else torch.atan2(u, forward)
    return torch.atan2(up, torch.hypot(u, forward)), follow * yaw + east


def _near(angles: Tensor, reference: Tensor) -> Tensor:
    """Bring longitudes within half a revolution of the reference's: 190° and −170° are one place."""
    # the small number: half a revolution must not fall to either side by rounding
    turns = torch.floor((angles[1] - reference[1] + math.pi + 1e-6) / (2 * math.pi))
    return torch.stack([angles[0], angles[1] - 2 * math.pi * turns])


def _camera(seed: int, pitch: float) -> dict:
    yaw, roll, fov, wobble = torch.rand(
        4, generator=torch.Generator().manual_seed(seed), dtype=torch.float64
    ).tolist()
    return {
        "size": (6, 9),
        "fov": 1.2 + 0.4 * fov,
        "yaw": 0.3 + yaw,
        "pitch": pitch + 0.1 * wobble,
        "roll": 0.2 + roll / 2,
    }


@checker
def check_read(function: Callable[[Tensor, Tensor, Tensor], Tensor], *, seed: int = 0) -> Diagnosis:
    """Judge a bilinear sampler that knows both seams of a panorama.

    Args:
        function: called as ``function(panorama, row, column)`` with a panorama, float64 (height, 2 * height),
            and fractional positions, float64 (n,), in pixels from the centre of the first one; rows reach two
            pixels beyond both poles, columns a quarter of a revolution beyond both ends. Returns n numbers.
        seed: chooses the panorama and the positions.
    """
    panorama, random = _panorama(8, seed), torch.Generator().manual_seed(seed + 1)
    height, width = panorama.shape
    row = (height + 3) * torch.rand(300, generator=random, dtype=torch.float64) - 2
    column = 1.5 * width * torch.rand(300, generator=random, dtype=torch.float64) - width / 4
    right = _read(panorama, row, column)
    mistakes = {
        "your taps are half a pixel off: whole numbers are the centres of the pixels": _read(
            panorama, row - 0.5, column - 0.5
        ),
        "your taps are half a pixel to the south-east: whole numbers are the pixels' centres": _read(
            panorama, row + 0.5, column + 0.5
        ),
        "your columns are half a pixel off: whole numbers are the centres of the pixels": _read(
            panorama, row, column - 0.5
        ),
        "clamped at the pole: row −1 is row 0 turned by half the width": _read(
            panorama, row, column, fold="clamp"
        ),
        "mirrored at the pole and not turned: add half the width to the column": _read(
            panorama, row, column, fold="mirror"
        ),
        "mirrored about the first row's centre: row −1 is row 0, not row 1": _read(
            panorama, row, column, fold="reflect"
        ),
        "zero beyond the pole: the world has no edge there": _read(panorama, row, column, fold="zero"),
        "the rows wrap around: beyond the north pole lies the north, not the south": _read(
            panorama, row, column, fold="wrap"
        ),
        "the left-right seam is clamped: column −1 is column W − 1": _read(panorama, row, column, wrap=False),
        "latitude counted from the south: row 0 is the northernmost": _read(panorama.flip(0), row, column),
        "you took the nearest pixel: mix the four around the position": _read(
            panorama, row.round(), column.round()
        ),
        "you took the pixel to the north-west: mix the four around the position": _read(
            panorama, row.floor(), column.floor()
        ),
        "the weights are exchanged: the nearer pixel gets the larger one": _read(
            panorama, row, column, swap=True
        ),
    }
    answer = function(panorama.clone(), row.clone(), column.clone())
    return compare(answer, right, mistakes=mistakes, tolerance=1e-6)


def _read(
    panorama: Tensor,
    row: Tensor,
    column: Tensor,
    *,
    fold: str = "turn",
    wrap: bool = True,
    swap: bool = False,
) -> Tensor:
    """Bilinear sample; `fold` names what happens beyond a pole, and only "turn" is right."""
    top, left = row.floor(), column.floor()
    down, across = (row - top, column - left) if not swap else (1 - row + top, 1 - column + left)
    total = torch.zeros_like(row)
    for i, weight_i in ((top, 1 - down), (top + 1, down)):
        for j, weight_j in ((left, 1 - across), (left + 1, across)):
            total = total + weight_i * weight_j * _pixel(panorama, i.long(), j.long(), fold, wrap)
    return total


def _pixel(panorama: Tensor, i: Tensor, j: Tensor, fold: str, wrap: bool) -> Tensor:
    height, width = panorama.shape
    beyond = (i < 0) | (i >= height)
    mirrored = torch.where(i < 0, -1 - i, torch.where(i >= height, 2 * height - 1 - i, i))
    rows = {
        "reflect": torch.where(i < 0, -i, torch.where(i >= height, 2 * height - 2 - i, i)),
        "clamp": i.clamp(0, height - 1),
        "wrap": i % height,
    }.get(fold, mirrored)
    j = j if wrap else j.clamp(0, width - 1)
    if fold == "turn":
        j = j + beyond * (width // 2)
    value = panorama[rows, j % width]
    return torch.where(beyond, 0.0, value) if fold == "zero" else value


def _panorama(height: int, seed: int) -> Tensor:
    random = torch.Generator().manual_seed(1000 + seed)
    return torch.rand(height, 2 * height, generator=random, dtype=torch.float64)
