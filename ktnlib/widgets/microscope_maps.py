"""Feature maps for the panorama microscope: what the room net's layers answer, by several methods."""

import torch
from jaxtyping import Float
from torch import Tensor

from ktnlib import data
from ktnlib.sphere import EquirectGrid, KernelTransformer, fitting, row_conv2d
from ktnlib.sphere.baselines import direct_conv2d

Maps = dict[str, dict[str, Tensor]]

SHOWN = {"conv2": 6, "conv4": 0, "conv7": 10}  # the channel of each layer in which letters stand out
HEADS = {"direct": None, "bilinear": "bilinear", "ktn": "taps"}


@torch.no_grad()
def room_maps(panorama: Float[Tensor, "1 3 height width"]) -> Maps:
    """One channel of three layers of the room net, exact and by three methods that chain their own answers.

    Args:
        panorama: RGB in [0, 1], twice as wide as high.

    Returns:
        {"layer 2", "layer 4", "layer 7": {"exact", "direct", "bilinear", "ktn": (height, width)}}, outputs of
        convolutions before their activation.

    Example:
        >>> maps = room_maps(torch.zeros(1, 3, 16, 32))
        >>> list(maps), maps["layer 7"]["ktn"].shape
        (['layer 2', 'layer 4', 'layer 7'], torch.Size([16, 32]))
    """
    trunk = fitting.Trunk(data.source_network("room-net"), until="conv7")
    answers = {"exact": fitting.exact_features(trunk, panorama, layers=SHOWN)}
    answers |= {method: _answers(trunk, panorama, head) for method, head in HEADS.items()}
    return {
        f"layer {name.removeprefix('conv')}": {
            method: one[name][0, channel] for method, one in answers.items()
        }
        for name, channel in SHOWN.items()
    }


def _answers(trunk: fitting.Trunk, panorama: Tensor, head: str | None) -> dict[str, Tensor]:
    """Every layer's answer; the first reads an image, where bilinear taps are exact."""
    polar_angles, kept = EquirectGrid(panorama.shape[-2]).polar_angles, {}
    later = head and KernelTransformer(3, head=head)
    first = head and KernelTransformer(3, head="bilinear")

    def convolve(name: str, layer: fitting.ConvLayer, x: Tensor) -> Tensor:
        if head is None:
            kept[name] = direct_conv2d(x, layer.weight, layer.bias)
        else:
            make = later if kept else first
            kept[name] = row_conv2d(x, make(layer.weight, polar_angles), layer.bias)
        return kept[name]

    trunk.walk(panorama, convolve)
    return kept
