"""Smooth tap filters fitted at one height and used at another, against a fit at that height."""

from ktnlib.sphere import EquirectGrid
from ktnlib.sphere.fitting.taps import spline_coefficients
from ktnlib.sphere.tap_filters import spline_filters

from .engine import Checkpoint
from .feature_heads import Kernels, answer, filtered_heads, setting_table
from .feature_study import Setting, held_out, relative, squared_errors, training_equations
from .progress import progress

SCALES = {
    "smoke": {
        "seeds": 1,
        "network": "room-net",
        "until": "conv4",
        "pictures": "painted-room",
        "heights": (32, 64),
    },
    "laptop": {
        "seeds": 3,
        "network": "resnet20",
        "until": "layer1.2.conv2",
        "pictures": "photographs",
        "heights": (128, 256),
    },
}
UNITS = {"error": "", "ratio": ""}


def run_seed(
    seed: int,
    *,
    device: str,
    checkpoint: Checkpoint,
    network: str,
    until: str,
    pictures: str,
    heights: tuple[int, int],
) -> dict[str, float]:
    """Relative RMSE of the last convolution, weighted and chained, for each pair of heights.

    A set per layer, 16 splines; ratios are to the fit at the height it is used at. The seed is the split, as
    in `feature-rmse`.
    """
    settings = [Setting(network, until, height, pictures) for height in heights]
    found = checkpoint.load() or {}
    pairs = [(fitted, used) for fitted in settings for used in settings]
    for fitted, used in progress(pairs, f"split {seed}"):
        name = f"error.fit-{fitted.height}.used-{used.height}"
        if name not in found:
            sums = squared_errors(used, held_out(seed, used.count), answer(carried(fitted, used, seed)))
            weights = EquirectGrid(used.height).solid_angles
            found[name] = relative(sums[used.layers[-1]], weights)
            checkpoint.save(found)
    low, high = heights
    return found | {
        f"ratio.{one}-to-{other}": found[f"error.fit-{one}.used-{other}"]
        / found[f"error.fit-{other}.used-{other}"]
        for one, other in ((low, high), (high, low))
    }


def carried(fitted: Setting, used: Setting, seed: int) -> Kernels:
    """A set for each layer from the panoramas of one height, on the rows of another."""
    source, table = setting_table(fitted), setting_table(used)
    sets = {
        name: spline_coefficients([(equations, source)])
        for name, equations in training_equations(fitted, seed).items()
    }
    return filtered_heads(used, {name: spline_filters(one, table) for name, one in sets.items()})
