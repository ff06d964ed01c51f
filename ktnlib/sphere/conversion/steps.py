"""What one operation of a planar network does to its map: windows, resizing, pooling.

A step says only what the plane's grid and the sphere's have in common; paddings are kept for those who want
the plane's phase. Operations that work place by place have no step.
"""

from dataclasses import dataclass

Pair = tuple[int, int]


@dataclass(frozen=True)
class Window:
    """A kernel's reading about every output unit: `what` is "conv", "max", "mean", or "take" (a slice's)."""

    what: str
    kernel_size: Pair
    stride: int = 1
    dilation: Pair = (1, 1)
    padding: Pair = (0, 0)  # above and to the left, in the source
    scale: float = 1.0  # of a mean whose divisor is not the kernel's area
    count_padding: bool = True

    @property
    def extent(self) -> Pair:
        """From the first to the last tap, input units."""
        return tuple((side - 1) * step for side, step in zip(self.kernel_size, self.dilation, strict=True))


@dataclass(frozen=True)
class Transposed:
    """A transposed convolution: `stride` output units to an input unit."""

    kernel_size: Pair
    stride: int
    dilation: Pair
    padding: Pair


@dataclass(frozen=True)
class Resize:
    """Upsampling by a whole factor; None until the map whose size is wanted is known."""

    mode: str
    factor: int | None
    size: object = None


@dataclass(frozen=True)
class Whole:
    """The whole map's "mean" or "max"."""

    what: str
    keepdim: bool


@dataclass(frozen=True)
class Border:
    """Padding of the plane, in input units above and to the left: nothing on the sphere."""

    padding: Pair = (0, 0)


Step = Window | Transposed | Resize | Whole | Border
