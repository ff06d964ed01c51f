"""Train the digit net on the handwritten digits that ship, drawn at 28 × 28 pixels, and try it on MNIST."""

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from ktnlib import data
from ktnlib.data.architectures import DIGIT_NET, classifier
from ktnlib.data.own_networks import write_network

from .classifiers import Recipe, accuracy, train_classifier
from .engine import Checkpoint

SCALES = {
    "smoke": {"seeds": 1, "epochs": 1, "images": 256, "mnist": 0, "keep": False},
    "laptop": {"seeds": 3, "epochs": 40, "images": 1437, "mnist": 10_000, "keep": True},
}
UNITS = {"accuracy": "%"}

SIZE = 28  # pixels: MNIST's
CARD = {
    "title": "Digit net: reads handwritten digits",
    "input": "grey in [0, 1], white on black, (batch, 1, height, width), at its best on 28 × 28 pixels",
    "output": "10 scores, one a digit",
    "trained on": "the first 1,437 of the handwritten digits that ship (E. Alpaydin and C. Kaynak, UCI "
    "Machine Learning Repository, 1998, CC BY 4.0), 8 × 8 pixels drawn at 28 × 28, turned by up to 12°, "
    "zoomed by 0.65 to 1.1 and shifted by up to 3 pixels",
    "held out": "the other 360; MNIST was never trained on",
    "licence": "CC BY 4.0",
}


def run_seed(
    seed: int, *, device: str, checkpoint: Checkpoint, epochs: int, images: int, mnist: int, keep: bool
) -> dict[str, float]:
    """Per cent of right answers on training and test digits, and on the first `mnist` test images of MNIST.

    The seed draws weights, order and movement of the images.
    """
    torch.manual_seed(seed)
    net = classifier(*DIGIT_NET).to(device, memory_format=torch.channels_last)
    digits = data.digits()
    train = enlarged(digits.train_images[:images]).to(device), digits.train_labels[:images].to(device)
    recipe = Recipe(epochs, rate=3e-3, turn=0.21, zoom=(0.65, 1.1), shift=3)
    train_classifier(net, *train, recipe, seed=seed, checkpoint=checkpoint)
    test = enlarged(digits.test_images).to(device), digits.test_labels.to(device)
    metrics = {"accuracy.train": accuracy(net, *train), "accuracy.test": accuracy(net, *test)}
    if mnist:
        other = data.mnist()
        pair = other.test_images[:mnist].to(device), other.test_labels[:mnist].to(device)
        metrics["accuracy.mnist"] = accuracy(net, *pair)
    if keep and seed == 0:
        write_network("digit-net", net, CARD | {"seed": seed, "measured": metrics})
    return metrics


def enlarged(images: Tensor) -> Tensor:
    """8 × 8 pixels drawn at 28 × 28, bilinearly."""
    return interpolate(images, size=SIZE, mode="bilinear", align_corners=False)
