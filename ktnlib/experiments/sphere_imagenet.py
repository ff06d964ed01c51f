"""Photographs on the sphere: right answers by method and latitude, with intervals (`pyramid`)."""

import dataclasses
import functools
from collections.abc import Callable

import numpy as np

from .engine import Checkpoint
from .kept_parts import kept
from .paired_intervals import described
from .photograph_readers import LOOKING, Reader, reader
from .photograph_sphconv import sphconv_reader
from .placed_photographs import ANGLES, SUBJECTS, Subject, panorama_with, panoramas_at
from .progress import progress
from .tangent_reading import READINGS

FIRST = ("exact", "direct", "spherenet", "ktn", "ktn-bicubic")
# at each scale the first few, or all
OTHERS = (
    *("flat", "perspective", "wide-view", "cubemap", "ktn-bilinear", "equiconv", "direct-wrap"),
    *("direct-zero", "cubemap-zero", "tangent-images", "interpolate", "projected"),
)
SCALES = {
    "smoke": {"seeds": 1, "subject": "digit-net", "first": 4, "others": 2, "methods": 12, "fitted": 0},
    "laptop": {"seeds": 1, "subject": "tinydarknet", "first": 120, "others": 60, "methods": 6, "fitted": 0},
    "paper": {
        "seeds": 1,
        "subject": "tinydarknet",
        "first": 500,
        "others": 500,
        "methods": 12,
        "fitted": 500,
    },
}
UNITS = {"accuracy": "%", "top5": "%", "share": "%", "ahead": "%", "reading": "%", "pictures": "pictures"}

AGAINST = ("ktn", "exact", "spherenet")

BLOCK = 60  # pictures: whole panoramas at every angle
# what can change a reading: by anyone, of exact answers, of a converted network
CODE = (
    *(f"experiments/{name}.py" for name in ("photograph_readers", "placed_photographs", "tangent_reading")),
    *(f"data/{name}.py" for name in ("architectures", "digits", "imagenet", "panoramas", "pictures")),
    *(f"sphere/{name}.py" for name in ("gnomonic", "grid", "perspective", "sampling", "view")),
)
EXACT = (
    *(f"sphere/conversion/{name}.py" for name in ("patches", "places", "plan")),
    *(f"sphere/conversion/{name}.py" for name in ("reading", "steps", "unpadded")),
    "sphere/fitting/graph.py",
)
CONVERTED = ("sphere",)


def run_seed(
    seed: int,
    *,
    device: str,
    checkpoint: Checkpoint,
    subject: str,
    first: int,
    others: int,
    methods: int,
    fitted: int,
) -> dict[str, float]:
    """Per cent of right answers at each angle from the nearer pole, by who reads the map.

    So many pictures are read by the methods of `FIRST`, by the first so many `methods` of `OTHERS`, and by
    SphConv's row kernels, which are fitted first; each at every angle.
    "share" is of what the exact answers get right, "ahead.ktn.of.direct" a difference of per cents, both over
    the pictures that both methods read. Ends of intervals, `.low` and `.high`, are those of the paired
    bootstrap over pictures. Blocks of pictures that were read are kept in the user's cache. The seed is not
    used: nothing is drawn but where pictures stand.
    """
    numbers = dict.fromkeys(FIRST, first) | dict.fromkeys(OTHERS[:methods], others)
    found = {method: ranks(SUBJECTS[subject], method, number) for method, number in numbers.items()}
    if fitted:
        found["sphconv"] = ranks(SUBJECTS[subject], "sphconv", fitted, make=sphconv_reader)
    return summary(found)


def ranks(
    subject: Subject,
    method: str,
    number: int,
    *,
    make: Callable[[Subject, str], Reader] = reader,
    phase: float | None = None,
    code: tuple[str, ...] | None = None,
) -> np.ndarray:
    """(readings, pictures, angles): how many classes are put before the right one.

    Args:
        make: from the method's name to its reader.
        phase: of the pictures' places on the map's grid; None is any.
        code: what can change the answers beside `CODE`; None is what the method needs.
    """
    code = CODE + (needed(method) if code is None else code)
    read = functools.cache(lambda: make(subject, method))  # converted once, if at all
    by_angle = []
    for angle in ANGLES:
        blocks = []
        for start in progress(range(0, number, BLOCK), f"{method}, {angle} degrees"):
            stop = min(number, start + BLOCK)
            key = {"reader": method, "angle": angle, "pictures": [start, stop], "phase": phase}
            one = functools.partial(read_block, subject, read, angle, start, stop, phase)
            blocks.append(kept(dataclasses.asdict(subject) | key, one, code=code))
        by_angle.append(np.concatenate(blocks, axis=1))
    return np.stack(by_angle, axis=2)


def needed(method: str) -> tuple[str, ...]:
    """The code that a reader stands on."""
    if method == "exact":
        return EXACT
    if method == "sphconv":
        return (*CONVERTED, "experiments/photograph_sphconv.py")
    return () if method in LOOKING else CONVERTED


def read_block(
    subject: Subject, read: Callable[[], Reader], angle: int, start: int, stop: int, phase: float | None
) -> np.ndarray:
    """(readings, pictures) of the pictures from `start` to before `stop` at one angle."""
    found = np.full((len(READINGS), stop - start), -1, dtype=np.int16)
    for index in range(panoramas_at(angle, start), panoramas_at(angle, stop)):
        panorama, placed = panorama_with(subject, angle, index, phase=phase)
        placed = [one for one in placed if start <= one.number < stop]
        for one, classes in zip(placed, read()(panorama, placed), strict=True):
            found[:, one.number - start] = classes
    return found


def summary(ranks: dict[str, np.ndarray]) -> dict[str, float]:
    """All metrics from (readings, pictures, angles) of every method."""
    right = {method: 100.0 * (found[0] == 0) for method, found in ranks.items()}
    found = {}
    for method, values in right.items():
        found[f"pictures.{method}"] = float(len(values))
        found |= at_angles(f"accuracy.{method}", lambda own: own, values)
        found[f"top5.{method}.mean"] = 100 * float((ranks[method][0] < 5).mean())
        for number, way in enumerate(READINGS):
            found[f"reading.{way}.{method}.mean"] = 100 * float((ranks[method][number] == 0).mean())
        found |= at_angles(f"share.{method}", share, *_paired(values, right["exact"]))
        for other in AGAINST:
            if other != method:
                pair = _paired(right[other], values)
                found |= at_angles(f"ahead.{other}.of.{method}", np.subtract, *pair)
    return found


def at_angles(name: str, statistic: Callable[..., np.ndarray], *values: np.ndarray) -> dict[str, float]:
    """A statistic over all angles, and at each of them, with its interval."""
    found = described(f"{name}.mean", statistic, *values)
    for number, angle in enumerate(ANGLES):
        found |= described(f"{name}.{angle}deg", statistic, *(part[:, number, None] for part in values))
    return found


def _paired(*values: np.ndarray) -> list[np.ndarray]:
    """The pictures that all have read."""
    return [part[: min(map(len, values))] for part in values]


def share(own: np.ndarray, exact: np.ndarray) -> np.ndarray:
    """Per cent; 0 where the exact answers are all wrong, which only a handful of pictures can be."""
    return 100 * np.divide(own, exact, out=np.zeros_like(own), where=exact > 0)
