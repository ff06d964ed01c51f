"""Methods that sample tangent planes: the kernel transformer, SphereNet, EquiConv."""

import copy
from collections.abc import Mapping
from dataclasses import replace

from torch import nn

from ktnlib import check

from ..row_kernels import RowKernels
from ..sampling import INTERPOLATIONS
from ..transformer import KernelTransformer
from .extras import own_options
from .layers import PublishedConv2d, RowKernelConv2d, SampledConv2d
from .layerwise import LayerwiseNetwork
from .options import Options
from .plan import Plan
from .pooling import SampledPool2d
from .samplers import Sampler, Scale
from .steps import Resize, Transposed, Window
from .transposed import SampledConvTranspose2d
from .upsampling import SphereUpsample

HEADS = ("bilinear", "bicubic", "taps")


class SampledLayers:
    """Every tap of a window reads its map about a point of the tangent plane.

    Args:
        pattern: a name in `patterns.PATTERNS`.
        interpolation: of pools, and of convolutions where no transformer says more.
    """

    def __init__(self, pattern: str = "tangent", interpolation: str = "bilinear"):
        self.pattern, self.interpolation = pattern, interpolation

    def filters(self, name: str, window: Window) -> str | KernelTransformer:
        """What the taps of a convolution read about their points."""
        return self.interpolation

    def convolution(self, name: str, source: nn.Conv2d, window: Window, scale: Scale) -> nn.Module:
        return SampledConv2d(source, Sampler(window, scale, self.pattern, self.filters(name, window)))

    def pooling(self, window: Window, scale: Scale) -> nn.Module:
        return SampledPool2d(Sampler(window, scale, self.pattern, self.interpolation))

    def transposed(self, source: nn.ConvTranspose2d, step: Transposed, scale: Scale) -> nn.Module:
        return SampledConvTranspose2d(source, step, scale, self.interpolation)

    def upsampling(self, step: Resize) -> nn.Module:
        return SphereUpsample(step)


class TransformedLayers(SampledLayers):
    """Convolutions by kernel transformers, or by row kernels that exist already.

    Args:
        model: the source, to look the names up in.
        transformer: as `to_sphere` takes it.
        pooling: interpolation of pools; None is "bilinear" with the head of this name, else "bicubic".
    """

    def __init__(self, model: nn.Module, transformer: object, pooling: str | None = None):
        if pooling is None:
            head = transformer if isinstance(transformer, str) else getattr(transformer, "head", "taps")
            pooling = "bilinear" if head == "bilinear" else "bicubic"
        super().__init__("tangent", check.choice("pooling", pooling, INTERPOLATIONS))
        self.head = (
            check.choice("transformer", transformer, HEADS) if isinstance(transformer, str) else "taps"
        )
        self.shared: dict[tuple[int, int], KernelTransformer] = {}
        self.by_name: dict[str, KernelTransformer | RowKernels] = {}
        if isinstance(transformer, KernelTransformer):
            self.shared[transformer.kernel_size] = _own(transformer)
        elif isinstance(transformer, Mapping):
            self.by_name = _checked(model, transformer)
        elif transformer is not None and not isinstance(transformer, str):
            raise TypeError(
                f"`transformer` is a {type(transformer).__name__}; wanted a KernelTransformer, one of "
                f"{', '.join(map(repr, HEADS))}, or a dictionary from layers' names to transformers or row "
                "kernels"
            )

    def convolution(self, name: str, source: nn.Conv2d, window: Window, scale: Scale) -> nn.Module:
        chosen = self.by_name.get(name)
        if isinstance(chosen, RowKernels):
            return RowKernelConv2d(name, source, window, chosen)
        if chosen is None:
            size = window.kernel_size
            chosen = self.shared.setdefault(size, _own(KernelTransformer(size, head=self.head)))
        if chosen.kernel_size != window.kernel_size:
            raise ValueError(
                f"`transformer` for {name!r} is for {chosen.kernel_size} kernels; wanted "
                f"{window.kernel_size}, the layer's"
            )
        if chosen.head == "published":
            return PublishedConv2d(name, source, window, chosen)
        return SampledConv2d(source, Sampler(window, scale, self.pattern, chosen))


def ktn_network(plan: Plan, options: Options) -> LayerwiseNetwork:
    """The kernel transformer: row kernels made from each layer's weights by a head, "taps" if none is named.

    Option `pooling`: how pools, transposed convolutions and strides without a kernel read between pixels.
    None is "bicubic", with the head "bilinear" that.
    """
    own = own_options(options, {"pooling": None})
    return transformed_network(plan, options, own["pooling"])


def transformed_network(plan: Plan, options: Options, pooling: str | None) -> LayerwiseNetwork:
    """Layers by the transformers or row kernels that the options hold.

    Raises:
        ValueError: a transformer for kernels of a size that the model has not.
    """
    layers = TransformedLayers(plan.model, options.transformer, pooling)
    windows = [step for step in plan.steps.values() if isinstance(step, Window)]
    sizes = {window.kernel_size for window in windows if window.what == "conv"}
    if unused := set(layers.shared) - sizes:
        raise ValueError(
            f"`transformer` is for {unused.pop()} kernels; wanted the size of one of the model's "
            f"convolutions, {sorted(sizes)}"
        )
    # the layers have copies of their own, and pools keep what the head chose
    options = replace(options, transformer=None, extra={"pooling": layers.interpolation})
    return LayerwiseNetwork(plan, options, layers)


def spherenet_network(plan: Plan, options: Options) -> LayerwiseNetwork:
    """SphereNet's sampling pattern, bilinear, in every layer and pool.

    Source: Coors, Condurache, Geiger, SphereNet, ECCV 2018.
    """
    own_options(options, {})
    return LayerwiseNetwork(plan, options, SampledLayers("spherenet"))


def equiconv_network(plan: Plan, options: Options) -> LayerwiseNetwork:
    """EquiConv: a tangent patch that opens k times a pixel's angle for k taps, bilinear.

    Source: Fernandez-Labrador et al., Corners for Layout (CFL), RA-L 2020.
    """
    own_options(options, {})
    return LayerwiseNetwork(plan, options, SampledLayers("equiconv"))


def _own(transformer: KernelTransformer) -> KernelTransformer:
    """A copy that asks for no gradients."""
    return copy.deepcopy(transformer).requires_grad_(False)


def _checked(model: nn.Module, chosen: Mapping) -> dict[str, KernelTransformer | RowKernels]:
    known = [name for name, module in model.named_modules() if isinstance(module, nn.Conv2d)]
    for name, value in chosen.items():
        check.choice("transformer", name, known)
        if not isinstance(value, KernelTransformer | RowKernels):
            raise TypeError(
                f"`transformer` for {name!r} is a {type(value).__name__}; wanted a KernelTransformer or "
                "RowKernels"
            )
    copies: dict[int, KernelTransformer] = {}
    return {
        name: value if isinstance(value, RowKernels) else copies.setdefault(id(value), _own(value))
        for name, value in chosen.items()
    }
