"""Omni-MNIST's digits, 120° wide, read by nets that were trained on flat ones: accuracy by latitude."""

import itertools
import math

from jaxtyping import Bool, Float
from torch import Tensor

from ktnlib import data

from .classifiers import accuracy
from .engine import Checkpoint
from .placed_digits import digits_anywhere
from .progress import progress
from .sphere_digits import reader_called
from .train_globe_net import framed, handwritten

METHODS = ("direct", "spherenet", "ktn-bicubic", "ktn")
READERS = tuple(f"{resolution}.{method}" for resolution in ("full", "pyramid") for method in METHODS)
SCALES = {
    "smoke": {
        "seeds": 1,
        "network": "globe-net",
        "digits": "digits",
        "number": 30,
        "readers": ("full.direct", "pyramid.spherenet", "pyramid.ktn"),
    },
    "laptop": {
        "seeds": 3,
        "network": "mnist-net-{seed}",
        "digits": "mnist",
        "number": 500,
        "readers": READERS,
    },
}
UNITS = {"accuracy": "%"}

HEIGHT, FOV = 60, math.radians(120)
BANDS = (0, 30, 60, 90)  # degrees of latitude, either side of the equator


def run_seed(
    seed: int,
    *,
    device: str,
    checkpoint: Checkpoint,
    network: str,
    digits: str,
    number: int,
    readers: tuple[str, ...],
) -> dict[str, float]:
    """Per cent of right answers on the first `number` test digits, in all and by distance from the equator.

    Each digit is 120° wide and alone on a panorama of 60 × 120 pixels, its latitude drawn evenly and its
    column too, upright and not mirrored; the published set has 60 × 60 pixels. "perspective" is the planar
    network on a view of the digit by the camera that saw it. There is no "exact": a unit of the network sees
    126° there, and beyond 120° a tangent plane is no picture any more. The seed is that of the network, and
    it draws the places.
    """
    net = data.source_network(network.format(seed=seed)).to(device)
    written = handwritten(digits)
    images, labels = written.test_images[:number].to(device), written.test_labels[:number].to(device)
    placed = digits_anywhere(images, labels, seed=seed, height=HEIGHT, fov=FOV, even="latitude")
    found = checkpoint.load() or {"accuracy.flat": accuracy(net, framed(images), labels)}
    for name in progress(("perspective", *readers), f"seed {seed}"):
        if f"accuracy.{name}.all" not in found:
            scores = reader_called(name, net, placed.panoramas[:0], FOV)(placed)
            found |= by_band(f"accuracy.{name}", scores.argmax(dim=1) == labels, placed.latitudes)
            checkpoint.save(found)
    return found


def by_band(name: str, right: Bool[Tensor, " digit"], latitudes: Float[Tensor, " digit"]) -> dict[str, float]:
    """Per cent that are right in all and between the latitudes of `BANDS`, north and south together.

    >>> import torch
    >>> latitudes, right = torch.tensor([10.0, -20.0, 40.0, -80.0]).deg2rad(), torch.arange(4) != 1
    >>> list(by_band("accuracy.ktn", right, latitudes).values())
    [75.0, 50.0, 100.0, 100.0]
    """
    found, away = {f"{name}.all": 100 * right.double().mean().item()}, latitudes.abs().rad2deg()
    for low, high in itertools.pairwise(BANDS):
        inside = (low <= away) & (away < high)
        found[f"{name}.{low}-{high}deg"] = 100 * right[inside].double().mean().item()
    return found
