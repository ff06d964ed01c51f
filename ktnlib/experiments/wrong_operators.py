"""Tangent-plane convolution done wrong: each slip as it is found in published code, one function a slip.

All take a panorama (batch, channel, height, width) and a 3×3 kernel (out, in, 3, 3). What each should have
answered is `right_answer(name, x, weight)`: for most `tangent_conv2d(x, weight)`. They serve to measure what
a slip costs and to see a test catch it.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from ktnlib.sphere import EquirectGrid, tangent_conv2d
from ktnlib.sphere.baselines import direct_conv2d, interpolated_conv2d, projected_conv2d
from ktnlib.sphere.sampling import Neighbours, bilinear_neighbours, clamp_edges, fold_poles
from ktnlib.sphere.tangent_conv import correlate

SIDE = 3
FINE = 0.364  # pixels from tap to tap as KTN's release has them in conv2, written for 320 rows


def positions(
    x: Tensor, *, spacing: float = 1.0, centre: float = 1.0, arctangent=torch.atan2
) -> tuple[Tensor, Tensor]:
    """Fractional (rows, columns) of the taps for column 0, (height, 9), with each ingredient to be spoilt.

    `spacing` is in pixels of the equator, `centre` the number of the tap that lies on the pixel.
    """
    height, width = x.shape[-2:]
    grid = EquirectGrid(height, width)
    offsets = (torch.arange(SIDE, dtype=torch.float64) - centre) * spacing * 2 * math.pi / width
    east, south = offsets.repeat(SIDE), offsets.repeat_interleave(SIDE)
    latitude = grid.latitudes[:, None]
    ahead, up = latitude.cos() + south * latitude.sin(), latitude.sin() - south * latitude.cos()
    east = east.expand_as(ahead)
    rows = grid.latitude_to_row(torch.atan2(up, torch.hypot(ahead, east)))
    return rows, grid.turn_to_columns(arctangent(east, ahead))


def with_taps(
    x: Tensor, weight: Tensor, rows: Tensor, columns: Tensor, *, beyond: Callable = fold_poles
) -> Tensor:
    """Bilinear taps at given positions, a pole crossed as `beyond` says."""
    plan = beyond(bilinear_neighbours(rows, columns), *x.shape[-2:])
    return correlate(x, weight, None, plan, torch.arange(x.shape[-1]))


def integer_division(x: Tensor, weight: Tensor) -> Tensor:
    """f = (k // 2)/tan(kδ/2) for (k/2)/tan(kδ/2): a kernel of three has its taps 1.5 pixels apart."""
    return with_taps(x, weight, *positions(x, spacing=1.5))


def integer_centre(x: Tensor, weight: Tensor) -> Tensor:
    """The centre divided as well: taps at −1.5, −0.5 and 0.5."""
    return with_taps(x, weight, *positions(x, centre=1.5))


def one_argument(x: Tensor, weight: Tensor) -> Tensor:
    """atan(U/d) for atan2(U, d): a tap beyond the pole is read on this side of it."""
    return with_taps(x, weight, *positions(x, arctangent=lambda east, ahead: torch.atan(east / ahead)))


def clamped_poles(x: Tensor, weight: Tensor) -> Tensor:
    """Rows beyond a pole are the first or last row, in the same column: a dead zone, for fine taps only.

    Taps a pixel apart never fall between a pole and the first row's centres; these lie closer.
    """
    clamp = lambda plan, height, _: clamp_edges(plan, height, 1)._replace(columns=plan.columns)  # noqa: E731
    return with_taps(x, weight, *positions(x, spacing=FINE), beyond=clamp)


def unturned_poles(x: Tensor, weight: Tensor) -> Tensor:
    """Over a pole the rows come back mirrored, but without the half revolution, and taps with them."""
    rows, columns = positions(x, arctangent=lambda east, ahead: torch.atan2(east, ahead.abs()))
    fold = lambda plan, height, width: fold_poles(plan, height, width)._replace(columns=plan.columns)  # noqa: E731
    return with_taps(x, weight, rows, columns, beyond=fold)


def counted_twice(x: Tensor, weight: Tensor) -> Tensor:
    """A row kernel as dense as a circle plus one pixel: column −W/2 and column W/2 are the same one."""
    half = x.shape[-1] // 2

    def fold(plan: Neighbours, height: int, width: int) -> Neighbours:
        rows, columns, weights = fold_poles(plan, height, width)
        opposite = (columns - half).remainder(width) == 0
        return Neighbours(rows, columns, torch.where(opposite, 2 * weights, weights))

    return with_taps(x, weight, *positions(x), beyond=fold)


def half_pixel(x: Tensor, weight: Tensor) -> Tensor:
    """`grid_sample` told 2i/W − 1: it puts pixel i at (2i + 1)/W − 1, so all reads half a pixel off."""
    return _torch_sample(x, weight, off=0.0, align_corners=False)


def aligned_corners(x: Tensor, weight: Tensor) -> Tensor:
    """`grid_sample` told 2i/W − 1 with align_corners=True: right at pixel 0, a pixel short at the far end."""
    return _torch_sample(x, weight, off=0.0, align_corners=True)


def zero_seam(x: Tensor, weight: Tensor) -> Tensor:
    """`grid_sample` told right, with its zeros beyond the picture: it knows of no way around the seam."""
    return _torch_sample(x, weight, off=0.5, align_corners=False)


def _torch_sample(x: Tensor, weight: Tensor, *, off: float, align_corners: bool) -> Tensor:
    batch, channel, height, width = x.shape
    rows, columns = positions(x)
    columns = (columns[:, None] + torch.arange(width)[:, None] + 0.5).remainder(width) - 0.5
    rows = rows[:, None].expand_as(columns)
    grid = torch.stack([2 * (columns + off) / width - 1, 2 * (rows + off) / height - 1], dim=-1)
    grid = grid.to(x.device, x.dtype).reshape(1, height, width * SIDE**2, 2).expand(batch, -1, -1, -1)
    taps = grid_sample(x, grid, align_corners=align_corners).view(batch, channel, height, width, SIDE**2)
    return torch.einsum("bihwk,oik->bohw", taps, weight.flatten(2))


def corner_of_the_block(x: Tensor, weight: Tensor) -> Tensor:
    """Every second pixel of the full map, where the coarser grid's centres lie between the pixels."""
    return tangent_conv2d(x, weight)[..., ::2, ::2]


def longitude_half_pixel(x: Tensor, weight: Tensor) -> Tensor:
    """Column x at longitude 2πx/W − π: the map is right and looked up half a column to the west."""
    out = tangent_conv2d(x, weight)
    return (out + out.roll(1, -1)) / 2


TRAPS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "integer-division": integer_division,
    "integer-centre": integer_centre,
    "half-pixel": half_pixel,
    "aligned-corners": aligned_corners,
    "longitude-half-pixel": longitude_half_pixel,
    "atan": one_argument,
    "zero-seam": zero_seam,
    "clamped-poles": clamped_poles,
    "unturned-poles": unturned_poles,
    "counted-twice": counted_twice,
    "direct-sphere": direct_conv2d,
    "direct-wrap": lambda x, weight: direct_conv2d(x, weight, padding="wrap"),
    "direct-zero": lambda x, weight: direct_conv2d(x, weight, padding="zero"),
    "interpolated": interpolated_conv2d,
    "projected": projected_conv2d,
    "corner-of-the-block": corner_of_the_block,
}


def right_answer(name: str, x: Tensor, weight: Tensor) -> Tensor:
    """What a trap's operator should have answered."""
    if name == "clamped-poles":
        return tangent_conv2d(x, weight, spacing=FINE * 2 * math.pi / x.shape[-1])
    return tangent_conv2d(x, weight, stride=2 if name == "corner-of-the-block" else 1)
