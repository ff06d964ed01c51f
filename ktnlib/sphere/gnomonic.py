"""The gnomonic projection: between the sphere and a plane that touches it, along rays from the centre.

The plane's unit is the sphere's radius; on it east and south are the two axes, as right and down are a
picture's. Directions are (cos φ cos λ, cos φ sin λ, sin φ) for latitude φ and longitude λ. Seen from inside,
with north up, east lies to the right.
"""

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ktnlib import check

Radians = float | int


def tangent_points(
    latitude: Float[Tensor, "..."] | Radians,
    longitude: Float[Tensor, "..."] | Radians,
    east: Float[Tensor, "..."] | float | int,
    south: Float[Tensor, "..."] | float | int,
) -> tuple[Float[Tensor, "..."], Float[Tensor, "..."]]:
    """Where the points of a tangent plane lie on the sphere.

    The point (U, V), U to the east and V to the south, of the plane touching at (φ0, λ0) is the vector
    centre + U·east − V·north, so that, with d = cos φ0 + V sin φ0,

        λ = λ0 + atan2(U, d)        φ = atan2(sin φ0 − V cos φ0, hypot(d, U)).

    d < 0 beyond the pole, where `atan2` goes on to the far side. All four arguments broadcast.

    Args:
        latitude, longitude: where the plane touches, radians.
        east, south: the point on the plane, in sphere radii.

    Returns:
        (latitude, longitude), float64 radians; the longitude within π of the centre's, not wrapped at the
        seam.

    Source: Su and Grauman, Kernel Transformer Networks, CVPR 2019, tangent-plane projection; any
    map-projection text under "gnomonic".

    >>> latitude, longitude = tangent_points(0.0, 0.0, east=1.0, south=0.0)
    >>> round(longitude.rad2deg().item(), 9)
    45.0
    """
    latitude, longitude, east, south = map(_float64, (latitude, longitude, east, south))
    north = -south
    towards_axis = latitude.cos() - north * latitude.sin()
    along_axis = latitude.sin() + north * latitude.cos()
    return (
        torch.atan2(along_axis, torch.hypot(*torch.broadcast_tensors(towards_axis, east))),
        longitude + torch.atan2(*torch.broadcast_tensors(east, towards_axis)),
    )


def sphere_to_plane(
    latitude: Float[Tensor, "..."] | Radians,
    longitude: Float[Tensor, "..."] | Radians,
    *,
    centre_latitude: Radians,
    centre_longitude: Radians,
) -> tuple[Float[Tensor, "..."], Float[Tensor, "..."], Bool[Tensor, "..."]]:
    """Where directions meet the plane touching the sphere at the centre: the inverse of `tangent_points`.

    A direction's product with the centre, with the east and with the north axis gives cos c, a and b; the
    point is (east, south) = (a, −b)/cos c. Only the half of the sphere with cos c > 0 is in front.

    Args:
        latitude, longitude: directions, radians; they broadcast.
        centre_latitude, centre_longitude: where the plane touches, radians.

    Returns:
        The point's east and south, float64 sphere radii, NaN where not in front; and whether it is in front.

    Raises:
        ValueError: a centre that is not finite.

    >>> east, south, in_front = sphere_to_plane(0.0, torch.pi / 4, centre_latitude=0.0, centre_longitude=0.0)
    >>> round(east.item(), 9), in_front.item()
    (1.0, True)
    """
    check.finite("centre_latitude", centre_latitude)
    check.finite("centre_longitude", centre_longitude)
    latitude, longitude = _float64(latitude), _float64(longitude)
    sin_centre, cos_centre = math.sin(centre_latitude), math.cos(centre_latitude)
    turned = longitude - centre_longitude
    ahead = latitude.sin() * sin_centre + latitude.cos() * turned.cos() * cos_centre
    northwards = latitude.sin() * cos_centre - latitude.cos() * turned.cos() * sin_centre
    in_front = ahead > 0
    depth = torch.where(in_front, ahead, math.nan)
    return latitude.cos() * turned.sin() / depth, -northwards / depth, in_front


def camera_spacing(fov: Radians, width: int) -> float:
    """Distance of neighbouring pixels of a camera on the plane one radius ahead of it.

    s = 2·tan(fov/2)/width: as `spacing` it makes a tangent-plane kernel sample as finely as that camera
    would.

    Args:
        fov: horizontal field of view, radians, 0 < fov < π.
        width: of the camera's picture, pixels.

    Returns:
        The distance s in sphere radii.

    Raises:
        ValueError: a field of view outside (0, π), a width below one.

    >>> round(camera_spacing(fov=torch.pi / 2, width=100), 9)
    0.02
    """
    check.between("fov", fov, 0, math.pi, "radians, the horizontal field of view")
    return 2 * math.tan(fov / 2) / check.positive_int("width", width)


def _float64(value: Float[Tensor, "..."] | float | int) -> Float[Tensor, "..."]:
    return torch.as_tensor(value, dtype=torch.float64)
