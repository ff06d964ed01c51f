"""The point spread functions of one real lens."""

import torch
from jaxtyping import Float
from torch import Tensor

from .content import read_npz
from .obtain import obtain


def lens_psf() -> Float[Tensor, "9 12 3 25 25"]:
    """Load a lens's blur at 9 × 12 places of its field: 25 × 25 pixels, RGB, each channel sums to 1.

    Looks below KTNLIB_DATA, then in the user's cache, then downloads (1.8 MB).

    Raises:
        FileNotFoundError, ConnectionError: the file is nowhere and could not be downloaded.
        ValueError: it is truncated or altered.

    Source: OpenImagingLab, PSF-Estimation, camera 63762BB.
    """
    return torch.from_numpy(read_npz(obtain("lens"))["psf"]).permute(0, 1, 4, 2, 3).contiguous()
