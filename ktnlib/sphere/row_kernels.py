"""Row kernels: what a layer becomes on a panorama when every row, or band of rows, has its own kernel."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ktnlib import check

from .grid import EquirectGrid
from .row_bands import RowBand
from .sampling import Neighbours, fold_poles
from .taps import output_grid


@dataclass(frozen=True, eq=False)
class RowKernels:
    """A kernel for every output row of a panorama, the same all along it: by `from_taps`, `from_bands`.

    In the form "taps" a row's kernel is a product: the weights of the taps, mixing channels, times a small
    pixel filter for each tap, shared by all channels. In the form "bands" it is a dense window. Both run in
    `row_conv2d`, are differentiable in their weights, and `to_dense` writes either out.

    Fields: `height` and `width` of the input in pixels, the `stride` and the `groups`; of the form "taps" the
    `kernel` and the `neighbours`; of the form "bands" the `bands` from north to south.
    """

    height: int
    width: int
    stride: int = 1
    groups: int = 1
    kernel: Float[Tensor, "*rows out_channel in_group taps"] | None = None
    neighbours: Neighbours | None = None
    bands: tuple[RowBand, ...] = ()

    @staticmethod
    def from_taps(
        kernel: Float[Tensor, "*rows out_channel in_group taps"],
        neighbours: Neighbours,
        *,
        height: int,
        width: int,
        stride: int = 1,
        groups: int = 1,
    ) -> "RowKernels":
        """Kernels as taps: y(i, j) = Σ_t kernel[…, t] · Σ_p weights[i, t, p] · x(pixel p, moved to column j).

        Args:
            kernel: one for all rows, (out_channel, in_channel/groups, taps), or one a row with the rows in
                front.
            neighbours: what the taps of each output row read, three tensors (rows, taps, pixels). Rows may
                lie up to any distance beyond a pole; columns are those of output column 0, not wrapped:
                column j of the output reads stride·j further on.
            height, width: of the input; divisible by the stride, the width by twice the stride.
            stride: input pixels from one output pixel to the next.
            groups: as for `torch.nn.functional.conv2d`: each group of output channels reads its own group of
                input channels.

        Raises:
            ValueError: shapes that do not fit each other, the height, the stride or the groups.
            TypeError: a kernel or weights of whole numbers.

        >>> from ktnlib.sphere import tangent_taps
        >>> plan = tangent_taps(4, 8, 3).neighbours(interpolation="bicubic")
        >>> RowKernels.from_taps(torch.ones(5, 2, 9), plan, height=4, width=8).num_stored
        666
        """
        EquirectGrid(height, width)
        rows = output_grid(height, width, check.positive_int("stride", stride)).height
        check.floating("kernel", kernel)
        check.floating("neighbours.weights", neighbours.weights)
        shape = tuple(neighbours.weights.shape)
        if {tuple(part.shape) for part in neighbours} != {shape} or len(shape) != 3 or shape[0] != rows:
            given = ", ".join(str(tuple(part.shape)) for part in neighbours)
            raise ValueError(
                f"`neighbours` have shapes {given}; wanted three times ({rows}, taps, pixels) for the {rows} "
                f"output rows of {height} rows at stride {stride}"
            )
        if tuple(kernel.shape[:-3]) not in ((), (rows,)) or kernel.ndim < 3 or kernel.shape[-1] != shape[1]:
            raise ValueError(
                f"`kernel` has shape {tuple(kernel.shape)}; wanted (out_channel, in_channel, {shape[1]}) for "
                f"all rows or ({rows}, out_channel, in_channel, {shape[1]}), as `neighbours` has {shape[1]} "
                "taps; a planar weight becomes one by `weight.flatten(2)`"
            )
        _check_groups(groups, kernel.shape[-3])
        return RowKernels(height, width, stride, groups, kernel=kernel, neighbours=neighbours)

    @staticmethod
    def from_bands(bands: Sequence[RowBand], *, height: int, width: int, groups: int = 1) -> "RowKernels":
        """Kernels as dense windows, one a band of rows, which together cover all rows once.

        A window wraps around the seam; beyond a pole it reads the rows mirrored in order and half a
        revolution away, as often as it must. If it is wider than the circle, a pixel counts as often as it
        is met.

        Raises:
            ValueError: bands that leave rows out, overlap, differ in their channels or lie on several
                devices; an odd width; output channels that the groups do not divide.

        >>> bands = [RowBand(range(1), torch.ones(1, 1, 3, 9)), RowBand(range(1, 4), torch.ones(1, 1, 3, 3))]
        >>> RowKernels.from_bands(bands, height=4, width=8).multiply_adds
        432
        """
        EquirectGrid(height, width)
        bands = tuple(sorted(bands, key=lambda band: band.rows.start))
        edges = [0, *(band.rows.stop for band in bands)]
        if [band.rows.start for band in bands] != edges[:-1] or edges[-1] != height:
            listed = ", ".join(f"{band.rows.start}-{band.rows.stop - 1}" for band in bands) or "none"
            raise ValueError(
                f"`bands` hold the rows {listed}; wanted each of 0-{height - 1} in exactly one band"
            )
        channels = sorted({tuple(band.weight.shape[:2]) for band in bands})
        if len(channels) > 1:
            raise ValueError(
                f"`bands` have weights of (out_channel, in_channel) = {channels}; wanted the same in all"
            )
        check.same_device(**{f"bands[{number}]": band.weight for number, band in enumerate(bands)})
        _check_groups(groups, channels[0][0])
        return RowKernels(height, width, groups=groups, bands=bands)

    @property
    def form(self) -> str:
        """How the kernels are written: "taps" or "bands"."""
        return "bands" if self.bands else "taps"

    @property
    def out_channels(self) -> int:
        """Channels of the output."""
        return self.bands[0].weight.shape[0] if self.bands else self.kernel.shape[-3]

    @property
    def in_channels(self) -> int:
        """Channels of the input."""
        return self.groups * (self.bands[0].weight.shape[1] if self.bands else self.kernel.shape[-2])

    @property
    def num_stored(self) -> int:
        """How many weights the kernels hold: kernel and pixel filters, or the windows."""
        if self.bands:
            return sum(band.weight.numel() for band in self.bands)
        return self.kernel.numel() + self.neighbours.weights.numel()

    @property
    def multiply_adds(self) -> int:
        """Products in one pass over one panorama; a planar kernel of t taps takes t·in·out a pixel."""
        if self.bands:
            return self.width * sum(len(band.rows) * band.weight.numel() for band in self.bands)
        rows, taps, pixels = self.neighbours.weights.shape
        mixing = taps * self.in_channels * self.out_channels // self.groups
        per_pixel = taps * pixels * self.in_channels + mixing
        return rows * (self.width // self.stride) * per_pixel

    def to_dense(
        self, rows: Sequence[int] | None = None
    ) -> Float[Tensor, "rows out_channel in_channel height width"]:
        """Every weight of a row's kernel at the pixel it reads, for the output pixel in column 0.

        Column j of the output reads the same weights stride·j columns further on, around the circle:
        y(i, j) = Σ_{r, q} dense[i, :, :, r, q] · x(r, q + stride·j).

        Args:
            rows: which output rows; None is all of them, which is for small panoramas.

        Raises:
            ValueError: a row that the output has not.

        >>> middle = RowBand(range(2), torch.ones(1, 1, 1, 5))
        >>> RowKernels.from_bands([middle], height=2, width=4).to_dense([0])[0, 0, 0].tolist()
        [[1.0, 1.0, 2.0, 1.0], [0.0, 0.0, 0.0, 0.0]]
        """
        every = range(self.height // self.stride)
        rows = every if rows is None else rows
        if outside := [row for row in rows if row not in every]:
            raise ValueError(f"`rows` hold {outside[0]}; wanted output rows from 0 to {every[-1]}")
        return torch.stack([self._ungrouped(self._dense_row(row)) for row in rows])

    def _ungrouped(self, weight: Float[Tensor, "out_channel in_group height width"]) -> Tensor:
        """With zeros for the input channels of other groups."""
        wide = weight.new_zeros(len(weight), self.groups, *weight.shape[1:])
        group = torch.arange(self.groups).repeat_interleave(len(weight) // self.groups)
        index = group.to(weight.device)[:, None, None, None, None].expand(-1, 1, *weight.shape[1:])
        return wide.scatter(1, index, weight[:, None]).flatten(1, 2)

    def _dense_row(self, row: int) -> Float[Tensor, "out_channel in_channel height width"]:
        if self.bands:
            band = next(band for band in self.bands if row in band.rows)
            window = self._flat_index(band.window(row)).to(band.weight.device)
            out = band.weight.new_zeros(*band.weight.shape[:2], self.height * self.width)
            return out.index_add(2, window, band.weight.flatten(2)).unflatten(2, (self.height, self.width))
        kernel = self.kernel if self.kernel.ndim == 3 else self.kernel[row]
        plan = Neighbours(*(part[row] for part in self.neighbours))
        filters = plan.weights.to(kernel).new_zeros(len(plan.weights), self.height * self.width)
        filters = filters.scatter_add(1, self._flat_index(plan).to(kernel.device), plan.weights.to(kernel))
        return torch.einsum("oit,tp->oip", kernel, filters).unflatten(2, (self.height, self.width))

    def _flat_index(self, plan: Neighbours) -> Tensor:
        folded = fold_poles(plan, self.height, self.width)
        return folded.rows * self.width + folded.columns.remainder(self.width)


def _check_groups(groups: int, out_channels: int) -> None:
    if out_channels % check.positive_int("groups", groups):
        raise ValueError(
            f"`groups` is {groups} for {out_channels} output channels; wanted a number that divides them"
        )
