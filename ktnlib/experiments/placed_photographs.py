"""Labelled photographs put on panoramas, upright, at chosen polar angles, as many as do not see one another.

A photograph is the picture of a camera that looks at it with the pixels of a larger camera, 65.5° wide.
Whatever stood on the panorama before stays around it.
"""

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from ktnlib import data
from ktnlib.data.imagenet import Sample
from ktnlib.sphere import EquirectGrid, camera_spacing
from ktnlib.sphere.sampling import clamp_edges, neighbours, sample
from ktnlib.sphere.view import View

from .train_digit_net import enlarged

FOV = math.radians(65.5)  # of the whole camera
ANGLES = (18, 36, 54, 72, 90)  # degrees from the nearer pole

# the photographs of one panorama, each in the northern (+1) or southern half and this part of a revolution to
# the east: at least 84° from centre to centre, where a reading of one reaches 35° along its sides
TOGETHER = {
    18: ((1, 0.0), (-1, 0.0)),
    36: ((1, 0.0), (-1, 0.0)),
    54: ((1, 0.0), (-1, 1 / 6), (1, 2 / 6), (-1, 3 / 6), (1, 4 / 6), (-1, 5 / 6)),
    72: ((1, 0.0), (-1, 0.25), (1, 0.5), (-1, 0.75)),
    90: ((1, 0.0), (1, 0.25), (1, 0.5), (1, 0.75)),
}


@dataclass(frozen=True)
class Subject:
    """What is put on the sphere and who reads it.

    `until` is the map that is read and `head` the linear layer behind its mean, "" for none; a map's pixel
    is `step` source pixels. A picture has `side` pixels along each side, its camera `camera` across 65.5°.
    `pictures` is "photographs", on photographed panoramas, or "digits", on black ones of `height` rows.
    """

    network: str
    until: str
    head: str
    step: int
    side: int
    camera: int
    height: int
    pictures: str

    @property
    def spacing(self) -> float:
        """Sphere radii from one source pixel to the next."""
        return camera_spacing(FOV, self.camera)

    @property
    def fov(self) -> float:
        """How wide a picture is, radians."""
        return 2 * math.atan(self.side * self.spacing / 2)


SUBJECTS = {
    "tinydarknet": Subject("tinydarknet", "35", "", 16, 112, 224, 512, "photographs"),
    "digit-net": Subject("digit-net", "relu3_2", "linear", 4, 28, 56, 128, "digits"),
}


@dataclass(frozen=True)
class Placed:
    """Where a picture stands: its number, its class, and its centre in radians."""

    number: int
    label: int
    latitude: float
    longitude: float


def panoramas_at(polar_angle_deg: int, number: int) -> int:
    """How many panoramas the first `number` pictures take.

    >>> panoramas_at(54, 500)
    84
    """
    return math.ceil(number / len(TOGETHER[polar_angle_deg]))


def panorama_with(
    subject: Subject, polar_angle_deg: int, index: int, *, phase: float | None = None
) -> tuple[Tensor, list[Placed]]:
    """One panorama, (1, channel, height, 2·height), and its pictures; each index has others.

    Pictures are taken in a drawn order, so that the first of them are of any class, and each panorama's
    longitudes start at a drawn angle, so that no place on the grid is preferred. With a `phase` each picture
    moves to the nearest place so many parts of a map pixel to the south and east of a map pixel's centre.
    """
    places = TOGETHER[polar_angle_deg]
    generator = torch.Generator().manual_seed(1000 * polar_angle_deg + index)
    start = 2 * math.pi * torch.rand(1, generator=generator).item()
    panorama, placed = background(subject, index), []
    for place, (half, turn) in enumerate(places):
        number = index * len(places) + place
        if number >= len(_order(subject.pictures)):
            break
        picture, label = picture_of(subject, number)
        latitude = half * math.radians(90 - polar_angle_deg)
        longitude = (start + 2 * math.pi * turn) % (2 * math.pi) - math.pi
        if phase is not None:
            latitude, longitude = _at_phase(subject, latitude, longitude, phase)
        panorama = painted(subject, panorama, picture, latitude, longitude)
        placed.append(Placed(number, label, latitude, longitude))
    return panorama, placed


