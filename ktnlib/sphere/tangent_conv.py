"""Convolution on tangent planes: the exact planar kernel at every pixel of a panorama."""

import math
from collections.abc import Iterator

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ktnlib import check

from .bag_layers import mix_taps
from .sampling import Neighbours, accumulator
from .taps import TapTable, tangent_taps


def tangent_conv2d(
    x: Float[Tensor, "batch in_channel height width"],
    weight: Float[Tensor, "out_channel in_channel kernel_height kernel_width"],
    bias: Float[Tensor, "out_channel"] | None = None,
    *,
    spacing: float | int | None = None,
    stride: int = 1,
    interpolation: str = "bilinear",
) -> Float[Tensor, "batch out_channel out_height out_width"]:
    """Correlate a panorama with a planar kernel on the plane that touches the sphere at each output pixel.

        y(p) = bias + Σ_{u,v} weight[v, u] · x(tangent point (s·u, s·v) of the plane at p)

    with x interpolated in pixel space, right over the poles and around the seam: no border, no clamping.
    "Convolution" is torch's cross-correlation. Exact on images; an earlier layer's feature map is taken
    for a scalar field here, which it is not. Differentiable in x, weight and bias, once.

    Args:
        x: the panorama; its height divisible by the stride, its width by twice the stride.
        weight, bias: as for `torch.nn.functional.conv2d`; an even kernel needs a stride above 1.
        spacing: distance of neighbouring taps on the plane, sphere radii; None is 2π/width, east and south.
        stride: the output is the panorama of height/stride rows, its planes touch at its own pixel centres.
        interpolation: "bilinear", or "bicubic" (Keys, a = −½), which blurs less: repeated from layer to
            layer, the blur of the former is most of what feature maps lose.

    Raises:
        ValueError: shapes that do not fit each other, an odd width, an even kernel at stride 1, a spacing
            that is not positive, an unknown interpolation, tensors on several devices or of several types.
        TypeError: whole numbers in place of floating-point ones.

    Source: Coors, Condurache, Geiger, SphereNet, ECCV 2018; Su and Grauman, Kernel Transformer Networks,
    CVPR 2019.

    >>> import torch
    >>> panorama = torch.ones(1, 3, 8, 16)
    >>> out = tangent_conv2d(panorama, torch.ones(2, 3, 3, 3), stride=2)
    >>> out.shape, bool(out.allclose(torch.tensor(27.0)))
    (torch.Size([1, 2, 4, 8]), True)
    """
    check_operands(x, weight, bias)
    table = tangent_taps(*x.shape[-2:], tuple(weight.shape[-2:]), spacing=spacing, stride=stride)
    return planned_conv2d(x, weight, bias, table, interpolation=interpolation)


def planned_conv2d(
    x: Float[Tensor, "batch in_channel height width"],
    weight: Float[Tensor, "out_channel in_channel kernel_height kernel_width"],
    bias: Float[Tensor, "out_channel"] | None,
    table: TapTable,
    *,
    interpolation: str = "bilinear",
) -> Float[Tensor, "batch out_channel out_height out_width"]:
    """`tangent_conv2d` with taps that lie where a table says."""
    plan, wide = table.neighbours(interpolation=interpolation), accumulator(x.dtype)
    bias = None if bias is None else bias.to(wide)
    return mix_taps(x.to(wide), weight.to(wide).flatten(2), bias, plan, table.stride).to(x.dtype)


def correlate(
    x: Float[Tensor, "batch in_channel height width"],
    weight: Float[Tensor, "out_channel in_channel kernel_height kernel_width"],
    bias: Float[Tensor, "out_channel"] | None,
    plan: Neighbours,
    shifts: Int[Tensor, "out_width"],
) -> Float[Tensor, "batch out_channel out_height out_width"]:
    """The products of a planned convolution: taps as `read_taps` reads them, times the kernel, added up.

    The reference, for any columns: `mix_taps` is many times as fast where they are evenly spaced around the
    circle. One tap after the other, so that the memory is a few images and not one for each tap. They are
    added up in groups of about the square root of their number, so that rounding grows with the kernel's side
    and not with its area: 11×11 positive products are off by 5 ε in one row, by 2 ε in eleven.
    """
    wide = accumulator(x.dtype)
    taps = weight.to(wide).flatten(2).unbind(-1)
    group = math.isqrt(len(taps))
    out = partial = torch.zeros((), dtype=wide, device=x.device)
    for number, (tap, sampled) in enumerate(zip(taps, read_taps(x.to(wide), plan, shifts), strict=True)):
        if number % group == 0:
            out, partial = out + partial, torch.zeros_like(partial)
        partial = partial + torch.einsum("oi,bihw->bohw", tap, sampled)
    out = out + partial
    if bias is not None:
        out = out + bias.to(wide)[:, None, None]
    return out.to(x.dtype)


def read_taps(
    x: Float[Tensor, "batch channel height width"], plan: Neighbours, shifts: Int[Tensor, "out_width"]
) -> Iterator[Float[Tensor, "batch channel out_height out_width"]]:
    """What each tap of a kernel reads for every output pixel, one tap after the other.

    Args:
        x: the panorama, of a type that sums are kept in.
        plan: folded, (out_height, taps, pixels) each; columns are those of output column 0.
        shifts: whole input columns from output column 0 to each output column.
    """
    width = x.shape[-1]
    # narrowed before it moves: a device may have no float64
    rows, columns, shares = (
        part.to(x.device) for part in (plan.rows, plan.columns, plan.weights.to(x.dtype))
    )
    shifts = shifts.to(x.device)
    for tap in range(rows.shape[1]):
        sampled = torch.zeros((), dtype=x.dtype, device=x.device)
        pixels = (part[:, tap, :, None].unbind(1) for part in (rows, columns, shares))
        for row, column, share in zip(*pixels, strict=True):
            sampled = sampled + x[:, :, row, (column + shifts).remainder(width)] * share
        yield sampled


def check_operands(x: Tensor, weight: Tensor, bias: Tensor | None) -> None:
    """Refuse a panorama, a kernel and a bias that do not fit each other."""
    check.panorama("x", x)
    check.floating("weight", weight)
    if weight.ndim != 4 or weight.shape[1] != x.shape[1]:
        raise ValueError(
            f"`weight` has shape {tuple(weight.shape)}; wanted (out_channel, in_channel, rows, columns) with "
            f"in_channel = {x.shape[1]}, the channels of `x`"
        )
    if bias is not None and check.floating("bias", bias).shape != weight.shape[:1]:
        raise ValueError(
            f"`bias` has shape {tuple(bias.shape)}; wanted ({len(weight)},), one value an output channel"
        )
    check.same_device(x=x, weight=weight, bias=bias)
    for name, value in (("weight", weight), ("bias", bias)):
        if value is not None and value.dtype != x.dtype:
            raise ValueError(
                f"`{name}` has dtype {value.dtype} and `x` {x.dtype}; wanted one type; use `.to(x.dtype)`"
            )
