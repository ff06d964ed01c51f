"""Train the globe net, a reader of digits without padding, on the digits that ship; try it on MNIST."""

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import pad

from ktnlib import check, data
from ktnlib.data.architectures import GLOBE_CANVAS, globe_net
from ktnlib.data.labelled import LabelledImages
from ktnlib.data.own_networks import write_network

from .classifiers import Recipe, accuracy, train_classifier
from .engine import Checkpoint
from .train_digit_net import enlarged

SCALES = {
    "smoke": {"seeds": 1, "epochs": 1, "images": 256, "mnist": 0, "keep": False},
    "laptop": {"seeds": 3, "epochs": 60, "images": 1437, "mnist": 10_000, "keep": True},
}
UNITS = {"accuracy": "%"}

CARD = {
    "title": "Globe net: reads handwritten digits, without padding",
    "input": "grey in [0, 1], white on black, (batch, 1, height, width), at its best on 28 × 28 pixels in "
    "the middle of 44 × 44; nothing below 32 × 32",
    "output": "10 scores, one a digit",
    "trained on": "the first 1,437 of the handwritten digits that ship (E. Alpaydin and C. Kaynak, UCI "
    "Machine Learning Repository, 1998, CC BY 4.0), 8 × 8 pixels drawn at 28 × 28, turned by up to 20°, "
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
    net = globe_net().to(device, memory_format=torch.channels_last)
    digits = handwritten("digits")
    train = framed(digits.train_images[:images]).to(device), digits.train_labels[:images].to(device)
    recipe = Recipe(epochs, rate=4e-3, turn=0.35, zoom=(0.65, 1.1), shift=3)
    train_classifier(net, *train, recipe, seed=seed, checkpoint=checkpoint)
    test = framed(digits.test_images).to(device), digits.test_labels.to(device)
    metrics = {"accuracy.train": accuracy(net, *train), "accuracy.test": accuracy(net, *test)}
    if mnist:
        other = handwritten("mnist")
        pair = framed(other.test_images[:mnist]).to(device), other.test_labels[:mnist].to(device)
        metrics["accuracy.mnist"] = accuracy(net, *pair)
    if keep and seed == 0:
        write_network("globe-net", net, CARD | {"seed": seed, "measured": metrics})
    return metrics


def handwritten(name: str) -> LabelledImages:
    """Digits of 28 × 28 pixels: "digits" are the small ones that ship, drawn larger; "mnist".

    Raises:
        ValueError: another name.
        FileNotFoundError, ConnectionError: MNIST is nowhere and could not be downloaded.
    """
    if check.choice("name", name, ("digits", "mnist")) == "mnist":
        return data.mnist()
    small = data.digits()
    return replace(small, train_images=enlarged(small.train_images), test_images=enlarged(small.test_images))


def framed(
    images: Float[Tensor, "number channel height width"],
) -> Float[Tensor, "number channel canvas canvas"]:
    """Pictures of 28 × 28 pixels in the middle of a black 44 × 44, as the globe net reads them.

    >>> framed(torch.ones(1, 1, 28, 28)).shape
    torch.Size([1, 1, 44, 44])
    """
    border = (GLOBE_CANVAS - images.shape[-1]) // 2
    return pad(images, (border,) * 4)
