"""DISCO: a kernel on a cap, integrated over the sphere by quadrature; torch-harmonics has it."""

import math

from jaxtyping import Float
from torch import Tensor, nn

from ktnlib import check

from .peers import peer


class DiscoConv2d(nn.Module):
    """torch-harmonics' discrete-continuous convolution between grids of Gauss-Legendre latitudes.

    The kernel is a mixture of fixed functions on a cap, piecewise linear in distance and direction; each
    output pixel is its integral with the map. No planar kernel can be loaded into it.

    Args:
        in_channels, out_channels: channels of the map and of the result.
        height: rows of the map, as `zonal.gauss_rows` makes them; twice as many columns.
        out_height: rows of the result, a divisor of `height`.
        rings, sectors: of the functions.
        radius: of the cap, radians.

    Raises:
        ImportError: torch-harmonics is not installed, with the way to install it.
        ValueError: numbers below one, a result whose rows do not divide the map's, a radius outside (0, π).

    Source: Ocampo, Price, McEwen, Scalable and Equivariant Spherical CNNs by Discrete-Continuous (DISCO)
    Convolutions, ICLR 2023; torch-harmonics' `DiscreteContinuousConvS2`.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        height: int,
        out_height: int | None = None,
        rings: int = 3,
        sectors: int = 4,
        radius: float,
    ) -> None:
        super().__init__()
        harmonics = peer("torch-harmonics")
        out_height = height if out_height is None else out_height
        if check.positive_int("height", height) % check.positive_int("out_height", out_height):
            raise ValueError(f"`out_height` is {out_height}; wanted a divisor of `height`, {height}")
        self.inner = harmonics.DiscreteContinuousConvS2(
            check.positive_int("in_channels", in_channels),
            check.positive_int("out_channels", out_channels),
            (height, 2 * height),
            (out_height, 2 * out_height),
            (check.positive_int("rings", rings), check.positive_int("sectors", sectors)),
            grid_in="legendre-gauss",
            grid_out="legendre-gauss",
            theta_cutoff=check.between("radius", radius, 0, math.pi, "radians"),
        )

    def forward(
        self, x: Float[Tensor, "batch in_channel height width"]
    ) -> Float[Tensor, "batch out_channel out_height out_width"]:
        return self.inner(x)
