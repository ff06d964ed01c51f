"""A whole trunk at once: layer after layer is fitted, on exact inputs or on what the fitted layers answer."""

import math
from collections.abc import Callable, Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from ktnlib import check

from ..grid import EquirectGrid
from ..row_conv import row_conv2d
from ..row_kernels import RowKernels
from ..sampling import neighbours
from ..tap_filters import spline_filters
from ..taps import TapTable, tangent_taps
from ..transformer import KernelTransformer
from .equations import RowEquations
from .refine import refined_kernels
from .taps import spline_coefficients, tap_windows
from .trunk import ConvLayer, Trunk

FitLayer = Callable[[str, ConvLayer, Tensor, Tensor], RowKernels]


def fit_taps(
    trunk: Trunk,
    panoramas: Float[Tensor, "batch in_channel height width"],
    targets: Mapping[str, Tensor],
    *,
    knots: int = 16,
    shared: bool = False,
    chained: bool = False,
    weighting: str = "relative",
    spacing: float | int | None = None,
    ridge: float | int = 1e-6,
    every: int = 4,
) -> dict[str, KernelTransformer]:
    """Kernel transformers of head "taps" for every layer of a trunk but the first and those of 1×1.

    The first layer reads the image, where bilinear tangent convolution is exact.

    Args:
        panoramas: what the trunk reads.
        targets: the exact answers of all layers, `exact_features(trunk, panoramas)`.
        knots, weighting, ridge: as for `spline_coefficients`.
        shared: one set of coefficients for all layers; the kernels must be of one size.
        chained: fit each layer on what the fitted layers before it answer, not on exact inputs.
        spacing: of the tangent planes, sphere radii; None is 2π/width.
        every: only every so many columns of a row are looked at.

    Returns:
        {layer: transformer}; `transformed_features` runs them.

    Raises:
        ValueError: `shared` and `chained` together, targets that lack a layer or differ in size, features
            that are not finite, too few knots, an unknown weighting, a ridge or spacing that is not positive,
            `every` below one or beyond the width.
    """
    if shared and chained:
        raise ValueError("`shared` and `chained` are both True; wanted one: a shared set has no next layer")
    found: dict[str, KernelTransformer] = {}
    parts: dict[str, tuple[RowEquations, TapTable]] = {}
    options = {"knots": knots, "ridge": ridge, "weighting": weighting}

    def fit(name: str, layer: ConvLayer, x: Tensor, target: Tensor) -> RowKernels:
        table = layer_table(layer, x, spacing)
        parts[name] = filter_equations(layer, x, target, table, every=every), table
        coefficients = spline_coefficients([parts[name]], **options)
        found[name] = _transformer(layer, coefficients, table.width, spacing)
        read = spline_filters(coefficients, table)
        return RowKernels.from_taps(layer.weight.flatten(2), read, height=table.height, width=table.width)

    fit_layers(trunk, panoramas, targets, fit, chained=chained, spacing=spacing)
    if not shared:
        return found
    one = spline_coefficients(parts.values(), **options)
    width = panoramas.shape[-1]
    return {name: _transformer(trunk.layers[name], one, width, spacing) for name in parts}


def refine_taps(
    trunk: Trunk,
    panoramas: Float[Tensor, "batch in_channel height width"],
    targets: Mapping[str, Tensor],
    kernels: Mapping[str, RowKernels | KernelTransformer],
    *,
    chained: bool = False,
    spacing: float | int | None = None,
    ridge: float | int = 1e-1,
    every: int = 4,
) -> dict[str, RowKernels]:
    """Keep the pixel filters of row kernels and mix their channels anew in every row, for this trunk only.

    Args:
        kernels: by layer, row kernels of the form "taps" or transformers whose kernels are, as from
            `fit_taps`; a layer without is refined on its bilinear taps. The first layer and those of 1×1 keep
            the bilinear tangent kernel.
        trunk, panoramas, targets, chained, spacing, ridge, every: as for `fit_taps`; ridge pulls towards the
            source kernel.

    Returns:
        {layer: row kernels}, for `transformed_features`.

    Raises:
        ValueError: kernels in bands or of a layer the trunk has not, and as `fit_taps`.
    """
    _check_kernels(trunk, kernels)

    def fit(name: str, layer: ConvLayer, x: Tensor, target: Tensor) -> RowKernels:
        filters = _row_kernels(kernels.get(name), layer, x, spacing).neighbours
        if filters is None:
            raise ValueError(
                f"`kernels` of layer {name!r} are in bands; wanted taps, whose pixel filters can be kept: "
                'transformers of another head than "published", or what `fit_taps` returns'
            )
        equations = RowEquations.of_kernels(x, target, layer.bias, filters, every=every)
        return refined_kernels(equations, layer.weight, filters, width=x.shape[-1], ridge=ridge)

    return fit_layers(trunk, panoramas, targets, fit, chained=chained, spacing=spacing)


