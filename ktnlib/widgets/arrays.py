"""Tensors on their way to the browser: little-endian float32, row by row."""

import torch
from torch import Tensor

from ktnlib import check


def float_bytes(values: Tensor) -> bytes:
    """The numbers of a tensor as a `Bytes` trait carries them; `floats` in controls.js reads them back.

    Example:
        >>> len(float_bytes(torch.zeros(28, 28)))
        3136
    """
    return values.detach().cpu().to(torch.float32).contiguous().numpy().astype("<f4").tobytes()


def square(name: str, value: Tensor) -> Tensor:
    """Refuse what is no single square picture, and drop axes of length one.

    Example:
        >>> square("image", torch.zeros(1, 1, 28, 28)).shape
        torch.Size([28, 28])

    Raises:
        TypeError: no floating-point tensor.
        ValueError: not one square plane of numbers.
    """
    plane = check.floating(name, value).squeeze()
    if plane.ndim != 2 or plane.shape[0] != plane.shape[1]:
        raise ValueError(
            f"`{name}` has shape {tuple(value.shape)}; wanted one square plane of numbers, (n, n) or "
            f"(1, 1, n, n); take one of a batch with `{name}[:1, :1]`, or pad the shorter side"
        )
    return plane


def odd_square(name: str, value: Tensor) -> Tensor:
    """As `square`, and refuse even widths: a tap lies on the pixel itself.

    Raises:
        ValueError: an even width.
    """
    plane = square(name, value)
    if plane.shape[0] % 2 == 0:
        raise ValueError(
            f"`{name}` is {plane.shape[0]} pixels wide; wanted an odd width, so that a tap lies on the "
            "pixel; pad it by a row and a column of zeros"
        )
    return plane


def layer_weights(name: str, layer: Tensor | dict[str, Tensor]) -> tuple[int, list[str], bytes]:
    """Width, names of the channels and weights of a layer: one filter, or one by channel.

    Example:
        >>> layer_weights("edge", torch.zeros(3, 3))[:2]
        (3, [''])

    Raises:
        ValueError: filters of one layer that differ in width, or more than two: they share one square.
    """
    channels = layer if isinstance(layer, dict) else {"": layer}
    planes = {label: odd_square(name, plane) for label, plane in channels.items()}
    sizes = {len(plane) for plane in planes.values()}
    if len(sizes) != 1 or len(planes) > 2:
        raise ValueError(
            f"`{name}` has {len(planes)} channels of widths {sorted(sizes)}; wanted one or two "
            "channels of one width; pad the smaller with zeros, or show the channels as filters of their own"
        )
    return sizes.pop(), [*planes], b"".join(map(float_bytes, planes.values()))
