"""SphereNet: a kernel's grid of angles, projected to the plane that touches the sphere at each pixel."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ktnlib import check

from ..bag_layers import largest_tap
from ..gnomonic import tangent_points
from ..grid import EquirectGrid
from ..sampling import accumulator
from ..tangent_conv import planned_conv2d
from ..taps import TapTable, kernel_sides


def spherenet_taps(
    height: int,
    width: int,
    kernel_size: int | tuple[int, int] = 3,
    *,
    steps: tuple[float, float] | None = None,
    stride: int = 1,
) -> TapTable:
    """SphereNet's sampling pattern for every row of a panorama.

    Around the equator the kernel's taps are the pixels (u·Δλ, v·Δφ) of longitude and latitude. Seen on the
    plane that touches there they lie at

        (east, south) = (tan u·Δλ, tan v·Δφ / cos u·Δλ),

    and these points, not evenly spaced, are carried to the plane of every other pixel.

    Args:
        height, width: of the input, divisible by the stride; the output's width may be odd.
        kernel_size: (rows, columns), or one number for both; an even side needs a stride above 1.
        steps: (Δφ, Δλ), radians from tap to tap; None is one pixel, (π/height, 2π/width).
        stride: input pixels from one output pixel to the next.

    Returns:
        A table as `tangent_taps` makes it: symmetrical about each output pixel's own centre.

    Raises:
        ValueError: an even kernel at stride 1, sides the stride does not divide, an odd width, steps that
            are not positive or take the outermost tap a quarter turn away.

    Source: Coors, Condurache, Geiger, SphereNet, ECCV 2018, section 3.2.

    >>> table = spherenet_taps(8, 16)
    >>> (table.columns[3] - table.columns[3].round()).abs().max() < 0.2
    tensor(True)
    """
    grid = EquirectGrid(height, width)
    rows, columns = kernel_sides(kernel_size, stride=check.positive_int("stride", stride))
    if height % stride or width % stride:
        raise ValueError(
            f"`stride` is {stride} on {height} x {width} pixels; wanted one that divides both sides"
        )
    steps = (math.pi / height, 2 * math.pi / width) if steps is None else steps
    down, across = (_angles(count, step) for count, step in zip((rows, columns), steps, strict=True))
    middle = torch.arange(height // stride, dtype=torch.float64) * stride + (stride - 1) / 2
    centres = ((height - 1) / 2 - middle) * (math.pi / height)
    east, south = across.tan()[None, :], down.tan()[:, None] / across.cos()
    latitude, turn = tangent_points(centres[:, None, None], 0.0, east, south)
    rows = grid.latitude_to_row(latitude).flatten(1)
    return TapTable(rows, grid.turn_to_columns(turn).flatten(1), height, width, stride)


class SphereNetConv2d(nn.Conv2d):
    """A convolution with SphereNet's sampling pattern, bilinear; state dict and first weights of `nn.Conv2d`.

    Args:
        in_channels, out_channels, kernel_size, bias: as for `nn.Conv2d`. There is no padding to choose.
        stride: one for rows and columns.

    Raises:
        ValueError, TypeError: as `spherenet_taps`.

    >>> SphereNetConv2d(1, 4, 3)(torch.rand(1, 1, 10, 10)).shape
    torch.Size([1, 4, 10, 10])
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        *,
        stride: int = 1,
        bias: bool = True,
    ) -> None:
        sides = kernel_sides(kernel_size, stride=check.positive_int("stride", stride))
        super().__init__(in_channels, out_channels, sides, stride=stride, bias=bias)

    def forward(
        self, x: Float[Tensor, "batch in_channel height width"]
    ) -> Float[Tensor, "batch out_channel out_height out_width"]:
        check.panorama("x", x)
        table = spherenet_taps(*x.shape[-2:], self.kernel_size, stride=self.stride[0])
        return planned_conv2d(x, self.weight, self.bias, table)


class SphereNetMaxPool2d(nn.Module):
    """The largest of the samples of SphereNet's pattern, bilinear.

    Args:
        kernel_size: (rows, columns), or one number for both.
        stride: input pixels from one output pixel to the next.

    Raises:
        ValueError, TypeError: as `spherenet_taps`.

    >>> SphereNetMaxPool2d(3, stride=2)(torch.rand(1, 4, 10, 10)).shape
    torch.Size([1, 4, 5, 5])
    """

    def __init__(self, kernel_size: int | tuple[int, int], *, stride: int) -> None:
        super().__init__()
        self.stride = check.positive_int("stride", stride)
        self.kernel_size = kernel_sides(kernel_size, stride=stride)

    def forward(
        self, x: Float[Tensor, "batch channel height width"]
    ) -> Float[Tensor, "batch channel out_height out_width"]:
        check.panorama("x", x)
        table = spherenet_taps(*x.shape[-2:], self.kernel_size, stride=self.stride)
        return largest_tap(x.to(accumulator(x.dtype)), table.neighbours(), self.stride).to(x.dtype)


def _angles(count: int, step: float) -> Float[Tensor, "count"]:
    """Angles of the taps about the middle, radians."""
    outermost = (count - 1) / 2 * check.between("steps", step, 0, math.inf, "radians")
    check.between("steps", outermost, -1, math.pi / 2, "radians at the outermost tap")
    return (torch.arange(count, dtype=torch.float64) - (count - 1) / 2) * step
