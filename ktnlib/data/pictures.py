"""Pictures from files to tensors, and smaller by whole factors."""

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor
from torch.nn.functional import avg_pool2d


def read_picture(path: Path) -> Float[Tensor, "1 3 height width"]:
    """An image file as float32 RGB in [0, 1].

    Raises:
        ValueError: the file is truncated or no picture.
    """
    try:
        with Image.open(path) as image:
            pixels = np.asarray(image.convert("RGB"))
    except (OSError, SyntaxError, ValueError) as cause:
        raise ValueError(f"{path} can't be read as a picture ({cause})") from cause
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].float() / 255


def shrink(
    image: Float[Tensor, "1 3 rows columns"], *, height: int, name: str
) -> Float[Tensor, "1 3 height width"]:
    """Average whole blocks of pixels until `height` rows are left.

    Raises:
        ValueError: `height` doesn't divide the picture's number of rows; `name` says which picture it was.
    """
    rows, columns = image.shape[-2:]
    factor = rows // height
    if height * factor != rows or columns % factor:
        allowed = ", ".join(str(rows // n) for n in range(1, 65) if rows % n == 0 and columns % n == 0)
        raise ValueError(f"`height` is {height}; {name!r} has {rows} rows: wanted one of {allowed}, …")
    return image if factor == 1 else avg_pool2d(image, factor)
