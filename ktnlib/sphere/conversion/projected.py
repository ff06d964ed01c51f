"""Projected: each layer's kernel drawn on the panorama and sampled at its pixels, which fails."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ..baselines.projected import projected_conv2d
from .extras import own_options
from .layers import SphereConv2d
from .layerwise import LayerwiseNetwork
from .options import Options
from .plan import Plan
from .sampled import SampledLayers
from .samplers import Scale
from .steps import Window


class ProjectedConv2d(SphereConv2d):
    """`projected_conv2d`, of which a stride keeps every s-th pixel."""

    def __init__(self, name: str, source: nn.Conv2d, window: Window, scale: Scale):
        super().__init__(source)
        if not all(side % 2 for side in window.kernel_size) or len(set(window.dilation)) > 1:
            raise ValueError(
                f"{name!r} has a kernel of {window.kernel_size} with dilation {window.dilation}; wanted odd "
                'sides and one dilation for method="projected"; choose another method'
            )
        self.window, self.scale = window, scale

    def forward(
        self, x: Float[Tensor, "batch in_channel height width"]
    ) -> Float[Tensor, "batch out_channel out_height out_width"]:
        spacing = self.scale.between_units(x.shape[-1]) * self.window.dilation[0]
        parts = zip(x.chunk(self.groups, dim=1), self.weight.chunk(self.groups), strict=True)
        out = torch.cat([projected_conv2d(part, weight, spacing=spacing) for part, weight in parts], dim=1)
        out = out[:, :, :: self.window.stride, :: self.window.stride]
        return out if self.bias is None else out + self.bias[:, None, None]


class ProjectedLayers(SampledLayers):
    """Pools as SphereNet's on an even grid: the failure is the convolutions'."""

    def convolution(self, name: str, source: nn.Conv2d, window: Window, scale: Scale) -> nn.Module:
        if window.kernel_size == (1, 1):
            return super().convolution(name, source, window, scale)
        return ProjectedConv2d(name, source, window, scale)


def projected_network(plan: Plan, options: Options) -> LayerwiseNetwork:
    """Every convolution by `baselines.projected_conv2d`; pools take bilinear samples of tangent planes."""
    own_options(options, {})
    return LayerwiseNetwork(plan, options, ProjectedLayers())
