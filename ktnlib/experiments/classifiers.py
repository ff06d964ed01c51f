"""How our source classifiers are trained: cross-entropy on moved images, Adam, a falling rate."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn.functional import affine_grid, cross_entropy, grid_sample

from .checkpoint import Training
from .engine import Checkpoint


@dataclass(frozen=True)
class Recipe:
    """What a training does with its images, and for how long.

    `turn`: radians to either side. `zoom`: smallest and largest. `shift`: whole pixels to either side and up
    and down. `mirror`: half of the images are. What comes in from outside is `outside`: "zeros" or "border".
    """

    epochs: int
    batch_size: int = 64
    rate: float = 2e-3
    decay: float = 0.01
    turn: float = 0.0
    zoom: tuple[float, float] = (1.0, 1.0)
    shift: int = 0
    mirror: bool = False
    outside: str = "zeros"


def train_classifier(
    net: nn.Module,
    images: Float[Tensor, "number channel height width"],
    labels: Int64[Tensor, " number"],
    recipe: Recipe,
    *,
    seed: int,
    checkpoint: Checkpoint,
) -> nn.Module:
    """Train in place and return the net in eval mode; saved once an epoch, an interrupted one goes on.

    Args:
        net: with weights drawn already, on the images' device.
        seed: draws order and movement of the images.
    """
    optimiser = torch.optim.AdamW(net.parameters(), lr=recipe.rate, weight_decay=recipe.decay)
    steps = recipe.epochs * math.ceil(len(images) / recipe.batch_size)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    training = Training(net.train(), optimiser, torch.Generator().manual_seed(seed), schedule)
    training.restore(checkpoint)
    batches = training.batches(epochs=recipe.epochs, samples=len(images), batch_size=recipe.batch_size)
    for _, batch, chosen in batches:
        moved = move(images[chosen.to(images.device)], recipe, training.generator)
        loss = cross_entropy(net(moved), labels[chosen.to(labels.device)], label_smoothing=0.05)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        if batch == 0:
            training.save(checkpoint)
    return net.eval()


def move(
    images: Float[Tensor, "batch channel height width"], recipe: Recipe, generator: torch.Generator
) -> Float[Tensor, "batch channel height width"]:
    """Turn, zoom, shift and mirror each image by its own draw, bilinearly."""
    number, size = len(images), images.shape[-1]
    draws = 2 * torch.rand(5, number, generator=generator) - 1
    angle, low, high = draws[0] * recipe.turn, *recipe.zoom
    scale = 1 / (low + (high - low) * (draws[1] + 1) / 2)
    shift = (draws[2:4] * (recipe.shift + 0.5)).round().clamp(-recipe.shift, recipe.shift) * 2 / size
    mirror = torch.where((draws[4] < 0) & recipe.mirror, -1.0, 1.0)
    cos, sin = scale * angle.cos(), scale * angle.sin()
    matrix = torch.stack([mirror * cos, -sin, shift[0], mirror * sin, cos, shift[1]], dim=1)
    grid = affine_grid(matrix.view(number, 2, 3).to(images), list(images.shape), align_corners=False)
    return grid_sample(images, grid, padding_mode=recipe.outside, align_corners=False)


@torch.no_grad()
def accuracy(
    net: nn.Module,
    images: Float[Tensor, "number channel height width"],
    labels: Int64[Tensor, " number"],
    *,
    batch_size: int = 500,
) -> float:
    """Per cent of the images that a net in eval mode puts into their class."""
    right = 0
    for some, wanted in zip(images.split(batch_size), labels.split(batch_size), strict=True):
        right += int((net(some).argmax(dim=1) == wanted).sum())
    return 100 * right / len(images)
