"""Train three nets of the globe net's shape on MNIST, flat; kept in the user's cache."""

import torch

from ktnlib.data.architectures import globe_net
from ktnlib.data.own_networks import TRAINED_BY, write_network

from .classifiers import Recipe, accuracy, train_classifier
from .engine import Checkpoint
from .train_globe_net import framed, handwritten

SCALES = {
    "smoke": {"seeds": 1, "digits": "digits", "epochs": 1, "images": 256, "keep": False},
    "laptop": {"seeds": 3, "digits": "mnist", "epochs": 4, "images": 60_000, "keep": True},
}
UNITS = {"accuracy": "%"}

CARD = {
    "title": "MNIST net: the globe net's shape, trained on MNIST",
    "input": "grey in [0, 1], white on black, (batch, 1, height, width), at its best on 28 × 28 pixels in "
    "the middle of 44 × 44; nothing below 32 × 32",
    "output": "10 scores, one a digit",
    "trained on": "60,000 digits of MNIST (Y. LeCun et al., 1998), turned by up to 20°, zoomed by 0.85 to "
    "1.1 and shifted by up to 2 pixels",
    "held out": "MNIST's 10,000 test digits",
    "licence": "of the images: usually stated as CC BY-SA 3.0; not passed on, nor are these weights",
}


def run_seed(
    seed: int, *, device: str, checkpoint: Checkpoint, digits: str, epochs: int, images: int, keep: bool
) -> dict[str, float]:
    """Per cent of right answers on the first 10,000 training digits and on the test digits, all flat.

    The seed draws weights, order and movement of the images; each seed is a network of its own.
    """
    torch.manual_seed(seed)
    net = globe_net().to(device, memory_format=torch.channels_last)
    written = handwritten(digits)
    train = framed(written.train_images[:images]).to(device), written.train_labels[:images].to(device)
    recipe = Recipe(epochs, batch_size=128, rate=4e-3, turn=0.35, zoom=(0.85, 1.1), shift=2)
    train_classifier(net, *train, recipe, seed=seed, checkpoint=checkpoint)
    test = framed(written.test_images).to(device), written.test_labels.to(device)
    some = train[0][:10_000], train[1][:10_000]
    metrics = {"accuracy.train": accuracy(net, *some), "accuracy.test": accuracy(net, *test)}
    name = f"mnist-net-{seed}"
    if keep and name in TRAINED_BY:
        write_network(name, net, CARD | {"seed": seed, "measured": metrics})
    return metrics
