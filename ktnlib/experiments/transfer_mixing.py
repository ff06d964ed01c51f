"""Recipes that mix channels, on other networks: of the same parent, as in the paper, and independent ones.

Channel k of two networks trained from the same weights still means about the same; of two networks trained
from different draws it does not. Tap filters know nothing of channels; the published head has two 1×1
convolutions over them, and a mixing of low rank is nothing else.
"""

from typing import Any

from .engine import Checkpoint
from .feature_heads import Kernels, answer, filtered_heads, tangent_heads
from .feature_study import Setting, held_out, metrics, squared_errors
from .progress import progress
from .teacher import Teacher
from .transfer import summary
from .transfer_fits import fits

SCALES = {
    "smoke": {
        "seeds": 1,
        "teachers": (("digit-net", "conv1_2", 32, "painted-room"),),
        "pupils": (
            ("digit-net", "conv1_2", 32, "painted-room"),
            ("room-net", "conv2", 32, "painted-room"),
        ),
        "related": (),
        "steps": 40,
    },
    "laptop": {
        "seeds": 1,
        "teachers": (
            ("cifar-net-0", "layer1.2.conv2", 128, "photographs"),
            ("finetuned-net-0", "layer1.2.conv2", 128, "photographs"),
        ),
        "pupils": (
            ("cifar-net-0", "layer1.2.conv2", 128, "photographs"),
            ("finetuned-net-0", "layer1.2.conv2", 128, "photographs"),
            ("finetuned-net-1", "layer1.2.conv2", 128, "photographs"),
            ("cifar-net-1", "layer1.2.conv2", 128, "photographs"),
            ("cifar-net-2", "layer1.2.conv2", 128, "photographs"),
            ("resnet20", "layer1.2.conv2", 128, "photographs"),
        ),
        "related": ("cifar-net-1", "cifar-net-2", "resnet20"),
        "steps": 240,
    },
}
UNITS = {"error": "", "kept": "%", "over_bicubic": "", "worst_band": "", "apart": ""}

RECIPES = ("one-set", "layers", "low-rank", "published")


def run_seed(
    seed: int,
    *,
    device: str,
    checkpoint: Checkpoint,
    teachers: tuple[tuple[str, str, int, str], ...],
    pupils: tuple[tuple[str, str, int, str], ...],
    related: tuple[str, ...],
    steps: int,
) -> dict[str, float]:
    """Errors as in `transfer` of what was fitted on teachers, on the pupils' kernels; the seed is the split.

    Heads are a recipe and a teacher, which is a pupil of itself: "one-set" and "layers" as in `transfer`;
    "low-rank", the layers' sets with two matrices that mix outputs; "published", the head of the paper, ties
    of five rows, as `published-head` trains it. Layers are matched by their place. The `related` pupils are
    the ones that share no weights with the first teacher. "apart" is how far the pupil's kernels are from
    the teacher's, |K − K_t| / |K_t| over the layers that are fitted.
    """
    state: dict[str, Any] = checkpoint.load() or {"found": {}, "heads": {}}
    schools = {one[0]: Teacher(Setting(*one), seed, steps, state, checkpoint) for one in teachers}
    settings = [Setting(*one) for one in pupils]
    heads = ["bilinear", "bicubic", "rows.own", *(f"{one}.{name}" for name in schools for one in RECIPES)]
    wanted = [(setting, head) for head in heads for setting in settings]
    missing = [(one, head) for one, head in wanted if f"{one.network} {head}" not in state["found"]]
    for setting, head in progress(missing, f"split {seed}"):
        kernels = heads_of(setting, head, seed, schools)
        sums = squared_errors(setting, held_out(seed, setting.count), answer(kernels))
        state["found"][f"{setting.network} {head}"] = metrics(setting, head, sums)
        checkpoint.save(state)
    out = summary(state["found"], settings, related)
    return out | {
        f"apart.{pupil.network}.{name}": apart(pupil, school.setting)
        for name, school in schools.items()
        for pupil in settings
    }


def heads_of(setting: Setting, head: str, seed: int, schools: dict[str, Teacher]) -> Kernels:
    """A pupil's row kernels by the head's name; the first layer stays bilinear."""
    if head in ("bilinear", "bicubic"):
        return tangent_heads(setting, head)
    recipe, _, name = head.partition(".")
    if recipe == "rows":
        return filtered_heads(setting, fits((setting,))[setting.network][seed].rows)
    return tangent_heads(setting, "bilinear") | schools[name].kernels(recipe, setting)


def apart(pupil: Setting, teacher: Setting) -> float:
    """Distance of the pupil's kernels from the teacher's, relative to the teacher's own size."""
    pairs = [
        (pupil.trunk.layers[theirs].weight, teacher.trunk.layers[own].weight)
        for theirs, own in zip(pupil.layers, teacher.layers, strict=True)
    ]
    distance = sum((one - other).square().sum() for one, other in pairs)
    return (distance / sum(other.square().sum() for _, other in pairs)).sqrt().item()
