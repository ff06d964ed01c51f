"""Train the sign net on German traffic signs, 32 × 32 pixels, 43 classes; kept in the user's cache."""

import torch

from ktnlib import data
from ktnlib.data.architectures import SIGN_NET, classifier
from ktnlib.data.own_networks import write_network

from .classifiers import Recipe, accuracy, train_classifier
from .engine import Checkpoint

SCALES = {
    "smoke": {"seeds": 1, "epochs": 1, "images": 128, "keep": False},
    "laptop": {"seeds": 3, "epochs": 25, "images": 7740, "keep": True},
}
UNITS = {"accuracy": "%"}

CARD = {
    "title": "Sign net: reads German traffic signs",
    "input": "RGB in [0, 1], (batch, 3, height, width), at its best on 32 × 32 pixels",
    "output": "43 scores, one a sign",
    "trained on": "7,740 German traffic signs (J. Stallkamp et al., 2012), turned by up to 9°, zoomed by "
    "0.85 to 1.15 and shifted by up to 3 pixels",
    "held out": "1,290 others",
    "licence": "of the images: research use only, not passed on; so are these weights",
}


def run_seed(
    seed: int, *, device: str, checkpoint: Checkpoint, epochs: int, images: int, keep: bool
) -> dict[str, float]:
    """Per cent of right answers on training and test signs.

    The seed draws weights, order and movement of the images.
    """
    torch.manual_seed(seed)
    net = classifier(*SIGN_NET).to(device, memory_format=torch.channels_last)
    signs = data.gtsrb()
    train = signs.train_images[:images].to(device), signs.train_labels[:images].to(device)
    recipe = Recipe(epochs, rate=3e-3, turn=0.16, zoom=(0.85, 1.15), shift=3, outside="border")
    train_classifier(net, *train, recipe, seed=seed, checkpoint=checkpoint)
    test = signs.test_images.to(device), signs.test_labels.to(device)
    metrics = {"accuracy.train": accuracy(net, *train), "accuracy.test": accuracy(net, *test)}
    if keep and seed == 0:
        write_network("sign-net", net, CARD | {"seed": seed, "measured": metrics})
    return metrics
