"""What takes right answers away between a view and the sphere: frames, grid, interpolation, reading."""

import numpy as np

from .engine import Checkpoint
from .photograph_costs import step_reader
from .placed_photographs import SUBJECTS
from .sphere_imagenet import CONVERTED, at_angles, ranks
from .tangent_reading import READINGS

SCALES = {
    "smoke": {"seeds": 1, "subject": "digit-net", "pictures": 2},
    "laptop": {"seeds": 1, "subject": "tinydarknet", "pictures": 60},
}
UNITS = {"accuracy": "%", "reading": "%", "cost": "%", "pictures": "pictures"}

PHASES = {"centre": 0.0, "quarter": 0.25, "corner": 0.5}
MIXED = tuple(
    f"{convolution}+{pool}"
    for convolution in ("ktn-bilinear", "ktn-bicubic", "ktn")
    for pool in ("direct", "ktn-bilinear", "ktn-bicubic")
)
# a step of the way and the one before it
COSTS = {
    "flat": ("perspective", "panorama"),
    "perspective": ("wide-view", "surroundings"),
    "wide-view": ("object-frames", "planes"),
    "object-frames": ("exact", "frames"),
    "exact": ("on-the-grid", "grid"),
    "on-the-grid": ("ktn+ktn-bicubic", "layers"),
    "ktn+ktn-bicubic": ("ktn-bilinear+ktn-bilinear", "bilinear"),
    "ktn-bilinear+ktn-bicubic": ("ktn-bilinear+ktn-bilinear", "bilinear-pools"),
    "ktn-bicubic+ktn-bilinear": ("ktn-bilinear+ktn-bilinear", "bilinear-convolutions"),
}


def run_seed(
    seed: int, *, device: str, checkpoint: Checkpoint, subject: str, pictures: int
) -> dict[str, float]:
    """Per cent of right answers after each step, and "cost", what a step takes of the one before it.

    Steps from the photograph itself to a network on the sphere: put on a panorama and seen by its camera;
    seen with its surroundings; each place of the map on a plane of its own, upright with the object; upright
    with north (exact); at the map's pixels, read between them; computed layer by layer. Convolutions and
    pools by head: "ktn-bicubic+ktn-bilinear". At "centre", "quarter" and "corner" pictures stand 0, ¼ and ½
    of a map's pixel to the south-east of one. The seed is not used.
    """
    chosen, code = SUBJECTS[subject], (*CONVERTED, "experiments/photograph_costs.py")
    found = {}
    for method in ("flat", "perspective", "wide-view", "exact"):
        found[method] = ranks(chosen, method, pictures)
    for step in ("object-frames", "on-the-grid", *MIXED):
        found[step] = ranks(chosen, step, pictures, make=step_reader, code=code)
    for name, phase in PHASES.items():
        for step in ("on-the-grid", "ktn+ktn-bicubic", "direct+direct"):
            options = {"make": step_reader, "phase": phase, "code": code}
            found[f"{step}.{name}"] = ranks(chosen, step, pictures, **options)
    return summary(found)


def summary(found: dict[str, np.ndarray]) -> dict[str, float]:
    """All metrics from (readings, pictures, angles) of every step."""
    right = {step: 100.0 * (ranks == 0) for step, ranks in found.items()}
    out = {}
    for step, values in right.items():
        out |= at_angles(f"accuracy.{step}", lambda own: own, values[0])
        for number, way in enumerate(READINGS):
            out[f"reading.{way}.{step}.mean"] = float(values[number].mean())
    for before, (after, name) in COSTS.items():
        out |= at_angles(f"cost.{name}", np.subtract, right[before][0], right[after][0])
    return out | {"pictures": len(next(iter(right.values()))[0])}
