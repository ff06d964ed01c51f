"""Interpolated: exact at every S-th pixel of every S-th row, bilinear between."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ktnlib import check

from ..sampling import Neighbours, accumulator
from ..tangent_conv import check_operands, correlate
from ..taps import tangent_taps


def interpolated_conv2d(
    x: Float[Tensor, "batch in_channel height width"],
    weight: Float[Tensor, "out_channel in_channel kernel_height kernel_width"],
    bias: Float[Tensor, "out_channel"] | None = None,
    *,
    every: int = 16,
    spacing: float | int | None = None,
) -> Float[Tensor, "batch out_channel height width"]:
    """`tangent_conv2d` at every S-th pixel only, and between those pixels a bilinear guess.

    The knots are rows and columns ⌊S/2⌋, ⌊S/2⌋ + S, …; between the last and the first the guess goes on
    around the seam and over the poles. The exact layer's cost falls to 1/S² of it, and detail finer than S
    pixels is lost.

    Args:
        x, weight, bias, spacing: as for `tangent_conv2d`; the kernel's sides are odd.
        every: S, pixels from one knot to the next; at most the panorama's smaller side.

    Raises:
        ValueError: what `tangent_conv2d` refuses, and an `every` below one or above the panorama's sides.
        TypeError: whole numbers in place of floating-point ones, or the reverse for `every`.

    Source: the baseline "Interp" of SphConv, Su and Grauman, NeurIPS 2017; S = 16 is its released code's.

    >>> interpolated_conv2d(torch.ones(1, 1, 8, 16), torch.ones(2, 1, 3, 3), every=4).shape
    torch.Size([1, 2, 8, 16])
    """
    check_operands(x, weight, bias)
    height, width = x.shape[-2:]
    if check.positive_int("every", every) > min(height, width):
        raise ValueError(
            f"`every` is {every} on {height} x {width} pixels; wanted at most {min(height, width)}, so that "
            "there is a knot to interpolate from"
        )
    knot_rows, knot_columns = torch.arange(every // 2, height, every), torch.arange(every // 2, width, every)
    plan = tangent_taps(height, width, tuple(weight.shape[-2:]), spacing=spacing).neighbours()
    plan = Neighbours(*(part[knot_rows] for part in plan))
    knots = correlate(x.to(accumulator(x.dtype)), weight, bias, plan, knot_columns)
    return fill_between(knots, knot_rows, knot_columns, height, width).to(x.dtype)


def fill_between(
    knots: Float[Tensor, "batch channel knot_rows knot_columns"],
    rows: Int[Tensor, "knot_rows"],
    columns: Int[Tensor, "knot_columns"],
    height: int,
    width: int,
) -> Float[Tensor, "batch channel height width"]:
    """A panorama from its values at some rows and columns: bilinear, around the seam and over the poles."""
    return _along_columns(_along_rows(knots, columns, width), rows, height)


def _along_rows(knots: Tensor, at: Int[Tensor, "knots"], width: int) -> Tensor:
    """Fill every row between its knots, around the seam too."""
    before, after, share = _between(torch.cat([at[-1:] - width, at, at[:1] + width]), width)
    knots = torch.cat([knots[..., -1:], knots, knots[..., :1]], dim=-1)
    share = share.to(knots)
    return knots[..., before.to(knots.device)] * (1 - share) + knots[..., after.to(knots.device)] * share


def _along_columns(knots: Tensor, at: Int[Tensor, "knots"], height: int) -> Tensor:
    """Fill every column between its knots; beyond a pole lies the same knot half a revolution away."""
    before, after, share = _between(torch.cat([-1 - at[:1], at, 2 * height - 1 - at[-1:]]), height)
    far_side = knots.roll(knots.shape[-1] // 2, dims=-1)
    knots = torch.cat([far_side[..., :1, :], knots, far_side[..., -1:, :]], dim=-2)
    share = share.to(knots)[:, None]
    before, after = before.to(knots.device), after.to(knots.device)
    return knots[..., before, :] * (1 - share) + knots[..., after, :] * share


def _between(
    at: Int[Tensor, "knots"], count: int
) -> tuple[Int[Tensor, "count"], Int[Tensor, "count"], Float[Tensor, "count"]]:
    """The knots before and after each of 0 … count − 1, and the latter's share; `at` reaches beyond both."""
    places = torch.arange(count)
    after = torch.searchsorted(at, places, right=True)
    before = after - 1
    return before, after, (places - at[before]).double() / (at[after] - at[before])
