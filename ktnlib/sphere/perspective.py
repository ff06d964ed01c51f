"""Perspective views: cut a camera's picture out of a panorama, and put one back.

A view looks along (longitude yaw, latitude pitch). Yaw grows to the east, pitch to the north; roll turns the
camera clockwise, and so its picture counter-clockwise. At roll 0 the picture's right is east and its down is
south.
"""

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ktnlib import check

from .gnomonic import Radians, camera_spacing, sphere_to_plane, tangent_points
from .grid import EquirectGrid, snap
from .sampling import Neighbours, bilinear_neighbours, fold_poles, sample


def render_perspective(
    panorama: Float[Tensor, "batch channel height width"],
    *,
    yaw: Radians,
    pitch: Radians,
    roll: Radians = 0.0,
    fov: Radians,
    size: int | tuple[int, int],
) -> Float[Tensor, "batch channel view_height view_width"]:
    """What a pinhole camera at the centre of a panorama sees.

    View pixel (r, c) looks through the plane one radius ahead at (right, down) = ((c + ½ − w/2)·s, (r + ½ −
    h/2)·s), s = 2·tan(fov/2)/w, and reads the panorama there, bilinearly in pixel space. Differentiable in
    the panorama.

    Arguments:
        panorama: any height, any even width; row 0 is north.
        yaw: longitude of the optical axis, radians, east positive.
        pitch: its latitude, radians, north positive; beyond ±π/2 the camera is upside down.
        roll: clockwise turn of the camera about its axis, radians.
        fov: horizontal field of view, radians, 0 < fov < π.
        size: (height, width) of the view in pixels, or one number for both.

    Raises:
        ValueError: an angle that is not finite, a field of view outside (0, π), a size below one, an odd
        width.
        TypeError: a panorama of whole numbers.

    >>> view = render_perspective(torch.ones(1, 3, 8, 16), yaw=0.0, pitch=1.5, fov=1.0, size=(4, 6))
    >>> view.shape, bool(view.allclose(torch.ones(())))
    (torch.Size([1, 3, 4, 6]), True)
    """
    check.panorama("panorama", panorama)
    _check_angles(yaw, pitch, roll)
    grid = EquirectGrid(*panorama.shape[-2:])
    latitude, longitude = _view_directions(yaw, pitch, roll, fov, _height_width(size))
    neighbours = bilinear_neighbours(grid.latitude_to_row(latitude), grid.longitude_to_column(longitude))
    return sample(panorama, fold_poles(neighbours, grid.height, grid.width))


