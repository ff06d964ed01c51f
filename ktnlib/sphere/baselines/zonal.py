"""Esteves' spherical convolution: filters that are the same in all directions, applied in the spectrum."""

import math

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from ktnlib import check

from ..grid import EquirectGrid
from ..sampling import fold_poles, neighbours, sample
from .peers import peer


class ZonalConv2d(nn.Module):
    """Multiply each degree of a map's spherical harmonics by a number of its own; drop the high degrees.

        y = Σ_{l < L} Σ_m h_l · x_lm · Y_lm,    L = out_height/2

    with h linear between a few anchors over the degrees, so that the filter is local. It commutes with every
    rotation, and cannot tell a direction: a zonal filter is round.

    Args:
        in_channels, out_channels: channels of the map and of the result.
        height: rows of the map, at Gauss-Legendre latitudes as `gauss_rows` makes them, twice as many
            columns; even.
        out_height: rows of the result, at most `height`, even.
        anchors: numbers that are learnt for each pair of channels, at least 2.
        generator: of the first weights; None is torch's own.

    Raises:
        ImportError: torch-harmonics is not installed, with the way to install it.
        ValueError: numbers below one, odd heights, fewer than two anchors, a result larger than the map.

    Source: Esteves, Allen-Blanchette, Makadia, Daniilidis, Learning SO(3) Equivariant Representations with
    Spherical CNNs, ECCV 2018, sections 4 and 5.2; transforms by torch-harmonics.
    """

    weight: Float[Tensor, "out_channel in_channel anchors"]
    bias: Float[Tensor, "out_channel"]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        height: int,
        out_height: int | None = None,
        anchors: int = 6,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        harmonics = peer("torch-harmonics")
        out_height = height if out_height is None else out_height
        for name, rows in (("height", height), ("out_height", out_height)):
            if check.positive_int(name, rows) % 2 or rows > height:
                raise ValueError(
                    f"`{name}` is {rows} for maps of {height} rows; wanted an even number, at most {height}"
                )
        check.positive_int("in_channels", in_channels)
        check.positive_int("out_channels", out_channels)
        degrees = out_height // 2
        grid = {"lmax": degrees, "mmax": degrees, "grid": "legendre-gauss"}
        self.analyse = harmonics.RealSHT(height, 2 * height, **grid)
        self.synthesise = harmonics.InverseRealSHT(out_height, 2 * out_height, **grid)
        self.register_buffer("hats", _hats(degrees, anchors), persistent=False)
        spread = math.sqrt(2 / in_channels)
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels, anchors))
        nn.init.normal_(self.weight, std=spread, generator=generator)
        self.bias = nn.Parameter(torch.zeros(out_channels))

    def forward(
        self, x: Float[Tensor, "batch in_channel height width"]
    ) -> Float[Tensor, "batch out_channel out_height out_width"]:
        transfer = self.weight @ self.hats
        spectrum = self.analyse(x)
        spectrum = torch.einsum("oil,bilm->bolm", transfer.to(spectrum.dtype), spectrum)
        return self.synthesise(spectrum) + self.bias[:, None, None]


def gauss_rows(
    x: Float[Tensor, "batch channel height width"],
) -> Float[Tensor, "batch channel height width"]:
    """A panorama at the Gauss-Legendre latitudes, on which sums over rows are exact integrals; bicubic.

    They are at most a quarter of a pixel from the panorama's own.

    >>> gauss_rows(torch.ones(1, 1, 4, 8)).shape
    torch.Size([1, 1, 4, 8])
    """
    height, width = check.panorama("x", x).shape[-2:]
    sines, _ = np.polynomial.legendre.leggauss(height)
    latitudes = torch.from_numpy(sines).flip(0).arcsin()
    rows = EquirectGrid(height, width).latitude_to_row(latitudes)[:, None].expand(height, width)
    columns = torch.arange(width, dtype=torch.float64).expand(height, width)
    return sample(x, fold_poles(neighbours(rows, columns, "bicubic"), height, width))


def _hats(degrees: int, anchors: int) -> Float[Tensor, "anchors degrees"]:
    """How much of each anchor's number a degree takes; anchors evenly from degree 0 to the last."""
    if check.positive_int("anchors", anchors) < 2:
        raise ValueError(f"`anchors` is {anchors}; wanted at least 2, for the first and the last degree")
    at = torch.arange(degrees) * ((anchors - 1) / max(degrees - 1, 1))
    return (1 - (at - torch.arange(anchors)[:, None]).abs()).clamp(min=0)
