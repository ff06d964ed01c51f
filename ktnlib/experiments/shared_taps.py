"""Fit the tap filters that ship: one smooth set for all layers, on two networks; try it on others."""

import torch
from safetensors.torch import save

from ktnlib.atomic import write_atomically
from ktnlib.shipped import shipped
from ktnlib.sphere.fitting.taps import spline_coefficients

from .engine import Checkpoint
from .feature_heads import answer, one_set_heads, setting_table, tangent_heads
from .feature_study import Setting, metrics, squared_errors, training_equations
from .progress import progress

SCALES = {
    "smoke": {
        "seeds": 1,
        "fitted": (("room-net", "conv7", 64, "painted-room"),),
        "tried": (("room-net", "conv7", 64, "painted-room"),),
        "keep": False,
    },
    "laptop": {
        "seeds": 1,
        "fitted": (
            ("resnet20", "layer1.2.conv2", 256, "photographs"),
            ("resnet44", "layer1.2.conv2", 256, "photographs"),
        ),
        "tried": (("room-net", "conv7", 128, "painted-room"),),
        "keep": True,
    },
}
UNITS = {"error": "", "size": "numbers", "magnitude": ""}

TARGET = "shared_taps.safetensors"


def run_seed(
    seed: int,
    *,
    device: str,
    checkpoint: Checkpoint,
    fitted: tuple[tuple[str, str, int, str], ...],
    tried: tuple[tuple[str, str, int, str], ...],
    keep: bool,
) -> dict[str, float]:
    """Relative RMSE, chained, of bilinear, bicubic and the set, on other networks than it was fitted on.

    Closed form, on every panorama: there is nothing to draw or to choose, and one seed. What the same recipe
    is worth on panoramas it has not seen is measured by `feature-rmse`.
    """
    coefficients = fit(tuple(Setting(*one) for one in fitted))
    found = {"size.coefficients": coefficients.numel(), "magnitude.largest": coefficients.abs().max().item()}
    for one in tried:
        found |= trial(Setting(*one), coefficients)
    if keep:
        write(coefficients, fitted)
    return {name: float(value) for name, value in found.items()}


def fit(settings: tuple[Setting, ...]) -> torch.Tensor:
    """(9, 8, 16): every row of every layer counts by its error relative to bicubic's."""
    parts = []
    for setting in settings:
        equations = training_equations(setting, seed=None)
        parts += [(one, setting_table(setting)) for one in equations.values()]
    return spline_coefficients(parts).float()


def trial(setting: Setting, coefficients: torch.Tensor) -> dict[str, float]:
    """Errors of three heads on all pictures of a setting, after its network's name."""
    found = {}
    heads = {name: tangent_heads(setting, name) for name in ("bilinear", "bicubic")}
    heads["shipped"] = one_set_heads(setting, coefficients)
    for head in progress(list(heads), setting.network):
        sums = squared_errors(setting, range(setting.count), answer(heads[head]))
        for name, value in metrics(setting, head, sums).items():
            found[name.replace("error.", f"error.{setting.network}.", 1)] = value
    return found


def write(coefficients: torch.Tensor, fitted: tuple[tuple[str, str, int, str], ...]) -> None:
    """Put the set where the library looks for it, with a record of how it was made."""
    networks = "; ".join(
        f"{one.network} up to {one.until}, {one.count} {one.pictures} of {one.height} rows"
        for one in (Setting(*parts) for parts in fitted)
    )
    record = {
        "what": "tap filters for 3x3 kernels: weights_k = bicubic + sum_bj S_j(theta) c[k, b, j] basis_b",
        "order": "taps north to south, then west to east; basis as zero_sum_basis; splines pole to pole",
        "fitted_on": networks,
        "how": "least squares on exact inputs of all layers but the first; every row of every layer counts "
        "by its error relative to bicubic's; 16 splines, ridge 1e-6 towards bicubic, every 4th column",
        "sources": "ResNet-20 and ResNet-44 for CIFAR-10 (BSD-2-Clause weights), photographs CC0",
        "licence": "MIT",
        "command": "python -m ktnlib.experiments run shared-taps --scale laptop",
    }
    write_atomically(shipped(TARGET), save({"coefficients": coefficients.contiguous()}, metadata=record))
