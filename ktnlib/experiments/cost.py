"""What a network costs on the sphere: numbers learnt and stored, products, memory and time, by height.

Counted for all methods: numbers, and multiply-adds of one panorama. Measured, in a process for each method,
network and height: peak memory and processor time of one thread, the latter only as a multiple of the direct
method's in the same process. The networks are drawn, not trained: cost does not depend on what they know.
Exact answers are timed at eight points and reckoned up.

SphConv is counted twice: as our fit lays out its windows, and within what the published one may have had,
9 to 49 numbers a row and pair of channels with the panorama never pooled.
"""

from ktnlib.sphere.conversion import plan
from ktnlib.sphere.conversion.plan import Plan
from ktnlib.sphere.published import vgg16_costs
from ktnlib.sphere.shared_taps import shared_taps

from .cost_counts import layers, multiply_adds, sphconv_learnt
from .cost_networks import network
from .cost_probe import probe
from .engine import Checkpoint
from .progress import progress

TAPS = ("spherenet", "ktn-bilinear", "ktn-bicubic", "ktn")
COUNTED = ("direct", *TAPS, "sphconv", "cubemap", "tangent-images", "exact", "interpolate")
MEASURED = ("direct", *TAPS, "equiconv", "cubemap", "cubemap-zero", "tangent-images", "exact", "interpolate")
CHOSEN = ("direct", "spherenet", "ktn", "cubemap", "tangent-images", "exact", "interpolate")
LAYERED = ("direct", "spherenet", "ktn-bicubic", "ktn")

SCALES = {
    "smoke": {
        "seeds": 1,
        "counted": (("digit-net", "pyramid", (32, 64)),),
        "measured": (("digit-net", "pyramid", (64,), ("direct", "ktn", "exact")),),
        "repeats": 1,
    },
    "laptop": {
        "seeds": 1,
        "counted": (
            ("tinydarknet", "pyramid", (64, 128, 256, 512)),
            ("resnet18", "pyramid", (64, 128, 256, 512)),
            ("vgg16", "pyramid", (64, 160, 320, 512)),
            ("vgg16", "full", (64, 160, 320, 512)),
        ),
        "measured": (
            ("tinydarknet", "pyramid", (64, 128, 256, 512), MEASURED),
            ("tinydarknet", "pyramid", (64, 128), ("sphconv", "projected")),
            ("tinydarknet", "full", (64, 128), LAYERED),
            ("resnet18", "pyramid", (128, 256, 512), CHOSEN),
            ("vgg16", "pyramid", (320,), CHOSEN),
        ),
        "repeats": 2,
    },
}
UNITS = {"learnt": "numbers", "stored": "MiB", "multiply_adds": "G", "memory": "MiB", "time": ""}


def run_seed(
    seed: int,
    *,
    device: str,
    checkpoint: Checkpoint,
    counted: tuple[tuple[str, str, tuple[int, ...]], ...],
    measured: tuple[tuple[str, str, tuple[int, ...], tuple[str, ...]], ...],
    repeats: int,
) -> dict[str, float]:
    """Metrics are named by network, "-full" where the panorama is never pooled, height and method."""
    found = checkpoint.load() or {}
    for name, resolution, heights in counted:
        planned = plan(network(name))
        for height in heights:
            found |= counts(planned, label(name, resolution), height, resolution)
    runs = [
        (name, resolution, height, method)
        for name, resolution, heights, methods in measured
        for height in heights
        for method in methods
        if method not in ("exact", "interpolate")
        or multiply_adds(plan(network(name)), method, height, resolution) is not None
    ]
    for name, resolution, height, method in progress(runs, "measured"):
        place = f"{label(name, resolution)}.{height}.{method}"
        if f"time.{place}" not in found:
            cost = probe(name, height, method, resolution, repeats)
            found |= {f"{what}.{place}": value for what, value in cost.items()}
            checkpoint.save(found)
    return found


def label(name: str, resolution: str) -> str:
    """How a network is called in the metrics."""
    return name if resolution == "pyramid" else f"{name}-full"


def counts(planned: Plan, name: str, height: int, resolution: str) -> dict[str, float]:
    """Products, numbers learnt, and what has to be kept with the source's own weights."""
    found = {}
    for method in COUNTED:
        products = multiply_adds(planned, method, height, resolution)
        if products is not None:
            found[f"multiply_adds.{name}.{height}.{method}"] = products / 1e9
    source = sum(parameter.numel() for parameter in planned.model.parameters())
    for method, numbers in learnt(planned, name, height, resolution).items():
        found[f"learnt.{name}.{height}.{method}"] = numbers
        found[f"stored.{name}.{height}.{method}"] = (source + numbers) * 4 / 2**20
    return found


def learnt(planned: Plan, name: str, height: int, resolution: str) -> dict[str, int]:
    """Numbers that each method learns; the set that ships is one for all layers and networks."""
    convolutions = [layer for layer in layers(planned) if layer.products and layer.taps > 1]
    found = {"direct": 0, "ktn": shared_taps().numel()}
    found["sphconv"] = sphconv_learnt(planned, height, resolution)
    if name == "vgg16-full":
        pairs = sum(layer.in_channels * layer.out_channels for layer in convolutions)
        found["published"] = vgg16_costs(height)["total"].parameters
        found |= {"sphconv-least": 9 * height * pairs, "sphconv-most": 49 * height * pairs}
    return found
