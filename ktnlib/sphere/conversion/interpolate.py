"""Exact answers as a method: at every pixel of the answer's grid, or at some and a guess between them."""

import torch
from torch import Tensor

from ktnlib import check

from ..baselines.interpolated import fill_between
from ..grid import EquirectGrid
from ..sampling import INTERPOLATIONS
from .extras import own_options
from .network import SphereNetwork
from .options import Options
from .patches import unpadded_at
from .plan import Plan
from .unpadded import Unpadded


class ExactNetwork(SphereNetwork):
    """The unpadded source network on a tangent patch at every pixel of its answer, or at every S-th.

    Between those pixels the answer is bilinear, around the seam and over the poles too.
    """

    def __init__(self, plan: Plan, options: Options, *, every: int = 1, interpolation: str = "bilinear"):
        super().__init__(plan, options)
        Unpadded(plan)  # refuses now what can't be answered
        # past nn.Module, as the source may have modules of these names
        self.__dict__.update(
            every=check.positive_int("every", every),
            interpolation=check.choice("interpolation", interpolation, INTERPOLATIONS),
        )

    def answer(self, x: Tensor) -> Tensor:
        trunk = Unpadded(self.plan, self.root)
        full = self.options.resolution == "full"
        height = x.shape[-2] if full else x.shape[-2] // int(self.plan.output.stride)
        grid = EquirectGrid(height)
        rows, columns = knots(height, self.every), knots(grid.width, self.every)
        points = torch.stack(
            [
                grid.latitudes[rows].repeat_interleave(len(columns)),
                grid.longitudes[columns].repeat(len(rows)),
                torch.zeros(len(rows) * len(columns), dtype=torch.float64),
            ],
            dim=-1,
        )
        found = unpadded_at(
            trunk, x, points, spacing=self.options.spacing, interpolation=self.interpolation
        ).unflatten(-1, (len(rows), len(columns)))
        return found if self.every == 1 else fill_between(found, rows, columns, height, grid.width)


def knots(length: int, every: int) -> Tensor:
    """Every S-th of some pixels, from the middle of the first S."""
    if every > length:
        raise ValueError(
            f"`every` is {every} and the answer has {length} rows; wanted at most {length}, so that there is "
            "a pixel to interpolate from"
        )
    return torch.arange(every // 2, length, every)


def exact_network(plan: Plan, options: Options) -> ExactNetwork:
    """Exact at every pixel. Option `interpolation`: how the panorama is read, "bilinear" or "bicubic"."""
    return ExactNetwork(plan, options, **own_options(options, {"interpolation": "bilinear"}))


def interpolated_network(plan: Plan, options: Options) -> ExactNetwork:
    """Exact at every 16-th pixel of every 16-th row, or as option `every` says, bilinear between.

    Source: the baseline "Interp" of SphConv, Su and Grauman, NeurIPS 2017; 16 is its released code's.
    """
    return ExactNetwork(plan, options, **own_options(options, {"every": 16, "interpolation": "bilinear"}))
