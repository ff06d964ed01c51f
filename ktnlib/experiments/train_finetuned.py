"""Train the first of the CIFAR nets on for traffic signs, twice: nets of one parent, kept in the cache."""

import torch
from torch import nn

from ktnlib import data
from ktnlib.data.architectures import ResNet
from ktnlib.data.own_networks import TRAINED_BY, write_network

from .classifiers import Recipe, accuracy, train_classifier
from .engine import Checkpoint

SCALES = {
    "smoke": {"seeds": 1, "parent": "cifar-net-0", "epochs": 1, "images": 128, "keep": False},
    "laptop": {"seeds": 2, "parent": "cifar-net-0", "epochs": 12, "images": 7740, "keep": True},
}
UNITS = {"accuracy": "%", "moved": ""}

CLASSES = 43
# each child sees its half of the signs, moved in its own way
RECIPES = (
    {"turn": 0.16, "zoom": (0.85, 1.15), "shift": 3, "outside": "border"},
    {"shift": 4, "outside": "zeros"},
)
CARD = {
    "title": "Fine-tuned net: a CIFAR net trained on for German traffic signs",
    "input": "RGB in [0, 1], (batch, 3, height, width), at its best on 32 × 32 pixels",
    "output": "43 scores, one a sign",
    "held out": "1,290 others",
    "licence": "of the images: research use only, not passed on; so are these weights",
}


def run_seed(
    seed: int,
    *,
    device: str,
    checkpoint: Checkpoint,
    parent: str,
    epochs: int,
    images: int,
    keep: bool,
) -> dict[str, float]:
    """Per cent of right answers, and how far the first stage's kernels moved from the parent's.

    The seed chooses the half of the signs and how they are moved, and draws the new head and the order. All
    weights are trained. "moved" is |K − K_parent| / |K_parent| over the first stage's 3×3 kernels.
    """
    torch.manual_seed(seed)
    source = data.source_network(parent)
    net = with_new_head(source).to(device, memory_format=torch.channels_last)
    signs = data.gtsrb()
    halves = slice(seed % 2, images, 2)
    train = signs.train_images[halves].to(device), signs.train_labels[halves].to(device)
    recipe = Recipe(epochs, rate=1e-3, decay=0.05, **RECIPES[seed % 2])
    train_classifier(net, *train, recipe, seed=seed, checkpoint=checkpoint)
    test = signs.test_images.to(device), signs.test_labels.to(device)
    metrics = {
        "accuracy.train": accuracy(net, *train),
        "accuracy.test": accuracy(net, *test),
        "moved.first-stage": moved(net.cpu(), source),
    }
    name = f"finetuned-net-{seed}"
    if keep and name in TRAINED_BY:
        seen = f"as {parent}, then {len(train[0])} German traffic signs (J. Stallkamp et al., 2012)"
        write_network(name, net, CARD | {"trained on": seen, "seed": seed, "measured": metrics})
    return metrics


def with_new_head(parent: nn.Module) -> ResNet:
    """A copy of a residual network that answers with 43 scores; the new head's weights are drawn."""
    net = ResNet(len(parent.layer1), classes=CLASSES)
    kept = {name: value for name, value in parent.state_dict().items() if not name.startswith("linear.")}
    net.load_state_dict(net.state_dict() | kept)
    return net


def moved(net: nn.Module, parent: nn.Module) -> float:
    """Distance of the first stage's kernels from the parent's, relative to their own size."""
    pairs = zip(net.layer1.named_parameters(), parent.layer1.parameters(), strict=True)
    kernels = [(one.detach(), other.detach()) for (name, one), other in pairs if "conv" in name]
    apart = sum((one - other).square().sum() for one, other in kernels)
    return (apart / sum(other.square().sum() for _, other in kernels)).sqrt().item()
