"""Direct: transposed convolution on the panorama's own pixels."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from .borders import leading_padding, pad_map
from .layers import SphereConv2d
from .samplers import Scale, whole_pixels
from .steps import Pair, Transposed


class DirectConvTranspose2d(SphereConv2d):
    """`conv_transpose2d` on a map with a border, cut to `stride` times its size."""

    def __init__(self, source: nn.ConvTranspose2d, step: Transposed, scale: Scale, border: str):
        super().__init__(source)
        self.step, self.border = step, border
        self.jump = whole_pixels(scale)  # to an input unit
        self.fine = scale.jump / step.stride / scale.coarseness  # and to an output unit

    def forward(
        self, x: Float[Tensor, "batch in_channel height width"]
    ) -> Float[Tensor, "batch out_channel out_height out_width"]:
        return self._at_every_pixel(x) if self.jump > 1 else self._finer(x)

    def _finer(self, x: Tensor) -> Tensor:
        step, (height, width) = self.step, x.shape[-2:]
        extents = self._extents()
        margin = max(extents) // step.stride + 2
        wide = pad_map(x, (margin,) * 4, border=self.border, value=0.0)
        out = functional.conv_transpose2d(
            wide, self.weight, self.bias, step.stride, 0, 0, self.groups, step.dilation
        )
        first = [
            margin * step.stride + leading_padding(extent, step.stride, own)
            for extent, own in zip(extents, step.padding, strict=True)
        ]
        rows, columns = (
            slice(start, start + side * step.stride)
            for start, side in zip(first, (height, width), strict=True)
        )
        return out[:, :, rows, columns]

    def _at_every_pixel(self, x: Tensor) -> Tensor:
        """Phases go from pixel to pixel as they do from unit to unit; taps lie at the nearest pixel."""
        out_channels = self.weight.shape[1] * self.groups
        out = x.new_zeros(len(x), out_channels, *x.shape[-2:])
        phases = [self._phases(count) for count in x.shape[-2:]]
        for down, across in torch.cartesian_prod(*map(torch.arange, self.step.kernel_size)).tolist():
            shifts = [self._shift(axis, tap) for axis, tap in enumerate((down, across))]
            sides = tuple(side for shift in shifts for side in (-shift, shift))
            shifted = pad_map(x, sides, border=self.border, value=0.0)
            kernel = self.weight[:, :, down, across].unflatten(0, (self.groups, -1))
            mixed = torch.einsum("bgihw,gio->bgohw", shifted.unflatten(1, (self.groups, -1)), kernel)
            rows, columns = (
                (phase == self._phase(axis, tap)).to(x)
                for axis, (phase, tap) in enumerate(zip(phases, (down, across), strict=True))
            )
            out = out + mixed.flatten(1, 2) * (rows[:, None] * columns)
        return out if self.bias is None else out + self.bias[:, None, None]

    def _extents(self) -> Pair:
        sizes = zip(self.step.kernel_size, self.step.dilation, strict=True)
        return tuple((side - 1) * gap for side, gap in sizes)

    def _phases(self, count: int) -> Tensor:
        units = [math.floor(pixel / self.fine) for pixel in range(count)]
        return torch.tensor(units) % self.step.stride

    def _phase(self, axis: int, tap: int) -> int:
        padding = leading_padding(self._extents()[axis], self.step.stride, self.step.padding[axis])
        return (tap * self.step.dilation[axis] - padding) % self.step.stride

    def _shift(self, axis: int, tap: int) -> int:
        return round((self._extents()[axis] / 2 - tap * self.step.dilation[axis]) * float(self.fine))
