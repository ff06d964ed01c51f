"""The heads on other networks than the set that ships was fitted on: a denoiser, own nets."""

from ktnlib.sphere.shared_taps import shared_taps

from .engine import Checkpoint
from .feature_heads import answer, one_set_heads, smooth_heads
from .feature_rmse import Heads
from .feature_study import Setting, held_out, metrics, squared_errors, training_equations
from .progress import progress

SCALES = {
    "smoke": {"seeds": 1, "settings": (("room-net", "conv4", 32, "painted-room", 6),)},
    "laptop": {
        "seeds": 3,
        "settings": (
            ("dncnn", "13", 64, "photographs", 10),
            ("room-net", "conv7", 128, "painted-room", 6),
            ("digit-net", "conv1_2", 128, "painted-room", 6),
        ),
    },
}
UNITS = {"error": ""}

HEADS = ("direct", "bilinear", "bicubic", "shipped", "taps", "taps-pulled", "untied", "refined")


def run_seed(
    seed: int,
    *,
    device: str,
    checkpoint: Checkpoint,
    settings: tuple[tuple[str, str, int, str, int], ...],
) -> dict[str, float]:
    """Relative RMSE as in `feature-rmse`, on networks the set that ships has not seen, and of their own fits.

    The seed is the split. The set that ships was fitted on all photographs, with other networks: there it is
    new to the network, not to the pictures. "taps-pulled" is "taps" with a hundred times its pull towards
    bicubic. Of a setting: network, last convolution, rows, pictures, and how many of them.
    """
    found = checkpoint.load() or {}
    for one in settings:
        setting = Setting(*one)
        heads = Heads(setting, None, seed)
        for head in progress(HEADS, f"{setting.network}, split {seed}"):
            if f"error.{setting.network}.weighted.{head}.conv2" in found:
                continue
            if head == "shipped":
                run = answer(one_set_heads(setting, shared_taps()))
            elif head == "taps-pulled":
                run = answer(smooth_heads(setting, training_equations(setting, seed), ridge=1e-4))
            else:
                run = heads.answer(head)
            sums = squared_errors(setting, held_out(seed, setting.count), run)
            for name, value in metrics(setting, head, sums).items():
                if ".band." not in name:
                    found[name.replace("error.", f"error.{setting.network}.", 1)] = value
            checkpoint.save(found)
    return found
