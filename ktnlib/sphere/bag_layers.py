"""Convolution and maximum over bags, with their gradients: taps are read one image after another, twice.

What nine taps read is nine times the panorama. Written out for a whole batch it costs more time in memory
than its sums do, so that no step keeps it: the way back reads the taps again.
"""

import math
from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from .bags import Bags, in_chunks
from .sampling import Neighbours

# Products that are summed in one row, unless the channels of √taps taps are more.
ROW = 64


def mix_taps(
    x: Float[Tensor, "batch in_channel height width"],
    kernel: Float[Tensor, "out_channel in_channel taps"],
    bias: Float[Tensor, "out_channel"] | None,
    plan: Neighbours,
    stride: int,
) -> Float[Tensor, "batch out_channel out_height out_width"]:
    """The products of a planned convolution: what the taps read times the kernel, added up, plus the bias.

    The same as `tangent_conv.correlate`, which reads one tap of the whole batch after another. Differentiable
    in x, kernel and bias, once.

    Args:
        x, kernel, bias: of one type, one that sums are kept in; the width divisible by the stride.
        plan: (out_height, taps, pixels); columns are those of output column 0.
        stride: input columns from one output column to the next.

    Raises:
        ValueError: a kernel of other channels than x.
    """
    if kernel.shape[1] != x.shape[1]:
        raise ValueError(
            f"`x` has {x.shape[1]} channels and the kernel reads {kernel.shape[1]}; wanted the same; make "
            "the layer for this many"
        )
    mixer = kernel.permute(2, 1, 0).flatten(0, 1)
    chunks = [*in_chunks(plan, height=x.shape[2], width=x.shape[3], stride=stride, channels=x.shape[1])]
    mixed = _Mix.apply(_channels_last(x), mixer, bias, chunks)
    return mixed.unflatten(1, (-1, x.shape[3] // stride)).permute(0, 3, 1, 2)


def largest_tap(
    x: Float[Tensor, "batch channel height width"], plan: Neighbours, stride: int
) -> Float[Tensor, "batch channel out_height out_width"]:
    """The largest of what the taps read; several that are equal share the gradient. Else as `mix_taps`."""
    chunks = [*in_chunks(plan, height=x.shape[2], width=x.shape[3], stride=stride, channels=x.shape[1])]
    largest = _Largest.apply(_channels_last(x), chunks)
    return largest.unflatten(1, (-1, x.shape[3] // stride)).permute(0, 3, 1, 2)


class _Mix(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, mixer, bias, chunks):
        ctx.save_for_backward(x, mixer)
        ctx.chunks = chunks
        out = x.new_empty(len(x), _outputs(chunks), mixer.shape[1])
        group = max(ROW, math.isqrt(chunks[0].taps) * x.shape[3])
        for bags, some in _pieces(chunks):
            read = bags.reader(x)
            for image, mixed in zip(x.flatten(1, 2), out[:, some], strict=True):
                _add_products(read(image).flatten(1), mixer, bias, mixed, group)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient):
        x, mixer = (saved.detach() for saved in ctx.saved_tensors)
        to_x, to_mixer = torch.zeros_like(x), torch.zeros_like(mixer)
        for bags, some in _pieces(ctx.chunks):
            read, give = bags.reader(x), bags.giver(x)
            for image, owed, given in zip(x.flatten(1, 2), gradient[:, some], to_x, strict=True):
                if ctx.needs_input_grad[1]:
                    to_mixer.addmm_(read(image).flatten(1).T, owed)
                if ctx.needs_input_grad[0]:
                    taps = torch.mm(owed, mixer.T).unflatten(1, (bags.taps, -1))
                    given[bags.first : bags.first + bags.rows] += give(taps)
        to_bias = gradient.sum((0, 1)) if ctx.needs_input_grad[2] else None
        return to_x, to_mixer, to_bias, None


class _Largest(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, chunks):
        out = x.new_empty(len(x), _outputs(chunks), x.shape[3])
        for bags, some in _pieces(chunks):
            read = bags.reader(x)
            for image, largest in zip(x.flatten(1, 2), out[:, some], strict=True):
                torch.amax(read(image), 1, out=largest)
        ctx.save_for_backward(x, out)
        ctx.chunks = chunks
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient):
        x, out = (saved.detach() for saved in ctx.saved_tensors)
        to_x = torch.zeros_like(x)
        for bags, some in _pieces(ctx.chunks):
            read, give = bags.reader(x), bags.giver(x)
            each = zip(x.flatten(1, 2), out[:, some], gradient[:, some], to_x, strict=True)
            for image, largest, owed, given in each:
                chosen = read(image).eq_(largest[:, None])
                taps = chosen.mul_((owed / chosen.sum(1))[:, None])
                given[bags.first : bags.first + bags.rows] += give(taps)
        return to_x, None


def _add_products(
    taps: Float[Tensor, "outputs inputs"],
    mixer: Float[Tensor, "inputs out_channel"],
    bias: Float[Tensor, "out_channel"] | None,
    out: Float[Tensor, "outputs out_channel"],
    group: int,
) -> None:
    """taps · mixer into `out`, in groups, so that rounding grows with the kernel's side, not its area."""
    parts = zip(taps.split(group, dim=1), mixer.split(group), strict=True)
    torch.mm(*next(parts), out=out)
    for some in parts:
        # not addmm_, which goes on adding to what it finds and makes one row of the groups again;
        # with an `out`, because autocast would narrow the sum
        out += torch.mm(*some, out=torch.empty_like(out))
    if bias is not None:
        out += bias


def _channels_last(
    x: Float[Tensor, "batch channel height width"],
) -> Float[Tensor, "batch height width channel"]:
    """Whole vectors one after another; a single channel's stride, which torch leaves open, is 1 too."""
    batch, channels, height, width = x.shape
    return x.permute(0, 2, 3, 1).reshape(-1).view(batch, height, width, channels)


def _outputs(chunks: list[Bags]) -> int:
    return sum(len(bags.plan.rows) * bags.out_width for bags in chunks)


def _pieces(chunks: list[Bags]) -> Iterator[tuple[Bags, slice]]:
    """Each chunk and its part of the output's pixels."""
    start = 0
    for bags in chunks:
        stop = start + len(bags.plan.rows) * bags.out_width
        yield bags, slice(start, stop)
        start = stop
