"""Trained planar networks, ready to be carried over to the sphere."""

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from ktnlib.check import choice

from .architectures import (
    DIGIT_NET,
    SIGN_NET,
    ResNet,
    classifier,
    dncnn,
    globe_net,
    room_net,
    squeezenet,
    tinydarknet,
)
from .content import read_npz
from .obtain import obtain
from .own_networks import TRAINED_BY, command, read_network

Arrays = dict[str, np.ndarray]


def source_network(name: str) -> nn.Module:
    """Load a trained network in eval mode; its first module is its own normalisation.

    Three networks of our own ship. Other people's are looked for below KTNLIB_DATA, then in the user's cache,
    then downloaded (1 to 4 MB). The rest are trained by a command of ours, which keeps them in the cache.

    Args:
        name: "tinydarknet" and "squeezenet1.1" answer with the 1,000 ImageNet classes in the order of their
            sorted synsets (at their best on 224 and 227 pixels), "resnet20" and "resnet44" with the 10 of
            CIFAR-10 (32 pixels), "dncnn" with the noise of a grey picture: subtract it.
            Ours: "digit-net" (ships) answers with the 10 digits (28 pixels), "globe-net" (ships) too (28
            pixels in the middle of a black 44 × 44; no padding), "room-net" (ships) with the noise of a
            picture, "mnist-net-0", "-1" and "-2" as the globe net, trained on MNIST, "sign-net" with 43
            traffic signs, "cifar-net-0", "-1" and "-2" with the classes of CIFAR-10 (32 pixels),
            "finetuned-net-0" and "-1" with traffic signs: "cifar-net-0", trained on.

    Returns:
        A module that takes (batch, 3, height, width) RGB in [0, 1]; "dncnn" and the readers of digits take
        (batch, 1, height, width).

    Raises:
        ValueError: an unknown name (the known are listed), a truncated or altered file, or one of another
            architecture.
        FileNotFoundError, ConnectionError: the weights are nowhere and could not be downloaded; for one that
            has to be trained, the message names the command.

    Example:
        >>> from ktnlib.data import source_network
        >>> source_network("room-net").conv7.weight.shape
        torch.Size([16, 16, 3, 3])
    """
    build, fill = NETWORKS[choice("name", name, NETWORKS)]
    network = build()
    if name in TRAINED_BY:
        _own(network, name)
    else:
        fill(network, read_npz(obtain(name)))
    return network.eval()


def _own(network: nn.Module, name: str) -> None:
    try:
        _by_name(network, read_network(name))
    except RuntimeError as cause:  # load_state_dict's word for other names or shapes
        raise ValueError(
            f"the weights kept for {name!r} belong to another architecture; train it again: {command(name)}"
        ) from cause


def _by_name(network: nn.Module, arrays: Arrays) -> None:
    state = {name: torch.from_numpy(array) for name, array in arrays.items()}
    counters = {name: value for name, value in network.state_dict().items() if "num_batches" in name}
    network.load_state_dict(state | counters)


def _in_order(network: nn.Module, arrays: Arrays) -> None:
    """Weights and biases in the order of the convolutions, whatever their names."""
    values = iter(torch.from_numpy(array) for array in arrays.values())
    network.load_state_dict({name: next(values) for name in network.state_dict()})


def _darknet(network: nn.Module, arrays: Arrays) -> None:
    # the last layer's channels go to the classes' sorted order, so that no net needs a table of its own
    sorted_class = arrays["class_to_sorted_synset"]
    convolutions = {name: array for name, array in arrays.items() if name.startswith("conv")}
    for name in ("conv15.weight", "conv15.bias"):
        convolutions[name] = convolutions[name][np.argsort(sorted_class)]
    _in_order(network, convolutions)


def _caffe(network: nn.Module, arrays: Arrays) -> None:
    # trained on blue, green, red: turning the first layer's channels round makes it read red, green, blue
    full = {name.replace("/", "."): array.astype(np.float32) for name, array in arrays.items()}
    full["conv1.weight"] = full["conv1.weight"][:, ::-1].copy()
    _by_name(network, full)


NETWORKS: dict[str, tuple[Callable[[], nn.Module], Callable[[nn.Module, Arrays], None]]] = {
    "tinydarknet": (tinydarknet, _darknet),
    "squeezenet1.1": (squeezenet, _caffe),
    "resnet20": (lambda: ResNet(3), _by_name),
    "resnet44": (lambda: ResNet(7), _by_name),
    "dncnn": (dncnn, _in_order),
    "digit-net": (lambda: classifier(*DIGIT_NET), _by_name),
    "globe-net": (globe_net, _by_name),
    "room-net": (room_net, _by_name),
    "mnist-net-0": (globe_net, _by_name),
    "mnist-net-1": (globe_net, _by_name),
    "mnist-net-2": (globe_net, _by_name),
    "sign-net": (lambda: classifier(*SIGN_NET), _by_name),
    "cifar-net-0": (lambda: ResNet(3), _by_name),
    "cifar-net-1": (lambda: ResNet(3), _by_name),
    "cifar-net-2": (lambda: ResNet(3), _by_name),
    "finetuned-net-0": (lambda: ResNet(3, classes=43), _by_name),
    "finetuned-net-1": (lambda: ResNet(3, classes=43), _by_name),
}
