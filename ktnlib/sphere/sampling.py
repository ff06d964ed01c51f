"""Reading an image between its pixels: a plan of neighbours and weights, and its application.

Positions are fractional rows and columns in pixel-centre coordinates: pixel (i, j) is centred at (i, j).
A panorama's sample near a pole reads rows beyond it, down to −2 and up to height + 1; `fold_poles` brings
them back, so that both interpolations see an image without border.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ktnlib import check


class Neighbours(NamedTuple):
    """The pixels that samples read, and how much of each; the last axis is the pixels of one sample.

    They run from north to south, then from west to east: 4 of a bilinear sample, 16 of a bicubic one.
    """

    rows: Int[Tensor, "*points pixels"]
    columns: Int[Tensor, "*points pixels"]
    weights: Float[Tensor, "*points pixels"]


def neighbours(
    rows: Float[Tensor, "*points"], columns: Float[Tensor, "*points"], interpolation: str
) -> Neighbours:
    """The pixels around each position and their weights; nothing is wrapped or folded yet.

    Args:
        rows, columns: fractional positions, pixel centres whole.
        interpolation: "bilinear" reads the 2×2 pixels around a position, "bicubic" the 4×4.

    Raises:
        ValueError: an interpolation that is not in the table `INTERPOLATIONS`.

    >>> plan = neighbours(torch.tensor([2.5]), torch.tensor([7.0]), "bicubic")
    >>> plan.rows[0, ::4].tolist(), plan.weights[0, 1::4].tolist()
    ([1, 2, 3, 4], [-0.0625, 0.5625, 0.5625, -0.0625])
    """
    check.choice("interpolation", interpolation, INTERPOLATIONS)
    return INTERPOLATIONS[interpolation](rows, columns)


def bilinear_neighbours(rows: Float[Tensor, "*points"], columns: Float[Tensor, "*points"]) -> Neighbours:
    """The four pixels around each position, weighted by nearness; nothing is wrapped or folded yet."""
    top, left = rows.floor(), columns.floor()
    down, right = rows - top, columns - left
    top, left = top.long(), left.long()
    return Neighbours(
        rows=torch.stack([top, top, top + 1, top + 1], dim=-1),
        columns=torch.stack([left, left + 1, left, left + 1], dim=-1),
        weights=torch.stack(
            [(1 - down) * (1 - right), (1 - down) * right, down * (1 - right), down * right], dim=-1
        ),
    )


def bicubic_neighbours(rows: Float[Tensor, "*points"], columns: Float[Tensor, "*points"]) -> Neighbours:
    """The 4×4 pixels from one before each position's floor to two after, weighted by `cubic_weights`."""
    top, left = rows.floor(), columns.floor()
    steps = torch.arange(-1, 3, device=rows.device)
    window_rows = (top.long()[..., None] + steps)[..., :, None]
    window_columns = (left.long()[..., None] + steps)[..., None, :]
    weights = cubic_weights(rows - top)[..., :, None] * cubic_weights(columns - left)[..., None, :]
    window_rows, window_columns = torch.broadcast_tensors(window_rows, window_columns)
    return Neighbours(window_rows.flatten(-2), window_columns.flatten(-2), weights.flatten(-2))


def cubic_weights(phase: Float[Tensor, "..."], *, sharpness: float = -0.5) -> Float[Tensor, "... 4"]:
    """How much a sample between two pixels takes of the four pixels on its line; they sum to 1.

    With a = sharpness and t = phase, the pixels at −1, 0, 1, 2 weigh

        a·t(1−t)²,  1 − (a+3)t² + (a+2)t³,  −a·t + (2a+3)t² − (a+2)t³,  a·t²(1−t).

    a = −½ is right for every quadratic; a = −¾ is sharper, and what image editors and torch use.

    Args:
        phase: of the sample, from the pixel before it: 0 to 1.

    Source: Keys, Cubic convolution interpolation for digital image processing, IEEE TASSP 29 (1981), eq. 15.
    """
    a, t = sharpness, phase
    return torch.stack(
        [
            a * t * (1 - t).square(),
            1 + t.square() * ((a + 2) * t - (a + 3)),
            t * (t * ((2 * a + 3) - (a + 2) * t) - a),
            a * t.square() * (1 - t),
        ],
        dim=-1,
    )


INTERPOLATIONS = {"bilinear": bilinear_neighbours, "bicubic": bicubic_neighbours}


def fold_poles(unfolded: Neighbours, height: int, width: int) -> Neighbours:
    """Bring rows beyond a pole back: the same row order mirrored, half a revolution away.

    Row −1 is row 0 and row `height` is row height − 1, both width/2 columns further on; a row beyond both
    poles comes back twice. Columns stay unwrapped.
    """
    rows, columns, weights = unfolded
    along_meridian = rows.remainder(2 * height)
    far_side = along_meridian >= height
    return Neighbours(
        rows=torch.where(far_side, 2 * height - 1 - along_meridian, along_meridian),
        columns=torch.where(far_side, columns + width // 2, columns),
        weights=weights,
    )


def surrounded(
    x: Float[Tensor, "batch channel height width"], rows: range, across: int
) -> Float[Tensor, "batch channel rows wide"]:
    """Rows of a panorama, those beyond a pole as they lie there, and `across` more columns on either side."""
    height, width = x.shape[-2:]
    unfolded = Neighbours(
        torch.arange(rows.start, rows.stop)[:, None], torch.arange(-across, width + across), torch.ones(1)
    )
    pixels = fold_poles(unfolded, height, width)
    return x[:, :, pixels.rows.to(x.device), pixels.columns.remainder(width).to(x.device)]


def clamp_edges(unclamped: Neighbours, height: int, width: int) -> Neighbours:
    """Continue a picture's outermost pixels beyond its edge: for pictures, never for panoramas."""
    rows, columns, weights = unclamped
    return Neighbours(rows.clamp(0, height - 1), columns.clamp(0, width - 1), weights)


def sample(image: Float[Tensor, "batch channel height width"], plan: Neighbours) -> Tensor:
    """Read an image at planned neighbours: (batch, channel, height, width) to (batch, channel, *points).

    Columns wrap around; rows must lie inside. Halves are summed in float32 and returned as they came.
    """
    batch, channel, height, width = image.shape
    pixels = image.reshape(batch, channel, height * width).to(accumulator(image.dtype))
    index = (plan.rows * width + plan.columns.remainder(width)).to(image.device)
    weights = plan.weights.to(pixels.dtype).to(image.device)
    points = index.shape[:-1]
    out = pixels.new_zeros(batch, channel, points.numel())
    for i in range(index.shape[-1]):
        out = out + pixels[:, :, index[..., i].flatten()] * weights[..., i].flatten()
    return out.to(image.dtype).reshape(batch, channel, *points)


def accumulator(dtype: torch.dtype) -> torch.dtype:
    """The type sums are kept in: float64 for itself, float32 for everything narrower."""
    return torch.float64 if dtype == torch.float64 else torch.float32
