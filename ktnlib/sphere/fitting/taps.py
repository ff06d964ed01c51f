"""Tap filters in closed form: what each tap reads of its 4×4 pixels, learned from exact features.

The filter of tap k is bicubic interpolation plus directions d that sum to zero, so that every answer keeps a
constant image what it is:

    A_k(i) = bicubic_k(i) + Σ_q z_q d_{k,q}(i).                                                          (1)

*Untied* rows have all fifteen directions and answers of their own. *Splines* have the eight of
`zero_sum_basis` with z a cubic spline in the polar angle: they hold for any height, and one set can serve
several layers and networks. Both are least squares on `RowEquations`; nothing is trained.
"""

import math
from collections.abc import Iterable

import torch
from jaxtyping import Float
from torch import Tensor

from ktnlib import check

from ..sampling import Neighbours, bicubic_neighbours
from ..tap_filters import spline_basis, zero_sum_basis
from ..taps import TapTable
from .equations import WEIGHTINGS, RowEquations, row_weights

SPLINE_WEIGHTINGS = (*WEIGHTINGS, "relative")


def untied_filters(
    equations: RowEquations, table: TapTable, *, ridge: float | int = 1e-3, sum_to_one: bool = True
) -> Neighbours:
    """The best filters of every row by itself: 135 numbers a row for a 3×3 kernel.

    Args:
        equations: of a layer's filters, `RowEquations.of_filters` with the table's windows.
        table: where the layer's taps lie.
        ridge: pull towards bicubic, relative to the row's mean diagonal.
        sum_to_one: False leaves all sixteen weights of a tap free.

    Returns:
        What the taps read, for `RowKernels.from_taps`.

    Raises:
        ValueError: a ridge of 0 or less.
    """
    check.between("ridge", ridge, 0, math.inf, "")
    windows = tap_windows(table)
    rows, taps, pixels = windows.rows.shape
    each = _zero_sum_vectors(pixels) if sum_to_one else torch.eye(pixels, dtype=torch.float64)
    directions = _of_own_tap(each.expand(rows, taps, -1, -1))
    base = windows.weights.flatten(1)
    # relative to the pixels' own scale: their differences, which zero sums weigh, are a hundred times smaller
    found = equations.about(base, directions).solve(ridge=ridge, scale=equations.scale)
    filters = base + torch.einsum("rq,rqa->ra", found[..., 0], directions)
    return windows._replace(weights=filters.reshape(rows, taps, pixels))


def spline_coefficients(
    parts: Iterable[tuple[RowEquations, TapTable]],
    *,
    knots: int = 16,
    ridge: float | int = 1e-6,
    weighting: str = "relative",
) -> Float[Tensor, "taps 8 knots"]:
    """One smooth set of filters for all the parts: layers, networks, heights.

    Each part counts by its error relative to its targets, whatever its size. With one part this is a layer's
    own set.

    Args:
        parts: pairs of a layer's equations and the table they were made with; kernels of one size.
        knots: cubic splines over the polar angle, 0 to π.
        ridge: pull towards bicubic, relative to the mean diagonal. Few or small panoramas want more: DnCNN on
            eight of 64 rows is made worse than bicubic at 1e-6 and better at 1e-4 (`network-rmse`).
        weighting: "plain" counts all pixels alike, "solid-angle" by the area they cover, "relative" every row
            by its error relative to bicubic's: near the equator, where taps fall on pixels and little is
            wrong, a smooth set is otherwise spent on other rows and ends worse than bicubic there.

    Returns:
        Coefficients c[k, b, j], float64, for `spline_filters` and `KernelTransformer`.

    Raises:
        ValueError: an unknown weighting, no parts, kernels of several sizes, a ridge of 0 or less.
    """
    check.choice("weighting", weighting, SPLINE_WEIGHTINGS)
    check.between("ridge", ridge, 0, math.inf, "")
    reduced = [_spline_equations(*part, knots, weighting) for part in parts]
    if len(sizes := {len(moment) for _, moment in reduced}) != 1:
        raise ValueError(
            f"`parts` have {sorted(size // (8 * knots) for size in sizes)} taps; wanted one layer or more, "
            "all with kernels of one size; fit 3 x 3 and 5 x 5 layers apart"
        )
    gram, moment = (torch.stack(kind).sum(0) for kind in zip(*reduced, strict=True))
    pull = ridge * gram.diagonal().mean() * torch.eye(len(gram), dtype=gram.dtype)
    return torch.linalg.solve(gram + pull, moment).reshape(-1, 8, knots)


def tap_windows(table: TapTable) -> Neighbours:
    """The 4×4 pixels around every tap, unfolded, for output column 0; weighted bicubically."""
    return bicubic_neighbours(*table.positions)


def _spline_equations(
    equations: RowEquations, table: TapTable, knots: int, weighting: str
) -> tuple[Tensor, Tensor]:
    """Gram matrix and moment of all rows' equations in the coefficients, over the target's energy."""
    directions = _of_own_tap(zero_sum_basis(*table.phases))
    rows = equations.about(tap_windows(table).weights.flatten(1), directions)
    splines = spline_basis(table.grid.polar_angles, knots)
    if weighting == "relative":
        # `rows` are about bicubic, so their energy is its error; a row without any has nothing to tell
        weights = torch.where(rows.energy > 0, 1 / rows.energy, 0.0) / len(rows.energy)
    else:
        weights = row_weights(table.grid, weighting)
        weights = weights / (weights * equations.energy).sum()
    pairs = torch.einsum("r,rj,rl->jlr", weights, splines, splines).flatten(0, 1)
    gram = (pairs @ rows.gram.flatten(1)).reshape(knots, knots, *rows.gram.shape[1:])
    moment = torch.einsum("r,rj,rq->qj", weights, splines, rows.moment[..., 0])
    return gram.permute(2, 0, 3, 1).reshape(moment.numel(), -1), moment.flatten()


def _of_own_tap(each: Float[Tensor, "rows taps q pixels"]) -> Float[Tensor, "rows parameters unknowns"]:
    """Directions of single taps as directions of all taps' pixels together."""
    own = torch.eye(each.shape[1], dtype=each.dtype)
    return torch.einsum("rkqa,kl->rkqla", each, own).flatten(3).flatten(1, 2)


def _zero_sum_vectors(pixels: int) -> Float[Tensor, "directions pixels"]:
    """An orthonormal basis of the filters that sum to zero."""
    ones = torch.ones(pixels, 1, dtype=torch.float64)
    return torch.linalg.qr(ones, mode="complete")[0][:, 1:].T
