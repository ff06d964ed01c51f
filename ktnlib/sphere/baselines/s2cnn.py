"""S2CNN: a map on the sphere becomes one on all rotations, and stays there; products in the spectrum.

A map on rotations is sampled on (turn, polar angle, roll): each direction once for every roll of the kernel
about it. Its spectrum of degree l is a (2l + 1) × (2l + 1) matrix, and a convolution multiplies matrices.
Grids, harmonics and Wigner's matrices are e3nn's.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ktnlib import check

from .peers import peer


class SphereToRotations(nn.Module):
    """Correlate a panorama with a filter in every rotation of it.

        y(R) = bias + Σ_{l < L} Σ_{m, n} x_lm · filter_ln · D^l_mn(R)

    The filter is learnt at points near the pole, given by their harmonics, and so is local.

    Args:
        in_channels, out_channels: channels of the panorama and of the result.
        height: rows of the panorama, even.
        degrees: L, degrees that are kept; the result has 2L samples along each of the three axes.
        generator: of the first weights; None is torch's own.

    Raises:
        ImportError: e3nn is not installed, with the way to install it.
        ValueError: numbers below one, an odd height, more degrees than half the rows.

    Source: Cohen, Geiger, Köhler, Welling, Spherical CNNs, ICLR 2018, sections 3 and 4.
    """

    weight: Float[Tensor, "out_channel in_channel points"]
    bias: Float[Tensor, "out_channel"]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        height: int,
        degrees: int,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        o3 = peer("e3nn")
        if check.positive_int("height", height) % 2 or 2 * check.positive_int("degrees", degrees) > height:
            raise ValueError(
                f"`degrees` is {degrees} and `height` {height}; wanted an even height of at least 2·degrees"
            )
        self.degrees = degrees
        self.analyse = o3.FromS2Grid((height, 2 * height), degrees - 1)
        self.grid = _rotation_grid(o3, degrees)
        turn, polar = _near_pole(math.pi / degrees)
        harmonics = o3.spherical_harmonics_alpha_beta([*range(degrees)], turn, polar, normalization="norm")
        self.register_buffer("harmonics", harmonics, persistent=False)
        self.weight, self.bias = _parameters(in_channels, out_channels, len(turn), generator)

    def forward(
        self, x: Float[Tensor, "batch in_channel height width"]
    ) -> Float[Tensor, "batch out_channel turn polar roll"]:
        spectrum = self.analyse(x)
        filters = torch.einsum("oip,pn->oin", self.weight, self.harmonics)
        parts = []
        for degree in range(self.degrees):
            here = slice(degree**2, (degree + 1) ** 2)
            parts.append(torch.einsum("bim,oin->bomn", spectrum[..., here], filters[..., here]).flatten(2))
        return self.grid.to_grid(torch.cat(parts, dim=-1)) + self.bias[:, None, None, None]


class RotationConv(nn.Module):
    """Correlate a map on rotations with a filter on rotations: products of matrices, degree by degree.

    Args:
        in_channels, out_channels: channels of the map and of the result.
        in_degrees, degrees: of the map and of the result, which drops the rest.
        generator: of the first weights; None is torch's own.

    Raises:
        ImportError, ValueError: as `SphereToRotations`; more degrees than the map has.
    """

    weight: Float[Tensor, "out_channel in_channel points"]
    bias: Float[Tensor, "out_channel"]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        in_degrees: int,
        degrees: int,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        o3 = peer("e3nn")
        if check.positive_int("degrees", degrees) > check.positive_int("in_degrees", in_degrees):
            raise ValueError(f"`degrees` is {degrees}; wanted at most `in_degrees`, {in_degrees}")
        self.degrees = degrees
        self.in_grid, self.grid = _rotation_grid(o3, in_degrees), _rotation_grid(o3, degrees)
        turn, polar = _near_pole(math.pi / degrees)
        roll = torch.arange(4) * (math.pi / 2)
        # about the pole a small rotation is a tilt and a turn back, and the filter may roll
        turn, polar, roll = turn.repeat_interleave(4), polar.repeat_interleave(4), roll.repeat(len(turn))
        matrices = [o3.wigner_D(degree, turn, polar, roll - turn) for degree in range(degrees)]
        self.register_buffer("matrices", torch.cat([m.flatten(1) for m in matrices], 1), persistent=False)
        self.weight, self.bias = _parameters(in_channels, out_channels, len(turn), generator)

    def forward(
        self, x: Float[Tensor, "batch in_channel in_turn in_polar in_roll"]
    ) -> Float[Tensor, "batch out_channel turn polar roll"]:
        spectrum, start, parts = self.in_grid.from_grid(x), 0, []
        filters = torch.einsum("oip,pn->oin", self.weight, self.matrices)
        for degree in range(self.degrees):
            order = 2 * degree + 1
            here, side = slice(start, start + order**2), (order, order)
            maps, kernel = spectrum[..., here].unflatten(-1, side), filters[..., here].unflatten(-1, side)
            parts.append(torch.einsum("bimn,oikn->bomk", maps, kernel).flatten(2) / math.sqrt(order))
            start = here.stop
        return self.grid.to_grid(torch.cat(parts, dim=-1)) + self.bias[:, None, None, None]


def rotation_mean(
    x: Float[Tensor, "batch channel turn polar roll"],
) -> Float[Tensor, "batch channel"]:
    """The mean over all rotations, by e3nn's weights of the polar angles; it does not see a rotation."""
    polar = x.shape[3]
    weights = peer("e3nn").SO3Grid(0, polar // 2, aspect_ratio=1).qw.to(x)
    return torch.einsum("bcapr,p->bc", x, weights) / (weights.sum() * polar**2)


def _rotation_grid(o3, degrees: int) -> nn.Module:
    return o3.SO3Grid(degrees - 1, degrees, aspect_ratio=1)


def _near_pole(reach: float) -> tuple[Float[Tensor, "points"], Float[Tensor, "points"]]:
    """(turn, polar angle) of the pole itself and of two rings of eight points within `reach` radians."""
    turn = torch.arange(8) * (math.pi / 4)
    polar = torch.tensor([reach / 2, reach])
    return (
        torch.cat([torch.zeros(1), turn.repeat(2)]),
        torch.cat([torch.zeros(1), polar.repeat_interleave(8)]),
    )


def _parameters(
    in_channels: int, out_channels: int, points: int, generator: torch.Generator | None
) -> tuple[nn.Parameter, nn.Parameter]:
    check.positive_int("in_channels", in_channels)
    check.positive_int("out_channels", out_channels)
    weight = nn.Parameter(torch.empty(out_channels, in_channels, points))
    nn.init.normal_(weight, std=1 / math.sqrt(in_channels * points), generator=generator)
    return weight, nn.Parameter(torch.zeros(out_channels))
