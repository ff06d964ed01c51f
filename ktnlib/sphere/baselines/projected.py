"""Projected: the kernel itself drawn on the panorama and sampled at its pixels. It fails, and shows why.

KTN's table lists a method of this name at chance level (10.7 % on digits); how it is built could not be
verified. This is our reading: where `tangent_conv2d` samples the *image* at the kernel's taps, it samples the
*kernel* at the image's pixels. A tap then weighs as much as pixels happen to fall near it: a row's weights
sum to about 1/cos φ times the source's, and to nothing steady where the kernel is finer than the pixels.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import conv2d

from ktnlib import check

from ..gnomonic import Radians, sphere_to_plane
from ..grid import EquirectGrid
from ..tangent_conv import check_operands
from ..taps import kernel_sides
from .direct import pad_sphere


def projected_kernel(
    weight: Float[Tensor, "out_channel in_channel kernel_height kernel_width"],
    latitude: Radians,
    height: int,
    *,
    width: int | None = None,
    spacing: float | int | None = None,
) -> Float[Tensor, "out_channel in_channel rows columns"]:
    """The planar kernel resampled at the panorama's pixels around one pixel.

    On the plane the kernel is taken for a surface, linear between neighbouring taps and zero one spacing
    beyond the outermost. The pixel i rows to the south and j columns to the east of the centre meets the
    plane at (U, V); its weight is that surface's height there. Nothing is normalised.

    Args:
        weight: odd sides.
        latitude: of the output pixel, radians, −π/2 < latitude < π/2.
        height, width: of the panorama; width None is 2·height.
        spacing: distance of the kernel's taps on the plane, sphere radii; None is 2π/width.

    Returns:
        A kernel with odd sides, as small as holds all the pixels its surface covers; rows beyond a pole are
        zero, what lies there stands half a revolution away in the rows that there are.

    Raises:
        ValueError: an even kernel, a latitude on or beyond a pole, an odd width, a spacing that is not
            positive.
        TypeError: a kernel of whole numbers.

    >>> kernel = torch.ones(1, 1, 3, 3, dtype=torch.float64)
    >>> [round(projected_kernel(kernel, latitude, 256).sum().item(), 1) for latitude in (0.0, 1.0, 1.5)]
    [9.0, 16.8, 128.7]
    """
    check.floating("weight", weight)
    check.between("latitude", latitude, -math.pi / 2, math.pi / 2, "radians, between the poles")
    grid = EquirectGrid(height, width)
    spacing = 2 * math.pi / grid.width if spacing is None else spacing
    check.between("spacing", spacing, 0, math.inf, "radii")
    rows, columns = kernel_sides(tuple(weight.shape[-2:]), stride=1)
    step = math.pi / height
    # no sample is further off than its point on the plane
    reach = math.ceil(math.hypot(rows + 1, columns + 1) / 2 * spacing / step)
    down = torch.arange(-reach, reach + 1, dtype=torch.float64)[:, None]
    # +width/2 would be the column −width/2 once more
    across = torch.arange(-grid.width // 2, grid.width // 2, dtype=torch.float64)[None, :]
    pixels = latitude - down * step
    east, south, in_front = sphere_to_plane(
        pixels, across * (2 * math.pi / grid.width), centre_latitude=latitude, centre_longitude=0.0
    )
    seen = in_front & (pixels.abs() < math.pi / 2)
    hats = _hats(south / spacing, rows), _hats(east / spacing, columns)
    hats = _trim(*(hat.where(seen[..., None], 0.0) for hat in hats))
    # narrowed before it moves: a device may have no float64
    hats = (hat.to(weight.dtype).to(weight.device) for hat in hats)
    return torch.einsum("oiuv,hwu,hwv->oihw", weight, *hats)


def projected_conv2d(
    x: Float[Tensor, "batch in_channel height width"],
    weight: Float[Tensor, "out_channel in_channel kernel_height kernel_width"],
    bias: Float[Tensor, "out_channel"] | None = None,
    *,
    spacing: float | int | None = None,
) -> Float[Tensor, "batch out_channel height width"]:
    """Convolve every row with its `projected_kernel`.

    Raises:
        ValueError, TypeError: as `tangent_conv2d` and `projected_kernel`.

    >>> out = projected_conv2d(torch.ones(1, 1, 8, 16), torch.ones(1, 1, 3, 3))
    >>> bool(out[0, 0, 3, 0] < 10), bool(out[0, 0, 0, 0] > 20)
    (True, True)
    """
    check_operands(x, weight, bias)
    height, width = x.shape[-2:]
    out = []
    for row, latitude in enumerate(EquirectGrid(height, width).latitudes.tolist()):
        kernel = projected_kernel(weight, latitude, height, width=width, spacing=spacing)
        reach, side = kernel.shape[-2] // 2, kernel.shape[-1] // 2
        first, last = max(row - reach, 0), min(row + reach, height - 1)
        inside = kernel[:, :, first - row + reach : last - row + reach + 1]
        out.append(conv2d(pad_sphere(x[:, :, first : last + 1], 0, side), inside, bias))
    return torch.cat(out, dim=-2)


def _hats(at: Float[Tensor, "h w"], taps: int) -> Float[Tensor, "h w taps"]:
    """How much of each tap a point of the plane takes: 1 at the tap, 0 from the next one on."""
    return (1 - (at[..., None] - (torch.arange(taps) - (taps - 1) / 2)).abs()).clamp(min=0)


def _trim(
    down: Float[Tensor, "h w kernel_height"], across: Float[Tensor, "h w kernel_width"]
) -> tuple[Float[Tensor, "rows columns kernel_height"], Float[Tensor, "rows columns kernel_width"]]:
    """The smallest window with odd sides about the centre that holds all shares; the centre is at w/2."""
    covered = (down.amax(-1) * across.amax(-1)).nonzero()
    middle_row, middle_column = down.shape[0] // 2, down.shape[1] // 2
    south, east = (covered - torch.tensor([middle_row, middle_column])).abs().amax(0).tolist()
    window = (
        slice(middle_row - south, middle_row + south + 1),
        slice(middle_column - east, middle_column + east + 1),
    )
    # one column more where it reaches around to the half revolution
    return tuple(torch.nn.functional.pad(hat, (0, 0, 0, 1))[window] for hat in (down, across))
