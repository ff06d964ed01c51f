"""Networks trained on the sphere itself, the peers' among them: accuracy by latitude on placed digits."""

import math
from collections.abc import Callable

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from ktnlib.sphere import TangentConv2d, TangentMaxPool2d
from ktnlib.sphere.baselines.cap import CapConv2d
from ktnlib.sphere.baselines.disco import DiscoConv2d
from ktnlib.sphere.baselines.peers import installed
from ktnlib.sphere.baselines.s2cnn import RotationConv, SphereToRotations, rotation_mean
from ktnlib.sphere.baselines.spherenet import SphereNetConv2d, SphereNetMaxPool2d
from ktnlib.sphere.baselines.zonal import ZonalConv2d, gauss_rows

from .checkpoint import Training
from .engine import Checkpoint
from .placed_digits import TOGETHER, digits_anywhere, digits_at
from .train_globe_net import handwritten

SCALES = {
    "smoke": {"seeds": 1, "epochs": 2, "train": 256, "test": 36, "height": 24, "digits": "digits"},
    "laptop": {"seeds": 1, "epochs": 6, "train": 5000, "test": 1000, "height": 40, "digits": "mnist"},
    "paper": {"seeds": 3, "epochs": 40, "train": 60_000, "test": 10_000, "height": 80, "digits": "mnist"},
}
UNITS = {"accuracy": "%", "parameters": "", "installed": ""}

CHANNELS = (16, 32, 64)
RATE, BATCH = 3e-3, 64


def run_seed(
    seed: int,
    *,
    device: str,
    checkpoint: Checkpoint,
    epochs: int,
    train: int,
    test: int,
    height: int,
    digits: str,
) -> dict[str, float]:
    """Per cent of right answers by network and polar angle (0-90°, of both halves), after training.

    All networks see the same digits, 65.5° wide and drawn evenly over the sphere, in the same order: three
    convolutions, or two on rotations, a batch norm after each, and no place in what is kept at the end. A
    network whose library is not installed is left out: "installed" says so. The seed draws weights, order
    and places. Rotations cannot tell a six from a nine: "s2cnn" and "spherical-cnn" pay for that.
    """
    there = {name: not needed or installed(needed) for name, (needed, _) in NETWORKS.items()}
    written = handwritten(digits)
    images, labels = written.train_images[:train], written.train_labels[:train].to(device)
    panoramas = digits_anywhere(images, labels, seed=seed, height=height).panoramas.to(device)
    torch.manual_seed(seed)
    nets = nn.ModuleDict({name: NETWORKS[name][1](height) for name, here in there.items() if here})
    # Adam treats every weight for itself: one optimiser trains all networks as if each had its own
    optimiser = torch.optim.AdamW(nets.to(device).parameters(), lr=RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs * math.ceil(len(images) / BATCH))
    training = Training(nets, optimiser, torch.Generator().manual_seed(seed), schedule)
    training.restore(checkpoint)
    for _, batch, chosen in training.batches(epochs=epochs, samples=len(images), batch_size=BATCH):
        loss = sum(cross_entropy(net(panoramas[chosen]), labels[chosen]) for net in nets.values())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        if batch % 25 == 24:
            training.save(checkpoint)
    found = {f"installed.{name}": float(here) for name, here in there.items()}
    for name, net in nets.items():
        found[f"parameters.{name}"] = float(sum(parameter.numel() for parameter in net.parameters()))
    return found | accuracies(
        nets.eval(), written.test_images[:test], written.test_labels[:test], height, seed
    )


@torch.no_grad()
def accuracies(
    nets: nn.ModuleDict,
    images: Float[Tensor, "digit 1 size size"],
    labels: Int64[Tensor, "digit"],
    height: int,
    seed: int,
) -> dict[str, float]:
    """Per cent of right answers at each polar angle, every digit alone on its panorama, and their mean."""
    found: dict[str, float] = {}
    for angle in TOGETHER:
        placed = digits_at(images, labels, polar_angle_deg=angle, seed=seed, alone=True, height=height)
        for name, net in nets.items():
            here = next(net.parameters()).device
            answers = [net(some.to(here)).argmax(dim=1).cpu() for some in placed.panoramas.split(100)]
            right = (torch.cat(answers) == labels).double().mean().item()
            found[f"accuracy.{name}.{angle}deg"] = 100 * right
    for name in nets:
        of_it = [found[f"accuracy.{name}.{angle}deg"] for angle in TOGETHER]
        found[f"accuracy.{name}.mean"] = sum(of_it) / len(of_it)
    return found


