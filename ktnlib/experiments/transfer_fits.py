"""What several networks, apart and together, teach about taps: all splits of the panoramas in one pass."""

import functools
from dataclasses import dataclass

from torch import Tensor

from ktnlib.sphere.fitting.equations import RowEquations
from ktnlib.sphere.fitting.taps import spline_coefficients, untied_filters
from ktnlib.sphere.sampling import Neighbours

from .feature_heads import setting_table
from .feature_study import SPLITS, Setting, added, group_equations, training_equations


@dataclass(frozen=True, eq=False)
class Fit:
    """What the panoramas of a split teach about taps; empty where networks do not share their layers."""

    one_set: Tensor
    layers: dict[str, Tensor]
    rows: dict[str, Neighbours]


@functools.cache
def fits(settings: tuple[Setting, ...]) -> dict[str, list[Fit]]:
    """For every network, and for "all" of them, the fit of each split."""
    equations = {}
    for setting in settings:
        equations[setting] = [training_equations(setting, split) for split in range(SPLITS)]
        group_equations.cache_clear()  # 2 GB a network at 256 rows; the sums over splits are what is needed
    found = {one.network: [fit({one: split}) for split in splits] for one, splits in equations.items()}
    together = [dict(zip(equations, split, strict=True)) for split in zip(*equations.values(), strict=True)]
    return found | {"all": [fit(parts) for parts in together]}


def fit(parts: dict[Setting, dict[str, RowEquations]]) -> Fit:
    """The closed forms on the equations of one network or several."""
    tables = {setting: setting_table(setting) for setting in parts}
    one_set = spline_coefficients(
        [(one, tables[key]) for key, part in parts.items() for one in part.values()]
    )
    first = next(iter(parts))
    if any((one.layers, one.height) != (first.layers, first.height) for one in parts):
        return Fit(one_set, {}, {})
    layers = {
        name: spline_coefficients([(part[name], tables[key]) for key, part in parts.items()])
        for name in first.layers
    }
    rows = {name: untied_filters(one, tables[first]) for name, one in added([*parts.values()]).items()}
    return Fit(one_set, layers, rows)
