"""How far transformed layers are from the exact features, by layer and latitude, for every head."""

from functools import cache

from ktnlib.sphere.baselines import direct_conv2d
from ktnlib.sphere.fitting.layers import refine_taps
from ktnlib.sphere.fitting.taps import spline_coefficients

from .engine import Checkpoint
from .feature_heads import (
    Kernels,
    answer,
    chained_heads,
    one_set_heads,
    setting_table,
    smooth_heads,
    tangent_heads,
    untied_heads,
)
from .feature_study import (
    Answer,
    Setting,
    held_out,
    metrics,
    not_held_out,
    squared_errors,
    training_equations,
    worst_band,
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
            return chained_heads(self.setting, not_held_out(self.seed, self.setting.count))
        equations = training_equations(self.setting, self.seed)
        return (smooth_heads if head == "taps" else untied_heads)(self.setting, equations)

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
        batch = self.setting.batch(not_held_out(self.seed, self.setting.count))
        return refine_taps(self.setting.trunk, *batch, self.kernels(base))


def compared(found: dict[str, float], heads: list[str], setting: Setting) -> dict[str, float]:
    """Each head against bicubic in its worst band, and how much of the untied fit's gain it keeps."""
    last = f"conv{len(setting.layers) + 1}"
    bilinear, untied = (found[f"error.weighted.{head}.{last}"] for head in ("bilinear", "untied"))
    out = {}
    for head in heads:
        out[f"worst_band.{head}"] = worst_band(found, head, "bicubic", setting.height)
        gained = bilinear - found[f"error.weighted.{head}.{last}"]
        out[f"kept.{head}"] = 100 * gained / (bilinear - untied)
    return out
