"""Checkers of chapter 3: a row kernel by hand, what bilinear taps leave, filters in closed form, a count.

Each checker hands random, asymmetric input to the reader's function. A wrong answer is compared with
those that the usual mistakes give, so that a mistake is called by its name.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from ktnlib.exercises.answer import Diagnosis, checker, compare, not_answered
from ktnlib.sphere import tangent_taps
from ktnlib.sphere.published import VGG16


@checker
def check_row_kernel(function: Callable[..., Tensor], *, seed: int = 0) -> Diagnosis:
    """Judge a row kernel written out on the panorama's pixels.

    Args:
        function: called as ``function(kernel, rows, columns, height, width)`` with the nine source weights
            (3, 3), the taps' fractional rows and columns (9,) as `tangent_taps` has them, columns from the
            kernel's own, all float64; returns (height, width), what each pixel weighs when taps are read
            bilinearly, columns counted eastwards from the kernel's own.
        seed: chooses the kernel; one of the rows lies at a pole.
    """
    kernel = torch.rand(3, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) + 0.1
    height, width = 6, 12
    table = tangent_taps(height, width, 3)
    verdict = Diagnosis(False, "your function was not called")
    for row in (2, 0):
        rows, columns = table.rows[row], table.columns[row]
        right = _row_kernel(kernel, rows, columns, height, width)
        mistakes = {
            what: _row_kernel(kernel, rows, columns, height, width, **change)
            for what, change in _ROW_MISTAKES.items()
        }
        mistakes["your kernel is transposed: taps run west to east, then north to south"] = _row_kernel(
            kernel.T, rows, columns, height, width
        )
        mistakes["your kernel is flipped: convolution is torch's, without a flip"] = _row_kernel(
            kernel.flip(0, 1), rows, columns, height, width
        )
        mistakes["later taps overwrite earlier ones: a pixel's shares add up"] = _row_kernel(
            kernel, rows, columns, height, width, overwrite=True
        )
        mistakes["columns count from the kernel's own: its middle belongs in column 0"] = right.roll(
            width // 2, 1
        )
        answer = function(kernel.clone(), rows.clone(), columns.clone(), height, width)
        verdict = compare(answer, right, mistakes=mistakes, tolerance=1e-6)
        if not verdict:
            return verdict
    return Diagnosis(True, "every weight agrees, at a pole too")


_ROW_MISTAKES = {
    "you took the nearest pixel: share each tap out among four": {"nearest": True},
    "your taps are half a pixel off: whole numbers are the centres of the pixels": {"off": 0.5},
    "the weights are exchanged: the nearer pixel gets the larger one": {"swap": True},
    "clamped or not turned at the pole: row −1 is row 0, half the width further on": {"turn": False},
}


def _row_kernel(
    kernel: Tensor,
    rows: Tensor,
    columns: Tensor,
    height: int,
    width: int,
    *,
    nearest: bool = False,
    off: float = 0.0,
    swap: bool = False,
    turn: bool = True,
    overwrite: bool = False,
) -> Tensor:
    """Share nine weights out; every argument from `nearest` on switches one mistake on."""
    out = torch.zeros(height, width, dtype=torch.float64)
    if nearest:
        rows, columns = rows.round(), columns.round()
    rows, columns = rows - off, columns - off
    for weight, row, column in zip(kernel.flatten().tolist(), rows.tolist(), columns.tolist(), strict=True):
        top, left = math.floor(row), math.floor(column)
        for i, j in ((top, left), (top, left + 1), (top + 1, left), (top + 1, left + 1)):
            down, right = 1 - abs(row - i), 1 - abs(column - j)
            share = (1 - down) * (1 - right) if swap else down * right
            beyond = not 0 <= i < height
            i = -1 - i if i < 0 else min(i, 2 * height - 1 - i)
            j = (j + (width // 2 if beyond and turn else 0)) % width
            out[i, j] = weight * share + (0.0 if overwrite else out[i, j])
    return out


@checker
def check_gain(guess: object, *, layers: int = 6, period: int = 4) -> Diagnosis:
    """Judge what six layers of bilinear taps leave of a wave, in root mean square over the taps' phases.

    Args:
        guess: the share of the amplitude, 0 to 1.
        layers: how many times it is read between the pixels.
        period: of the wave along a row, pixels.

    >>> print(check_gain(0.816))
    not yet: this is one layer: the next one reads what it left
    """
    power = (2 + math.cos(2 * math.pi / period)) / 3
    worst = math.cos(math.pi / period)
    mistakes = {
        "this is one layer: the next one reads what it left": power**0.5,
        "this is a power: take the root for the amplitude": power**layers,
        "this is the worst phase, half-way between two pixels: average over phases": worst**layers,
        "this is what is lost: subtract it from 1": 1 - power ** (layers / 2),
        "this is in per cent: divide by 100": 100 * power ** (layers / 2),
    }
    return compare(
        guess,
        torch.tensor(power ** (layers / 2)),
        mistakes={what: torch.tensor(value) for what, value in mistakes.items()},
        tolerance=0.05,
    )


@checker
def check_closed_form(function: Callable[..., Tensor], *, seed: int = 0) -> Diagnosis:
    """Judge the filters that make a row's squared error least.

    Args:
        function: called as ``function(read, wanted, start, ridge)`` with what the pixels say, float64
            (samples, unknowns), what the layer should answer (samples,), the filters to be pulled to
            (unknowns,) and the strength of the pull relative to the mean diagonal of readᵀread; returns the
            minimiser (unknowns,) of ‖read a − wanted‖² + ridge · mean · ‖a − start‖².
        seed: chooses the samples.
    """
    random = torch.Generator().manual_seed(seed)
    read = torch.randn(40, 7, generator=random, dtype=torch.float64) * torch.linspace(0.5, 3, 7).double()
    wanted = torch.randn(40, generator=random, dtype=torch.float64) + 1
    start, ridge = torch.rand(7, generator=random, dtype=torch.float64) + 0.2, 0.3
    gram, moment = read.T @ read, read.T @ wanted
    pull = ridge * gram.diagonal().mean()

    def solve(strength: Tensor | float = pull, towards: Tensor = start, sign: float = 1.0) -> Tensor:
        system = gram + strength * torch.eye(7, dtype=torch.float64)
        return torch.linalg.solve(system, moment + sign * strength * towards)

    mistakes = {
        "you left the pull out: this is plain least squares": solve(0.0),
        "you pulled to zero: the pull is towards `start`": solve(towards=0 * start),
        "the pull has the wrong sign: differentiate ‖a − start‖²": solve(sign=-1.0),
        "your pull is absolute: multiply `ridge` by the mean diagonal of readᵀread": solve(ridge),
        "your pull is relative to the trace: divide by the number of unknowns": solve(7 * pull),
        "your pull is twice as strong: the factors 2 of both derivatives cancel": solve(2 * pull),
        "your pull is half as strong: the factors 2 of both derivatives cancel": solve(pull / 2),
        "this is the step away from `start`: add `start`": solve() - start,
        "you solved for the residual without starting from it": solve(towards=0 * start) + start,
        "the mean is over the samples, the sum is not: divide both parts or neither": solve(40 * pull),
    }
    answer = function(read.clone(), wanted.clone(), start.clone(), ridge)
    return compare(answer, solve(), mistakes=mistakes, tolerance=1e-6)


@checker
def check_sphconv_bounds(guess: object, *, height: int = 320, most: int = 49) -> Diagnosis:
    """Judge two bounds on the numbers of a network that learns a dense kernel for each row of each layer.

    Args:
        guess: the least and the most numbers for VGG-16's thirteen convolutions, in billions.
        height: of the panorama.
        most: taps in the largest kernel; the smallest is 3 × 3.

    >>> print(check_sphconv_bounds((4.7, 4.7)))
    not yet: the largest kernel has 49 taps, not nine: the upper bound is 49/9 of the lower
    """
    if not isinstance(guess, tuple | list | Tensor) or len(guess) != 2:
        return Diagnosis(False, "give two numbers, in billions: the least, then the most")
    if any(number is None or number is ... for number in guess):
        return not_answered()
    pairs = sum(layer.in_channels * layer.out_channels for layer in VGG16)
    least, largest = (height * taps * pairs / 1e9 for taps in (9, most))
    right = torch.tensor([least, largest])
    mistakes = {
        "the largest kernel has 49 taps, not nine: the upper bound is 49/9 of the lower": torch.tensor(
            [least, least]
        ),
        "this is one row: every row of the panorama has kernels of its own": right / height,
        "count in billions: divide by 10⁹": right * 1e9,
        "a kernel joins every input channel to every output channel: multiply the two": torch.tensor(
            [height * taps * sum(layer.out_channels for layer in VGG16) / 1e9 for taps in (9, most)]
        ),
        "you counted 49 rows of taps: the largest kernel is 7 × 7": torch.tensor([least, largest * most]),
        "least first, then most": right.flip(0),
    }
    return compare(guess, right, mistakes=mistakes, tolerance=0.03)
