"""SphConv's row kernels by how many places of a row they are fitted on: 720 numbers an output want many."""

from torch import Tensor

from ktnlib.sphere import RowKernels
from ktnlib.sphere.fitting import ConvLayer
from ktnlib.sphere.fitting.layers import fit_layers
from ktnlib.sphere.fitting.row_kernels import fit_row_kernels

from .engine import Checkpoint
from .feature_heads import Kernels, answer
from .feature_study import Setting, held_out, metrics, not_held_out, squared_errors
from .progress import progress

SCALES = {
    "smoke": {
        "seeds": 1,
        "network": "room-net",
        "until": "conv2",
        "height": 32,
        "pictures": "painted-room",
        "every": (4, 1),
    },
    "laptop": {
        "seeds": 2,
        "network": "resnet20",
        "until": "layer1.2.conv2",
        "height": 128,
        "pictures": "photographs",
        "every": (2, 1),  # 4 is in `published-head`, on the columns that its other heads see
    },
}
UNITS = {"error": "", "places": "pixels"}


def run_seed(
    seed: int,
    *,
    device: str,
    checkpoint: Checkpoint,
    network: str,
    until: str,
    height: int,
    pictures: str,
    every: tuple[int, ...],
) -> dict[str, float]:
    """Relative RMSE chained, as in `feature-rmse`, of dense row kernels fitted on every so many columns.

    The seed is the split; "places" is how many pixels of all training panoramas a row's kernel is fitted on.
    """
    setting = Setting(network, until, height, pictures)
    tests = held_out(seed, setting.count)
    found = checkpoint.load() or {}
    for step in progress([step for step in every if f"places.every-{step}" not in found], f"split {seed}"):
        training = not_held_out(seed, setting.count)
        sums = squared_errors(setting, tests, answer(row_kernels(setting, training, step)))
        found |= metrics(setting, f"every-{step}", sums)
        found[f"places.every-{step}"] = 2 * height // step * len(training)
        checkpoint.save(found)
    return found


def row_kernels(setting: Setting, training: list[int], every: int) -> Kernels:
    """Every layer's rows by least squares on exact inputs; the first layer stays bilinear."""

    def fit(name: str, layer: ConvLayer, x: Tensor, target: Tensor) -> RowKernels:
        return fit_row_kernels(layer.weight, layer.bias, x, target, every=every)

    return fit_layers(setting.trunk, *setting.batch(training), fit)
