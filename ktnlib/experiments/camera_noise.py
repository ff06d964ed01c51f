"""A denoiser on two kinds of noise: white on the panorama's pixels, and alike in all directions of space."""

import math
from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import grid_sample

from ktnlib.sphere import EquirectGrid, KernelTransformer
from ktnlib.sphere.baselines import direct_conv2d
from ktnlib.sphere.fitting import exact_features

from .engine import Checkpoint
from .feature_heads import answer
from .feature_study import Setting
from .progress import progress

SCALES = {
    "smoke": {
        "seeds": 2,
        "setting": ("room-net", "noise", 64, "painted-room"),
        "panoramas": 1,
        "every": 8,
    },
    "laptop": {
        "seeds": 3,
        "setting": ("dncnn", "33", 256, "photographs"),
        "panoramas": 1,
        "every": 73,
    },
}
UNITS = {"psnr": "dB", "ahead": "dB"}

SIGMA = 25 / 255
METHODS = ("noisy", "direct", "bilinear", "bicubic", "taps", "exact")
ZONES = {"equator": (0, 20), "middle": (20, 60), "polar": (60, 75)}  # degrees of latitude, north and south
PAIRS = (
    ("direct", "exact"),
    ("direct", "taps"),
    ("taps", "direct"),
    ("taps", "bilinear"),
    ("taps", "bicubic"),
)


def run_seed(
    seed: int,
    *,
    device: str,
    checkpoint: Checkpoint,
    setting: tuple[str, str, int, str],
    panoramas: int,
    every: int,
) -> dict[str, float]:
    """Peak signal-to-noise ratio by noise, method and zone, all methods on the same columns.

    The seed draws the noise and takes other panoramas of the set: one in three of them, from 3·seed on.
    """
    found, chosen = checkpoint.load() or {}, Setting(*setting)
    numbers = [(3 * seed + 10 * extra) % 30 for extra in range(panoramas)]
    numbers = numbers if chosen.pictures == "photographs" else [0]
    for method in progress(METHODS, f"seed {seed}"):
        if method in found:
            continue
        clean = answerer(chosen, method, range(0, 2 * chosen.height, every))
        found[method] = {
            kind: squared_errors(chosen, numbers, clean, noise, seed, every) for kind, noise in NOISES.items()
        }
        checkpoint.save(found)
    return metrics(found, chosen.height)


Noise = Callable[[Float[Tensor, "1 channel height width"], int], Float[Tensor, "1 channel height width"]]


def grid_noise(like: Tensor, seed: int) -> Tensor:
    """White noise of variance one, a value of its own for every pixel."""
    return torch.randn(like.shape, generator=torch.Generator().manual_seed(seed))


def space_noise(like: Tensor, seed: int) -> Tensor:
    """Noise of variance one that looks the same in every direction: white noise in cubes, read on a sphere.

    A cube is as wide as a pixel at the equator; trilinear reading takes variance away, which is given back
    row by row.
    """
    channels, height, width = like.shape[1:]
    side, grid = int(width / math.pi) + 4, EquirectGrid(height, width)
    cubes = torch.randn(1, channels, side, side, side, generator=torch.Generator().manual_seed(seed))
    up, around = grid.latitudes[:, None], grid.longitudes[None, :]
    places = (up.cos() * around.cos(), up.cos() * around.sin(), up.sin().expand(height, width))
    there = torch.stack(places, dim=-1) * (width / math.pi / side)
    read = grid_sample(cubes, there.float()[None, None], align_corners=False)[:, :, 0]
    return read / read.square().mean(dim=(0, 1, 3), keepdim=True).sqrt()


NOISES: dict[str, Noise] = {"grid": grid_noise, "camera": space_noise}


Answerer = Callable[[Float[Tensor, "1 channel height width"]], Float[Tensor, "1 channel height columns"]]


def answerer(setting: Setting, method: str, columns: range) -> Answerer:
    """From a noisy panorama to the noise that the network finds in it, at some columns of all rows."""
    trunk, until = setting.trunk, setting.until
    if method == "noisy":
        return lambda noisy: torch.zeros_like(noisy[..., columns])
    if method == "exact":
        return lambda noisy: exact_features(trunk, noisy, columns=columns, layers=[until])[until]
    if method == "direct":
        return lambda noisy: trunk.walk(
            noisy, lambda name, layer, x: direct_conv2d(x, layer.weight, layer.bias)
        )[..., columns]
    first, angles = next(iter(trunk.layers)), EquirectGrid(setting.height).polar_angles
    kernels = {}
    for name, layer in trunk.layers.items():  # the first reads an image, where bilinear taps are exact
        head = "bilinear" if name == first else method
        kernels[name] = KernelTransformer(layer.kernel_size, head=head)(layer.weight, angles)
    return lambda noisy: trunk.walk(noisy, answer(kernels))[..., columns]


@torch.no_grad()
def squared_errors(
    setting: Setting,
    numbers: list[int],
    clean_up: Answerer,
    noise: Noise,
    seed: int,
    every: int,
) -> Tensor:
    """By row, the mean over panoramas, channels and columns."""
    sums = []
    for number in numbers:
        clean = setting.picture(number)
        noisy = clean + SIGMA * noise(clean, 1000 * seed + number)
        left = noisy[..., ::every] - clean_up(noisy) - clean[..., ::every]
        sums.append(left.double().square().mean(dim=(0, 1, 3)))
    return torch.stack(sums).mean(0)


def decibels(errors: Tensor, weights: Tensor) -> float:
    """Of a weighted mean of squared errors, for a peak of 1."""
    return -10 * math.log10((weights * errors).sum() / weights.sum())


def metrics(found: dict[str, dict[str, Tensor | np.ndarray]], height: int) -> dict[str, float]:
    """PSNR over the sphere and by zone, and how far one method is ahead of another."""
    grid, out = EquirectGrid(height), {}
    degrees = grid.latitudes.rad2deg().abs()
    zones = {"mean": torch.ones(height, dtype=torch.bool)}
    zones |= {name: (degrees >= low) & (degrees < high) for name, (low, high) in ZONES.items()}
    for kind in NOISES:
        for name, rows in zones.items():
            for method in METHODS:
                errors = torch.as_tensor(found[method][kind])
                out[f"psnr.{kind}.{method}.{name}"] = decibels(errors, grid.solid_angles * rows)
            for one, other in PAIRS:
                ahead = out[f"psnr.{kind}.{one}.{name}"] - out[f"psnr.{kind}.{other}.{name}"]
                out[f"ahead.{kind}.{one}.of.{other}.{name}"] = ahead
    return out