def _at_phase(subject: Subject, latitude: float, longitude: float, phase: float) -> tuple[float, float]:
    """The nearest place whose row and column on the last map are whole and `phase` more."""
    step = math.pi * subject.step / subject.height  # radians from one pixel of the map to the next
    row, column = (math.pi / 2 - latitude) / step - 0.5, (math.pi + longitude) / step - 0.5
    row, column = (round(at - phase) + phase for at in (row, column))
    return math.pi / 2 - (row + 0.5) * step, (column + 0.5) * step - math.pi


def painted(subject: Subject, panorama: Tensor, picture: Tensor, latitude: float, longitude: float) -> Tensor:
    """The panorama with a picture over it, as `place_perspective` puts it there.

    Read bicubically, so that placing it blurs little; only pixels near it are looked at.
    """
    view = View(longitude, latitude, 0.0, subject.fov, *picture.shape[-2:])
    rows, columns = _near(subject, latitude, longitude)
    grid = EquirectGrid(subject.height)
    at = view.positions(grid.latitudes[rows, None], grid.longitudes[None, columns])
    row, column = at[2].nonzero(as_tuple=True)
    plan = neighbours(at[0][row, column], at[1][row, column], "bicubic")
    values = sample(picture, clamp_edges(plan, *picture.shape[-2:]))
    over = panorama.clone()
    over[:, :, rows[row], columns[column]] = values.clamp(0, 1)
    return over


def _near(subject: Subject, latitude: float, longitude: float) -> tuple[Tensor, Tensor]:
    """Rows and columns that come as near to a picture's centre as its corners."""
    grid, reach = EquirectGrid(subject.height), math.atan(math.tan(subject.fov / 2) * math.sqrt(2))
    rows = (grid.latitudes - latitude).abs() <= reach
    apart = (grid.longitudes - longitude + math.pi).remainder(2 * math.pi) - math.pi
    over_pole = abs(latitude) + reach >= math.pi / 2
    width = math.pi if over_pole else math.asin(math.sin(reach) / math.cos(latitude))
    return rows.nonzero().flatten(), (apart.abs() <= width).nonzero().flatten()


def picture_of(subject: Subject, number: int) -> tuple[Tensor, int]:
    """A picture as the camera sees it, (1, channel, side, side), and its class."""
    index = _order(subject.pictures)[number]
    if subject.pictures == "digits":
        shipped = data.digits()
        return enlarged(shipped.test_images[index][None]), int(shipped.test_labels[index])
    sample = _imagenet()[index]
    small = interpolate(sample.image, size=subject.side, mode="bicubic", antialias=True, align_corners=False)
    return small.clamp(0, 1), sample.label


def background(subject: Subject, index: int) -> Tensor:
    """What stood on a panorama before: one of the photographed ones in turn, or black."""
    if subject.pictures == "digits":
        return torch.zeros(1, 1, subject.height, 2 * subject.height)
    photographs = _photographs(subject.height)
    return photographs[index % len(photographs)][1]


@functools.cache
def _imagenet() -> Sequence[Sample]:
    """Listed once: to list them is to look at every file."""
    return data.imagenet_samples()


@functools.cache
def _photographs(height: int) -> Sequence[tuple[str, Tensor]]:
    found = data.panoramas(height=height, sets=("panoramas",))
    if not len(found):
        raise FileNotFoundError(
            "there are no photographed panoramas at hand; get them first: "
            "python -m ktnlib.data get panoramas, or name their folder in KTNLIB_DATA"
        )
    return found


@functools.cache
def _order(pictures: str) -> list[int]:
    number = len(data.digits().test_labels if pictures == "digits" else _imagenet())
    return torch.randperm(number, generator=torch.Generator().manual_seed(0)).tolist()
