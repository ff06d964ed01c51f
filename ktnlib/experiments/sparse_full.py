"""`full` resolution where it is asked for: a chain of layers à trous, computed at the pixels that are needed.

At full resolution every map has the panorama's own pixels, and a layer behind strides of j in all has its
taps j source pixels apart. A few pixels of the last map need few of the map before it, and so on back to the
image: a reading of 49 places needs a small part of what the whole map would.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import embedding_bag

from ktnlib.sphere import EquirectGrid, KernelTransformer, TapTable, tangent_points
from ktnlib.sphere.sampling import Neighbours, fold_poles, neighbours

Pattern = Callable[[EquirectGrid, nn.Module, int, float, int], Neighbours]


class Layer(NamedTuple):
    """A module, and what its taps read for the pixels of column 0; None where it reads its own pixel."""

    module: nn.Module
    plan: Neighbours | None


def sparse_chain(network: nn.Sequential, pattern: str, grid: EquirectGrid, spacing: float) -> list[Layer]:
    """The layers of a chain of convolutions, pools and pointwise modules, in eval mode.

    Args:
        pattern: where taps fall, of `PATTERNS`.
        grid: the panorama's.
        spacing: of neighbouring source pixels, sphere radii.
    """
    layers, jump = [], 1
    for module in network:
        side = side_of(module)
        plan = None if side == 1 else PATTERNS[pattern](grid, module, side, spacing, jump)
        layers.append(Layer(module, plan and fold_poles(plan, grid.height, grid.width)))
        jump *= side if isinstance(module, nn.MaxPool2d) else 1
    return layers


def side_of(module: nn.Module) -> int:
    """Of an odd kernel at stride 1, or of a pool at its own stride; 1 for what reads its own pixel."""
    return module.kernel_size if isinstance(module, nn.MaxPool2d) else _convolution_side(module)


def _convolution_side(module: nn.Module) -> int:
    return module.kernel_size[0] if isinstance(module, nn.Conv2d) else 1


@torch.no_grad()
def values_at(
    chain: list[Layer], panorama: Float[Tensor, "1 channel height width"], pixels: Int[Tensor, "pixels"]
) -> Float[Tensor, "pixels out_channel"]:
    """The last map at some pixels, numbered row by row."""
    width, count = panorama.shape[-1], panorama[0, 0].numel()
    wanted, read = pixels, []
    for layer in reversed(chain):
        read.append(None)
        if layer.plan is not None:
            index = _index(layer.plan, wanted, width)
            read[-1] = index, layer.plan.weights.to(panorama.dtype)[wanted // width]
            wanted = (
                torch.zeros(count, dtype=torch.bool).index_fill_(0, index.flatten(), True).nonzero()[:, 0]
            )
            place = torch.empty(count, dtype=torch.int64)
            place[wanted] = torch.arange(len(wanted))
            read[-1] = place[index], read[-1][1]
    x = panorama[0].flatten(1).T.contiguous()[wanted]
    for layer, taps in zip(chain, reversed(read), strict=True):
        x = _apply(layer.module, x, taps)
    return x


def _index(plan: Neighbours, pixels: Tensor, width: int) -> Int[Tensor, "pixels taps neighbours"]:
    rows, columns = pixels // width, pixels % width
    return plan.rows[rows] * width + (plan.columns[rows] + columns[:, None, None]).remainder(width)


def _apply(
    module: nn.Module, x: Float[Tensor, "read channel"], taps: tuple[Tensor, Tensor] | None
) -> Float[Tensor, "pixels out_channel"]:
    if taps is not None:
        index, weights = taps
        bags = embedding_bag(index.flatten(0, 1), x, per_sample_weights=weights.flatten(0, 1), mode="sum")
        x = bags.unflatten(0, index.shape[:2])  # (pixels, taps, channel)
        if isinstance(module, nn.MaxPool2d):
            return x.amax(dim=1)
        return x.flatten(1) @ module.weight.flatten(2).transpose(1, 2).flatten(1).T + module.bias
    if isinstance(module, nn.Conv2d):
        return x @ module.weight[:, :, 0, 0].T + module.bias
    return module(x.T[None, :, :, None])[0, :, :, 0].T.contiguous()


def _steps(side: int) -> Float[Tensor, "side"]:
    return torch.arange(side, dtype=torch.float64) - (side - 1) / 2


def _table(grid: EquirectGrid, east: Tensor, south: Tensor) -> TapTable:
    """Taps at the same points of every pixel's tangent plane, at stride 1 for even sides too."""
    latitude, turn = tangent_points(grid.latitudes[:, None, None], 0.0, east, south)
    rows, columns = grid.latitude_to_row(latitude), grid.turn_to_columns(turn)
    return TapTable(rows.flatten(1), columns.flatten(1), grid.height, grid.width, 1)


def _tangent(head: str) -> Pattern:
    """A KTN's head; its pools read bilinearly for the bilinear head, bicubically for the others."""

    def pattern(grid: EquirectGrid, module: nn.Module, side: int, spacing: float, jump: int) -> Neighbours:
        steps = _steps(side) * spacing * jump
        table = _table(grid, steps[None, :], steps[:, None])
        if isinstance(module, nn.MaxPool2d):
            return neighbours(*table.positions, "bilinear" if head == "bilinear" else "bicubic")
        with torch.no_grad():
            return KernelTransformer(side, head=head).filters(table)

    return pattern


def _spherenet(grid: EquirectGrid, module: nn.Module, side: int, spacing: float, jump: int) -> Neighbours:
    angles = _steps(side) * spacing * jump
    table = _table(grid, angles.tan()[None, :], angles.tan()[:, None] / angles.cos())
    return neighbours(*table.positions, "bilinear")


def _direct(grid: EquirectGrid, module: nn.Module, side: int, spacing: float, jump: int) -> Neighbours:
    """Whole pixels, about the pixel itself or, where they can't be, half a pixel to the south-east of it."""
    steps = torch.arange(side) * jump - (side - 1) * jump // 2
    rows = (torch.arange(grid.height)[:, None] + steps.repeat_interleave(side))[..., None]
    columns = steps.repeat(side).expand(grid.height, -1)[..., None]
    return Neighbours(rows, columns, torch.ones(rows.shape, dtype=torch.float64))


PATTERNS: dict[str, Pattern] = {
    "ktn": _tangent("taps"),
    "ktn-bicubic": _tangent("bicubic"),
    "ktn-bilinear": _tangent("bilinear"),
    "spherenet": _spherenet,
    "direct": _direct,
}
