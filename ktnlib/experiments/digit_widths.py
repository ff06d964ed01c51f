"""Narrower digits on the sphere: with the pole outside of the ink, a KTN reads near it too."""

import math

import torch

from ktnlib import data

from .engine import Checkpoint
from .placed_digits import digits_at
from .progress import progress
from .sphere_digits import metrics, reader_called
from .train_globe_net import handwritten

SCALES = {
    "smoke": {
        "seeds": 1,
        "network": "globe-net",
        "digits": "digits",
        "number": 12,
        "widths": ((40, (18,)), (60, (18,))),
        "readers": ("full.spherenet", "full.ktn"),
    },
    "laptop": {
        "seeds": 3,
        "network": "mnist-net-{seed}",
        "digits": "mnist",
        "number": 500,
        "widths": ((40, (18, 36, 54, 72, 90)), (50, (18,))),
        "readers": ("full.direct", "full.spherenet", "full.ktn"),
    },
}
UNITS = {"accuracy": "%", "error": "", "lag": "points", "lead": "points"}


def run_seed(
    seed: int,
    *,
    device: str,
    checkpoint: Checkpoint,
    network: str,
    digits: str,
    number: int,
    widths: tuple[tuple[int, tuple[int, ...]], ...],
    readers: tuple[str, ...],
) -> dict[str, float]:
    """As `sphere-digits`, for digits whose picture is not 65.5° wide.

    A digit's ink reaches 10 pixels from its centre. At 18° from the pole, that lies 7.1 pixels from the
    centre of a digit 65.5° wide, 9.8 of one 50° wide, 12.5 of one 40° wide. Each width has its own angles.
    """
    net = data.source_network(network.format(seed=seed)).to(device)
    written = handwritten(digits)
    images, labels = written.test_images[:number].to(device), written.test_labels[:number].to(device)
    answers, found = checkpoint.load() or {}, {}
    for width, angles in widths:
        fov, name = math.radians(width), f"{width}wide"
        mine = answers.setdefault(name, {})
        placed = [digits_at(images, labels, polar_angle_deg=angle, seed=seed, fov=fov) for angle in angles]
        for one in progress(("exact", *readers), f"{width}° wide, seed {seed}"):
            if one not in mine:
                reader = reader_called(one, net, images[:0], fov)
                mine[one] = torch.stack([reader(digits) for digits in placed]).cpu()
                checkpoint.save(answers)
        scores = {one: torch.as_tensor(given) for one, given in mine.items()}
        for metric, value in metrics(scores, labels.cpu(), angles).items():
            kind, _, rest = metric.partition(".")
            found[f"{kind}.{name}.{rest}"] = value
    return found
