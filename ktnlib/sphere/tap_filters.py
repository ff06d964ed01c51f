"""The 4×4 pixel filters of a tap: bicubic, what may be added to it without changing its sum, splines in θ.

A tap at position p reads the window of rows floor(p) − 1 … floor(p) + 2, and columns likewise; its sixteen
weights run north to south and, within a row, west to east. Its phase, p − floor(p) ∈ [0, 1), is all that a
filter depends on: x grows to the east, y to the south.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from ktnlib import check

from .sampling import Neighbours, bicubic_neighbours, cubic_weights
from .taps import TapTable

# Weights of the pixels at −1, 0, 1, 2 as polynomials in the phase: one line a pixel, its constant term first.
LINEAR = ((0, 0, 0, 0), (1, -1, 0, 0), (0, 1, 0, 0), (0, 0, 0, 0))
SPLINE = (
    (1 / 6, -1 / 2, 1 / 2, -1 / 6),
    (2 / 3, 0, -1, 1 / 2),
    (1 / 6, 1 / 2, 1 / 2, -1 / 2),
    (0, 0, 0, 1 / 6),
)
# The zero-sum filters in their order: the last five are derivatives of the B-spline, by columns and rows.
ZERO_SUM = ("keys -3/4", "bilinear", "spline", "spline x", "spline y", "spline xx", "spline yy", "spline xy")


def bicubic_weights(
    phase_rows: Float[Tensor, "*points"], phase_columns: Float[Tensor, "*points"]
) -> Float[Tensor, "*points 16"]:
    """Keys' cubic convolution with a = −½ in both directions; each tap's weights sum to 1.

    Args:
        phase_rows, phase_columns: p − floor(p) of the tap's row and column, pixels.

    Source: Keys, Cubic convolution interpolation for digital image processing, IEEE TASSP 29(6), 1981.

    >>> bicubic_weights(torch.tensor([0.5]), torch.tensor([0.0]))[0, 1::4].tolist()
    [-0.0625, 0.5625, 0.5625, -0.0625]
    """
    return _window(cubic_weights(phase_rows), cubic_weights(phase_columns))


def zero_sum_basis(
    phase_rows: Float[Tensor, "*points"], phase_columns: Float[Tensor, "*points"]
) -> Float[Tensor, "*points 8 16"]:
    """Eight filters that sum to 0: any mixture of them added to `bicubic_weights` still sums to 1.

    In this order: Keys' with a = −¾, bilinear and the cubic B-spline, each minus `bicubic_weights`; then the
    B-spline's derivatives ∂x, ∂y, ∂xx, ∂yy, ∂xy at the tap, per pixel and pixel squared.

    Args:
        phase_rows, phase_columns: p − floor(p) of the tap's row and column, pixels.

    >>> basis = zero_sum_basis(torch.tensor([0.3]), torch.tensor([0.8]))
    >>> basis.shape, bool(basis.sum(-1).abs().max() < 1e-6)
    (torch.Size([1, 8, 16]), True)
    """
    bicubic = bicubic_weights(phase_rows, phase_columns)
    sharper = _window(*(cubic_weights(phase, sharpness=-0.75) for phase in (phase_rows, phase_columns)))
    kinds = [sharper - bicubic]
    for table in (LINEAR, SPLINE):
        kinds.append(_window(_polynomials(phase_rows, table), _polynomials(phase_columns, table)) - bicubic)
    down = [_polynomials(phase_rows, SPLINE, derivative) for derivative in range(3)]
    right = [_polynomials(phase_columns, SPLINE, derivative) for derivative in range(3)]
    for by_row, by_column in ((0, 1), (1, 0), (0, 2), (2, 0), (1, 1)):
        kinds.append(_window(down[by_row], right[by_column]))
    return torch.stack(kinds, dim=-2)


def spline_basis(polar_angles: Float[Tensor, "rows"], knots: int) -> Float[Tensor, "rows knots"]:
    """Uniform cubic B-splines in the polar angle: `knots` functions on knots − 3 intervals of [0, π].

    They are not negative and sum to 1 at every angle; at most four of them differ from 0.

    Args:
        polar_angles: from the north pole, radians, 0 … π.
        knots: number of functions, at least 4.

    Raises:
        ValueError: fewer than four functions, an angle outside [0, π].

    >>> spline_basis(torch.tensor([0.0, torch.pi / 2]), 5)[1].mul(48).round().tolist()
    [0.0, 8.0, 32.0, 8.0, 0.0]
    """
    if check.positive_int("knots", knots) < 4:
        raise ValueError(
            f"`knots` is {knots}; wanted at least 4, the cubic splines that meet in one interval"
        )
    # float32 rounds π up
    if not bool(((polar_angles >= 0) & (polar_angles <= math.pi + 1e-6)).all()):
        raise ValueError(
            f"`polar_angles` reach from {polar_angles.min().item():g} to {polar_angles.max().item():g}; "
            "wanted radians from the north pole, 0 to pi; a latitude's is pi/2 - latitude"
        )
    position = polar_angles * ((knots - 3) / math.pi)
    interval = position.floor().clamp(0, knots - 4)
    four = _polynomials(position - interval, SPLINE)
    out = four.new_zeros(len(polar_angles), knots)
    return out.scatter(1, interval.long()[:, None] + torch.arange(4, device=out.device), four)


def spline_filters(coefficients: Float[Tensor, "taps 8 knots"], table: TapTable) -> Neighbours:
    """What every tap of a table reads of its 4×4 pixels with filters that are smooth in the polar angle θ.

    With the tap's phase p and the splines S_j

        weights_k(θ) = bicubic(p) + Σ_b Σ_j S_j(θ) · coefficients[k, b, j] · basis_b(p).

    Returns:
        Three tensors (rows, taps, 16) for `RowKernels.from_taps`, unfolded, for output column 0; the weights
        are float64, on the CPU and differentiable in the coefficients.

    Raises:
        ValueError: coefficients for another number of taps than the table's.

    >>> from ktnlib.sphere.taps import tangent_taps
    >>> spline_filters(torch.zeros(9, 8, 16), tangent_taps(8, 16, 3)).weights.shape
    torch.Size([8, 9, 16])
    """
    taps = table.rows.shape[1]
    if len(coefficients) != taps:
        raise ValueError(
            f"`coefficients` are for {len(coefficients)} taps; wanted {taps}, the taps of `table`"
        )
    plan = bicubic_neighbours(*table.positions)
    basis = zero_sum_basis(*table.phases)
    splines = spline_basis(table.grid.polar_angles, coefficients.shape[-1])
    shares = coefficients.to(basis)
    learned = torch.einsum("ij,kbj,ikbp->ikp", splines, shares, basis)
    return plan._replace(weights=plan.weights + learned)


def _polynomials(
    phase: Float[Tensor, "*points"], table: tuple[tuple[float | int, ...], ...], derivative: int = 0
) -> Float[Tensor, "*points 4"]:
    """A table's four weights at each phase, or their first or second derivatives by it."""
    zero, one = torch.zeros_like(phase), torch.ones_like(phase)
    powers = (
        (one, phase, phase**2, phase**3),
        (zero, one, 2 * phase, 3 * phase**2),
        (zero, zero, 2 * one, 6 * phase),
    )[derivative]
    return torch.stack(powers, dim=-1) @ torch.tensor(table, dtype=phase.dtype, device=phase.device).T


def _window(
    down: Float[Tensor, "*points 4"], right: Float[Tensor, "*points 4"]
) -> Float[Tensor, "*points 16"]:
    return torch.einsum("...r,...c->...rc", down, right).flatten(-2)
