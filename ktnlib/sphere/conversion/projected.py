"""Projected: each layer's kernel drawn on the panorama and sampled at its pixels, which fails."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import conv2d

from ..baselines.projected import projected_kernel
from ..grid import EquirectGrid
from ..kernel_cache import KernelCache
from .borders import pad_map
from .extras import own_options
from .layers import SphereConv2d
from .layerwise import LayerwiseNetwork
from .options import Options
from .plan import Plan
from .sampled import SampledLayers
from .samplers import Scale
from .steps import Window


class ProjectedConv2d(SphereConv2d):
    """`projected_conv2d`, of which a stride keeps every s-th pixel.

    A projected kernel is the source's taps times what each of them covers of the panorama: what they cover is
    the same for all channels, and is kept.
    """

    def __init__(self, name: str, source: nn.Conv2d, window: Window, scale: Scale):
        super().__init__(source)
        if not all(side % 2 for side in window.kernel_size) or len(set(window.dilation)) > 1:
            raise ValueError(
                f"{name!r} has a kernel of {window.kernel_size} with dilation {window.dilation}; wanted odd "
                'sides and one dilation for method="projected"; choose another method'
            )
        self.window, self.scale = window, scale
        self._cache = KernelCache()

    def forward(
        self, x: Float[Tensor, "batch in_channel height width"]
    ) -> Float[Tensor, "batch out_channel out_height out_width"]:
        height, width = x.shape[-2:]
        stride, half = self.window.stride, width // 2
        wide = pad_map(x, (0, 0, half, half), border="wrap")
        kernel = self.weight.flatten(2).unflatten(0, (self.groups, -1))
        out = []
        for rows, covered in self._covered(height, width, x):
            side = covered.shape[-1] // 2
            strip = wide[:, :, rows, half - side : half + width + side]
            read = conv2d(strip.flatten(0, 1)[:, None], covered, stride=(1, stride))
            read = read.view(len(x), self.groups, x.shape[1] // self.groups, *read.shape[1:])
            out.append(torch.einsum("bgcthw,goct->bgohw", read, kernel).flatten(1, 2))
        whole = torch.cat(out, dim=2)
        return whole if self.bias is None else whole + self.bias[:, None, None]

    def prepare(self, height: int, width: int, like: Tensor) -> None:
        self._covered(height, width, like)

    def _covered(self, height: int, width: int, like: Tensor) -> list[tuple[slice, Tensor]]:
        """For every output row the input rows about it and what each tap covers of their pixels."""
        key = height, width, like.dtype, str(like.device)
        return self._cache.get(key, (), lambda: self._make(height, width, like))

    def _make(self, height: int, width: int, like: Tensor) -> list[tuple[slice, Tensor]]:
        spacing = self.scale.between_units(width) * self.window.dilation[0]
        taps = math.prod(self.window.kernel_size)
        each = torch.eye(taps, dtype=torch.float64).view(taps, 1, *self.window.kernel_size)
        found, latitudes = [], EquirectGrid(height, width).latitudes.tolist()
        for row in range(0, height, self.window.stride):
            covered = projected_kernel(each, latitudes[row], height, width=width, spacing=spacing)
            reach = covered.shape[-2] // 2
            first, stop = max(row - reach, 0), min(row + reach + 1, height)
            covered = covered[:, :, first - row + reach : stop - row + reach]
            found.append((slice(first, stop), covered.to(like.dtype).to(like.device)))
        return found


class ProjectedLayers(SampledLayers):
    """Pools as SphereNet's on an even grid: the failure is the convolutions'."""

    def convolution(self, name: str, source: nn.Conv2d, window: Window, scale: Scale) -> nn.Module:
        if window.kernel_size == (1, 1):
            return super().convolution(name, source, window, scale)
        return ProjectedConv2d(name, source, window, scale)


def projected_network(plan: Plan, options: Options) -> LayerwiseNetwork:
    """Every convolution as `baselines.projected_conv2d` has it; pools read tangent planes, bilinear."""
    own_options(options, {})
    return LayerwiseNetwork(plan, options, ProjectedLayers())
