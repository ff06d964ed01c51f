"""Reading an image between its pixels: a plan of neighbours and weights, and its application.

Positions are fractional rows and columns in pixel-centre coordinates: pixel (i, j) is centred at (i, j).
"""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor


class Neighbours(NamedTuple):
    """The pixels that samples read, and how much of each; the last axis is the four of a bilinear sample."""

    rows: Int[Tensor, "*points 4"]
    columns: Int[Tensor, "*points 4"]
    weights: Float[Tensor, "*points 4"]


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


def fold_poles(neighbours: Neighbours, height: int, width: int) -> Neighbours:
    """Bring rows beyond a pole back: the same row order mirrored, half a revolution away.

    Row −1 is row 0 and row `height` is row height − 1, both width/2 columns further on. Columns stay
    unwrapped.
    """
    rows, columns, weights = neighbours
    beyond = (rows < 0) | (rows >= height)
    mirrored = torch.where(rows < 0, -1 - rows, 2 * height - 1 - rows)
    return Neighbours(
        rows=torch.where(beyond, mirrored, rows),
        columns=torch.where(beyond, columns + width // 2, columns),
        weights=weights,
    )


def clamp_edges(neighbours: Neighbours, height: int, width: int) -> Neighbours:
    """Continue a picture's outermost pixels beyond its edge: for pictures, never for panoramas."""
    rows, columns, weights = neighbours
    return Neighbours(rows.clamp(0, height - 1), columns.clamp(0, width - 1), weights)


def sample(image: Float[Tensor, "batch channel height width"], neighbours: Neighbours) -> Tensor:
    """Read an image at planned neighbours: (batch, channel, height, width) to (batch, channel, *points).

    Columns wrap around; rows must lie inside. Halves are summed in float32 and returned as they came.
    """
    batch, channel, height, width = image.shape
    pixels = image.reshape(batch, channel, height * width).to(accumulator(image.dtype))
    index = (neighbours.rows * width + neighbours.columns.remainder(width)).to(image.device)
    weights = neighbours.weights.to(pixels.dtype).to(image.device)
    points = index.shape[:-1]
    out = pixels.new_zeros(batch, channel, points.numel())
    for i in range(index.shape[-1]):
        out = out + pixels[:, :, index[..., i].flatten()] * weights[..., i].flatten()
    return out.to(image.dtype).reshape(batch, channel, *points)


def accumulator(dtype: torch.dtype) -> torch.dtype:
    """The type sums are kept in: float64 for itself, float32 for everything narrower."""
    return torch.float64 if dtype == torch.float64 else torch.float32
