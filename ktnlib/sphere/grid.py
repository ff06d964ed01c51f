"""The equirectangular grid: which direction every pixel looks in, and how much of the sphere it covers."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ktnlib import check

# A sample this close to a pixel's centre, in pixels, is that pixel: float64 trigonometry is off by about
# 1e-12, and quarter turns and one-tap kernels are to be exact.
SNAP = 1e-11


@dataclass(frozen=True)
class EquirectGrid:
    """A panorama's grid of pixel centres: rows from north to south, columns from west to east.

    Row i looks at latitude π/2 − (i + ½)π/height, column j at longitude −π + (j + ½)2π/width: no pixel lies
    on a pole, and longitude 0 falls between the two middle columns.

    Args:
        height: rows, pole to pole.
        width: columns, once around; even, because the way over a pole is half a revolution; None is
            2·height.

    Raises:
        ValueError: a side below one, or an odd width.
        TypeError: a side that is no whole number.

    >>> grid = EquirectGrid(2)
    >>> grid.width, grid.latitudes.rad2deg().tolist(), grid.longitudes.rad2deg().tolist()
    (4, [45.0, -45.0], [-135.0, -45.0, 45.0, 135.0])
    """

    height: int
    width: int | None = None

    def __post_init__(self):
        check.positive_int("height", self.height)
        width = 2 * self.height if self.width is None else check.positive_int("width", self.width)
        if width % 2:
            raise ValueError(
                f"`width` is {width}; wanted an even number, because a sample that passes a pole comes back "
                f"half a revolution away; use {width + 1}, or leave it out for 2*height = {2 * self.height}"
            )
        object.__setattr__(self, "width", width)

    @property
    def latitudes(self) -> Float[Tensor, "height"]:
        """Latitude of each row's centres, float64 radians, north positive; mirrored exactly."""
        return ((self.height - 1) / 2 - torch.arange(self.height, dtype=torch.float64)) * self._row_step

    @property
    def longitudes(self) -> Float[Tensor, "width"]:
        """Longitude of each column's centres, float64 radians, east positive; mirrored exactly."""
        return (torch.arange(self.width, dtype=torch.float64) - (self.width - 1) / 2) * self._column_step

    @property
    def polar_angles(self) -> Float[Tensor, "height"]:
        """Angle of each row's centres from the north pole, float64 radians."""
        return (torch.arange(self.height, dtype=torch.float64) + 0.5) * self._row_step

    @property
    def solid_angles(self) -> Float[Tensor, "height"]:
        """Solid angle of one pixel of each row, float64 steradian; all pixels together make 4π.

        The exact area between the pixel's edges, (2π/width)·(sin φ_upper − sin φ_lower).
        """
        return self.latitudes.cos() * (2 * math.sin(self._row_step / 2) * self._column_step)

    def latitude_to_row(self, latitude: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """Fractional row of a latitude (radians): pixel centres are whole, the poles −½ and height − ½."""
        return snap((self.height - 1) / 2 - latitude / self._row_step)

    def longitude_to_column(self, longitude: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """Fractional column of a longitude (radians): pixel centres are whole, the seam −½; not wrapped."""
        return snap((self.width - 1) / 2 + longitude / self._column_step)

    def turn_to_columns(self, turn: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """Fractional number of columns in an angle of longitude (radians), east positive."""
        return snap(turn / self._column_step)

    @property
    def _row_step(self) -> float:
        return math.pi / self.height

    @property
    def _column_step(self) -> float:
        return 2 * math.pi / self.width


def snap(position: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """Round positions that lie within 1e-11 of a whole number of pixels to it."""
    whole = position.round()
    return torch.where((position - whole).abs() < SNAP, whole, position)
