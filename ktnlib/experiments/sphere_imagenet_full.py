"""Photographs on the sphere at `full` resolution: no pooling, à trous, and only where it is read."""

import functools

import numpy as np
import torch
from torch import Tensor

from ktnlib.sphere import EquirectGrid

from .engine import Checkpoint
from .photograph_readers import Ranks, Reader, from_pixels, upto
from .placed_photographs import SUBJECTS, Placed, Subject
from .sparse_full import Layer, side_of, sparse_chain, values_at
from .sphere_imagenet import at_angles, ranks, share

SCALES = {
    "smoke": {"seeds": 1, "subject": "digit-net", "pictures": 2},
    "laptop": {"seeds": 1, "subject": "tinydarknet", "pictures": 20},
}
UNITS = {"accuracy": "%", "share": "%", "ahead": "%", "gained": "%", "pictures": "pictures"}

CODE = (
    *(f"sphere/{name}.py" for name in ("shared_taps", "tap_filters", "taps", "transformer")),
    *("experiments/sparse_full.py", "experiments/sphere_imagenet_full.py"),
)
METHODS = ("ktn", "spherenet", "direct", "ktn-bicubic", "ktn-bilinear")


def run_seed(
    seed: int, *, device: str, checkpoint: Checkpoint, subject: str, pictures: int
) -> dict[str, float]:
    """Per cent of right answers at each angle, as in `sphere-imagenet`, with maps of the panorama's own size.

    "gained" is what a method gains over `pyramid` on the same pictures; all ends of intervals are the paired
    bootstrap's. The seed is not used.
    """
    chosen = SUBJECTS[subject]
    exact = _right(ranks(chosen, "exact", pictures))
    found = at_angles("accuracy.exact", lambda own: own, exact) | {"pictures": pictures}
    full = {}
    for method in METHODS:
        full[method] = _right(ranks(chosen, f"{method}, full", pictures, make=full_reader, code=CODE))
        pyramid = _right(ranks(chosen, method, pictures))
        found |= at_angles(f"accuracy.{method}", lambda own: own, full[method])
        found |= at_angles(f"share.{method}", share, full[method], exact)
        found |= at_angles(f"gained.{method}", np.subtract, full[method], pyramid)
    for method in METHODS[1:]:
        found |= at_angles(f"ahead.ktn.of.{method}", np.subtract, full["ktn"], full[method])
    return found


def _right(ranks: np.ndarray) -> np.ndarray:
    return 100.0 * (ranks[0] == 0)


def full_reader(subject: Subject, name: str) -> Reader:
    """The reader of "METHOD, full"."""
    method, grid = name.partition(",")[0], EquirectGrid(subject.height)
    chain = sparse_chain(upto(subject), method, grid, subject.spacing)
    return functools.partial(_read_full, subject, chain, shift_of(subject) if method == "direct" else 0.0)


def shift_of(subject: Subject) -> float:
    """How far north-west of the centre of what it sees a direct value lies: ½ pixel a pool of odd reach."""
    reaches, jump = [], 1
    for module in upto(subject):
        if isinstance(module, torch.nn.MaxPool2d):
            reaches.append(jump * (side_of(module) - 1))
            jump *= side_of(module)
    return sum(reach % 2 for reach in reaches) / 2


def _read_full(
    subject: Subject, chain: list[Layer], shift: float, panorama: Tensor, placed: list[Placed]
) -> list[Ranks]:
    grid = EquirectGrid(subject.height)

    def values(rows: Tensor, columns: Tensor) -> Tensor:
        return values_at(chain, panorama, rows * grid.width + columns)

    return [from_pixels(subject, one, grid, values, shift=shift) for one in placed]
