"""A denoiser on noisy panoramas: PSNR by method and latitude, its exact answers among them."""

import math
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor, nn

from ktnlib import data
from ktnlib.sphere import EquirectGrid, to_sphere
from ktnlib.sphere.fitting import Trunk, exact_features

from .engine import Checkpoint
from .feature_study import Setting, bands
from .progress import progress

SCALES = {
    "smoke": {
        "seeds": 1,
        "network": "room-net",
        "until": "noise",
        "height": 64,
        "pictures": "painted-room",
        "groups": (("room", (0,)),),
        "every": 16,
    },
    "laptop": {
        "seeds": 3,
        "network": "dncnn",
        "until": "33",
        "height": 256,
        "pictures": "photographs",
        "groups": (("photographs", (0, 3, 6)), ("night", (21,))),
        "every": 73,
    },
}
UNITS = {"psnr": "dB", "ahead": "dB"}

SIGMA = 25 / 255
# exact answers read the panorama bilinearly, as everywhere; "bicubic" says what that costs
EXACT = {"exact": "bilinear", "exact-bicubic": "bicubic"}
CONVERTED = {
    "direct": {"method": "direct"},
    "spherenet": {"method": "spherenet"},
    "bilinear": {"method": "ktn", "transformer": "bilinear"},
    "bicubic": {"method": "ktn", "transformer": "bicubic"},
    "taps": {"method": "ktn"},
}
METHODS = ("noisy", *CONVERTED, *EXACT)


def run_seed(
    seed: int,
    *,
    device: str,
    checkpoint: Checkpoint,
    network: str,
    until: str,
    height: int,
    pictures: str,
    groups: tuple[tuple[str, tuple[int, ...]], ...],
    every: int,
) -> dict[str, float]:
    """Peak signal-to-noise ratio of cleaned panoramas, in all and in bands of latitude.

    White noise of σ = 25/255 lies on the panorama's own pixels. Every method is judged on the same pixels,
    every so many columns of all rows. Of a group its panoramas; the seed draws the noise, and takes others
    from a group of several: number + seed·10.
    """
    setting = Setting(network, until, height, pictures)
    found = checkpoint.load() or {}
    for group, numbers in groups:
        numbers = [number + 10 * seed * (len(numbers) > 1) for number in numbers]
        for method in progress([method for method in METHODS if (group, method) not in found], group):
            answer = answerer(setting, method, range(0, 2 * height, every))
            found[group, method] = squared_errors(setting, numbers, answer, seed, every)
            checkpoint.save(found)
    return {name: value for group, _ in groups for name, value in metrics(found, group, height).items()}


Answer = Callable[[Tensor], Tensor]


def answerer(setting: Setting, method: str, columns: range) -> Answer:
    """From a noisy panorama to the noise in it, at some columns of all rows."""
    net = data.source_network(setting.network)
    if method == "noisy":
        return lambda noisy: torch.zeros_like(noisy[..., columns])
    if method in EXACT:
        trunk, read = Trunk(net, until=setting.until), {"interpolation": EXACT[method]}
        only = {"columns": columns, "layers": [setting.until], **read}
        return lambda noisy: exact_features(trunk, noisy, **only)[setting.until]
    converted: nn.Module = to_sphere(net, **CONVERTED[method])
    return lambda noisy: converted(noisy)[..., columns]


@torch.no_grad()
def squared_errors(setting: Setting, numbers: list[int], answer: Answer, seed: int, every: int) -> Tensor:
    """By row, the mean over panoramas, channels and columns."""
    sums = []
    for clean, noisy in noisy_panoramas(setting, numbers, seed):
        left = noisy[..., ::every] - answer(noisy) - clean[..., ::every]
        sums.append(left.double().square().mean(dim=(0, 1, 3)))
    return torch.stack(sums).mean(0)


def noisy_panoramas(setting: Setting, numbers: list[int], seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    """(clean, noisy); a panorama's noise is the same for every method."""
    for number in numbers:
        clean = setting.picture(number)
        generator = torch.Generator().manual_seed(1000 * seed + number)
        yield clean, clean + SIGMA * torch.randn(clean.shape, generator=generator)


def metrics(found: dict[tuple[str, str], Tensor | np.ndarray], group: str, height: int) -> dict[str, float]:
    """PSNR over the sphere and in each band, and how far the set that ships is ahead of the rest."""
    areas = EquirectGrid(height).solid_angles
    out = {}
    for method in METHODS:
        errors = torch.as_tensor(found[group, method])
        out[f"psnr.{group}.{method}.mean"] = decibels(errors, areas)
        for degrees, side, rows in bands(height):
            if rows.any():
                out[f"psnr.{group}.{method}.{degrees}deg.{side}"] = decibels(errors, rows.double())
    for method in METHODS:
        ahead = out[f"psnr.{group}.taps.mean"] - out[f"psnr.{group}.{method}.mean"]
        out[f"ahead.{group}.taps.of.{method}"] = ahead
    return out


def decibels(errors: Tensor, weights: Tensor) -> float:
    """Of a weighted mean of squared errors, for a peak of 1."""
    return -10 * math.log10((weights * errors).sum() / weights.sum())
