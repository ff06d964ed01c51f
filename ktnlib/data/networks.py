"""Trained planar networks, ready to be carried over to the sphere."""

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from ktnlib.check import choice

from .architectures import ResNet, dncnn, squeezenet, tinydarknet
from .content import read_npz
from .obtain import obtain

Arrays = dict[str, np.ndarray]


def source_network(name: str) -> nn.Module:
    """Load a trained network in eval mode; its first module is its own normalisation.

    Looks below KTNLIB_DATA, then in the user's cache, then downloads (1 to 4 MB).

    Args:
        name: "tinydarknet" and "squeezenet1.1" answer with the 1,000 ImageNet classes in the order of their
            sorted synsets (at their best on 224 and 227 pixels), "resnet20" and "resnet44" with the 10 of
            CIFAR-10 (32 pixels), "dncnn" with the noise of a grey picture: subtract it.

    Returns:
        A module that takes (batch, 3, height, width) RGB in [0, 1]; "dncnn" takes (batch, 1, height, width).

    Raises:
        ValueError: an unknown name (the known are listed), or a truncated or altered file.
        FileNotFoundError, ConnectionError: the weights are nowhere and could not be downloaded.
    """
    build, fill = NETWORKS[choice("name", name, NETWORKS)]
    network = build()
    fill(network, read_npz(obtain(name)))
    return network.eval()


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
}
