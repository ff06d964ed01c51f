"""Who reads the digits on a panorama: a converted network, exact answers, a camera that looks there.

All are of one planar network of the globe net's shape and answer with ten scores for each digit.
"""

import functools
import math
from collections.abc import Callable, Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ktnlib.data.architectures import GLOBE_CANVAS
from ktnlib.sphere import camera_spacing, render_perspective, to_sphere
from ktnlib.sphere.conversion.patches import exact_at

from .placed_digits import SIZE, PlacedDigits
from .tangent_reading import read_map, reading_places, scores

UNTIL = "relu3_2"  # the map before the mean
SIDE, STEP = 4, 4  # the map of a flat digit is 4 × 4, and its units are 4 of the digit's pixels apart
BATCH = 20  # panoramas

Reader = Callable[[PlacedDigits], Float[Tensor, "digit classes"]]

# methods of `to_sphere` under names of their own, with their options
CONVERTED = {
    "ktn-bicubic": {"method": "ktn", "transformer": "bicubic"},
    "ktn-bilinear": {"method": "ktn", "transformer": "bilinear"},
}


def converted(
    net: nn.Module, method: str, *, fov: float, resolution: str, options: Mapping[str, object] | None = None
) -> Reader:
    """The network converted by a method of `to_sphere`, or one of `CONVERTED`; its last map read bilinearly.

    Args:
        net: of the globe net's shape.
        method: also "ktn-bicubic" and "ktn-bilinear".
        fov: of the camera that saw a digit, radians: it gives the spacing.
        resolution: "full" or "pyramid".
        options: further ones of `to_sphere`.
    """
    spacing = camera_spacing(fov, SIZE)
    options = CONVERTED.get(method, {"method": method}) | dict(options or {})
    network = to_sphere(net, until=UNTIL, spacing=spacing, resolution=resolution, **options)
    return functools.partial(_read_converted, network, net, spacing)


def exact(net: nn.Module, *, fov: float) -> Reader:
    """The unpadded network on a patch of its own at each of the 4 × 4 places of a digit."""
    return functools.partial(_read_exact, net, camera_spacing(fov, SIZE))


def camera(net: nn.Module, *, fov: float) -> Reader:
    """The planar network on one view of the digit by the camera that saw it, with the black around it."""
    wide = 2 * math.atan(GLOBE_CANVAS / 2 * camera_spacing(fov, SIZE))
    return functools.partial(_read_views, net, wide)


@torch.no_grad()
def _read_converted(
    network: Callable[[Tensor], Tensor], net: nn.Module, spacing: float, placed: PlacedDigits
) -> Float[Tensor, "digit classes"]:
    found = []
    for part in torch.arange(len(placed.panoramas)).split(BATCH):
        maps = network(placed.panoramas[part])
        for panorama, features in zip(part, maps.split(1), strict=True):
            here = (placed.panorama == panorama).nonzero().flatten()
            places = _places(placed, here, spacing)
            found.append(_scores(net, read_map(features, *places), len(here)))
    return torch.cat(found)


@torch.no_grad()
def _read_exact(net: nn.Module, spacing: float, placed: PlacedDigits) -> Float[Tensor, "digit classes"]:
    found = []
    for number, panorama in enumerate(placed.panoramas.split(1)):
        here = (placed.panorama == number).nonzero().flatten()
        latitudes, longitudes = _places(placed, here, spacing)
        values = exact_at(
            net, panorama, latitudes=latitudes, longitudes=longitudes, until=UNTIL, spacing=spacing
        )
        found.append(_scores(net, values[0].T, len(here)))
    return torch.cat(found)


@torch.no_grad()
def _read_views(net: nn.Module, fov: float, placed: PlacedDigits) -> Float[Tensor, "digit classes"]:
    views = []
    for digit, panorama in enumerate(placed.panorama):
        direction = {"pitch": placed.latitudes[digit].item(), "yaw": placed.longitudes[digit].item()}
        whole = placed.panoramas[panorama][None]
        views.append(render_perspective(whole, **direction, fov=fov, size=GLOBE_CANVAS))
    return torch.cat([net(part) for part in torch.cat(views).split(100)])


def _places(placed: PlacedDigits, digits: Tensor, spacing: float) -> tuple[Tensor, Tensor]:
    """(latitude, longitude) of the 4 × 4 places of each of these digits, one digit after the other."""
    each = [
        reading_places(
            placed.latitudes[digit].item(),
            placed.longitudes[digit].item(),
            side=SIDE,
            spacing=STEP * spacing,
        )
        for digit in digits
    ]
    latitudes, longitudes = zip(*each, strict=True)
    return torch.cat(latitudes), torch.cat(longitudes)


def _scores(
    net: nn.Module, values: Float[Tensor, "places channel"], digits: int
) -> Float[Tensor, "digit classes"]:
    return torch.stack([scores(one, net.linear) for one in values.unflatten(0, (digits, -1))])
