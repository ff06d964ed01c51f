"""Layers for networks on the sphere: convolution and maximum over taps on tangent planes."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ktnlib import check

from .bag_layers import largest_tap
from .sampling import INTERPOLATIONS, accumulator
from .tangent_conv import tangent_conv2d
from .taps import kernel_sides, tangent_taps


class TangentConv2d(nn.Module):
    """`tangent_conv2d` with weights to train: takes the place of an `nn.Conv2d` and its state dict.

    The weights are drawn as `nn.Conv2d` draws them. There is no padding to choose, a panorama has no border.

    Args:
        in_channels, out_channels: channels of the panorama and of the result.
        kernel_size: (rows, columns), or one number for both; an even side needs a stride above 1.
        stride: the result is the panorama of height/stride rows, its planes touch at its own pixel centres.
        spacing: distance of neighbouring taps on the plane, sphere radii; None is 2π/width of each input.
        interpolation: "bilinear" or "bicubic".
        bias: whether a number is added to each output channel.
        generator: of the first weights; None is torch's own.

    Raises:
        ValueError: channels, sides or a stride below one, an even kernel at stride 1, a spacing that is not
            positive, an unknown interpolation; in `forward` what `tangent_conv2d` refuses.
        TypeError: channels, sides or a stride that are no whole numbers.

    >>> layer = TangentConv2d(3, 8, 3, stride=2, interpolation="bicubic")
    >>> layer(torch.rand(1, 3, 8, 16)).shape, list(layer.state_dict())
    (torch.Size([1, 8, 4, 8]), ['weight', 'bias'])
    """

    weight: Float[Tensor, "out_channel in_channel kernel_height kernel_width"]
    bias: Float[Tensor, "out_channel"] | None

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        *,
        stride: int = 1,
        spacing: float | int | None = None,
        interpolation: str = "bilinear",
        bias: bool = True,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        check.positive_int("in_channels", in_channels)
        check.positive_int("out_channels", out_channels)
        self.kernel_size = _check_options(kernel_size, stride, spacing, interpolation)
        self.stride, self.spacing, self.interpolation = stride, spacing, interpolation
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels, *self.kernel_size))
        self.register_parameter("bias", nn.Parameter(torch.empty(out_channels)) if bias else None)
        self.reset_parameters(generator)

    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """Draw weights and bias anew, evenly from ±1/√(values a tap reads · taps)."""
        reach = 1 / math.sqrt(self.weight[0].numel())
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -reach, reach, generator=generator)

    def forward(
        self, x: Float[Tensor, "batch in_channel height width"]
    ) -> Float[Tensor, "batch out_channel out_height out_width"]:
        # under autocast the layer before leaves a type of its own, and a planar layer takes any
        if torch.is_autocast_enabled(x.device.type):
            x = x.to(self.weight.dtype)
        return tangent_conv2d(
            x,
            self.weight,
            self.bias,
            spacing=self.spacing,
            stride=self.stride,
            interpolation=self.interpolation,
        )

    def extra_repr(self) -> str:
        out_channels, in_channels = self.weight.shape[:2]
        shape = f"{in_channels}, {out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        return f"{shape}, spacing={self.spacing}, interpolation={self.interpolation!r}"


class TangentMaxPool2d(nn.Module):
    """The largest of a kernel's samples on the plane that touches the sphere at each output pixel.

    The taps lie as `tangent_conv2d` puts them: 2×2 at stride 2 reads at ±½ around the centre of each output
    pixel, the same stretch of ground at every latitude, where pooling the grid itself takes in only cos φ of
    it to the east and west. A sample is interpolated first, so that a maximum between
    pixels is a little below theirs; "bicubic" comes closer and may overshoot.

    Args:
        kernel_size: (rows, columns), or one number for both; an even side needs a stride above 1.
        stride: as for `TangentConv2d`; None is the kernel's side, which must then be square.
        spacing: distance of neighbouring samples on the plane, sphere radii; None is 2π/width of each input.
        interpolation: "bilinear" or "bicubic".

    Raises:
        ValueError: as `TangentConv2d`; a kernel that is not square without a stride; in `forward` what is no
            panorama, or one that the stride does not divide.
        TypeError: sides or a stride that are no whole numbers; in `forward` whole numbers for x.

    >>> TangentMaxPool2d(2)(torch.rand(1, 3, 8, 16)).shape
    torch.Size([1, 3, 4, 8])
    """

    def __init__(
        self,
        kernel_size: int | tuple[int, int],
        *,
        stride: int | None = None,
        spacing: float | int | None = None,
        interpolation: str = "bilinear",
    ) -> None:
        super().__init__()
        if stride is None:
            stride = _square_side(kernel_size)
        self.kernel_size = _check_options(kernel_size, stride, spacing, interpolation)
        self.stride, self.spacing, self.interpolation = stride, spacing, interpolation

    def forward(
        self, x: Float[Tensor, "batch channel height width"]
    ) -> Float[Tensor, "batch channel out_height out_width"]:
        check.panorama("x", x)
        table = tangent_taps(*x.shape[-2:], self.kernel_size, spacing=self.spacing, stride=self.stride)
        plan = table.neighbours(interpolation=self.interpolation)
        return largest_tap(x.to(accumulator(x.dtype)), plan, self.stride).to(x.dtype)

    def extra_repr(self) -> str:
        shape = f"kernel_size={self.kernel_size}, stride={self.stride}, spacing={self.spacing}"
        return f"{shape}, interpolation={self.interpolation!r}"


def _check_options(
    kernel_size: int | tuple[int, int], stride: int, spacing: float | int | None, interpolation: str
) -> tuple[int, int]:
    check.positive_int("stride", stride)
    check.choice("interpolation", interpolation, INTERPOLATIONS)
    if spacing is not None:
        check.between("spacing", spacing, 0, math.inf, "radii")
    return kernel_sides(kernel_size, stride=stride)


def _square_side(kernel_size: int | tuple[int, int]) -> int:
    # an even side has a place at its own stride
    sides = set(kernel_sides(kernel_size, stride=2))
    if len(sides) != 1:
        raise ValueError(
            f"`kernel_size` is {kernel_size} and `stride` is left out; wanted a square kernel, whose side is "
            "then the stride, because rows and columns share one; give `stride`"
        )
    return sides.pop()
