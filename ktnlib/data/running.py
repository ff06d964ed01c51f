"""The book's running objects: one handwritten 5 and one W."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import interpolate, pad

from .digits import TRAIN, digits

FIVE = 1461  # a five whose strokes are all there, chosen by eye


def running_digit() -> Float[Tensor, "1 1 28 28"]:
    """The 5 that returns in every part: a shipped 8 × 8 digit drawn 2.5 times as large, smoothly, on 28 × 28.

    Bicubic, then a smooth step from 0.1 to 0.8 that gives back the stroke's edge.

    Example:
        >>> from ktnlib.data import running_digit
        >>> tuple(running_digit().shape)
        (1, 1, 28, 28)
    """
    small = pad(digits().test_images[FIVE - TRAIN][None], (2, 2, 2, 2))
    large = interpolate(small, size=(30, 30), mode="bicubic", align_corners=False)[..., 1:-1, 1:-1]
    step = ((large - 0.1) / 0.7).clamp(0, 1)
    return step * step * (3 - 2 * step)


def letter_w() -> Float[Tensor, "1 1 5 5"]:
    """The letter W on 5 × 5 pixels: turned by half a revolution it is an M.

    Example:
        >>> from ktnlib.data import letter_w
        >>> print(letter_w()[0, 0].int())
        tensor([[1, 0, 0, 0, 1],
                [1, 0, 0, 0, 1],
                [1, 0, 1, 0, 1],
                [1, 1, 0, 1, 1],
                [1, 0, 0, 0, 1]], dtype=torch.int32)
    """
    rows = ("10001", "10001", "10101", "11011", "10001")
    return torch.tensor([[float(pixel) for pixel in row] for row in rows])[None, None]
