"""Who reads the pictures on a panorama: a converted network, exact answers, a camera that looks there."""

import functools
import math
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ktnlib import data
from ktnlib.sphere import EquirectGrid, render_perspective, to_sphere
from ktnlib.sphere.conversion.patches import exact_at
from ktnlib.sphere.sampling import bilinear_neighbours, fold_poles

from .placed_photographs import Placed, Subject, picture_of
from .tangent_reading import READINGS, rank, read_map, reading_places, scores

Ranks = list[int]  # of one picture, by reading
Reader = Callable[[Tensor, list[Placed]], list[Ranks]]

# methods of `to_sphere` under names of their own, with their options
CONVERTED = {
    "ktn": {"method": "ktn"},
    "ktn-bicubic": {"method": "ktn", "transformer": "bicubic"},
    "ktn-bilinear": {"method": "ktn", "transformer": "bilinear"},
    # pixels of a map of 32 rows: 11°, where SphConv's 16 pixels of 320 rows are 9°
    "interpolate": {"method": "interpolate", "every": 2},
}


def reader(subject: Subject, method: str, **options: object) -> Reader:
    """The reader of this name: "exact", "flat", "perspective", "wide-view", or a method of `to_sphere`.

    A reader is called with a panorama and what stands on it, and answers for each picture and each of
    `READINGS` how many classes it puts before the right one.
    """
    if method in LOOKING:
        return functools.partial(LOOKING[method], subject)
    options = CONVERTED.get(method, {"method": method}) | options
    network = to_sphere(source(subject), until=subject.until, spacing=subject.spacing, **options)
    return functools.partial(read_converted, subject, network)


@functools.cache
def source(subject: Subject) -> nn.Module:
    """The planar network."""
    return data.source_network(subject.network)


def head(subject: Subject) -> nn.Module | None:
    """What stands behind the map's mean: a linear layer, or nothing."""
    return source(subject).get_submodule(subject.head) if subject.head else None


@torch.no_grad()
def read_converted(
    subject: Subject, network: nn.Module, panorama: Tensor, placed: list[Placed]
) -> list[Ranks]:
    features = network(panorama)
    return [readings(subject, features, one) for one in placed]


def readings(subject: Subject, features: Tensor, one: Placed) -> Ranks:
    """A map of the whole panorama, read where one picture stands, in every way of `READINGS`."""
    places = places_of(subject, one)
    values = {way: read_map(features, *places, way) for way in READINGS if way != "centre"}
    found = [scores(values[way], head(subject)) for way in values]
    found.append(scores(values["bilinear"], head(subject), centre=True))
    return [rank(each, one.label) for each in found]


def from_pixels(
    subject: Subject,
    one: Placed,
    grid: EquirectGrid,
    values: Callable[[Tensor, Tensor], Tensor],
    *,
    shift: float = 0.0,
) -> Ranks:
    """A map of which only the pixels are computed that a bilinear reading asks for.

    Args:
        grid: the map's.
        values: from rows and columns of pixels to their (pixels, channel).
        shift: of the map's values to the north-west of where they belong, pixels.

    The bicubic reading would ask for more pixels, and is given as the bilinear one.
    """
    places = places_of(subject, one)
    at = grid.latitude_to_row(places[0]) - shift, grid.longitude_to_column(places[1]) - shift
    read = fold_poles(bilinear_neighbours(*at), grid.height, grid.width)
    flat = read.rows * grid.width + read.columns.remainder(grid.width)
    pixels, number = flat.unique(return_inverse=True)
    found = values(pixels // grid.width, pixels % grid.width)[number]
    between = torch.einsum("pnc,pn->pc", found, read.weights.to(found))
    nearest = found[torch.arange(len(found)), read.weights.argmax(1)]
    whole = [rank(scores(part, head(subject)), one.label) for part in (between, nearest, between)]
    return [*whole, rank(scores(between, head(subject), centre=True), one.label)]


def places_of(subject: Subject, one: Placed) -> tuple[Tensor, Tensor]:
    """The places of a picture that its map's pixels stand at, had it been seen by its camera."""
    step = subject.step * subject.spacing
    return reading_places(one.latitude, one.longitude, side=subject.side // subject.step, spacing=step)


def exact_values(
    subject: Subject, panorama: Tensor, latitudes: Tensor, longitudes: Tensor, rolls: Tensor | None = None
) -> Float[Tensor, "places channel"]:
    """The map as the unpadded network makes it on a patch at each place."""
    found = exact_at(
        source(subject),
        panorama,
        latitudes=latitudes,
        longitudes=longitudes,
        rolls=rolls,
        until=subject.until,
        spacing=subject.spacing,
    )
    return found[0].T


@torch.no_grad()
def _read_exactly(subject: Subject, panorama: Tensor, placed: list[Placed]) -> list[Ranks]:
    return [
        at_places(subject, exact_values(subject, panorama, *places_of(subject, one)), one) for one in placed
    ]


def at_places(subject: Subject, values: Float[Tensor, "places channel"], one: Placed) -> Ranks:
    """Values that are there at the places: nothing to interpolate, every whole reading is the same."""
    whole = rank(scores(values, head(subject)), one.label)
    middle = rank(scores(values, head(subject), centre=True), one.label)
    return [middle if way == "centre" else whole for way in READINGS]


@torch.no_grad()
def _look_at(subject: Subject, panorama: Tensor, placed: list[Placed], *, wide: bool = False) -> list[Ranks]:
    """The planar network on a view of each picture: just the picture, or as much again around it."""
    side = 2 * subject.side if wide else subject.side
    fov = 2 * math.atan(side * subject.spacing / 2)
    found = []
    for one in placed:
        view = render_perspective(panorama, yaw=one.longitude, pitch=one.latitude, fov=fov, size=side)
        found.append(at_places(subject, planar_values(subject, view), one))
    return found


@torch.no_grad()
def _look_at_pictures(subject: Subject, panorama: Tensor, placed: list[Placed]) -> list[Ranks]:
    """The pictures as they were before they were put on a panorama."""
    return [
        at_places(subject, planar_values(subject, picture_of(subject, one.number)[0]), one) for one in placed
    ]


def planar_values(subject: Subject, view: Tensor) -> Float[Tensor, "places channel"]:
    """The padded planar network's map of a view; of a wider one the part that shows the picture."""
    features = upto(subject)(view)
    side = subject.side // subject.step
    low = (features.shape[-1] - side) // 2
    return features[0, :, low : low + side, low : low + side].flatten(1).T


def upto(subject: Subject) -> nn.Sequential:
    """The planar network up to and with the map that is read."""
    names = [name for name, _ in source(subject).named_children()]
    return source(subject)[: names.index(subject.until) + 1]


LOOKING = {
    "exact": _read_exactly,
    "flat": _look_at_pictures,
    "perspective": _look_at,
    "wide-view": functools.partial(_look_at, wide=True),
}
