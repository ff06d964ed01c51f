"""Omni-MNIST: SphereNet against planar networks, trained and tried on digits all over a 60 × 60 panorama."""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, grid_sample

from ktnlib.sphere import EquirectGrid
from ktnlib.sphere.baselines.spherenet import SphereNetConv2d, SphereNetMaxPool2d

from .checkpoint import Training
from .engine import Checkpoint
from .train_globe_net import handwritten

SCALES = {
    "smoke": {
        "seeds": 1,
        "epochs": 2,
        "train": 256,
        "test": 120,
        "digits": "digits",
        "networks": ("spherenet", "equirect", "equirect-same"),
    },
    "laptop": {
        "seeds": 1,
        "epochs": 10,
        "train": 15_000,
        "test": 10_000,
        "digits": "mnist",
        "networks": ("spherenet", "equirect"),
    },
    "paper": {
        "seeds": 3,
        "epochs": 100,
        "train": 60_000,
        "test": 10_000,
        "digits": "mnist",
        "networks": ("spherenet", "equirect", "equirect-same"),
    },
}
UNITS = {"error": "%", "ahead": "%", "parameters": ""}

SIDE = 60  # rows and columns: a pixel is 3° high and 6° wide
EDGE = math.tan(math.radians(120) / 2)  # half the side of a digit's picture on its plane, sphere radii
BANDS = (0, 30, 60, 90)  # degrees of latitude, either side of the equator
RATE, BATCH = 1e-4, 128


@dataclass(frozen=True, eq=False)
class Places:
    """Where digits come to lie: latitude in radians, columns to the east, and whether mirrored."""

    latitudes: Float[Tensor, "digit"]
    columns: Int64[Tensor, "digit"]
    mirrored: Bool[Tensor, "digit"]

    @staticmethod
    def draw(number: int, generator: torch.Generator) -> "Places":
        """Evenly over latitudes, not over the sphere; half of the digits are mirrored."""
        return Places(
            (torch.rand(number, generator=generator) - 0.5) * math.pi,
            torch.randint(SIDE, (number,), generator=generator),
            torch.rand(number, generator=generator) < 0.5,
        )

    def of(self, some: Int64[Tensor, "part"]) -> "Places":
        """Those of some digits."""
        return Places(self.latitudes[some], self.columns[some], self.mirrored[some])


def run_seed(
    seed: int,
    *,
    device: str,
    checkpoint: Checkpoint,
    epochs: int,
    train: int,
    test: int,
    digits: str,
    networks: tuple[str, ...],
) -> dict[str, float]:
    """Per cent of wrong answers by network: on the way, and after the last epoch by latitude too.

    "spherenet" has 3 × 3 kernels and 3 × 3 maxima at stride 2 with SphereNet's sampling. "equirect" is the
    planar network that it was compared with, unpadded and with 2 × 2 maxima; "equirect-same" has SphereNet's
    own sizes, padded with zeros. All see the same digits at the same places in the same order. "ahead" is a
    planar network's error minus SphereNet's. The seed draws weights, order and places.

    Source: Coors, Condurache, Geiger, SphereNet, ECCV 2018, section 4.1. Sizes, rate, grey values up to 255
    and the drawing of places are those of C.-W. Hsiao's independent version, SphereNet-pytorch, which reports
    5.77 % and 9.63 % after 100 epochs.
    """
    written = handwritten(digits)
    images, labels = written.train_images[:train].to(device), written.train_labels[:train].to(device)
    tried, wanted = written.test_images[:test].to(device), written.test_labels[:test].to(device)
    generator = torch.Generator().manual_seed(seed)
    there = Places.draw(len(tried), generator)
    torch.manual_seed(seed)
    nets = nn.ModuleDict({name: NETWORKS[name]() for name in networks})
    nets = nets.to(device, memory_format=torch.channels_last)
    # Adam treats every weight for itself: one optimiser trains all networks as if each had its own
    training = Training(nets, torch.optim.Adam(nets.parameters(), lr=RATE), generator)
    training.restore(checkpoint)
    for epoch, batch, chosen in training.batches(epochs=epochs, samples=len(images), batch_size=BATCH):
        panoramas = place(images[chosen], Places.draw(len(chosen), generator))
        loss = sum(cross_entropy(net(panoramas), labels[chosen]) for net in nets.values())
        training.optimiser.zero_grad()
        loss.backward()
        training.optimiser.step()
        last = training.batch * BATCH >= len(images)
        if last and epoch + 1 in (1, 2, 5, 10, 20, 50, epochs):
            training.log |= errors(nets, tried, there, wanted, epoch + 1)
        if last or batch % 50 == 49:
            training.save(checkpoint)
    return training.log


