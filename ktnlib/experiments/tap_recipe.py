"""The choices behind the tap filters, made on panoramas that no split of `feature-rmse` tests."""

from collections.abc import Callable, Iterator
from functools import partial

import torch

from ktnlib.sphere import EquirectGrid
from ktnlib.sphere.fitting.layers import refine_taps
from ktnlib.sphere.fitting.taps import spline_coefficients, tap_windows
from ktnlib.sphere.sampling import bilinear_neighbours

from .engine import Checkpoint
from .feature_heads import (
    Kernels,
    answer,
    chained_heads,
    filtered_heads,
    one_set_heads,
    setting_table,
    smooth_heads,
    tangent_heads,
    untied_heads,
)
from .feature_study import (
    SPLITS,
    Setting,
    added,
    bands,
    group_equations,
    held_out,
    relative,
    squared_errors,
    worst_band,
)
from .progress import progress

SCALES = {
    "smoke": {"seeds": 1, "network": "room-net", "until": "conv7", "height": 64, "pictures": "painted-room"},
    "laptop": {
        "seeds": 3,
        "network": "resnet20",
        "until": "layer1.2.conv2",
        "height": 128,
        "pictures": "photographs",
    },
}
UNITS = {"error": "", "worst_band": "", "panoramas": ""}

KNOTS = (4, 8, 16, 32)
RIDGES = (1e-7, 1e-6, 1e-5, 1e-4)  # of smooth sets, on differences of pixels
ROW_RIDGES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)  # of rows by themselves, on pixels


def run_seed(
    seed: int,
    *,
    device: str,
    checkpoint: Checkpoint,
    network: str,
    until: str,
    height: int,
    pictures: str,
) -> dict[str, float]:
    """Relative RMSE of the last convolution, weighted and chained, on validation panoramas, for each choice.

    The seed draws which third of the panoramas validates; the rest of them is fitted on. `worst_band` is the
    error over bicubic's in the band of latitude, north or south, where the choice does worst.
    """
    setting = Setting(network, until, height, pictures)
    fitted, validated = validation(seed, setting.count)
    found = checkpoint.load() or {
        "panoramas.fitted": float(len(fitted)),
        "panoramas.validated": float(len(validated)),
    }
    study = Choices(setting, fitted)
    choices = {name: make for name, make in study.choices() if f"error.{name}" not in found}
    for name in progress(list(choices), f"validation {seed}"):
        sums = squared_errors(setting, validated, answer(choices[name]()))[setting.layers[-1]]
        found[f"error.{name}"] = relative(sums, EquirectGrid(height).solid_angles)
        for degrees, side, rows in bands(height):
            found[f"error.band.{name}.{degrees}deg.{side}"] = relative(sums, rows.double())
        checkpoint.save(found)
    worst = {name: worst_band(found, name, "nothing.bicubic", height) for name, _ in study.choices()}
    kept = {name: value for name, value in found.items() if not name.startswith("error.band.")}
    return kept | {f"worst_band.{name}": value for name, value in worst.items()}


def validation(seed: int, count: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """(fitted, validated) among the panoramas that no test split of `feature-rmse` holds."""
    tested = {index for split in range(SPLITS) for index in held_out(split, count)}
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed)).tolist()
    free = [index for index in order if index not in tested]
    held = max(1, len(free) // 3)
    return tuple(sorted(free[held:])), tuple(sorted(free[:held]))


class Choices:
    """Row kernels for a setting's layers, one recipe after the other, fitted on the same panoramas."""

    def __init__(self, setting: Setting, fitted: tuple[int, ...]) -> None:
        self.setting, self.fitted = setting, fitted
        self.table = setting_table(setting)
        self.parts = added([group_equations(setting, (index,)) for index in fitted])

    def choices(self) -> Iterator[tuple[str, Callable[[], Kernels]]]:
        """(name, maker): the recipe itself is knots-16: ridge 1e-6, relative, exact inputs, 4×4 pixels."""
        yield from (
            (f"nothing.{name}", partial(tangent_heads, self.setting, name))
            for name in ("bilinear", "bicubic")
        )
        yield "window.2x2.untied", self.narrow
        yield from ((f"untied.ridge-{ridge:g}", partial(self.untied, ridge=ridge)) for ridge in ROW_RIDGES)
        yield "untied.free-sums", partial(self.untied, sum_to_one=False)
        smooth = partial(smooth_heads, self.setting, self.parts)
        yield from ((f"knots-{knots}", partial(smooth, knots=knots)) for knots in KNOTS)
        yield from ((f"ridge-{ridge:g}", partial(smooth, ridge=ridge)) for ridge in RIDGES)
        for weighting in ("plain", "solid-angle"):
            yield f"weighting.{weighting}", partial(smooth, weighting=weighting, ridge=1e-4)
        yield "one-set", self.one_set
        yield "one-set.plain", partial(self.one_set, weighting="plain", ridge=1e-4)
        yield "chained", self.chained
        yield from ((f"refined.ridge-{ridge:g}", partial(self.refined, ridge=ridge)) for ridge in ROW_RIDGES)
        yield "refined.chained", partial(self.refined, ridge=1e-2, chained=True)

    def untied(self, **options: float | bool) -> Kernels:
        return untied_heads(self.setting, self.parts, **options)

    def one_set(self, **options: float | str) -> Kernels:
        parts = [(one, self.table) for one in self.parts.values()]
        return one_set_heads(self.setting, spline_coefficients(parts, **options))

    def narrow(self) -> Kernels:
        """Untied filters of the 2×2 pixels that bilinear taps read: three numbers a tap."""
        windows = tap_windows(self.table)
        middle = torch.tensor([5, 6, 9, 10])
        base = torch.zeros_like(windows.weights)
        base[..., middle] = bilinear_neighbours(self.table.rows, self.table.columns).weights
        taps = base.shape[1]
        sides = torch.tensor([[1.0, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]]) / 2
        directions = torch.zeros(taps, 3, taps, 16, dtype=torch.float64)
        for tap in range(taps):
            directions[tap, :, tap, middle] = sides.double()
        directions = directions.flatten(2).flatten(0, 1).expand(len(base), -1, -1)
        reads = {}
        for name, equations in self.parts.items():
            found = equations.about(base.flatten(1), directions).solve(ridge=1e-3, scale=equations.scale)[
                ..., 0
            ]
            moved = torch.einsum("rq,rqa->ra", found, directions).view_as(base)
            reads[name] = windows._replace(weights=base + moved)
        return filtered_heads(self.setting, reads)

    def chained(self) -> Kernels:
        return chained_heads(self.setting, self.fitted)

    def refined(self, *, ridge: float, chained: bool = False) -> Kernels:
        batch = self.setting.batch(self.fitted)
        return refine_taps(self.setting.trunk, *batch, self.untied(), ridge=ridge, chained=chained)
