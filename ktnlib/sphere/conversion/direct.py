"""Direct: the planar network on the panorama's own pixels, with one of three borders."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from .borders import leading_padding, pad_map
from .direct_transposed import DirectConvTranspose2d
from .extras import own_options
from .layers import SphereConv2d
from .layerwise import LayerwiseNetwork
from .options import Options
from .plan import Plan
from .samplers import Scale, whole_pixels
from .steps import Resize, Transposed, Window
from .upsampling import SphereUpsample

BORDERS = {"direct": "sphere", "direct-wrap": "wrap", "direct-zero": "zero"}


class DirectConv2d(SphereConv2d):
    """`conv2d` on a map with a border."""

    def __init__(self, source: nn.Conv2d, placed: "Placed"):
        super().__init__(source)
        self.placed = placed

    def forward(
        self, x: Float[Tensor, "batch in_channel height width"]
    ) -> Float[Tensor, "batch out_channel out_height out_width"]:
        placed = self.placed
        wide = placed.pad(x, 0.0)
        return functional.conv2d(
            wide, self.weight, self.bias, placed.window.stride, 0, placed.dilation, self.groups
        )


class DirectPool2d(nn.Module):
    """The largest, the mean or the first of the pixels under a window, on a map with a border."""

    def __init__(self, placed: "Placed"):
        super().__init__()
        self.placed = placed

    def forward(
        self, x: Float[Tensor, "batch channel height width"]
    ) -> Float[Tensor, "batch channel out_height out_width"]:
        window, dilation = self.placed.window, self.placed.dilation
        if window.what == "take":
            return x[:, :, :: window.stride, :: window.stride]
        if window.what == "max":
            wide = self.placed.pad(x, -math.inf)
            return functional.max_pool2d(wide, window.kernel_size, window.stride, 0, dilation)
        mean = self._mean(self.placed.pad(x, 0.0)) * window.scale
        if self.placed.border != "sphere" and not window.count_padding:
            mean = mean / self._mean(self.placed.pad(torch.ones_like(x[:1, :1]), 0.0))
        return mean

    def _mean(self, wide: Tensor) -> Tensor:
        window, channels = self.placed.window, wide.shape[1]
        shares = wide.new_full((channels, 1, *window.kernel_size), 1 / math.prod(window.kernel_size))
        return functional.conv2d(wide, shares, None, window.stride, 0, self.placed.dilation, channels)


class Placed:
    """A window on the panorama's pixels: with its dilation there, and the border it needs.

    With a stride, its first place has the source's phase: the padding above and to the left differs from the
    source's by whole strides, and lies nearest to the one that is alike on both sides. At stride 1 it is that
    one; of an even kernel, which has none, the source's own or the one less.
    """

    def __init__(self, window: Window, scale: Scale, border: str):
        self.window, self.border = window, border
        gap = whole_pixels(scale)
        self.dilation = tuple(step * gap for step in window.dilation)
        extent = tuple(reach * gap for reach in window.extent)
        own = window.padding if gap == 1 else (0, 0)
        self.before = tuple(
            leading_padding(reach, window.stride, padding) for reach, padding in zip(extent, own, strict=True)
        )
        self.behind = tuple(
            reach + 1 - window.stride - before for reach, before in zip(extent, self.before, strict=True)
        )

    def pad(self, x: Tensor, value: float) -> Tensor:
        """The map with what the window reads beyond its edge."""
        (above, left), (below, right) = self.before, self.behind
        return pad_map(x, (above, below, left, right), border=self.border, value=value)


class DirectLayers:
    """Every layer on the panorama's own pixels; `border` is a name in `borders.BORDERS`."""

    def __init__(self, border: str):
        self.border = border

    def convolution(self, name: str, source: nn.Conv2d, window: Window, scale: Scale) -> nn.Module:
        return DirectConv2d(source, Placed(window, scale, self.border))

    def pooling(self, window: Window, scale: Scale) -> nn.Module:
        return DirectPool2d(Placed(window, scale, self.border))

    def transposed(self, source: nn.ConvTranspose2d, step: Transposed, scale: Scale) -> nn.Module:
        return DirectConvTranspose2d(source, step, scale, self.border)

    def upsampling(self, step: Resize) -> nn.Module:
        return SphereUpsample(step, self.border)


def direct_network(plan: Plan, options: Options) -> LayerwiseNetwork:
    """The planar network on the panorama as if it were a flat picture, with the border the method names.

    Beyond the edge lies: for "direct" what lies there on the sphere, for "direct-wrap" the other side of the
    seam and nothing over the poles, for "direct-zero" nothing; maxima skip nothing.

    Source: the baselines "Direct" of SphConv (Su and Grauman, NeurIPS 2017) and "Equirectangular" of KTN.
    """
    own_options(options, {})
    return LayerwiseNetwork(plan, options, DirectLayers(BORDERS[options.method]))
