"""How a layer reads the sphere: which pattern, which filters, at which spacing; plans kept per size."""

import math
from dataclasses import dataclass
from fractions import Fraction

import torch
from torch import Tensor, nn

from ..kernel_cache import KernelCache
from ..sampling import Neighbours, accumulator, fold_poles, neighbours
from ..taps import TapTable
from ..transformer import KernelTransformer
from .patterns import taps_about
from .steps import Window

Number = int | Fraction


@dataclass(frozen=True)
class Scale:
    """How far apart a layer's taps lie.

    Fields: `spacing` of neighbouring source pixels, sphere radii, None for 2π/width of the panorama; `jump`,
    source pixels from one unit of the layer's input to the next; `coarseness`, panorama pixels from one pixel
    of its input to the next, 1 at resolution "full".
    """

    spacing: float | None
    jump: Number
    coarseness: Number

    def between_units(self, width: int) -> float:
        """Between neighbouring units of the layer's input, for an input of this width."""
        if self.spacing is not None:
            return self.spacing * float(self.jump)
        return 2 * math.pi / (width * float(self.coarseness)) * float(self.jump)


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


class Sampler:
    """Plans of what a window's taps read, made when a size is met first and kept for the latest few.

    Args:
        window: the layer's, with the stride that it has on the panorama's grid.
        scale: how far apart its taps lie.
        pattern: a name in `PATTERNS`.
        filters: "bilinear", "bicubic" or a `KernelTransformer`, which says what a tap reads about its place.
    """

    def __init__(self, window: Window, scale: Scale, pattern: str, filters: str | KernelTransformer):
        self.window, self.scale, self.pattern, self.filters = window, scale, pattern, filters
        self._cache = KernelCache()

    def plan(self, height: int, width: int, like: Tensor) -> Neighbours:
        """What the taps of each output row read, (rows, taps, pixels), folded, on the tensor's device."""
        sources = (*self.filters.parameters(),) if isinstance(self.filters, nn.Module) else ()
        dtype = accumulator(like.dtype)
        key = height, width, dtype, str(like.device)
        return self._cache.get(key, sources, lambda: self._make(height, width, dtype, like.device))

    def table(self, height: int, width: int) -> TapTable:
        """Where the taps lie on an input of this size."""
        return taps_about(
            height,
            width,
            self.window.kernel_size,
            spacing=self.scale.between_units(width),
            dilation=self.window.dilation,
            stride=self.window.stride,
            pattern=self.pattern,
        )

    def _make(self, height: int, width: int, dtype: torch.dtype, device: torch.device) -> Neighbours:
        table = self.table(height, width)
        if isinstance(self.filters, nn.Module):
            plan = self.filters.filters(table)
        else:
            plan = neighbours(*table.positions, self.filters)
        folded = fold_poles(plan, height, width)
        # narrowed before it moves: a device may have no float64
        return Neighbours(*(part.to(device) for part in (*folded[:2], folded.weights.to(dtype))))
