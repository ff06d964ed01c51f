"""A dense kernel for a band of rows: an odd window about the pixel itself, with dilation."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ktnlib import check

from .sampling import Neighbours


@dataclass(frozen=True, eq=False)
class RowBand:
    """One dense kernel for neighbouring rows: an odd window about the pixel itself.

    Args:
        rows: the output rows that use it, `range(first, one after the last)`.
        weight: row 0 of the window is its northernmost, column 0 its westernmost.
        dilation: pixels from one weight to the next, (down, across).

    Raises:
        ValueError: no rows or rows with gaps, a window of even or no size, a dilation below one.

    >>> RowBand(range(2), torch.zeros(4, 3, 3, 65), dilation=(1, 9)).reach
    (1, 288)
    """

    rows: range
    weight: Float[Tensor, "out_channel in_channel window_height window_width"]
    dilation: tuple[int, int] = (1, 1)

    def __post_init__(self):
        check.floating("weight", self.weight)
        if self.weight.ndim != 4 or not all(side % 2 for side in self.weight.shape[2:]):
            raise ValueError(
                f"`weight` has shape {tuple(self.weight.shape)}; wanted (out_channel, in_channel, rows, "
                "columns) with odd rows and columns, so that the window has a middle; pad it with zeros"
            )
        if not len(self.rows) or self.rows.step != 1:
            raise ValueError(
                f"`rows` is {self.rows}; wanted neighbouring rows, range(first, one after the last)"
            )
        for step in self.dilation:
            check.positive_int("dilation", step)

    @property
    def reach(self) -> tuple[int, int]:
        """How many pixels the window goes beyond its middle, down and across."""
        half_height, half_width = (side // 2 for side in self.weight.shape[2:])
        return half_height * self.dilation[0], half_width * self.dilation[1]

    def window(self, row: int) -> Neighbours:
        """The pixels under the weights for the output pixel (row, 0), unfolded and unwrapped; all weigh 1."""
        down, across = (
            torch.arange(side) * step - end
            for side, step, end in zip(self.weight.shape[2:], self.dilation, self.reach, strict=True)
        )
        rows, columns = torch.broadcast_tensors(row + down[:, None], across)
        return Neighbours(rows.flatten(), columns.flatten(), torch.ones(rows.numel(), dtype=torch.float64))
