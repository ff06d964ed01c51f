"""Convolutions of a converted network: a planar layer's weights, applied on the sphere."""

from collections.abc import Callable
from dataclasses import replace

from jaxtyping import Float
from torch import Tensor, nn

from ..grid import EquirectGrid
from ..row_conv import row_conv2d
from ..row_kernels import RowKernels
from ..sampling import Neighbours
from ..transformer import KernelTransformer
from .samplers import Sampler
from .steps import Window


class SphereConv2d(nn.Module):
    """A planar convolution's weights on tangent planes; the base of the methods' own, by the parameters.

    Args:
        source: the layer; its parameters are taken over, not copied.
    """

    weight: Float[Tensor, "out_channel in_group kernel_height kernel_width"]
    bias: Float[Tensor, "out_channel"] | None

    def __init__(self, source: nn.Conv2d | nn.ConvTranspose2d):
        super().__init__()
        self.register_parameter("weight", source.weight)
        self.register_parameter("bias", source.bias)
        self.groups = source.groups

    def prepare(self, height: int, width: int, like: Tensor) -> None:
        """Make what is kept for inputs of this size, of the type and on the device of a tensor."""

    @property
    def rows(self) -> KernelTransformer | RowKernels | None:
        """What makes the layer's row kernels, or those themselves: no part of the state dict."""
        return None

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "SphereConv2d":
        # no part of the state dict, but it goes where the layer goes
        if isinstance(self.rows, KernelTransformer):
            self.rows._apply(fn)
        return super()._apply(fn, recurse)


class SampledConv2d(SphereConv2d):
    """Every tap reads the map about its point of the tangent plane; then the planar weights mix taps."""

    def __init__(self, source: nn.Conv2d, sampler: Sampler):
        super().__init__(source)
        self.sampler = sampler

    def forward(
        self, x: Float[Tensor, "batch in_channel height width"]
    ) -> Float[Tensor, "batch out_channel out_height out_width"]:
        height, width = x.shape[-2:]
        kernels = RowKernels.from_taps(
            self.weight.flatten(2),
            self.sampler.plan(height, width, x),
            height=height,
            width=width,
            stride=self.sampler.window.stride,
            groups=self.groups,
        )
        return row_conv2d(x, kernels, self.bias)

    def prepare(self, height: int, width: int, like: Tensor) -> None:
        self.sampler.plan(height, width, like)

    @property
    def rows(self) -> KernelTransformer | None:
        filters = self.sampler.filters
        return filters if isinstance(filters, KernelTransformer) else None

    def extra_repr(self) -> str:
        window = self.sampler.window
        return f"{self.weight.shape[1] * self.groups}, {len(self.weight)}, kernel_size={window.kernel_size}"


class PublishedConv2d(SphereConv2d):
    """Dense row kernels that a published head makes for the panoramas it was made for."""

    def __init__(self, name: str, source: nn.Conv2d, window: Window, transformer: KernelTransformer):
        super().__init__(source)
        if window.stride != 1 or self.groups != 1:
            raise ValueError(
                f"`transformer` for {name!r} has the head 'published' and the layer stride {window.stride} "
                f"and {self.groups} groups; wanted one of both: choose another head for this layer"
            )
        self.__dict__["transformer"] = transformer  # no part of the state dict

    def forward(
        self, x: Float[Tensor, "batch in_channel height width"]
    ) -> Float[Tensor, "batch out_channel height width"]:
        height, width = x.shape[-2:]
        angles = EquirectGrid(height, width).polar_angles
        return row_conv2d(x, self.transformer(self.weight, angles, width=width), self.bias)

    @property
    def rows(self) -> KernelTransformer:
        return self.transformer


class RowKernelConv2d(SphereConv2d):
    """Row kernels that were fitted for this layer, at one height; its own weight only shows where from.

    Args:
        name: of the layer, for messages.
        kernels: of the layer's channels.
    """

    def __init__(self, name: str, source: nn.Conv2d, window: Window, kernels: RowKernels):
        super().__init__(source)
        wanted = source.out_channels, source.in_channels, window.stride
        given = kernels.out_channels, kernels.in_channels, kernels.stride
        if given != wanted:
            raise ValueError(
                f"`transformer` for {name!r} has row kernels of (out channels, in channels, stride) = "
                f"{given}; wanted the layer's, {wanted}"
            )
        self.name, self.kernels = name, kernels

    def forward(
        self, x: Float[Tensor, "batch in_channel height width"]
    ) -> Float[Tensor, "batch out_channel out_height out_width"]:
        made_for = self.kernels.height, self.kernels.width
        if tuple(x.shape[-2:]) != made_for:
            raise ValueError(
                f"the row kernels of {self.name!r} were made for maps of {made_for[0]} x {made_for[1]} and "
                f"its input is {x.shape[-2]} x {x.shape[-1]}; wanted the same: fit them for this height"
            )
        return row_conv2d(x, self.kernels, self.bias)

    @property
    def rows(self) -> RowKernels:
        return self.kernels

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "RowKernelConv2d":
        self.kernels = moved(self.kernels, fn)
        return super()._apply(fn, recurse)


def moved(kernels: RowKernels, fn: Callable[[Tensor], Tensor]) -> RowKernels:
    """The same row kernels with their tensors moved or converted."""
    if kernels.bands:
        bands = tuple(replace(band, weight=fn(band.weight)) for band in kernels.bands)
        return replace(kernels, bands=bands)
    neighbours = Neighbours(*(fn(part) for part in kernels.neighbours))
    return replace(kernels, kernel=fn(kernels.kernel), neighbours=neighbours)
