"""Digits put on the sphere: at chosen polar angles or anywhere, alone on a panorama or with others.

A digit of 28 × 28 pixels is the picture of a camera with a horizontal field of view of 65.5°, painted upright
(its up is north) into a black panorama of 80 × 160 pixels. Digits are moved in longitude by whole columns, so
that every one of the same latitude is sampled alike.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from ktnlib import check
from ktnlib.sphere import EquirectGrid, camera_spacing, place_perspective

HEIGHT = 80
FOV = math.radians(65.5)
SIZE = 28
SPACING = camera_spacing(FOV, SIZE)  # sphere radii from one of the digit's pixels to the next

# polar angle from the nearer pole, degrees: the digits of one panorama, each in the northern (+1) or southern
# half, this part of a revolution to the east. What a reader of 44 × 44 pixels sees around one of them holds
# nothing of the inner 22 × 22 pixels of another, on the tangent plane and on the grid.
TOGETHER = {
    18: ((1, 0.0), (-1, 0.0)),
    36: ((1, 0.0), (-1, 0.0)),
    54: ((1, 0.0), (-1, 0.25), (1, 0.5), (-1, 0.75)),
    72: ((1, 0.0), (-1, 0.25), (1, 0.5), (-1, 0.75)),
    90: ((1, 0.0), (1, 0.25), (1, 0.5), (1, 0.75)),
}


@dataclass(frozen=True, eq=False)
class PlacedDigits:
    """Panoramas with digits on them: which panorama holds each digit, where on it, and what it is.

    Angles are those of the digits' centres, radians. Digits stand in the order in which they were given.
    """

    panoramas: Float[Tensor, "panorama 1 height width"]
    panorama: Int64[Tensor, " digit"]
    latitudes: Float[Tensor, " digit"]
    longitudes: Float[Tensor, " digit"]
    labels: Int64[Tensor, " digit"]


def digits_at(
    images: Float[Tensor, "digit 1 size size"],
    labels: Int64[Tensor, " digit"],
    *,
    polar_angle_deg: int,
    seed: int,
    alone: bool = False,
    height: int = HEIGHT,
    fov: float = FOV,
) -> PlacedDigits:
    """Digits at one angle from the nearer pole, in both halves, as many on a panorama as don't disturb.

    Args:
        polar_angle_deg: of the centres, one of `TOGETHER`.
        seed: draws by how many columns each panorama is turned.
        alone: every digit has a panorama to itself.
        height: rows of the panoramas; `TOGETHER` holds for 65.5° and any height.
        fov: the width of a digit's picture, radians.

    Raises:
        ValueError: an angle that is not in the table `TOGETHER`.

    >>> four = digits_at(torch.ones(4, 1, 28, 28), torch.arange(4), polar_angle_deg=72, seed=0, height=16)
    >>> four.panoramas.shape, four.latitudes.rad2deg().round().tolist()
    (torch.Size([1, 1, 16, 32]), [18.0, -18.0, 18.0, -18.0])
    """
    if polar_angle_deg not in TOGETHER:
        raise ValueError(
            f"`polar_angle_deg` is {polar_angle_deg}; wanted one of {', '.join(map(str, TOGETHER))}"
        )
    places, digits = TOGETHER[polar_angle_deg], torch.arange(len(images))
    panorama, place = digits if alone else digits // len(places), digits % len(places)
    number, width = int(panorama.max()) + 1, 2 * height
    turns = torch.randint(width, (number,), generator=torch.Generator().manual_seed(seed))
    halves, steps = (torch.tensor(column, dtype=torch.float64) for column in zip(*places, strict=True))
    columns = turns[panorama] + (steps * width).round().long()[place]
    latitudes = halves[place] * math.radians(90 - polar_angle_deg)
    each = _placed(images, latitudes, columns, height=height, fov=fov)
    panoramas = each.new_zeros(number, *each.shape[1:]).index_add_(0, panorama, each)
    return PlacedDigits(panoramas, panorama, latitudes, _longitudes(columns, height), labels)


def digits_anywhere(
    images: Float[Tensor, "digit 1 size size"],
    labels: Int64[Tensor, " digit"],
    *,
    seed: int,
    height: int = HEIGHT,
    fov: float = FOV,
    even: str = "sphere",
) -> PlacedDigits:
    """Each digit alone on a panorama, centred on a row of pixels and turned by a whole number of columns.

    Args:
        seed: draws rows and columns.
        height: rows of the panoramas.
        fov: the width of a digit's picture, radians.
        even: "sphere" draws centres evenly from the sphere's surface, "latitude" from its latitudes.

    Raises:
        ValueError: another word for `even`.

    >>> digits_anywhere(torch.ones(3, 1, 28, 28), torch.arange(3), seed=0, height=16).panoramas.shape
    torch.Size([3, 1, 16, 32])
    """
    check.choice("even", even, ("sphere", "latitude"))
    grid, generator = EquirectGrid(height), torch.Generator().manual_seed(seed)
    chances = grid.solid_angles if even == "sphere" else torch.ones(height)
    rows = torch.multinomial(chances, len(images), replacement=True, generator=generator)
    columns = torch.randint(grid.width, (len(images),), generator=generator)
    latitudes = grid.latitudes[rows]
    panoramas = _placed(images, latitudes, columns, height=height, fov=fov)
    return PlacedDigits(panoramas, torch.arange(len(images)), latitudes, _longitudes(columns, height), labels)


def _placed(
    images: Float[Tensor, "digit 1 size size"],
    latitudes: Float[Tensor, " digit"],
    columns: Int64[Tensor, " digit"],
    *,
    height: int,
    fov: float,
) -> Float[Tensor, "digit 1 height width"]:
    """Each image at its latitude on a panorama of its own, turned from longitude 0 by its columns."""
    panoramas = images.new_zeros(len(images), 1, height, 2 * height)
    for latitude in latitudes.unique():
        here = (latitudes == latitude).nonzero().flatten()
        panoramas[here], _ = place_perspective(
            images[here], height=height, yaw=0.0, pitch=latitude.item(), fov=fov
        )
    read = (torch.arange(2 * height) - columns[:, None]).remainder(2 * height)
    return panoramas.gather(-1, read[:, None, None].expand_as(panoramas))


def _longitudes(columns: Int64[Tensor, " digit"], height: int) -> Float[Tensor, " digit"]:
    """Radians east of the middle that these columns are, in [−π, π)."""
    turn = columns.double() * (math.pi / height)
    return (turn + math.pi).remainder(2 * math.pi) - math.pi
