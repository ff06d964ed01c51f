"""A camera inside the sphere: where its pixels look, and where directions fall on its picture.

A view looks along (longitude yaw, latitude pitch). Yaw grows to the east, pitch to the north; roll turns the
camera clockwise, and so its picture counter-clockwise. At roll 0 the picture's right is east and its down is
south.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ktnlib import check

from .gnomonic import Radians, camera_spacing, sphere_to_plane, tangent_points
from .grid import EquirectGrid, snap


@dataclass(frozen=True)
class View:
    """A pinhole camera: its direction and roll in radians, the size of its picture in pixels.

    Pixel (r, c) of h × w looks through the plane one radius ahead at

        (right, down) = ((c + ½ − w/2)·s, (r + ½ − h/2)·s),   s = 2·tan(fov/2)/w;

    `fov` is horizontal.
    """

    yaw: Radians
    pitch: Radians
    roll: Radians
    fov: Radians
    height: int
    width: int

    def __post_init__(self):
        for name in ("yaw", "pitch", "roll"):
            check.finite(name, getattr(self, name))
        check.positive_int("size", self.height)
        check.positive_int("size", self.width)
        check.between("fov", self.fov, 0, math.pi, "radians, the horizontal field of view")

    @property
    def spacing(self) -> float:
        """Distance of neighbouring pixels on the plane, sphere radii."""
        return camera_spacing(self.fov, self.width)

    def directions(self) -> tuple[Float[Tensor, "height width"], Float[Tensor, "height width"]]:
        """(latitude, longitude) of every pixel's centre, float64 radians."""
        down = torch.arange(self.height, dtype=torch.float64) - (self.height - 1) / 2
        right = torch.arange(self.width, dtype=torch.float64) - (self.width - 1) / 2
        return self.plane_to_sphere(right[None, :] * self.spacing, down[:, None] * self.spacing)

    def plane_to_sphere(
        self, right: Float[Tensor, "..."], down: Float[Tensor, "..."]
    ) -> tuple[Float[Tensor, "..."], Float[Tensor, "..."]]:
        """(latitude, longitude) of plane points, measured along the picture's sides in sphere radii."""
        return tangent_points(self.pitch, self.yaw, *turn_clockwise(right, down, self.roll))

    def positions(
        self, latitude: Float[Tensor, "..."], longitude: Float[Tensor, "..."]
    ) -> tuple[Float[Tensor, "..."], Float[Tensor, "..."], Bool[Tensor, "..."]]:
        """Fractional (row, column) where directions meet the picture, else 0; and whether they do."""
        east, south, in_front = sphere_to_plane(
            latitude, longitude, centre_latitude=self.pitch, centre_longitude=self.yaw
        )
        right, down = turn_clockwise(east, south, -self.roll)
        rows = snap(down / self.spacing + (self.height - 1) / 2)
        columns = snap(right / self.spacing + (self.width - 1) / 2)
        # NaN behind the camera compares as False
        inside = (rows + 0.5 >= 0) & (rows <= self.height - 0.5) & (columns + 0.5 >= 0)
        inside &= in_front & (columns <= self.width - 0.5)
        return rows.where(inside, 0.0), columns.where(inside, 0.0), inside


def view_outline(
    height: int,
    *,
    yaw: Radians,
    pitch: Radians,
    roll: Radians = 0.0,
    fov: Radians,
    size: int | tuple[int, int],
    samples: int = 64,
) -> Float[Tensor, "points 2"]:
    """The border of a view as a line on the panorama, to draw its footprint.

    Args:
        height: rows of the panorama, which is twice as wide.
        yaw, pitch, roll, fov, size: as for `render_perspective`, radians and pixels.
        samples: points on each of the four sides.

    Returns:
        Pairs of (row, column), float64, in pixel-centre coordinates of a height × 2·height panorama, columns
        in [−½, 2·height − ½). The line runs clockwise in the picture from its top left corner and back to it;
        a pair of NaN parts it where it jumps across the seam, so that it can be drawn as it is.

    Raises:
        ValueError: a height, a size or a number of samples below one; an angle that is not finite, a field of
            view outside (0, π).

    >>> view_outline(180, yaw=0.0, pitch=0.0, fov=torch.pi / 2, size=(1, 2), samples=2)[:, 1].round().tolist()
    [134.0, 180.0, 224.0, 224.0, 224.0, 180.0, 134.0, 134.0, 134.0]
    """
    view = View(yaw, pitch, roll, fov, *height_and_width(size))
    grid = EquirectGrid(height)
    right, down = _around(check.positive_int("samples", samples))
    half = view.spacing / 2
    latitude, longitude = view.plane_to_sphere(right * half * view.width, down * half * view.height)
    columns = (grid.longitude_to_column(longitude) + 0.5).remainder(grid.width) - 0.5
    line = torch.stack([grid.latitude_to_row(latitude), columns], dim=-1)
    jumps = (columns.diff().abs() > grid.width / 2).nonzero().flatten() + 1
    gap = line.new_full((1, 2), math.nan)
    pieces = torch.tensor_split(line, jumps.tolist())
    return torch.cat([part for piece in pieces for part in (piece, gap)][:-1])


def height_and_width(size: int | tuple[int, int]) -> tuple[int, int]:
    """A size as (height, width): one number stands for both."""
    sides = size if isinstance(size, tuple) else (size, size)
    if len(sides) != 2:
        raise ValueError(f"`size` is {size}; wanted (height, width) or one number for both")
    return sides


def turn_clockwise(
    right: Float[Tensor, "..."], down: Float[Tensor, "..."], angle: Radians
) -> tuple[Float[Tensor, "..."], Float[Tensor, "..."]]:
    """The point (right, down) after a clockwise turn about the origin, as seen with right to the right."""
    cos, sin = math.cos(angle), math.sin(angle)
    return right * cos - down * sin, right * sin + down * cos


def _around(samples: int) -> tuple[Float[Tensor, "points"], Float[Tensor, "points"]]:
    """(right, down) around the square from −1 to 1."""
    along = torch.linspace(-1, 1, samples + 1, dtype=torch.float64)[:-1]
    edge = torch.ones_like(along)
    right = torch.cat([along, edge, -along, -edge, along[:1]])
    down = torch.cat([-edge, along, edge, -along, -edge[:1]])
    return right, down
