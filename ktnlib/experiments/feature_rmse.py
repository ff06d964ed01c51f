"""How far transformed layers are from the exact features, by layer and latitude, for every head."""

from functools import cache

from torch import Tensor

from ktnlib.sphere.baselines import direct_conv2d
from ktnlib.sphere.fitting.layers import fit_taps, refine_taps
from ktnlib.sphere.fitting.taps import spline_coefficients, untied_filters

from .engine import Checkpoint
from .feature_heads import (
    Kernels,
    answer,
    filtered_heads,
    one_set_heads,
    setting_table,
    smooth_heads,
    tangent_heads,
)
from .feature_study import (
    Answer,
    Setting,
    bands,
    held_out,
    metrics,
    squared_errors,
    training_equations,
)
from .progress import progress

SCALES = {
    "smoke": {
        "seeds": 1,
        "network": "room-net",
        "until": "conv7",
        "height": 64,
        "pictures": "painted-room",
        "partner": "",
        "partner_until": "",
    },
    "laptop": {
        "seeds": 3,
        "network": "resnet20",
        "until": "layer1.2.conv2",
        "height": 256,
        "pictures": "photographs",
        "partner": "resnet44",
        "partner_until": "layer1.2.conv2",
    },
}
UNITS = {"error": "", "worst_band": "", "kept": "%"}


def run_seed(
    seed: int,
    *,
    device: str,
    checkpoint: Checkpoint,
    network: str,
    until: str,
    height: int,
    pictures: str,
    partner: str,
    partner_until: str,
) -> dict[str, float]:
    """Relative RMSE of convolution outputs on a test split; each layer reads the transformed ones before it.

    The seed is the split. Nothing is chosen on it: knots, ridges and heads are those of `tap-recipe`. The
    first layer reads the image, where the bilinear tangent convolution is exact; only "direct" runs without.
    """
    setting = Setting(network, until, height, pictures)
    other = Setting(partner, partner_until, height, pictures) if partner else None
    found = checkpoint.load() or {}
    heads = Heads(setting, other, seed)
    for head in progress([head for head in heads.names if head not in found], f"split {seed}"):
        sums = squared_errors(setting, held_out(seed, setting.count), heads.answer(head))
        found[head] = metrics(setting, head, sums)
        checkpoint.save(found)
    together = {name: value for one in found.values() for name, value in one.items()}
    return together | compared(together, heads.names, setting)


class Heads:
    """What answers for the layers of a setting, by the head's name; fitted when it is asked for."""

    def __init__(self, setting: Setting, partner: Setting | None, seed: int) -> None:
        self.setting, self.partner, self.seed = setting, partner, seed
        self.kernels = cache(self._kernels)
        transferred = ["taps-transferred", "taps-both"] if partner else []
        learned = ["taps", "taps-chained", "taps-shared", *transferred, "untied", "refined", "taps-refined"]
        self.names = ["direct", "bilinear", "bicubic", *learned, "bilinear-refined"]

    def answer(self, head: str) -> Answer:
        if head == "direct":
            return lambda name, layer, x: direct_conv2d(x, layer.weight, layer.bias, padding="sphere")
        return answer(self.kernels(head))

    def _kernels(self, head: str) -> Kernels:
        """The first layer is bilinear in any case: the exact network reads the image so."""
        if head in ("bilinear", "bicubic"):
            return tangent_heads(self.setting, head)
        if head.endswith("refined"):
            return self._refined(head.removesuffix("refined").rstrip("-") or "untied")
        if head in ("taps-shared", "taps-transferred", "taps-both"):
            return self._one_set(head)
        if head == "taps-chained":
            fitted = fit_taps(self.setting.trunk, *self._training(), chained=True)
            table = setting_table(self.setting)
            return filtered_heads(self.setting, {name: one.filters(table) for name, one in fitted.items()})
        equations = training_equations(self.setting, self.seed)
        if head == "taps":
            return smooth_heads(self.setting, equations)
        table = setting_table(self.setting)
        return filtered_heads(
            self.setting, {name: untied_filters(one, table) for name, one in equations.items()}
        )

    def _one_set(self, head: str) -> Kernels:
        """Fitted on this network, on its partner, or on both."""
        chosen = {"taps-shared": [self.setting], "taps-transferred": [self.partner]}
        parts = [
            (equations, setting_table(one))
            for one in chosen.get(head, [self.setting, self.partner])
            for equations in training_equations(one, self.seed).values()
        ]
        return one_set_heads(self.setting, spline_coefficients(parts))

    def _refined(self, base: str) -> Kernels:
        return refine_taps(self.setting.trunk, *self._training(), self.kernels(base))

    def _training(self) -> tuple[Tensor, dict[str, Tensor]]:
        tests = held_out(self.seed, self.setting.count)
        return self.setting.batch(index for index in range(self.setting.count) if index not in tests)


def compared(found: dict[str, float], heads: list[str], setting: Setting) -> dict[str, float]:
    """Each head against bicubic in its worst band, and how much of the untied fit's gain it keeps."""
    sides = [f"{degrees}deg.{side}" for degrees, side, _ in bands(setting.height)]
    last = f"conv{len(setting.layers) + 1}"
    bilinear, untied = (found[f"error.weighted.{head}.{last}"] for head in ("bilinear", "untied"))
    out = {}
    for head in heads:
        ratios = [found[f"error.band.{head}.{side}"] / found[f"error.band.bicubic.{side}"] for side in sides]
        out[f"worst_band.{head}"] = max(ratios)
        gained = bilinear - found[f"error.weighted.{head}.{last}"]
        out[f"kept.{head}"] = 100 * gained / (bilinear - untied)
    return out
