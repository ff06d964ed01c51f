"""Convolutions of a converted network: a planar layer's weights, applied on the sphere."""

from collections.abc import Callable

from jaxtyping import Float
from torch import Tensor, nn

from ..grid import EquirectGrid
from ..row_conv import row_conv2d
from ..row_kernels import RowKernels
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

    def prepare(self, height: int, width: int) -> None:
        """Make what is kept for inputs of this size."""

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "SphereConv2d":
        # transformers are no part of the state dict, but go where the layer goes
        for transformer in self.transformers():
            transformer._apply(fn)
        return super()._apply(fn, recurse)

    def transformers(self) -> list[KernelTransformer]:
        """Those that the layer uses."""
        return []


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

    def prepare(self, height: int, width: int) -> None:
        self.sampler.plan(height, width, self.weight)

    def transformers(self) -> list[KernelTransformer]:
        filters = self.sampler.filters
        return [filters] if isinstance(filters, KernelTransformer) else []

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
        self.transformer = [transformer]  # in a list: no part of the state dict

    def forward(
        self, x: Float[Tensor, "batch in_channel height width"]
    ) -> Float[Tensor, "batch out_channel height width"]:
        height, width = x.shape[-2:]
        angles = EquirectGrid(height, width).polar_angles
        return row_conv2d(x, self.transformer[0](self.weight, angles, width=width), self.bias)

    def transformers(self) -> list[KernelTransformer]:
        return self.transformer


class RowKernelConv2d(SphereConv2d):
    """Row kernels that were fitted for this layer, at one height; its own weight only shows where from.

    Args:
        name: of the layer, for messages.
        kernels: of the layer's channels.
    """

    def __init__(self, name: str, source: nn.Conv2d, kernels: RowKernels):
        super().__init__(source)
        wanted = source.out_channels, source.in_channels
        if (kernels.out_channels, kernels.in_channels) != wanted:
            raise ValueError(
                f"`transformer` for {name!r} has row kernels of (out, in) = "
                f"{(kernels.out_channels, kernels.in_channels)} channels; wanted the layer's, {wanted}"
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
