"""Digits on the sphere, read by nets that were trained on flat ones: accuracy by method and latitude."""

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from ktnlib import data
from ktnlib.sphere import RowKernels, camera_spacing
from ktnlib.sphere.fitting import fit_sphconv

from .classifiers import accuracy
from .digit_readers import UNTIL, Reader, camera, converted, exact
from .engine import Checkpoint
from .placed_digits import FOV, SIZE, digits_anywhere, digits_at
from .progress import progress
from .train_globe_net import framed, handwritten

FULL = ("direct", "spherenet", "ktn-bicubic", "ktn", "interpolate")
PYRAMID = ("direct", "direct-wrap", "direct-zero", "spherenet", "equiconv", "ktn-bilinear", "ktn-bicubic")
PYRAMID += ("ktn", "projected", "cubemap", "cubemap-zero", "tangent-images", "sphconv")
READERS = tuple(f"full.{name}" for name in FULL) + tuple(f"pyramid.{name}" for name in PYRAMID)
ANGLES = (18, 36, 54, 72, 90)
SCALES = {
    "smoke": {
        "seeds": 1,
        "network": "globe-net",
        "digits": "digits",
        "number": 12,
        "angles": (18, 54),
        "readers": ("full.direct", "pyramid.direct", "pyramid.spherenet", "pyramid.ktn"),
        "fitted_on": 2,
    },
    "laptop": {
        "seeds": 3,
        "network": "mnist-net-{seed}",
        "digits": "mnist",
        "number": 500,
        "angles": ANGLES,
        "readers": READERS,
        "fitted_on": 60,
    },
    "paper": {
        "seeds": 3,
        "network": "mnist-net-{seed}",
        "digits": "mnist",
        "number": 10_000,
        "angles": ANGLES,
        "readers": READERS,
        "fitted_on": 240,
    },
}
UNITS = {"accuracy": "%", "error": "", "lag": "points", "lead": "points"}

EVERY = 8  # pixels of the full grid: exact answers there cost about what the direct network costs
PAIRS = (("spherenet", "direct"), ("ktn", "spherenet"), ("ktn", "ktn-bicubic"))


def run_seed(
    seed: int,
    *,
    device: str,
    checkpoint: Checkpoint,
    network: str,
    digits: str,
    number: int,
    angles: tuple[int, ...],
    readers: tuple[str, ...],
    fitted_on: int,
) -> dict[str, float]:
    """Per cent of right answers on the first `number` test digits at each angle from the nearer pole.

    "perspective" is the planar network on a view of the digit, "exact" has a patch of its own at each of the
    16 places that are read. The error is the distance of a digit's scores from the exact ones, relative to
    how far those lie from their mean; a lag is the exact answers' mean accuracy less a method's, a lead one
    method's less another's. The seed is that of the network, and it turns the panoramas.

    Args:
        network: name of a source network of the globe net's shape, with a place for the seed.
        digits: "digits" or "mnist".
        readers: names of `converted` behind "full." or "pyramid.".
        fitted_on: training digits, each on a panorama, that "sphconv" is fitted on.
    """
    net = data.source_network(network.format(seed=seed)).to(device)
    written = handwritten(digits)
    images, labels = written.test_images[:number].to(device), written.test_labels[:number].to(device)
    placed = [digits_at(images, labels, polar_angle_deg=angle, seed=seed) for angle in angles]
    unseen = digits_anywhere(written.train_images[:fitted_on], written.train_labels[:fitted_on], seed=seed)
    answers = checkpoint.load() or {}
    for name in progress(("exact", "perspective", *readers), f"seed {seed}"):
        if name not in answers:
            reader = reader_called(name, net, unseen.panoramas.to(device))
            answers[name] = torch.stack([reader(one) for one in placed]).cpu()
            checkpoint.save(answers)
    scores = {name: torch.as_tensor(given) for name, given in answers.items()}
    return {"accuracy.flat": accuracy(net, framed(images), labels)} | metrics(scores, labels.cpu(), angles)


def reader_called(
    name: str, net: nn.Module, unseen: Float[Tensor, "panorama 1 height width"], fov: float = FOV
) -> Reader:
    """ "exact", "perspective", or a conversion with its resolution before it, as in "full.ktn"."""
    if name in LOOKING:
        return LOOKING[name](net, fov=fov)
    resolution, method = name.split(".")
    options = {}
    if method == "interpolate":
        options = {"every": EVERY}
    if method == "sphconv":
        options = {"transformer": row_kernels(net, unseen, fov=fov, resolution=resolution)}
    return converted(net, method, fov=fov, resolution=resolution, options=options)


LOOKING = {"exact": exact, "perspective": camera}


def row_kernels(
    net: nn.Module, panoramas: Float[Tensor, "panorama 1 height width"], *, fov: float, resolution: str
) -> dict[str, RowKernels]:
    """Spherical Convolution's kernels of a converted network, fitted on its exact answers there."""
    spacing = camera_spacing(fov, SIZE)
    return fit_sphconv(net, panoramas, spacing=spacing, resolution=resolution, until=UNTIL)


def metrics(
    scores: dict[str, Float[Tensor, "angle digit classes"]],
    labels: Int64[Tensor, " digit"],
    angles: tuple[int, ...],
) -> dict[str, float]:
    """Accuracies at every angle and their means, lags behind "exact", leads, errors of the scores."""
    found, right = {}, {name: shares(given, labels) for name, given in scores.items()}
    for name, given in scores.items():
        found |= by_angle(f"accuracy.{name}", right[name], angles)
        if name != "exact":
            error = [relative(one, wanted) for one, wanted in zip(given, scores["exact"], strict=True)]
            found |= by_angle(f"error.{name}", torch.tensor(error), angles)
            found |= by_angle(f"lag.{name}", right["exact"] - right[name], angles)
    for resolution in ("full", "pyramid"):
        for first, second in PAIRS:
            names = f"{resolution}.{first}", f"{resolution}.{second}"
            if all(name in right for name in names):
                difference = right[names[0]] - right[names[1]]
                found |= by_angle(f"lead.{resolution}.{first}-{second}", difference, angles)
    return found


def shares(
    scores: Float[Tensor, "angle digit classes"], labels: Int64[Tensor, " digit"]
) -> Float[Tensor, " angle"]:
    """Per cent of right answers at each angle."""
    return 100 * (scores.argmax(dim=-1) == labels).double().mean(dim=1)


def by_angle(name: str, values: Float[Tensor, " angle"], angles: tuple[int, ...]) -> dict[str, float]:
    """One metric an angle, and their mean.

    >>> by_angle("lag.full.ktn", torch.tensor([1.5, 0.5]), (18, 90))
    {'lag.full.ktn.18deg': 1.5, 'lag.full.ktn.90deg': 0.5, 'lag.full.ktn.mean': 1.0}
    """
    each = {f"{name}.{angle}deg": value for angle, value in zip(angles, values.tolist(), strict=True)}
    return each | {f"{name}.mean": values.mean().item()}


def relative(scores: Float[Tensor, "digit classes"], wanted: Float[Tensor, "digit classes"]) -> float:
    """RMS of the difference over the RMS of what is wanted about each digit's mean score.

    >>> relative(torch.tensor([[1.0, 0.0]]), torch.tensor([[2.0, 0.0]]))
    0.7071...
    """
    spread = wanted - wanted.mean(dim=1, keepdim=True)
    return ((scores - wanted).norm() / spread.norm()).item()
