"""Rotations of the sphere: turn what a panorama shows."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from ktnlib import check

from .gnomonic import Radians
from .grid import EquirectGrid
from .sampling import fold_poles, neighbours, sample


def rotate_panorama(
    panorama: Float[Tensor, "batch channel height width"],
    rotation: Float[Tensor, "3 3"],
    *,
    interpolation: str = "bilinear",
) -> Float[Tensor, "batch channel height width"]:
    """Turn the content of a panorama: what was seen along d is afterwards seen along R d.

    out(d) = in(Rᵀd), interpolated in pixel space, with d = (cos φ cos λ, cos φ sin λ, sin φ): x points at
    longitude 0, y east, z north, so a positive turn about z moves everything east. Turns about z by whole
    pixels only move columns and are exact. Differentiable in the panorama.

    Args:
        panorama: any height, any even width; row 0 is north.
        rotation: orthogonal with determinant +1; it may lie on the CPU whatever the panorama's device is.
        interpolation: "bilinear" or "bicubic".

    Raises:
        ValueError: a matrix that is not 3×3 or turns no sphere into itself, an odd width, an unknown
            interpolation.
        TypeError: a panorama or a matrix of whole numbers.

    >>> quarter = torch.tensor([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    >>> rotate_panorama(torch.arange(4.0).view(1, 1, 1, 4), quarter).flatten().tolist()
    [3.0, 0.0, 1.0, 2.0]
    """
    check.panorama("panorama", panorama)
    matrix = _check_rotation(rotation)
    grid = EquirectGrid(*panorama.shape[-2:])
    latitude, longitude = grid.latitudes[:, None], grid.longitudes[None, :]
    directions = torch.stack(
        torch.broadcast_tensors(
            latitude.cos() * longitude.cos(), latitude.cos() * longitude.sin(), latitude.sin()
        ),
        dim=-1,
    )
    # rows of d·R are (Rᵀd)ᵀ; atan2 asks for no unit length, so a matrix rounded to float32 does no harm
    x, y, z = (directions @ matrix).unbind(-1)
    rows = grid.latitude_to_row(torch.atan2(z, torch.hypot(x, y)))
    columns = grid.longitude_to_column(torch.atan2(y, x))
    plan = neighbours(rows, columns, interpolation)
    return sample(panorama, fold_poles(plan, grid.height, grid.width))


def camera_rotation(*, yaw: Radians, pitch: Radians, roll: Radians = 0.0) -> Float[Tensor, "3 3"]:
    """The rotation that turns a camera looking along x, east to its right, into one at yaw, pitch and roll.

    Its columns are that camera's forward, right and up axes. A view from there shows what the view along x
    shows after `rotate_panorama(panorama, camera_rotation(...).T)`. Angles as in `render_perspective`.

    >>> camera_rotation(yaw=0.0, pitch=0.0).tolist()
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    (cos_yaw, sin_yaw), (cos_pitch, sin_pitch), (cos_roll, sin_roll) = (
        (math.cos(check.finite(name, angle)), math.sin(angle))
        for name, angle in (("yaw", yaw), ("pitch", pitch), ("roll", roll))
    )
    about_z = [[cos_yaw, -sin_yaw, 0.0], [sin_yaw, cos_yaw, 0.0], [0.0, 0.0, 1.0]]
    upwards = [[cos_pitch, 0.0, -sin_pitch], [0.0, 1.0, 0.0], [sin_pitch, 0.0, cos_pitch]]
    clockwise = [[1.0, 0.0, 0.0], [0.0, cos_roll, sin_roll], [0.0, -sin_roll, cos_roll]]
    about_z, upwards, clockwise = (
        torch.tensor(matrix, dtype=torch.float64) for matrix in (about_z, upwards, clockwise)
    )
    return about_z @ upwards @ clockwise


def _check_rotation(rotation: Tensor) -> Float[Tensor, "3 3"]:
    check.floating("rotation", rotation)
    if rotation.shape != (3, 3) or rotation.is_meta:
        raise ValueError(
            f"`rotation` has shape {tuple(rotation.shape)} on {rotation.device}; wanted a 3 x 3 matrix that "
            "holds values"
        )
    matrix = rotation.detach().to("cpu", torch.float64)
    off = (matrix.T @ matrix - torch.eye(3, dtype=torch.float64)).abs().max().item()
    determinant = torch.linalg.det(matrix).item()
    # far above float32's rounding, far below any stretch that could be seen
    if not (off < 1e-5 and determinant > 0):
        raise ValueError(
            f"`rotation` is off an orthogonal matrix by {off:.2g} with determinant {determinant:.3g}; wanted "
            "RᵀR = 1 and determinant 1, or the world is stretched or mirrored; "
            "`ktnlib.sphere.rotation.camera_rotation` makes one from angles"
        )
    return matrix
