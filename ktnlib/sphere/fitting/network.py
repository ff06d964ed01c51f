"""Fitting a converted network: SphConv's row kernels, or tap filters, for its layers behind the first."""

import math

from jaxtyping import Float
from torch import Tensor, nn

from ..row_kernels import RowKernels
from ..taps import TapTable
from ..transformer import KernelTransformer
from .cache import TargetCache
from .equations import RowEquations
from .row_kernels import WINDOWS, Windows, fit_row_kernels
from .taps import spline_coefficients, tap_windows


def fit_sphconv(
    model: nn.Module,
    panoramas: Float[Tensor, "batch in_channel height width"],
    *,
    spacing: float | int | None = None,
    resolution: str = "pyramid",
    until: str | None = None,
    windows: Windows = WINDOWS,
    ridge: float | int = 1e-3,
    every: int = 1,
    cache: TargetCache | None = None,
) -> dict[str, RowKernels]:
    """SphConv's row kernels for `to_sphere(model, method="sphconv", transformer=…)`.

    Every convolution larger than 1×1 learns, row by row, from the exact inputs and answers of the network on
    these panoramas; the first, which reads the picture, is exact as it is. The kernels belong to this
    network, height, spacing and resolution. They are many: out × in × 45 or 75 numbers a row.

    Args:
        model, panoramas, spacing, resolution, until, cache: as for `fit_converted`.
        windows: in pixels of each layer's own grid, where its taps are a pixel apart; as `fit_row_kernels`
            takes them. They are spread where taps lie farther apart, as they do at full resolution.
        ridge: pull towards the tangent-plane kernel.
        every: only every so many columns of a row are looked at.

    Returns:
        {layer: row kernels} for panoramas of this height.

    Raises:
        ValueError: what `fit_converted` refuses, a layer with a stride, groups or an even kernel (SphConv
            has none), windows or a ridge that `fit_row_kernels` refuses.

    Source: Su and Grauman, Learning spherical convolution for fast features from 360° imagery, NeurIPS 2017.

    >>> import torch
    >>> layers = nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 2, 3)
    >>> kernels = fit_sphconv(nn.Sequential(*layers).eval(), torch.rand(2, 3, 16, 32))
    >>> {name: (one.height, one.form) for name, one in kernels.items()}
    {'0': (16, 'taps'), '3': (8, 'bands')}
    """
    from .converted import ConvertedLayer, fit_converted  # it stands on the conversion, which stands on this

    def fit(layer: ConvertedLayer, x: Tensor, target: Tensor) -> RowKernels:
        if reason := layer.unusual:
            raise ValueError(
                f"`model` has {reason} at {layer.name!r}; wanted, for row kernels, convolutions of stride 1 "
                "with one group and an odd kernel; give `until`, a module before it, or use another method"
            )
        table = layer.table(x)
        if layer.first:
            read = table.neighbours(interpolation="bilinear")
            size = {"height": table.height, "width": table.width}
            return RowKernels.from_taps(layer.weight.flatten(2), read, **size)
        apart = layer.spacing * table.width / (2 * math.pi)
        options = {"windows": windows, "dilation": max(1, round(apart)), "ridge": ridge, "every": every}
        return fit_row_kernels(layer.weight, layer.bias, x, target, spacing=layer.spacing, **options)

    options = {"spacing": spacing, "resolution": resolution, "until": until, "cache": cache}
    return fit_converted(model, panoramas, fit, **options)


def fit_network_taps(
    model: nn.Module,
    panoramas: Float[Tensor, "batch in_channel height width"],
    *,
    spacing: float | int | None = None,
    resolution: str = "pyramid",
    until: str | None = None,
    shared: bool = True,
    knots: int = 16,
    ridge: float | int = 1e-6,
    every: int = 4,
    cache: TargetCache | None = None,
) -> dict[str, KernelTransformer]:
    """Tap filters of a network's own for `to_sphere(model, transformer=…)`, in place of the set that ships.

    As `fit_taps`, for a network with pools and strides. The first layer, strided ones, those with groups and
    those of even kernels learn nothing: they are left out of what is returned.

    Args:
        model, panoramas, spacing, resolution, until, cache: as for `fit_converted`.
        shared: one set for all kernels of a size; False fits each layer by itself.
        knots, ridge: as for `spline_coefficients`.
        every: only every so many columns of a row are looked at.

    Returns:
        {layer: transformer}.

    Raises:
        ValueError: what `fit_converted` and `spline_coefficients` refuse.

    >>> import torch
    >>> layers = nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 2, 3)
    >>> list(fit_network_taps(nn.Sequential(*layers).eval(), torch.rand(2, 3, 16, 32), knots=4))
    ['3']
    """
    from .converted import ConvertedLayer, fit_converted

    parts: dict[str, tuple[ConvertedLayer, RowEquations, TapTable]] = {}

    def fit(layer: ConvertedLayer, x: Tensor, target: Tensor) -> None:
        if not layer.first and not layer.unusual:
            table = layer.table(x)
            windows = tap_windows(table)
            equations = RowEquations.of_filters(x, target, layer.weight, layer.bias, windows, every=every)
            parts[layer.name] = layer, equations, table

    options = {"spacing": spacing, "resolution": resolution, "until": until, "cache": cache}
    fit_converted(model, panoramas, fit, **options)
    found = {}
    for name, (layer, *_) in parts.items():
        teachers = [
            one[1:]
            for other, one in parts.items()
            if other == name or (shared and one[0].kernel_size == layer.kernel_size)
        ]
        coefficients = spline_coefficients(teachers, knots=knots, ridge=ridge).to(layer.weight)
        found[name] = KernelTransformer(layer.kernel_size, spacing=layer.spacing, coefficients=coefficients)
    return found
