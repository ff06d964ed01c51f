"""Readers between a camera's view and a network on the sphere: each takes one step of the way."""

import functools

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ktnlib.sphere import EquirectGrid, to_sphere

from .photograph_readers import (
    CONVERTED,
    Ranks,
    Reader,
    at_places,
    exact_values,
    from_pixels,
    places_of,
    read_converted,
    source,
)
from .placed_photographs import Placed, Subject

POOLS = (nn.MaxPool2d, nn.AvgPool2d)


def step_reader(subject: Subject, step: str) -> Reader:
    """The reader of a step: "object-frames", "on-the-grid", or "CONVOLUTION+POOL" of two conversions."""
    if step in STEPS:
        return functools.partial(STEPS[step], subject)
    return functools.partial(read_converted, subject, mixed(subject, *step.split("+")))


def mixed(subject: Subject, convolution: str, pool: str) -> nn.Module:
    """A network converted by one method, with the pools of another."""
    network, pooled = (
        to_sphere(
            source(subject),
            until=subject.until,
            spacing=subject.spacing,
            **CONVERTED.get(method, {"method": method}),
        )
        for method in (convolution, pool)
    )
    for name, module in source(subject).named_modules():
        if isinstance(module, POOLS) and name in dict(network.named_modules()):
            network.set_submodule(name, pooled.get_submodule(name))
    return network


@torch.no_grad()
def _in_object_frames(subject: Subject, panorama: Tensor, placed: list[Placed]) -> list[Ranks]:
    """Exact answers to cameras that stand upright with the object's camera, not with north."""
    found = []
    for one in placed:
        places = places_of(subject, one)
        values = exact_values(subject, panorama, *places, upright_with(one, *places))
        found.append(at_places(subject, values, one))
    return found


def upright_with(
    one: Placed, latitudes: Float[Tensor, "places"], longitudes: Float[Tensor, "places"]
) -> Float[Tensor, "places"]:
    """Clockwise turns that bring north, at each place, to where the object's plane has its up.

    A step up the plane, seen on the sphere, is the up vector less its part along the direction itself.
    """
    _, up = _east_and_north(torch.tensor(one.latitude).double(), torch.tensor(one.longitude).double())
    east, north = _east_and_north(latitudes, longitudes)
    return torch.atan2(east @ up, north @ up)


def _east_and_north(
    latitude: Float[Tensor, "*places"], longitude: Float[Tensor, "*places"]
) -> tuple[Float[Tensor, "*places 3"], Float[Tensor, "*places 3"]]:
    sin, cos = longitude.sin(), longitude.cos()
    east = torch.stack([-sin, cos, torch.zeros_like(sin)], dim=-1)
    across = -latitude.sin()
    north = torch.stack([across * cos, across * sin, latitude.cos()], dim=-1)
    return east, north


@torch.no_grad()
def _on_the_grid(subject: Subject, panorama: Tensor, placed: list[Placed]) -> list[Ranks]:
    """Exact answers at the map's own pixels, read between them: nothing is lost but by the grid."""
    grid = EquirectGrid(subject.height // subject.step)

    def values(rows: Tensor, columns: Tensor) -> Tensor:
        return exact_values(subject, panorama, grid.latitudes[rows], grid.longitudes[columns])

    return [from_pixels(subject, one, grid, values) for one in placed]


STEPS = {"object-frames": _in_object_frames, "on-the-grid": _on_the_grid}
