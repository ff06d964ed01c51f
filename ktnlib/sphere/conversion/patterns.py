"""Where a layer's taps lie on the plane that touches the sphere at an output pixel, pattern by pattern."""

import math
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from ..gnomonic import tangent_points
from ..grid import EquirectGrid
from ..taps import TapTable
from .steps import Pair

Plane = tuple[Float[Tensor, "*rows"], Float[Tensor, "*columns"]]


def _evenly(down: Tensor, across: Tensor, spacing: float, kernel_size: Pair) -> Plane:
    return across * spacing, down * spacing


def _by_angles(down: Tensor, across: Tensor, spacing: float, kernel_size: Pair) -> Plane:
    """The pixels of a grid of angles about the equator, seen on the plane there (SphereNet)."""
    down, across = down * spacing, across * spacing
    farthest = max(down.abs().max().item(), across.abs().max().item())
    if farthest >= math.pi / 2:
        raise ValueError(
            f"taps would lie {math.degrees(farthest):.0f} degrees from the middle of the kernel; wanted less "
            "than 90 for this method's pattern; give a smaller `spacing` or a higher panorama"
        )
    return across.tan(), down.tan() / across.cos()


def _by_aperture(down: Tensor, across: Tensor, spacing: float, kernel_size: Pair) -> Plane:
    """An even grid whose patch of k by k taps opens k times the angle between pixels (EquiConv)."""
    sides = []
    for side in kernel_size:
        if side * spacing >= math.pi:
            raise ValueError(
                f"a kernel of {side} taps would open {math.degrees(side * spacing):.0f} degrees; wanted less "
                "than 180 for this method's pattern; give a smaller `spacing` or a higher panorama"
            )
        sides.append(2 * math.tan(side * spacing / 2) / side)
    return across * sides[1], down * sides[0]


PATTERNS: dict[str, Callable[[Tensor, Tensor, float, Pair], Plane]] = {
    "tangent": _evenly,
    "spherenet": _by_angles,
    "equiconv": _by_aperture,
}


def taps_about(
    height: int,
    width: int,
    kernel_size: Pair,
    *,
    spacing: float,
    dilation: Pair = (1, 1),
    stride: int = 1,
    pattern: str = "tangent",
) -> TapTable:
    """Taps at (s·u, s·v) about every output pixel's own centre: whole u, v for odd sides, half for even.

    As `tangent_taps`, with dilation and with even kernels at stride 1 too.

    Args:
        height, width: of the input.
        spacing: s, between neighbouring taps where the dilation is 1, sphere radii; radians for "spherenet"
            and "equiconv".
        pattern: a name in `PATTERNS`.

    >>> taps_about(4, 8, (1, 2), spacing=math.pi / 4).columns[1].round(decimals=3).tolist()
    [-0.512, 0.512]
    """
    down, across = (
        (torch.arange(side, dtype=torch.float64) - (side - 1) / 2) * step
        for side, step in zip(kernel_size, dilation, strict=True)
    )
    plane = PATTERNS[pattern](down[:, None], across[None, :], spacing, kernel_size)
    output = EquirectGrid(height // stride, width // stride)
    return plane_taps(height, width, output.latitudes, *plane, stride=stride)


def plane_taps(
    height: int,
    width: int,
    latitudes: Float[Tensor, "out_height"],
    east: Float[Tensor, "*rows_or_one columns"],
    south: Float[Tensor, "rows *columns_or_one"],
    *,
    stride: int = 1,
) -> TapTable:
    """Points of the planes that touch at these latitudes, as a table; `east` and `south` broadcast."""
    grid = EquirectGrid(height, width)
    latitude, turn = tangent_points(latitudes[:, None, None], 0.0, east, south)
    rows = grid.latitude_to_row(latitude).flatten(1)
    return TapTable(rows, grid.turn_to_columns(turn).flatten(1), height, width, stride)
