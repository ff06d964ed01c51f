"""Train residual networks of ResNet-20's shape on 8,000 photographs of CIFAR-10; kept in the user's cache."""

import torch

from ktnlib import data
from ktnlib.data.architectures import ResNet
from ktnlib.data.own_networks import TRAINED_BY, write_network

from .classifiers import Recipe, accuracy, train_classifier
from .engine import Checkpoint

SCALES = {
    "smoke": {"seeds": 1, "epochs": 1, "images": 128, "keep": False},
    "laptop": {"seeds": 3, "epochs": 15, "images": 8000, "keep": True},
}
UNITS = {"accuracy": "%"}

CARD = {
    "title": "CIFAR net: ResNet-20's shape, trained on a small part of CIFAR-10",
    "input": "RGB in [0, 1], (batch, 3, height, width), at its best on 32 × 32 pixels",
    "output": "10 scores, one a class",
    "trained on": "8,000 photographs of CIFAR-10 (A. Krizhevsky, 2009), mirrored and shifted by up to "
    "4 pixels",
    "held out": "500 others",
    "licence": "of the images: research use only, not passed on; so are these weights",
}


def run_seed(
    seed: int, *, device: str, checkpoint: Checkpoint, epochs: int, images: int, keep: bool
) -> dict[str, float]:
    """Per cent of right answers on training and test photographs.

    The seed draws weights, order and movement of the images; each seed is a network of its own.
    """
    torch.manual_seed(seed)
    net = ResNet(3).to(device, memory_format=torch.channels_last)
    photographs = data.cifar10()
    train = photographs.train_images[:images].to(device), photographs.train_labels[:images].to(device)
    recipe = Recipe(epochs, rate=5e-3, decay=0.05, shift=4, mirror=True)
    train_classifier(net, *train, recipe, seed=seed, checkpoint=checkpoint)
    test = photographs.test_images.to(device), photographs.test_labels.to(device)
    metrics = {"accuracy.train": accuracy(net, *train), "accuracy.test": accuracy(net, *test)}
    name = f"cifar-net-{seed}"
    if keep and name in TRAINED_BY:
        write_network(name, net, CARD | {"seed": seed, "measured": metrics})
    return metrics
