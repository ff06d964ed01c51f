"""The plan of a tangent-plane convolution: where each row's kernel taps fall on the panorama.

All pixels of a row see the same pattern, shifted: one table row serves them all.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ktnlib import check

from .gnomonic import tangent_points
from .grid import EquirectGrid
from .sampling import Neighbours, fold_poles, neighbours


# eq=False: tables hold tensors, which compare element by element
@dataclass(frozen=True, eq=False)
class TapTable:
    """Where the taps of every output row fall on the input; taps run along the kernel's rows, west to east.

    `rows` are fractional input rows in pixel-centre coordinates, −½ and height − ½ at the poles. `columns`
    are fractional offsets, in input pixels, from the output pixel's own centre; that centre lies at input
    column stride·j + (stride − 1)/2. Both are float64 on the CPU.
    """

    rows: Float[Tensor, "out_height taps"]
    columns: Float[Tensor, "out_height taps"]
    height: int
    width: int
    stride: int

    @property
    def positions(self) -> tuple[Float[Tensor, "out_height taps"], Float[Tensor, "out_height taps"]]:
        """(rows, columns) on the input of the taps of output column 0, fractional and not wrapped."""
        return self.rows, self.columns + (self.stride - 1) / 2

    @property
    def phases(self) -> tuple[Float[Tensor, "out_height taps"], Float[Tensor, "out_height taps"]]:
        """How far the taps lie past a pixel to the south and to the east, 0 to 1."""
        rows, columns = self.positions
        return rows - rows.floor(), columns - columns.floor()

    @property
    def grid(self) -> EquirectGrid:
        """The output's."""
        return EquirectGrid(len(self.rows), self.width // self.stride)

    def neighbours(self, *, interpolation: str = "bilinear") -> Neighbours:
        """The pixels each tap reads, and their weights, for the output pixels of column 0.

        Each of the three has shape (out_height, taps, pixels): 4 pixels if bilinear, 16 if bicubic. Rows are
        folded over the poles and lie inside the image; columns are whole and not wrapped: output column j
        reads (column + stride·j) mod width.
        """
        return fold_poles(neighbours(*self.positions, interpolation), self.height, self.width)


def tangent_taps(
    height: int,
    width: int,
    kernel_size: int | tuple[int, int],
    *,
    spacing: float | int | None = None,
    stride: int = 1,
) -> TapTable:
    """Plan a tangent-plane kernel for every row of a panorama.

    The plane touches at the output pixel's own centre. Its taps are the points (s·u, s·v), u east and v
    south, at whole u, v about the centre for an odd kernel and at half ones (±½, ±3⁄2, …) for an even one.

    Args:
        height, width: of the input; both divisible by the stride, the width even, also after the division.
        kernel_size: (rows, columns) of the kernel, or one number for both.
        spacing: s, in sphere radii. None is one pixel at the equator, 2π/width, east and south.
        stride: input pixels from one output pixel to the next, along rows and columns.

    Raises:
        ValueError: an even kernel at stride 1, a spacing that is not positive, sides the stride does not
            divide.

    >>> table = tangent_taps(4, 8, 3)
    >>> table.rows[:, 4].tolist(), table.columns[:, 4].tolist()
    ([0.0, 1.0, 2.0, 3.0], [0.0, 0.0, 0.0, 0.0])
    """
    grid = EquirectGrid(height, width)
    output = output_grid(height, width, check.positive_int("stride", stride))
    kernel_height, kernel_width = kernel_sides(kernel_size, stride=stride)
    spacing = (
        2 * math.pi / width if spacing is None else check.between("spacing", spacing, 0, math.inf, "radii")
    )

    south = (torch.arange(kernel_height, dtype=torch.float64) - (kernel_height - 1) / 2) * spacing
    east = (torch.arange(kernel_width, dtype=torch.float64) - (kernel_width - 1) / 2) * spacing
    latitude, turn = tangent_points(
        output.latitudes[:, None, None], 0.0, east[None, None, :], south[None, :, None]
    )
    return TapTable(
        rows=grid.latitude_to_row(latitude).flatten(1),
        columns=grid.turn_to_columns(turn).flatten(1),
        height=height,
        width=width,
        stride=stride,
    )


def kernel_sides(kernel_size: int | tuple[int, int], *, stride: int) -> tuple[int, int]:
    """A kernel's size as (rows, columns), if it has a place on the grid at this stride."""
    sides = kernel_size if isinstance(kernel_size, tuple) else (kernel_size, kernel_size)
    if len(sides) != 2:
        raise ValueError(f"`kernel_size` is {kernel_size}; wanted (rows, columns) or one number for both")
    for side in sides:
        check.positive_int("kernel_size", side)
        if side % 2 == 0 and stride == 1:
            raise ValueError(
                f"`kernel_size` is {sides[0]} x {sides[1]} at stride 1; wanted odd sides, "
                "because an even kernel's taps would lie half a pixel off; use an odd kernel or stride 2"
            )
    return sides


def output_grid(height: int, width: int, stride: int) -> EquirectGrid:
    """The panorama a layer of this stride returns; refuses a stride that leaves no whole one."""
    if height % stride or width % (2 * stride):
        raise ValueError(
            f"`stride` is {stride} on {height} x {width} pixels; wanted a stride that leaves a whole "
            "panorama: it must divide the height and half the width"
        )
    return EquirectGrid(height // stride, width // stride)
