"""Transposed convolution on tangent planes: each output pixel gathers from the coarser map about it."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ..grid import EquirectGrid
from ..kernel_cache import KernelCache
from ..row_conv import row_conv2d
from ..row_kernels import RowKernels
from ..sampling import Neighbours, accumulator, fold_poles, neighbours
from .layers import SphereConv2d
from .patterns import plane_taps
from .samplers import Scale
from .steps import Transposed


class SampledConvTranspose2d(SphereConv2d):
    """Which taps of the kernel an output unit sees goes by its place within an input unit, its phase.

    On the plane, output unit o reads input unit i by tap t if s·i = o + p − t·d, and the output unit's centre
    lies at (o + p − e/2)/s, e = (k − 1)·d: tap t so reads (e/2 − t·d)/s input units further on, whatever o.
    On the sphere it reads there on the plane that touches at the output pixel. The padding is the one that is
    alike on both sides, p = ⌈(e + 1 − s)/2⌉.

    At full resolution, where every pixel is a unit, phases go from pixel to pixel as they do in the source.
    """

    def __init__(self, source: nn.ConvTranspose2d, step: Transposed, scale: Scale, interpolation: str):
        super().__init__(source)
        self.step, self.scale, self.interpolation = step, scale, interpolation
        self._cache = KernelCache(kept=4 * step.stride**2)

    def forward(
        self, x: Float[Tensor, "batch in_channel height width"]
    ) -> Float[Tensor, "batch out_channel out_height out_width"]:
        height, width = x.shape[-2:]
        stride = self.step.stride
        finer = self._finer
        out_channels = self.weight.shape[1] * self.groups
        out = x.new_empty(len(x), out_channels, height * finer, width * finer)
        for above in range(stride):
            for left in range(stride):
                part = self._phase(x, (above, left))
                if finer > 1:
                    out[:, :, above::stride, left::stride] = part
                else:
                    rows, columns = self._units(height) == above, self._units(width) == left
                    out = torch.where((rows[:, None] & columns).to(x.device), part, out)
        return out

    def prepare(self, height: int, width: int, like: Tensor) -> None:
        for above in range(self.step.stride):
            for left in range(self.step.stride):
                self._plan(height, width, (above, left), like)

    @property
    def _finer(self) -> int:
        """Output pixels to an input pixel."""
        return 1 if self.scale.coarseness == 1 else self.step.stride

    def _units(self, count: int) -> Tensor:
        """The phase of every pixel at full resolution."""
        unit = self.scale.jump / self.step.stride
        return torch.tensor([math.floor(pixel / unit) % self.step.stride for pixel in range(count)])

    def _phase(self, x: Tensor, phase: tuple[int, int]) -> Tensor:
        down, across = (self._taps(axis, phase[axis]) for axis in (0, 1))
        # [group * out, in, taps] of the taps that this phase sees
        kernel = self.weight[:, :, down][..., across].unflatten(0, (self.groups, -1)).transpose(1, 2)
        kernel = kernel.flatten(0, 1).flatten(2)
        height, width = x.shape[-2:]
        if not kernel.shape[-1]:
            empty = x.new_zeros(len(x), len(kernel), height, width)
            return empty if self.bias is None else empty + self.bias[:, None, None]
        plan = self._plan(height, width, phase, x)
        kernels = RowKernels.from_taps(kernel, plan, height=height, width=width, groups=self.groups)
        return row_conv2d(x, kernels, self.bias)

    def _taps(self, axis: int, phase: int) -> list[int]:
        side, gap, stride = self.step.kernel_size[axis], self.step.dilation[axis], self.step.stride
        padding = math.ceil(((side - 1) * gap + 1 - stride) / 2)
        return [tap for tap in range(side) if (phase + padding - tap * gap) % stride == 0]

    def _offsets(self, axis: int, phase: int) -> Float[Tensor, "taps"]:
        """Of the taps from the output unit's centre, input units."""
        side, gap = self.step.kernel_size[axis], self.step.dilation[axis]
        taps = torch.tensor(self._taps(axis, phase), dtype=torch.float64)
        return ((side - 1) * gap / 2 - taps * gap) / self.step.stride

    def _plan(self, height: int, width: int, phase: tuple[int, int], like: Tensor) -> Neighbours:
        key = height, width, phase, accumulator(like.dtype), str(like.device)
        return self._cache.get(key, (), lambda: self._make(height, width, phase, like))

    def _make(self, height: int, width: int, phase: tuple[int, int], like: Tensor) -> Neighbours:
        unit, finer = self.scale.between_units(width), self._finer
        south, east = (self._offsets(axis, phase[axis]) * unit for axis in (0, 1))
        above, left = phase if finer > 1 else (0, 0)
        latitudes = EquirectGrid(height * finer, width * finer).latitudes[above::finer]
        table = plane_taps(height, width, latitudes, east[None, :], south[:, None])
        rows, columns = table.positions
        plan = neighbours(rows, columns + (left + 0.5) / finer - 0.5, self.interpolation)
        folded = fold_poles(plan, height, width)
        weights = folded.weights.to(accumulator(like.dtype))
        return Neighbours(*(part.to(like.device) for part in (*folded[:2], weights)))
