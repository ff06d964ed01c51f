"""How far convolution is from commuting with shifts, turns, zooms and shears, over handwritten digits."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from ktnlib import data
from ktnlib.alignment import (
    FilterLayer,
    affine_warp,
    commutation_error,
    filters,
    invert,
    rotation,
    shear,
    shift,
    there_and_back_error,
    zoom,
)
from ktnlib.alignment.commutation import LETTER_W, letter

from .engine import Checkpoint

SCALES = {
    "smoke": {"seeds": 5, "digits": 32, "source": "digits"},
    "laptop": {"seeds": 5, "digits": 200, "source": "mnist"},
}
UNITS = {"error": "", "there_and_back": "", "peer": "", "wm": ""}

CANVAS, MARGIN, WIDTH = 56, 2, 9
TRANSFORMATIONS = {
    "shift-7": shift(7, 0),
    "rotate-30": rotation(math.pi / 6),
    "rotate-45": rotation(math.pi / 4),
    "rotate-90": rotation(math.pi / 2),
    "rotate-180": rotation(math.pi),
    "zoom-1.5": zoom(1.5),
    "zoom-2": zoom(2.0),
    "shear-0.3": shear(0.3),
}


def run_seed(seed: int, *, device: str, checkpoint: Checkpoint, digits: int, source: str) -> dict[str, float]:
    """Mean over drawn digits of ‖Γ(Tx) − TΓ(x)‖ / ‖Γ(x)‖ per transformation and filter; W and M.

    The seed draws the digits and the random filter; all is float64, and too short to need a checkpoint.
    """
    generator = torch.Generator().manual_seed(seed)
    images = drawn_digits(source, digits, generator).to(device)
    layers = filter_layers(generator)
    metrics = {"peer.grid-sample": difference_from_grid_sample(images)}
    for name, matrix in TRANSFORMATIONS.items():
        for kind, layer in layers.items():
            errors = commutation_error(layer, images, matrix, margin=MARGIN + WIDTH // 2)
            metrics[f"error.{name}.{kind}"] = errors.mean().item()
        metrics[f"there_and_back.{name}"] = there_and_back_error(images, matrix, margin=MARGIN).mean().item()
    return metrics | letters()


def drawn_digits(source: str, count: int, generator: torch.Generator) -> Tensor:
    """`count` test digits as (count, 1, 56, 56) float64: 28 x 28 pixels in the middle of a black canvas."""
    images = getattr(data, source)().test_images
    images = images[torch.randperm(len(images), generator=generator)[:count]].double()
    if images.shape[-1] != CANVAS // 2:
        images = nn.functional.interpolate(images, size=CANVAS // 2, mode="bilinear", align_corners=False)
    return nn.functional.pad(images, (CANVAS // 4,) * 4)


def filter_layers(generator: torch.Generator) -> dict[str, Callable[[Tensor], Tensor]]:
    """Γ by name; all are 9 x 9, taken as plain functions so that one margin serves them all."""
    bank = filters(WIDTH)
    noise = torch.randn(1, 1, WIDTH, WIDTH, dtype=torch.float64, generator=generator)
    edges = FilterLayer(turned_edges(16))
    chosen = {
        "random": noise - noise.mean(),
        "vertical-edge": bank["vertical edge"],
        "oriented": bank["oriented"],
        "laplacian": bank["laplacian"],
        "gaussian": bank["gaussian"],
    }
    layers = {name: FilterLayer(kernel).__call__ for name, kernel in chosen.items()}
    return layers | {"edges-averaged": lambda images: edges(images).mean(1, keepdim=True)}


def turned_edges(turns: int) -> Tensor:
    """The edge filter in `turns` directions of the full circle, exact: x cos α + y sin α, windowed."""
    bank = filters(WIDTH)
    angles = torch.arange(turns, dtype=torch.float64).view(-1, 1, 1, 1) * (2 * math.pi / turns)
    return angles.cos() * bank["vertical edge"] + angles.sin() * bank["horizontal edge"]


def difference_from_grid_sample(images: Tensor) -> float:
    """The largest difference between our warp and torch's own sampler, over all moves and pixels."""
    differences = []
    for matrix in TRANSFORMATIONS.values():
        theta = invert(matrix).to(images.device)
        theta[:, 2] *= 2 / images.shape[-1]  # torch counts from -1 to 1 across the image
        grid = nn.functional.affine_grid(theta.expand(len(images), 2, 3), images.shape, align_corners=False)
        theirs = nn.functional.grid_sample(images, grid, mode="bilinear", align_corners=False)
        differences.append((affine_warp(images, matrix) - theirs).abs().max().item())
    return max(differences)


def letters() -> dict[str, float]:
    """A W and its half turn before two filters, one tuned to W and one to M."""
    bank = filters(WIDTH)
    layer = FilterLayer(torch.cat([bank["W"], bank["M"]]))
    upright = torch.zeros(1, 1, 25, 25, dtype=torch.float64)
    upright[0, 0, 10:15, 10:15] = torch.from_numpy(letter(LETTER_W))
    half_turn = TRANSFORMATIONS["rotate-180"]
    before, turned = layer(upright), layer(affine_warp(upright, half_turn))
    back = affine_warp(turned, half_turn)
    peaks = {"upright": before, "turned": turned, "turned-back": back}
    metrics = {
        f"wm.peak.{when}.{channel}": maps[0, i, 12, 12].item()
        for when, maps in peaks.items()
        for i, channel in enumerate(("w", "m"))
    }
    size = before.norm()
    metrics["wm.error.spatial"] = ((back - before).norm() / size).item()
    metrics["wm.error.channels-swapped"] = ((back.flip(1) - before).norm() / size).item()
    return metrics