@torch.no_grad()
def errors(
    nets: nn.ModuleDict,
    images: Float[Tensor, "digit 1 size size"],
    places: Places,
    labels: Int64[Tensor, "digit"],
    epoch: int,
) -> dict[str, float]:
    """Per cent of wrong answers, in all, by latitude and under the epoch's number; sizes of the networks."""
    found, away = {}, places.latitudes.abs().rad2deg()
    parts = torch.arange(len(images)).split(500)
    for name, net in nets.items():
        answers = [net(place(images[part], places.of(part))).argmax(dim=1) for part in parts]
        wrong = (torch.cat(answers) != labels).double().cpu()
        found[f"error.{name}.all"] = found[f"error.{name}.epoch-{epoch}"] = 100 * wrong.mean().item()
        for low, high in itertools.pairwise(BANDS):
            inside = (low <= away) & (away < high)
            found[f"error.{name}.{low}-{high}deg"] = 100 * wrong[inside].mean().item()
        found[f"parameters.{name}"] = float(sum(parameter.numel() for parameter in net.parameters()))
        found[f"ahead.{name}"] = found[f"error.{name}.all"] - found["error.spherenet.all"]
    del found["ahead.spherenet"]
    return found


def place(
    images: Float[Tensor, "digit 1 size size"], places: Places
) -> Float[Tensor, "digit 1 height width"]:
    """Each digit on a black panorama of its own, its picture 120° wide on the plane that touches its centre.

    Grey values of 0 … 1 become 0 … 255, as they were published.
    """
    grid = EquirectGrid(SIDE, SIDE)
    latitude, longitude = grid.latitudes.float()[:, None], grid.longitudes.float()
    sin, cos = places.latitudes.sin()[:, None, None], places.latitudes.cos()[:, None, None]
    ahead = sin * latitude.sin() + cos * latitude.cos() * longitude.cos()
    north = cos * latitude.sin() - sin * latitude.cos() * longitude.cos()
    east = (latitude.cos() * longitude.sin()).expand_as(ahead)
    # the picture reaches from -1 to 1; what lies behind its plane is sent outside
    at = torch.stack([east, -north], dim=-1) / (EDGE * ahead[..., None])
    at = at.where(ahead[..., None] > 1e-3, 9.0).to(images)
    panoramas = grid_sample(images * 255, at, align_corners=False)
    read = (torch.arange(SIDE) - places.columns[:, None]).remainder(SIDE)
    read = torch.where(places.mirrored[:, None], SIDE - 1 - read, read).to(images.device)
    return panoramas.gather(-1, read[:, None, None].expand_as(panoramas))


def spherenet() -> nn.Sequential:
    """162,826 parameters; biases begin at 0."""
    net = nn.Sequential(
        SphereNetConv2d(1, 32, 3),
        SphereNetMaxPool2d(3, stride=2),
        nn.ReLU(),
        SphereNetConv2d(32, 64, 3),
        SphereNetMaxPool2d(3, stride=2),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(64 * 15 * 15, 10),
    )
    for convolution in (net[0], net[3]):
        nn.init.zeros_(convolution.bias)
    return net


def equirect() -> nn.Sequential:
    """The planar network of the independent version, without padding: 126,986 parameters."""
    return _planar(0, lambda: nn.MaxPool2d(2), 13)


def equirect_same() -> nn.Sequential:
    """SphereNet's sizes on the picture's own pixels."""
    return _planar(1, lambda: nn.MaxPool2d(3, stride=2, padding=1), 15)


def _planar(padding: int, pool: Callable[[], nn.Module], side: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=padding),
        pool(),
        nn.ReLU(),
        nn.Conv2d(32, 64, 3, padding=padding),
        pool(),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(64 * side * side, 10),
    )


NETWORKS = {"spherenet": spherenet, "equirect": equirect, "equirect-same": equirect_same}