class LargestOf(nn.Module):
    """Scores from the largest value of each channel anywhere on the map."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers, self.scores = nn.Sequential(*layers), nn.Linear(CHANNELS[-1], 10)

    def forward(self, x: Float[Tensor, "batch 1 height width"]) -> Float[Tensor, "batch 10"]:
        return self.scores(self.layers(x).amax(dim=(2, 3)))


class OnRotations(nn.Module):
    """Scores from the means over all rotations of a map on rotations."""

    def __init__(self, height: int) -> None:
        super().__init__()
        degrees = height // 4, height // 8
        self.first = SphereToRotations(1, 8, height=height, degrees=degrees[0])
        self.second = RotationConv(8, 24, in_degrees=degrees[0], degrees=degrees[1])
        self.norms = nn.ModuleList([nn.BatchNorm3d(8), nn.BatchNorm3d(24)])
        self.scores = nn.Linear(24, 10)

    def forward(self, x: Float[Tensor, "batch 1 height width"]) -> Float[Tensor, "batch 10"]:
        for layer, norm in zip((self.first, self.second), self.norms, strict=True):
            x = norm(layer(x)).relu()
        return self.scores(rotation_mean(x))


class GaussRows(nn.Module):
    """The panorama at the latitudes that quadrature wants."""

    def forward(self, x: Float[Tensor, "batch 1 height width"]) -> Float[Tensor, "batch 1 height width"]:
        return gauss_rows(x)


def _stack(layer: Callable[[int, int, int], nn.Module], pool: Callable[[], nn.Module], *first) -> LargestOf:
    """Three layers of (in, out, number), each with norm and ReLU; a pool after the first two."""
    layers = [*first]
    for number, channels in enumerate(zip((1, *CHANNELS), CHANNELS, strict=False)):
        layers += [layer(*channels, number), nn.BatchNorm2d(channels[1]), nn.ReLU()]
        layers += [pool()] if number < 2 else []
    return LargestOf(*layers)


def _cap(height: int) -> LargestOf:
    def layer(inward: int, outward: int, number: int) -> nn.Module:
        # as many numbers as a 3 × 3 kernel, its ring one pixel from the centre
        return CapConv2d(inward, outward, rings=1, sectors=8, radius=1.5 * math.pi / (height >> number))

    return _stack(layer, lambda: TangentMaxPool2d(2))


def _disco(height: int) -> LargestOf:
    def layer(inward: int, outward: int, number: int) -> nn.Module:
        rows = height >> number
        strided = rows // 2 if number < 2 else rows
        return DiscoConv2d(inward, outward, height=rows, out_height=strided, radius=3 * math.pi / rows)

    return _stack(layer, nn.Identity, GaussRows())


def _zonal(height: int) -> LargestOf:
    def layer(inward: int, outward: int, number: int) -> nn.Module:
        rows = height >> max(number - 1, 0)
        return ZonalConv2d(inward, outward, height=rows, out_height=height >> number)

    return _stack(layer, nn.Identity, GaussRows())


def _planar(height: int) -> LargestOf:
    return _stack(lambda i, o, _: nn.Conv2d(i, o, 3, padding=1), lambda: nn.MaxPool2d(2))


def _spherenet(height: int) -> LargestOf:
    return _stack(lambda i, o, _: SphereNetConv2d(i, o, 3), lambda: SphereNetMaxPool2d(3, stride=2))


def _tangent(height: int) -> LargestOf:
    return _stack(
        lambda i, o, _: TangentConv2d(i, o, 3, interpolation="bicubic"), lambda: TangentMaxPool2d(2)
    )


# what a network needs, and how it is built for panoramas of a height
NETWORKS: dict[str, tuple[str, Callable[[int], nn.Module]]] = {
    "equirect": ("", _planar),
    "spherenet": ("", _spherenet),
    "tangent": ("", _tangent),
    "spherical-unet": ("", _cap),
    "spherical-cnn": ("torch-harmonics", _zonal),
    "disco": ("torch-harmonics", _disco),
    "s2cnn": ("e3nn", OnRotations),
}
