"""Row kernels for the layers of a `Setting`; its first layer stays bilinear, which is exact there."""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from ktnlib.sphere import RowKernels, TapTable, row_conv2d, tangent_taps
from ktnlib.sphere.fitting import ConvLayer
from ktnlib.sphere.fitting.equations import RowEquations
from ktnlib.sphere.fitting.layers import fit_taps, tangent_kernels
from ktnlib.sphere.fitting.taps import spline_coefficients, untied_filters
from ktnlib.sphere.sampling import Neighbours
from ktnlib.sphere.tap_filters import spline_filters

from .feature_study import Answer, Setting

Kernels = dict[str, RowKernels]


def answer(kernels: Kernels) -> Answer:
    """Convolve every layer with its row kernels."""

    def convolve(name: str, layer: ConvLayer, x: Tensor) -> Tensor:
        return row_conv2d(x, kernels[name], layer.bias)

    return convolve


def tangent_heads(setting: Setting, interpolation: str) -> Kernels:
    """Nothing learned: tangent planes read with one interpolation."""
    like = torch.empty(1, 1, setting.height, 2 * setting.height)
    made = {
        name: tangent_kernels(layer, like, interpolation=interpolation)
        for name, layer in setting.trunk.layers.items()
    }
    first, layer = next(iter(setting.trunk.layers.items()))
    return made | {first: tangent_kernels(layer, like)}


def filtered_heads(setting: Setting, filters: Mapping[str, Neighbours]) -> Kernels:
    """The source kernels read through learned filters."""
    layers, size = setting.trunk.layers, {"height": setting.height, "width": 2 * setting.height}
    made = {
        name: RowKernels.from_taps(layers[name].weight.flatten(2), read, **size)
        for name, read in filters.items()
    }
    return tangent_heads(setting, "bilinear") | made


def smooth_heads(
    setting: Setting, equations: Mapping[str, RowEquations], **options: float | int | str
) -> Kernels:
    """A smooth set of filters for every layer; options as for `spline_coefficients`."""
    table = setting_table(setting)
    sets = {name: spline_coefficients([(one, table)], **options) for name, one in equations.items()}
    return filtered_heads(setting, {name: spline_filters(one, table) for name, one in sets.items()})


def untied_heads(setting: Setting, equations: Mapping[str, RowEquations], **options: float | bool) -> Kernels:
    """Filters of every row by itself; options as for `untied_filters`."""
    table = setting_table(setting)
    return filtered_heads(
        setting, {name: untied_filters(one, table, **options) for name, one in equations.items()}
    )


def chained_heads(setting: Setting, indices: Iterable[int]) -> Kernels:
    """A smooth set for every layer, fitted on what the fitted layers before it answer."""
    fitted, table = fit_taps(setting.trunk, *setting.batch(indices), chained=True), setting_table(setting)
    return filtered_heads(setting, {name: one.filters(table) for name, one in fitted.items()})


def one_set_heads(setting: Setting, coefficients: Tensor) -> Kernels:
    """One smooth set for all layers."""
    read = spline_filters(coefficients, setting_table(setting))
    return filtered_heads(setting, dict.fromkeys(setting.layers, read))


def setting_table(setting: Setting) -> TapTable:
    """Where the taps of a 3×3 kernel fall on the setting's panoramas."""
    return tangent_taps(setting.height, 2 * setting.height, 3)
