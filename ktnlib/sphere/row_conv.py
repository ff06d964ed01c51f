"""Convolution with row kernels: a tap gather and one product, or a planar convolution for every band."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from ktnlib import check

from .bag_layers import mix_taps
from .row_bands import RowBand
from .row_kernels import RowKernels
from .sampling import Neighbours, accumulator, fold_poles, sample, surrounded

# Numbers that one chunk of rows may take, gathered taps, indices and weights together: 8 MiB in float32.
# With four times as many, 16 channels leave the cache; with a quarter, 256 are mixed too few at a time.
CHUNK = 2**21


def row_conv2d(
    x: Float[Tensor, "batch in_channel height width"],
    kernels: RowKernels,
    bias: Float[Tensor, "out_channel"] | None = None,
) -> Float[Tensor, "batch out_channel out_height out_width"]:
    """Correlate a panorama with one kernel per row or band of rows, right over the poles and around the seam.

        y(i, j) = bias + Σ_{r, q} dense[i, :, :, r, q] · x(r, q + stride·j)

    with the weights `kernels.to_dense` writes out; they are never written out here. Differentiable in x, in
    the weights the kernels hold and in the bias. Where no gradient is asked for, taps are gathered from
    channels-last memory by `embedding_bag`, some rows at a time: the same sums in another order.

    Args:
        x: the panorama the kernels were made for, of their height, width and input channels.
        kernels: from `RowKernels.from_taps`, `RowKernels.from_bands` or a `KernelTransformer`; the weights
            are brought to x's type.
        bias: one value an output channel.

    Raises:
        ValueError: a panorama of another height, width or number of channels than the kernels', a bias of
            another length, tensors on several devices.
        TypeError: whole numbers in place of floating-point ones.

    >>> from ktnlib.sphere import tangent_taps
    >>> plan = tangent_taps(8, 16, 3).neighbours(interpolation="bicubic")
    >>> kernels = RowKernels.from_taps(torch.ones(2, 3, 9), plan, height=8, width=16)
    >>> out = row_conv2d(torch.ones(1, 3, 8, 16), kernels)
    >>> out.shape, bool(out.allclose(torch.tensor(27.0)))
    (torch.Size([1, 2, 8, 16]), True)
    """
    _check_operands(x, kernels, bias)
    wide = x.to(accumulator(x.dtype))
    if kernels.bands:
        out = torch.cat([_apply_band(wide, band, kernels.groups) for band in kernels.bands], dim=2)
    else:
        out = _apply_taps(wide, kernels)
    if bias is not None:
        added = bias.to(wide.dtype)[:, None, None]
        # in place where nobody goes back: another map in memory takes as long as a tap
        tracked = torch.is_grad_enabled() and (out.requires_grad or added.requires_grad)
        out = out + added if tracked else out.add_(added)
    return out.to(x.dtype)


def _apply_band(
    x: Float[Tensor, "batch in_channel height width"], band: RowBand, groups: int
) -> Float[Tensor, "batch out_channel rows width"]:
    """A planar convolution of the band's rows with what its windows reach around them."""
    down, across = band.reach
    reached = surrounded(x, range(band.rows.start - down, band.rows.stop + down), across)
    return functional.conv2d(reached, band.weight.to(x.dtype), dilation=band.dilation, groups=groups)


