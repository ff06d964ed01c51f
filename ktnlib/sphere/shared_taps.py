"""The set of tap filters that ships: one for every layer, network and height, fitted on 3×3 kernels."""

import functools
import math

import torch
from jaxtyping import Float
from safetensors.torch import load_file
from torch import Tensor

from ktnlib.shipped import shipped

from .tap_filters import spline_basis


def shared_taps(kernel_size: tuple[int, int] = (3, 3)) -> Float[Tensor, "taps 8 knots"]:
    """Its coefficients for a kernel of this size: a tap takes those of the 3×3 tap on its side of the middle.

    How they were fitted is in the metadata of `data/shared_taps.safetensors`.

    >>> shared_taps((1, 5)).shape
    torch.Size([5, 8, 16])
    """
    rows, columns = ([_nearest_tap(index, side) for index in range(side)] for side in kernel_size)
    return _stored()[[3 * row + column for row in rows for column in columns]]


def with_knots(
    coefficients: Float[Tensor, "taps 8 knots"], knots: int
) -> Float[Tensor, "taps 8 other_knots"]:
    """The same functions of the polar angle in another number of splines, by least squares.

    >>> with_knots(torch.ones(1, 8, 16), 6)[0, 0].round(decimals=4).tolist()
    [1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    """
    angles = torch.linspace(0, math.pi, 32 * max(knots, coefficients.shape[-1]), dtype=torch.float64)
    had = spline_basis(angles, coefficients.shape[-1]) @ coefficients.double().flatten(0, 1).T
    found = torch.linalg.lstsq(spline_basis(angles, knots), had).solution
    return found.T.unflatten(0, coefficients.shape[:2]).to(coefficients.dtype)


def _nearest_tap(index: int, side: int) -> int:
    """0, 1 or 2: before, on or behind the middle."""
    place = 2 * index - (side - 1)
    return 1 + (place > 0) - (place < 0)


@functools.cache
def _stored() -> Float[Tensor, "9 8 knots"]:
    path = shipped("shared_taps.safetensors")
    return load_file(path)["coefficients"] if path.is_file() else torch.zeros(9, 8, 16)
