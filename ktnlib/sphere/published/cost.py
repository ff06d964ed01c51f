"""What a published head costs: numbers it learns, products to make its kernels, products to use them."""

from collections.abc import Iterable
from dataclasses import dataclass

from .bands import BandShape
from .head import MARGIN
from .vgg import VGG16


@dataclass(frozen=True)
class HeadCost:
    """Counts for one layer, or for several added up.

    Fields: `parameters` of the head; `source_parameters`, kernel and bias, of the layer it transforms;
    `generation` multiply-adds to make all row kernels once; `application` multiply-adds a panorama;
    `stored` numbers in all generated kernels.
    """

    parameters: int = 0
    source_parameters: int = 0
    generation: int = 0
    application: int = 0
    stored: int = 0

    def __add__(self, other: "HeadCost") -> "HeadCost":
        return HeadCost(
            *(mine + theirs for mine, theirs in zip(self._counts(), other._counts(), strict=True))
        )

    def _counts(self) -> tuple[int, ...]:
        return self.parameters, self.source_parameters, self.generation, self.application, self.stored


def head_cost(
    shapes: Iterable[BandShape],
    in_channels: int,
    out_channels: int,
    *,
    width: int,
    taps: int = 9,
    residual: bool = True,
) -> HeadCost:
    """Count a head by its bands' windows; with h × w positions in a window of k taps' kernel

        parameters = k·Σ [h·w + (h+4)(w+4)] + 2(C² + C) + 20,    C input channels,

    of which only k·Σ h·w stays without the residual branch.

    Args:
        shapes: of the bands, `band_shapes`.
        in_channels, out_channels: of the source kernel.
        width: of the panorama.
        taps: of the source kernel, k.
        residual: whether the head has the branch.

    >>> from ktnlib.sphere.published import PublishedHead, band_shapes
    >>> head_cost(band_shapes(16), 4, 2, width=32).parameters == sum(
    ...     parameter.numel() for parameter in PublishedHead(4, 16).parameters())
    True
    """
    shapes = tuple(shapes)
    slices = in_channels * out_channels
    window, narrowed, wide = (
        sum(_area(shape, margin) for shape in shapes) for margin in (0, MARGIN // 2, MARGIN)
    )
    parameters, per_slice = taps * window, taps * window
    if residual:
        parameters += taps * wide + 2 * (in_channels**2 + in_channels) + 2 * (9 + 1)
        # the two mixes read the wide and the narrowed window, the two filters write the narrowed and the last
        per_slice += taps * wide + in_channels * (wide + narrowed) + 9 * (narrowed + window)
    return HeadCost(
        parameters=parameters,
        source_parameters=slices * taps + out_channels,
        generation=slices * per_slice,
        application=slices * width * sum(_area(shape, 0) * len(shape.rows) for shape in shapes),
        stored=slices * window,
    )


def vgg16_costs(height: int = 320, *, rule: str = "released") -> dict[str, HeadCost]:
    """The published heads of VGG-16, layer by layer and "total".

    Args:
        height: of the panorama, 320 as published.
        rule: of the spacing of taps, as for `published_spacing`; the windows follow from it.

    Source: derived from the layout of the authors' program; Su and Grauman, CVPR 2019, print no counts that
    could be compared.

    >>> vgg16_costs()["total"].parameters
    4783388
    """
    costs = {
        layer.name: head_cost(
            layer.shapes(height, rule=rule),
            layer.in_channels,
            layer.out_channels,
            width=2 * height,
            residual=layer.residual,
        )
        for layer in VGG16
    }
    return costs | {"total": sum(costs.values(), HeadCost())}


def _area(shape: BandShape, margin: int) -> int:
    return (shape.size[0] + 2 * margin) * (shape.size[1] + 2 * margin)