def _apply_taps(
    x: Float[Tensor, "batch in_channel height width"], kernels: RowKernels
) -> Float[Tensor, "batch out_channel out_height out_width"]:
    """Read the taps and mix the channels for some rows at a time, so that the memory stays bounded."""
    folded = fold_poles(kernels.neighbours, kernels.height, kernels.width)
    # narrowed before it moves: a device may have no float64
    plan = Neighbours(*(part.to(x.device) for part in folded[:2]), folded.weights.to(x.dtype).to(x.device))
    kernel = kernels.kernel.to(x.dtype)
    differentiable = torch.is_grad_enabled() and any(part.requires_grad for part in (x, kernel, plan.weights))
    shape = {"width": kernels.width, "stride": kernels.stride, "groups": kernels.groups}
    if differentiable and kernel.ndim == 3 and kernels.groups == 1 and not plan.weights.requires_grad:
        return mix_taps(x, kernel, None, plan, kernels.stride)
    taps, pixels = plan.rows.shape[1:]
    # a tap at a pixel: one value a channel, an index and a weight for each pixel it reads
    rows_at_once = max(1, CHUNK // (kernels.width // kernels.stride * taps * (x.shape[1] + 2 * pixels)))
    chunks = [slice(start, start + rows_at_once) for start in range(0, len(plan.rows), rows_at_once)]
    parts = [
        (kernel if kernel.ndim == 3 else kernel[some], Neighbours(*(part[some] for part in plan)))
        for some in chunks
    ]
    if differentiable:
        return torch.cat([mix_by_samples(x, *part, **shape) for part in parts], dim=2)
    twice = x.permute(0, 2, 3, 1).repeat(1, 1, 2, 1)
    out = x.new_empty(len(x), len(plan.rows), kernels.width // kernels.stride, kernels.out_channels)
    for some, part in zip(chunks, parts, strict=True):
        mix_by_bags(twice, *part, out=out[:, some], **shape)
    return out.permute(0, 3, 1, 2)


def mix_by_samples(
    x: Float[Tensor, "batch in_channel height width"],
    kernel: Float[Tensor, "*rows out_channel in_group taps"],
    plan: Neighbours,
    *,
    width: int,
    stride: int,
    groups: int = 1,
) -> Float[Tensor, "batch out_channel rows out_width"]:
    """The reference, differentiable: sample every tap at every output pixel, then mix taps and channels."""
    shifts = torch.arange(0, width, stride, device=x.device)[:, None, None]
    columns = plan.columns[:, None] + shifts
    rows, weights = (part[:, None].expand(columns.shape) for part in (plan.rows, plan.weights))
    sampled = sample(x, Neighbours(rows, columns, weights))
    by_row = "" if kernel.ndim == 3 else "r"
    sampled, kernel = sampled.unflatten(1, (groups, -1)), kernel.unflatten(-3, (groups, -1))
    return torch.einsum(f"bgcrjt,{by_row}goct->bgorj", sampled, kernel).flatten(1, 2)


def mix_by_bags(
    twice: Float[Tensor, "batch height twice_width in_channel"],
    kernel: Float[Tensor, "*rows out_channel in_group taps"],
    plan: Neighbours,
    *,
    width: int,
    stride: int,
    groups: int = 1,
    out: Float[Tensor, "batch rows out_width out_channel"],
) -> None:
    """The same without gradients, into `out`: a tap at a pixel is one weighted bag of channel vectors.

    On an image that runs twice around, a row's bags are those of output column 0 moved along: no wrapping.
    """
    height, channels = twice.shape[1], twice.shape[3]
    rows, taps, pixels = plan.rows.shape
    # half the memory for indices, where they fit
    index_type = torch.int32 if height * 2 * width < 2**31 else torch.int64
    first = (plan.rows * 2 * width + plan.columns.remainder(width)).to(index_type)[:, None]
    index = first + torch.arange(0, width, stride, dtype=index_type, device=twice.device)[:, None, None]
    weights = plan.weights[:, None].expand(index.shape).reshape(-1, pixels)
    for image, mixed in zip(twice.flatten(1, 2), out, strict=True):
        bags = functional.embedding_bag(index.view(-1, pixels), image, per_sample_weights=weights, mode="sum")
        _mix_channels(bags.view(rows, -1, taps, channels), kernel, groups, mixed)


def _mix_channels(
    bags: Float[Tensor, "rows out_width taps in_channel"],
    kernel: Float[Tensor, "*rows out_channel in_group taps"],
    groups: int,
    out: Float[Tensor, "rows out_width out_channel"],
) -> None:
    """What the taps read times the kernel, into `out`."""
    if groups == 1:
        mixer = kernel.transpose(-3, -1).flatten(-3, -2)  # [taps * in, out]
        torch.matmul(bags.flatten(-2), mixer, out=out)
        return
    kernel, bags = kernel.unflatten(-3, (groups, -1)), bags.unflatten(-1, (groups, -1))
    by_row, mixed = "r" if kernel.ndim == 5 else "", out.unflatten(-1, (groups, -1))
    if kernel.shape[-2] > 1:
        mixed.copy_(torch.einsum(f"rjtgc,{by_row}goct->rjgo", bags, kernel))
        return
    # a channel alone: a product of matrices would be one for each channel and pixel
    mixed.zero_()
    for tap in range(kernel.shape[-1]):
        share = kernel[..., 0, tap]
        mixed.addcmul_(bags[:, :, tap], share[:, None] if by_row else share)


def _check_operands(x: Tensor, kernels: RowKernels, bias: Tensor | None) -> None:
    check.panorama("x", x)
    made_for = (kernels.in_channels, kernels.height, kernels.width)
    if x.shape[1:] != made_for:
        raise ValueError(
            f"`x` has (channel, height, width) = {tuple(x.shape[1:])} and `kernels` were made for "
            f"{made_for}; wanted the same; make kernels for this panorama"
        )
    if bias is not None and check.floating("bias", bias).shape != (kernels.out_channels,):
        raise ValueError(
            f"`bias` has shape {tuple(bias.shape)}; wanted ({kernels.out_channels},), "
            "one value an output channel"
        )
    weight = kernels.bands[0].weight if kernels.bands else kernels.kernel
    check.same_device(x=x, kernels=weight, bias=bias)
