"""A transformer fitted on some networks and used with another network's kernels: what of its gain is kept."""

from statistics import mean

from ktnlib.sphere.baselines import direct_conv2d
from ktnlib.sphere.shared_taps import shared_taps
from ktnlib.sphere.tap_filters import spline_filters

from .engine import Checkpoint
from .feature_heads import Kernels, answer, filtered_heads, one_set_heads, setting_table, tangent_heads
from .feature_study import (
    Answer,
    Setting,
    held_out,
    metrics,
    squared_errors,
    worst_band,
)
from .progress import progress
from .transfer_fits import fits

SCALES = {
    "smoke": {
        "seeds": 1,
        "sources": (
            ("digit-net", "conv1_2", 64, "painted-room"),
            ("globe-net", "conv1_2", 64, "painted-room"),
        ),
        "targets": (("room-net", "conv5", 64, "painted-room"),),
        "related": ("room-net",),
    },
    "laptop": {
        "seeds": 3,
        "sources": (
            ("resnet20", "layer1.2.conv2", 256, "photographs"),
            ("resnet44", "layer1.2.conv2", 256, "photographs"),
        ),
        "targets": (
            ("cifar-net-0", "layer1.2.conv2", 256, "photographs"),
            ("cifar-net-1", "layer1.2.conv2", 256, "photographs"),
            ("cifar-net-2", "layer1.2.conv2", 256, "photographs"),
            ("room-net", "conv7", 256, "photographs"),
            ("sign-net", "conv1_2", 256, "photographs"),
            ("digit-net", "conv1_2", 256, "photographs"),
        ),
        "related": ("cifar-net-0", "cifar-net-1", "cifar-net-2"),
    },
}
UNITS = {"error": "", "kept": "%", "over_bicubic": "", "worst_band": ""}


def run_seed(
    seed: int,
    *,
    device: str,
    checkpoint: Checkpoint,
    sources: tuple[tuple[str, str, int, str], ...],
    targets: tuple[tuple[str, str, int, str], ...],
    related: tuple[str, ...],
) -> dict[str, float]:
    """Relative RMSE on each target, chained, weighted by solid angle, with what was fitted on the sources.

    The seed is the split, as in `feature-rmse`; sources and targets are fitted on the same panoramas and
    tested on the others. Heads are named by what is fitted, then by whom it is fitted on: "one-set" for all
    layers, "layers" a smooth set for each layer, "rows" every row of each layer by itself; "all" is all
    sources together, "own" the target itself. "shipped" was fitted on the sources with all panoramas.

    "kept" is the share of the own rows' gain over bilinear that a head keeps, of the last layer and of the
    sum of all fitted layers; "over_bicubic" its error over bicubic's; "mean" is over the `related` targets.
    "worst_band" is the last layer's error over bicubic's in the band of latitude where a head does worst.
    """
    found = checkpoint.load() or {}
    fitted_on = tuple(Setting(*one) for one in sources)
    for setting in (Setting(*one) for one in targets):
        study = Target(setting, fitted_on, seed)
        missing = [head for head in study.heads if f"{setting.network} {head}" not in found]
        for head in progress(missing, f"{setting.network}, split {seed}"):
            sums = squared_errors(setting, held_out(seed, setting.count), study.answer(head))
            found[f"{setting.network} {head}"] = metrics(setting, head, sums)
            checkpoint.save(found)
    return summary(found, [Setting(*one) for one in targets], related)


class Target:
    """A network whose own kernels are read in the way other networks taught."""

    def __init__(self, setting: Setting, sources: tuple[Setting, ...], seed: int) -> None:
        self.setting, self.sources, self.seed = setting, sources, seed
        teachers = ["own", *(one.network for one in sources), "all"]
        alike = all((one.layers, one.height) == (setting.layers, setting.height) for one in sources)
        by_layer = teachers if alike else ["own"]
        self.heads = ["direct", "bilinear", "bicubic", "shipped"]
        self.heads += [f"one-set.{teacher}" for teacher in teachers]
        self.heads += [f"{kind}.{teacher}" for kind in ("layers", "rows") for teacher in by_layer]

    def answer(self, head: str) -> Answer:
        """What runs every layer; the first stays bilinear but for "direct"."""
        if head == "direct":
            return lambda name, layer, x: direct_conv2d(x, layer.weight, layer.bias, padding="sphere")
        if head in ("bilinear", "bicubic"):
            return answer(tangent_heads(self.setting, head))
        if head == "shipped":
            return answer(one_set_heads(self.setting, shared_taps()))
        kind, _, teacher = head.partition(".")
        return answer(self.learned(kind, teacher))

    def learned(self, kind: str, teacher: str) -> Kernels:
        """The target's kernels through filters of one kind, of one teacher."""
        own = teacher == "own"
        one = fits((self.setting,) if own else self.sources)[self.setting.network if own else teacher]
        fit, table = one[self.seed], setting_table(self.setting)
        if kind == "one-set":
            return one_set_heads(self.setting, fit.one_set)
        if kind == "rows":
            return filtered_heads(self.setting, fit.rows)
        read = {name: spline_filters(coefficients, table) for name, coefficients in fit.layers.items()}
        return filtered_heads(self.setting, read)


def summary(
    found: dict[str, dict[str, float]], settings: list[Setting], related: tuple[str, ...]
) -> dict[str, float]:
    """Errors by network, head and layer, what is kept of the own rows' gain, and means over the related."""
    out: dict[str, float] = {}
    for setting in settings:
        own = f"{setting.network} "
        out |= of_target(setting, {key: one for key, one in found.items() if key.startswith(own)})
    for name in [name for name in out if related and f".{related[0]}." in name]:
        alike = [name.replace(f".{related[0]}.", f".{other}.") for other in related]
        if all(one in out for one in alike):
            out[name.replace(f".{related[0]}.", ".mean.")] = mean(out[one] for one in alike)
    return out


def of_target(setting: Setting, found: dict[str, dict[str, float]]) -> dict[str, float]:
    """One target's share of the summary."""
    together = {name: value for one in found.values() for name, value in one.items()}
    heads = [key.partition(" ")[2] for key in found]
    layers = [f"conv{number}" for number in range(2, 2 + len(setting.layers))]
    errors = {head: [together[f"error.weighted.{head}.{layer}"] for layer in layers] for head in heads}
    net, out = setting.network, {}
    for head in heads:
        each = dict(zip(layers, errors[head], strict=True)) | {"sum": sum(errors[head])}
        out |= {f"error.{net}.{head}.{name}": value for name, value in each.items()}
        out[f"worst_band.{net}.{head}"] = worst_band(together, head, "bicubic", setting.height)
    for place, key in (("last", layers[-1]), ("sum", "sum")):
        value = {head: out[f"error.{net}.{head}.{key}"] for head in heads}
        gain = value["bilinear"] - value["rows.own"]
        for head in heads:
            out[f"kept.{place}.{net}.{head}"] = 100 * (value["bilinear"] - value[head]) / gain
            out[f"over_bicubic.{place}.{net}.{head}"] = value[head] / value["bicubic"]
    return out
