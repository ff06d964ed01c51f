"""Which of the nine learned taps fails a deep denoiser: the set that ships with its middle tap left alone."""

import numpy as np
import torch
from torch import Tensor

from ktnlib.sphere import EquirectGrid, KernelTransformer
from ktnlib.sphere.shared_taps import shared_taps

from .camera_noise import NOISES, ZONES, Answerer, decibels, squared_errors
from .engine import Checkpoint
from .feature_heads import answer
from .feature_study import Setting
from .progress import progress

SCALES = {
    "smoke": {"seeds": 1, "setting": ("room-net", "noise", 32, "painted-room"), "every": 8},
    "laptop": {"seeds": 2, "setting": ("dncnn", "33", 256, "photographs"), "every": 73},
}
UNITS = {"psnr": "dB"}

MIDDLE = 4  # of nine; it lies on a pixel, and interpolates nothing


def run_seed(
    seed: int, *, device: str, checkpoint: Checkpoint, setting: tuple[str, str, int, str], every: int
) -> dict[str, float]:
    """Peak signal-to-noise ratio by noise, set of taps and zone; pictures and noise are `camera-noise`'s.

    "taps" is the set that ships, "rest" the same with bicubic weights in the middle tap, "middle" bicubic
    taps with the middle one of the set, "half" the set at half its strength.
    """
    found, chosen = checkpoint.load() or {}, Setting(*setting)
    numbers = [3 * seed % 30] if chosen.pictures == "photographs" else [0]
    for name, coefficients in progress(list(sets().items()), f"seed {seed}"):
        if name not in found:
            clean_up = answerer(chosen, coefficients, range(0, 2 * chosen.height, every))
            found[name] = {
                kind: squared_errors(chosen, numbers, clean_up, noise, seed, every)
                for kind, noise in NOISES.items()
            }
            checkpoint.save(found)
    return metrics(found, chosen.height)


def sets() -> dict[str, Tensor]:
    """Coefficients by name; zeros are bicubic taps."""
    whole = shared_taps()
    middle = torch.zeros_like(whole)
    middle[MIDDLE] = whole[MIDDLE]
    return {"taps": whole, "rest": whole - middle, "middle": middle, "half": whole / 2}


def answerer(setting: Setting, coefficients: Tensor, columns: range) -> Answerer:
    """From a noisy panorama to the noise the network finds; its first layer reads the image bilinearly."""
    angles, kernels = EquirectGrid(setting.height).polar_angles, {}
    for name, layer in setting.trunk.layers.items():
        head = {"head": "taps", "coefficients": coefficients} if kernels else {"head": "bilinear"}
        kernels[name] = layer.weight, KernelTransformer(layer.kernel_size, **head)
    rows = {name: transformer(weight, angles) for name, (weight, transformer) in kernels.items()}
    return lambda noisy: setting.trunk.walk(noisy, answer(rows))[..., columns]


def metrics(found: dict[str, dict[str, Tensor | np.ndarray]], height: int) -> dict[str, float]:
    """PSNR over the sphere and in the zones of `camera-noise`."""
    grid = EquirectGrid(height)
    degrees = grid.latitudes.rad2deg().abs()
    zones = {"mean": degrees >= 0}
    zones |= {name: (degrees >= low) & (degrees < high) for name, (low, high) in ZONES.items()}
    return {
        f"psnr.{kind}.{method}.{zone}": decibels(torch.as_tensor(errors), grid.solid_angles * rows)
        for method, by_kind in found.items()
        for kind, errors in by_kind.items()
        for zone, rows in zones.items()
    }
