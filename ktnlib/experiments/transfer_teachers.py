"""Which network teaches well: one set from each, on all the others, and how rough the maps are it has.

A network whose maps are smooth says little about fast patterns: what the filters do to them is left to the
pull towards bicubic, and a network with rough maps finds out. "rough" is the mean square difference of
neighbours along a row over the variance, averaged over what the fitted layers read: 0 for a constant, 2 for
noise without any likeness of neighbours, 4 for stripes of a pixel.
"""

import functools
from statistics import mean

from torch import Tensor

from ktnlib.sphere.fitting.equations import RowEquations
from ktnlib.sphere.fitting.taps import spline_coefficients

from .engine import Checkpoint
from .feature_heads import Kernels, filtered_heads, one_set_heads, setting_table, tangent_heads
from .feature_heads import answer as convolve
from .feature_study import (
    SPLITS,
    Setting,
    group_equations,
    held_out,
    metrics,
    not_held_out,
    squared_errors,
    training_equations,
)
from .progress import progress
from .transfer import of_target
from .transfer_fits import fits

SCALES = {
    "smoke": {
        "seeds": 1,
        "networks": (
            ("room-net", "conv2", 32, "painted-room"),
            ("digit-net", "conv1_2", 32, "painted-room"),
            ("globe-net", "conv1_2", 32, "painted-room"),
        ),
        "pulls": (1e-6, 1e-4),
    },
    "laptop": {
        "seeds": 2,
        "networks": (
            ("resnet20", "layer1.2.conv2", 128, "photographs"),
            ("resnet44", "layer1.2.conv2", 128, "photographs"),
            ("cifar-net-0", "layer1.2.conv2", 128, "photographs"),
            ("cifar-net-1", "layer1.2.conv2", 128, "photographs"),
            ("cifar-net-2", "layer1.2.conv2", 128, "photographs"),
        ),
        "pulls": (1e-6, 1e-4, 1e-2),
    },
}
UNITS = {"error": "", "kept": "%", "over_bicubic": "", "worst_band": "", "rough": ""}


def run_seed(
    seed: int,
    *,
    device: str,
    checkpoint: Checkpoint,
    networks: tuple[tuple[str, str, int, str], ...],
    pulls: tuple[float, ...],
) -> dict[str, float]:
    """Errors as in `transfer` of one set for all layers, by teacher and by its pull towards bicubic.

    The seed is the split. The teacher "others" is all networks but the pupil. "mean" is a teacher's mean over
    its pupils, itself left out; for "others", over all.
    """
    found = checkpoint.load() or {}
    settings = tuple(Setting(*one) for one in networks)
    names = [*(one.network for one in settings), "others"]
    heads = [f"one-set.{name}.pull-{pull:g}" for name in names for pull in pulls]
    wanted = [(one, head) for one in settings for head in ("bilinear", "bicubic", "rows.own", *heads)]
    missing = [(one, head) for one, head in wanted if f"{one.network} {head}" not in found]
    for pupil, head in progress(missing, f"split {seed}"):
        kernels = taught(pupil, head, settings, seed)
        sums = squared_errors(pupil, held_out(seed, pupil.count), convolve(kernels))
        found[f"{pupil.network} {head}"] = metrics(pupil, head, sums)
        checkpoint.save(found)
    out = {}
    for one in settings:
        own = f"{one.network} "
        out |= of_target(one, {key: value for key, value in found.items() if key.startswith(own)})
        out[f"rough.{one.network}"] = roughness(one, not_held_out(seed, one.count)[:4])
    return out | means(out, settings, heads)


def taught(pupil: Setting, head: str, settings: tuple[Setting, ...], seed: int) -> Kernels:
    """A pupil's row kernels under a head."""
    if head == "rows.own":
        return filtered_heads(pupil, fits((pupil,))[pupil.network][seed].rows)
    if not head.startswith("one-set."):
        return tangent_heads(pupil, head)
    _, name, pull = head.split(".", maxsplit=2)
    teachers = [
        one for one in settings if one.network == name or (name == "others" and one.network != pupil.network)
    ]
    parts = [(equations, setting_table(one)) for one in teachers for equations in summed(one)[seed].values()]
    coefficients = spline_coefficients(parts, ridge=float(pull.removeprefix("pull-")))
    return one_set_heads(pupil, coefficients)


@functools.cache
def summed(setting: Setting) -> list[dict[str, RowEquations]]:
    """Each split's equations of every layer."""
    splits = [training_equations(setting, split) for split in range(SPLITS)]
    group_equations.cache_clear()
    return splits


def roughness(setting: Setting, indices: list[int]) -> float:
    """Mean over the fitted layers of what "rough" says of their inputs, on some panoramas."""
    picture, exact = setting.batch(indices)
    read = setting.trunk.inputs(picture, exact)
    return mean(_rough(read[name]) for name in setting.layers)


def _rough(x: Tensor) -> float:
    varying = x - x.mean(dim=(2, 3), keepdim=True)
    return ((varying - varying.roll(1, dims=3)).square().mean() / varying.square().mean()).item()


def means(out: dict[str, float], settings: tuple[Setting, ...], heads: list[str]) -> dict[str, float]:
    """Of every head over the pupils that did not teach it."""
    found = {}
    for head in heads:
        teacher = head.split(".")[1]
        pupils = [one.network for one in settings if one.network != teacher]
        for measure in ("kept", "over_bicubic"):
            for place in ("last", "sum"):
                values = [out[f"{measure}.{place}.{pupil}.{head}"] for pupil in pupils]
                found[f"{measure}.{place}.mean.{head}"] = mean(values)
    return found
