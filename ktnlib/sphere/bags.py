"""Taps as weighted bags of pixels: which pixels each tap reads, and which taps read each pixel.

On channels-last memory `embedding_bag` adds up the 4 or 16 channel vectors of every tap in one pass. The way
back, from a gradient of the taps to one of the panorama, is bags as well: a pixel gathers from the taps that
read it, where indexing would scatter. All columns read alike, so the lists of one of them serve every other.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import embedding_bag

from .sampling import Neighbours, fold_poles

# Numbers that the taps of one chunk of rows may take, indices and weights included: 4 MiB in float32.
CHUNK = 2**20


@dataclass(frozen=True, eq=False)
class Bags:
    """The lists of some output rows: of `rows` input rows from `first` on, the only ones that they read.

    `plan`, (out_rows, taps, pixels), is what output column 0 reads, its rows counted from `first`; column m
    of the output reads stride·m further on.

    The same entries sorted by the pixel they read: `readers` is the tap, out_row · taps + tap, `places` its
    output column and `shares` its weight. These lists are of the input columns 0 … stride − 1; a pixel
    stride·m further on is read m output columns further on. `starts` is the first entry of each of these
    pixels, row by row.
    """

    first: int
    rows: int
    width: int
    stride: int
    plan: Neighbours
    starts: Int[Tensor, "residues"]
    readers: Int[Tensor, "entries"]
    places: Int[Tensor, "entries"]
    shares: Float[Tensor, "entries"]

    @staticmethod
    def of(plan: Neighbours, *, width: int, stride: int) -> "Bags":
        """The lists of a plan, (out_rows, taps, pixels), whose rows are folded into the panorama."""
        first = int(plan.rows.min())
        # a chunk's entries are far fewer than 2³¹, and indices of half the size take half the time
        rows, columns = (plan.rows - first).int(), plan.columns.int()
        phases = columns.remainder(stride)
        pixel = (rows * stride + phases).flatten()
        count = int(rows.max()) + 1
        order, entries = pixel.argsort(stable=True), torch.bincount(pixel, minlength=count * stride)
        places = ((phases - columns) // stride).remainder(width // stride)
        return Bags(
            first,
            count,
            width,
            stride,
            plan=Neighbours(rows, columns, plan.weights),
            starts=(entries.cumsum(0) - entries).int(),
            readers=(order // rows.shape[-1]).int(),
            places=places.flatten()[order],
            shares=plan.weights.flatten()[order],
        )

    @property
    def out_width(self) -> int:
        """Output columns."""
        return self.width // self.stride

    @property
    def taps(self) -> int:
        """Taps of an output pixel."""
        return self.plan.rows.shape[1]

    def reader(
        self, like: Tensor
    ) -> Callable[[Float[Tensor, "height*width channel"]], Float[Tensor, "outputs taps channel"]]:
        """A function from an image's pixels to what all taps read of it, for tensors like this one."""
        moves = torch.arange(0, self.width, self.stride, dtype=torch.int32)[:, None, None]
        index = (self.plan.columns[:, None] + moves).remainder_(self.width)
        index += self.plan.rows[:, None] * self.width
        shares = self.plan.weights[:, None].expand(index.shape).flatten(0, 2)
        starts = torch.arange(0, index.numel(), index.shape[-1], dtype=torch.int32)
        sum_up = _summing(index.flatten(), shares.flatten(), starts, like)
        mine = slice(self.first * self.width, (self.first + self.rows) * self.width)
        return lambda image: sum_up(image[mine]).unflatten(0, (-1, self.taps))

    def giver(
        self, like: Tensor
    ) -> Callable[[Float[Tensor, "outputs taps channel"]], Float[Tensor, "rows width channel"]]:
        """Its adjoint: from numbers at the taps to what each pixel of `rows` rows has given or is owed."""
        moves = torch.arange(self.out_width, dtype=torch.int32)[:, None]
        row, tap = self.readers // self.taps, self.readers % self.taps
        index = (row * self.out_width + (self.places + moves).remainder(self.out_width)) * self.taps + tap
        starts = (self.starts + moves * len(self.readers)).flatten()
        sum_up = _summing(index.flatten(), self.shares.expand(index.shape).flatten(), starts, like)
        shape = (self.out_width, self.rows, self.stride)

        def give(taps: Tensor) -> Tensor:
            return sum_up(taps.flatten(0, 1)).unflatten(0, shape).transpose(0, 1).flatten(1, 2)

        return give


def in_chunks(plan: Neighbours, *, height: int, width: int, stride: int, channels: int) -> Iterator[Bags]:
    """A plan's output rows as bags, so many at a time that the memory stays bounded.

    Args:
        plan: (out_rows, taps, pixels); rows may lie beyond a pole, columns anywhere. No gradient flows into
            its weights.
        height, width: of the panorama; the width divisible by the stride.
        stride: input columns from one output column to the next.
        channels: of the panorama.
    """
    # lists are made on the CPU, whole: sorting and counting them is a matter of a row's few entries
    plan = Neighbours(*(part.detach().cpu() for part in fold_poles(plan, height, width)))
    taps, pixels = plan.rows.shape[1:]
    rows_at_once = max(1, CHUNK // (width // stride * taps * (channels + 2 * pixels)))
    for parts in zip(*(part.split(rows_at_once) for part in plan), strict=True):
        yield Bags.of(Neighbours(*parts), width=width, stride=stride)


def _summing(index: Tensor, shares: Tensor, starts: Tensor, like: Tensor) -> Callable[[Tensor], Tensor]:
    # narrowed before it moves: a device may have no float64
    shares = shares.to(like.dtype).contiguous().to(like.device)
    index, starts = index.to(like.device), starts.to(like.device)
    return lambda vectors: embedding_bag(index, vectors, starts, mode="sum", per_sample_weights=shares)
