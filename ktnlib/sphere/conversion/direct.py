"""Direct: the planar network on the panorama's own pixels, with one of three borders."""

import math
from fractions import Fraction

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from .borders import pad_map
from .extras import own_options
from .layers import SphereConv2d
from .layerwise import LayerwiseNetwork
from .options import Options
from .plan import Plan
from .samplers import Scale
from .steps import Pair, Resize, Transposed, Window
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


def whole_pixels(scale: Scale) -> int:
    """Pixels of a layer's input from one unit to the next.

    Raises:
        ValueError: units that do not lie whole pixels apart.
    """
    pixels = Fraction(scale.jump) / scale.coarseness
    if pixels.denominator > 1:
        raise ValueError(
            f"`model` has a map whose units lie {pixels} of the panorama's pixels apart; wanted whole pixels "
            'for a direct method at resolution="full"; use resolution="pyramid" or another method'
        )
    return int(pixels)


def leading_padding(extent: int, stride: int, own: int) -> int:
    """How far the first window starts before the first pixel; `extent` is from its first to its last tap.

    >>> [leading_padding(extent, 2, own) for extent, own in ((1, 0), (2, 1), (2, 0), (6, 3), (6, 0))]
    [0, 1, 0, 3, 2]
    """
    like_on_both = extent + 1 - stride  # twice it
    choices = range(own % stride, max(extent, own) + 2 * stride, stride)
    return min(choices, key=lambda padding: (abs(2 * padding - like_on_both), padding != own, padding))


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