@torch.no_grad()
def fit_layers(
    trunk: Trunk,
    panoramas: Float[Tensor, "batch in_channel height width"],
    targets: Mapping[str, Tensor],
    fit: FitLayer,
    *,
    chained: bool = False,
    spacing: float | int | None = None,
) -> dict[str, RowKernels]:
    """Row kernels of every layer by `fit(name, layer, input, target)`, in order; one pass over the trunk.

    The first layer and those of 1×1 are not fitted: they keep the bilinear tangent kernel.

    Args:
        trunk, panoramas, targets, chained, spacing: as for `fit_taps`.
    """
    _check_targets(trunk, panoramas, targets)
    found: dict[str, RowKernels] = {}

    def answer(name: str, layer: ConvLayer, x: Tensor) -> Tensor:
        fitted = bool(found) and layer.kernel_size > 1
        found[name] = fit(name, layer, x, targets[name]) if fitted else tangent_kernels(layer, x, spacing)
        return row_conv2d(x, found[name], layer.bias) if chained else targets[name]

    trunk.walk(panoramas, answer)
    return found


@torch.no_grad()
def transformed_features(
    trunk: Trunk,
    panoramas: Float[Tensor, "batch in_channel height width"],
    kernels: Mapping[str, RowKernels | KernelTransformer],
    *,
    spacing: float | int | None = None,
) -> dict[str, Tensor]:
    """What every layer answers when each reads the transformed layers before it: {layer: its output}.

    Args:
        kernels: row kernels or transformers by layer; a layer without keeps the bilinear tangent kernel.
        spacing: of those without, as for `fit_taps`.

    Raises:
        ValueError: kernels of a layer the trunk has not, or of another height or width.
    """
    _check_kernels(trunk, kernels)

    def answer(name: str, layer: ConvLayer, x: Tensor) -> Tensor:
        return row_conv2d(x, _row_kernels(kernels.get(name), layer, x, spacing), layer.bias)

    return trunk.run(panoramas, answer)


def filter_equations(
    layer: ConvLayer, x: Tensor, target: Tensor, table: TapTable, *, every: int = 4
) -> RowEquations:
    """Equations for the pixel filters of one layer's taps, `RowEquations.of_filters`."""
    return RowEquations.of_filters(x, target, layer.weight, layer.bias, tap_windows(table), every=every)


def layer_table(
    layer: ConvLayer, x: Float[Tensor, "batch channel height width"], spacing: float | int | None = None
) -> TapTable:
    """Where a layer's taps fall on the panorama it reads; a dilated layer's lie farther apart."""
    return tangent_taps(*x.shape[-2:], layer.kernel_size, spacing=_reach(layer, x.shape[-1], spacing))


def tangent_kernels(
    layer: ConvLayer,
    x: Float[Tensor, "batch channel height width"],
    spacing: float | int | None = None,
    *,
    interpolation: str = "bilinear",
) -> RowKernels:
    """A layer's tangent-plane kernel on the panorama it reads: nothing learned."""
    table = layer_table(layer, x, spacing)
    read = neighbours(*table.positions, interpolation)
    return RowKernels.from_taps(layer.weight.flatten(2), read, height=table.height, width=table.width)


def _transformer(
    layer: ConvLayer, coefficients: Tensor, width: int, spacing: float | int | None
) -> KernelTransformer:
    made = coefficients.to(layer.weight)
    reach = None if spacing is None and layer.dilation == 1 else _reach(layer, width, spacing)
    return KernelTransformer(layer.kernel_size, spacing=reach, coefficients=made)


def _reach(layer: ConvLayer, width: int, spacing: float | int | None) -> float:
    return (2 * math.pi / width if spacing is None else spacing) * layer.dilation


def _row_kernels(
    given: RowKernels | KernelTransformer | None, layer: ConvLayer, x: Tensor, spacing: float | int | None
) -> RowKernels:
    """What was given for a layer as row kernels; without, its bilinear tangent kernel."""
    if given is None:
        return tangent_kernels(layer, x, spacing)
    if isinstance(given, KernelTransformer):
        return given(layer.weight, EquirectGrid(*x.shape[-2:]).polar_angles, width=x.shape[-1])
    return given


def _check_kernels(trunk: Trunk, kernels: Mapping[str, RowKernels | KernelTransformer]) -> None:
    for name in kernels:
        check.choice("kernels", name, trunk.layers)


def _check_targets(trunk: Trunk, panoramas: Tensor, targets: Mapping[str, Tensor]) -> None:
    check.finite_values("panoramas", check.panorama("panoramas", panoramas))
    for name, layer in trunk.layers.items():
        wanted = len(panoramas), len(layer.weight), *panoramas.shape[-2:]
        given = tuple(targets[name].shape) if name in targets else "none"
        if given != wanted:
            raise ValueError(
                f"`targets` for layer {name!r} have shape {given}; wanted {wanted}, as "
                "`exact_features(trunk, panoramas)` answers without `columns`"
            )
        check.finite_values(f"targets[{name!r}]", targets[name])