def place_perspective(
    image: Float[Tensor, "batch channel view_height view_width"],
    *,
    height: int,
    yaw: Radians,
    pitch: Radians,
    roll: Radians = 0.0,
    fov: Radians,
) -> tuple[Float[Tensor, "batch channel height width"], Bool[Tensor, "height width"]]:
    """The way back: paint a camera's picture into an otherwise black panorama of the given height.

    Every panorama pixel whose centre the camera sees reads the picture bilinearly where its ray meets the
    plane; within half a pixel of the picture's edge the outermost pixels are continued. Differentiable in
    the image.

    Arguments are `render_perspective`'s; height is the panorama's, its width is twice that.

    Returns:
        (panorama, mask): the mask is True where the camera sees the pixel's centre.

    >>> panorama, mask = place_perspective(torch.ones(1, 3, 4, 4), height=8, yaw=0.0, pitch=0.0, fov=1.6)
    >>> panorama.shape, mask[:, 8].tolist()
    (torch.Size([1, 3, 8, 16]), [False, False, True, True, True, True, False, False])
    """
    check.image_batch("image", image)
    _check_angles(yaw, pitch, roll)
    rows, columns, mask = _plane_positions(
        EquirectGrid(height), yaw, pitch, roll, fov, _height_width(tuple(image.shape[-2:]))
    )
    neighbours = _clamp_edges(bilinear_neighbours(rows, columns), *image.shape[-2:])
    mask = mask.to(image.device)
    return sample(image, neighbours) * mask, mask


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

    Arguments are `render_perspective`'s; `samples` is the number of points on each of the four sides.

    Returns:
        (row, column) pairs, float64, in pixel-centre coordinates of a height × 2·height panorama, columns in
        [−½, 2·height − ½); the line is closed, and a pair of NaN parts it where it jumps across the seam.

    >>> view_outline(8, yaw=0.0, pitch=0.0, fov=1.0, size=4, samples=1)[:2].isfinite().all().item()
    True
    """
    _check_angles(yaw, pitch, roll)
    grid = EquirectGrid(height)
    right, down = _border(check.positive_int("samples", samples), *_half_extent(fov, *_height_width(size)))
    latitude, longitude = tangent_points(pitch, yaw, *_roll(right, down, roll))
    rows = grid.latitude_to_row(latitude)
    columns = (grid.longitude_to_column(longitude) + 0.5).remainder(grid.width) - 0.5
    line = torch.stack([rows, columns], dim=-1)
    jumps = ((columns[1:] - columns[:-1]).abs() > grid.width / 2).nonzero().flatten().tolist()
    gap = line.new_full((1, 2), math.nan)
    pieces = torch.tensor_split(line, [i + 1 for i in jumps])
    return torch.cat([part for piece in pieces for part in (piece, gap)][:-1])


def _view_directions(
    yaw: Radians, pitch: Radians, roll: Radians, fov: Radians, size: tuple[int, int]
) -> tuple[Float[Tensor, "view_height view_width"], Float[Tensor, "view_height view_width"]]:
    height, width = size
    spacing = camera_spacing(fov, width)
    right = (torch.arange(width, dtype=torch.float64) - (width - 1) / 2) * spacing
    down = (torch.arange(height, dtype=torch.float64) - (height - 1) / 2) * spacing
    return tangent_points(pitch, yaw, *_roll(right[None, :], down[:, None], roll))


def _plane_positions(
    grid: EquirectGrid, yaw: Radians, pitch: Radians, roll: Radians, fov: Radians, size: tuple[int, int]
) -> tuple[Float[Tensor, "height width"], Float[Tensor, "height width"], Bool[Tensor, "height width"]]:
    """Fractional view row and column of every panorama pixel, 0 where out of sight, and what is in sight."""
    height, width = size
    spacing = camera_spacing(fov, width)
    east, south, in_front = sphere_to_plane(
        grid.latitudes[:, None], grid.longitudes[None, :], centre_latitude=pitch, centre_longitude=yaw
    )
    right, down = _roll(east, south, -roll)
    rows, columns = snap(down / spacing + (height - 1) / 2), snap(right / spacing + (width - 1) / 2)
    inside = (rows >= -0.5) & (rows <= height - 0.5) & (columns >= -0.5) & (columns <= width - 0.5)
    mask = in_front & inside
    return rows.where(mask, 0.0), columns.where(mask, 0.0), mask


def _roll(
    right: Float[Tensor, "..."], down: Float[Tensor, "..."], roll: Radians
) -> tuple[Float[Tensor, "..."], Float[Tensor, "..."]]:
    """(east, south) of a point (right, down) of a camera turned clockwise by `roll`."""
    return (
        right * math.cos(roll) - down * math.sin(roll),
        right * math.sin(roll) + down * math.cos(roll),
    )


def _clamp_edges(neighbours: Neighbours, height: int, width: int) -> Neighbours:
    rows, columns, weights = neighbours
    return Neighbours(rows.clamp(0, height - 1), columns.clamp(0, width - 1), weights)


def _half_extent(fov: Radians, height: int, width: int) -> tuple[float, float]:
    spacing = camera_spacing(fov, width)
    return spacing * width / 2, spacing * height / 2


def _border(
    samples: int, half_width: float, half_height: float
) -> tuple[Float[Tensor, "points"], Float[Tensor, "points"]]:
    """(right, down) around the border, clockwise from the top left corner and back to it."""
    along = torch.linspace(-1, 1, samples + 1, dtype=torch.float64)[:-1]
    edge = torch.ones_like(along)
    right = torch.cat([along, edge, -along, -edge, along[:1]])
    down = torch.cat([-edge, along, edge, -along, -edge[:1]])
    return right * half_width, down * half_height


def _height_width(size: int | tuple[int, int]) -> tuple[int, int]:
    height, width = size if isinstance(size, tuple) else (size, size)
    return check.positive_int("size", height), check.positive_int("size", width)


def _check_angles(yaw: Radians, pitch: Radians, roll: Radians) -> None:
    for name, angle in (("yaw", yaw), ("pitch", pitch), ("roll", roll)):
        check.finite(name, angle)
