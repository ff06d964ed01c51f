"""Train the room net: seven convolutions that remove noise from views of the painted room."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ktnlib import data
from ktnlib.data.architectures import room_net
from ktnlib.data.own_networks import write_network
from ktnlib.sphere import EquirectGrid, render_perspective

from .checkpoint import Training
from .engine import Checkpoint

SCALES = {
    "smoke": {"seeds": 1, "heights": (64,), "views": 48, "size": 16, "epochs": 2, "keep": False},
    "laptop": {
        "seeds": 3,
        "heights": (128, 256, 512),
        "views": 1536,
        "size": 40,
        "epochs": 48,
        "keep": True,
    },
}
UNITS = {"psnr": "dB", "gain": "dB"}

NOISIEST = 50 / 255  # the training's noise has a standard deviation between none and this
TESTED = 25 / 255
BATCH = 32

# the part of the room that no training view sees: one wall and what stands before it
HELD_OUT = {"longitude": math.pi / 2, "half_width": math.radians(50), "half_height": math.radians(50)}


def run_seed(
    seed: int,
    *,
    device: str,
    checkpoint: Checkpoint,
    heights: tuple[int, ...],
    views: int,
    size: int,
    epochs: int,
    keep: bool,
) -> dict[str, float]:
    """Peak signal-to-noise ratio before and after the net, on views of the wall it never saw, at σ = 25/255.

    The seed draws weights, views and noise; the held-out views and their noise are the same for every seed.
    """
    torch.manual_seed(seed)
    net = room_net().to(device, memory_format=torch.channels_last)
    generator = torch.Generator().manual_seed(seed)
    seen = room_views(heights, views, size, held_out=False, generator=generator).to(device)
    optimiser = torch.optim.Adam(net.parameters(), lr=2e-3)
    steps = epochs * math.ceil(len(seen) / BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    training = Training(net, optimiser, generator, schedule)
    train(training, seen, epochs=epochs, checkpoint=checkpoint)
    fixed = torch.Generator().manual_seed(1_000_000)
    unseen = room_views(heights, max(48, views // 16), size, held_out=True, generator=fixed)
    metrics = quality(net.eval(), unseen.to(device), fixed)
    if keep and seed == 0:
        write_network("room-net", net, CARD | {"seed": seed, "measured": metrics})
    return metrics


def room_views(
    heights: tuple[int, ...], count: int, size: int, *, held_out: bool, generator: torch.Generator
) -> Float[Tensor, "count 3 size size"]:
    """Views of the room in random directions, wholly inside or wholly outside the held-out part.

    A view's pixel is as large as a pixel of the panorama at its equator; heights take turns.
    """
    rooms = [_room_and_mask(height) for height in heights]
    views: list[Tensor] = []
    while len(views) < count:
        room = rooms[len(views) % len(rooms)]
        yaw, sine, roll = (2 * torch.rand(3, dtype=torch.float64, generator=generator) - 1).tolist()
        fov = 2 * math.atan(size * math.pi / room.shape[-1])
        angles = {"yaw": yaw * math.pi, "pitch": math.asin(sine), "roll": roll * math.pi}
        view = render_perspective(room, **angles, fov=fov, size=size)[0]
        if bool(((view[3] - float(held_out)).abs() < 1e-3).all()):
            views.append(view[:3])
    return torch.stack(views)


def _room_and_mask(height: int) -> Float[Tensor, "1 4 height width"]:
    """The room, and as fourth channel one where it is held out and zero elsewhere."""
    room, grid = data.panoramas(height=height)[0][1], EquirectGrid(height)
    longitude, half_width, half_height = HELD_OUT.values()
    inside = (grid.longitudes - longitude).abs() < half_width
    mask = (grid.latitudes.abs() < half_height)[:, None] & inside
    return torch.cat([room, mask[None, None].float()], dim=1)


def train(training: Training, views: Tensor, *, epochs: int, checkpoint: Checkpoint) -> None:
    """Least squares on the noise of random strength; an interrupted training goes on where it was saved."""
    training.restore(checkpoint)
    generator = training.generator
    for _, batch, chosen in training.batches(epochs=epochs, samples=len(views), batch_size=BATCH):
        clean = views[chosen.to(views.device)]
        noise = torch.randn(clean.shape, generator=generator).to(clean)
        noise *= NOISIEST * torch.rand(len(clean), 1, 1, 1, generator=generator).to(clean)
        loss = (training.model(clean + noise) - noise).square().mean()
        training.optimiser.zero_grad()
        loss.backward()
        training.optimiser.step()
        training.scheduler.step()
        if batch == 0:
            training.save(checkpoint)


@torch.no_grad()
def quality(net: nn.Module, clean: Tensor, generator: torch.Generator) -> dict[str, float]:
    """10·log₁₀(1/mean squared error) of the noisy and the cleaned views, and the gain, in dB."""
    noisy = clean + TESTED * torch.randn(clean.shape, generator=generator).to(clean)
    before, after = psnr(noisy, clean), psnr(noisy - net(noisy), clean)
    return {"psnr.noisy": before, "psnr.denoised": after, "gain": after - before}


def psnr(picture: Tensor, clean: Tensor) -> float:
    """In dB, for pictures whose peak is 1."""
    return -10 * math.log10((picture - clean).square().mean().item())


CARD = {
    "title": "Room net: removes noise from colour pictures",
    "input": "RGB in [0, 1], (batch, 3, height, width), any size",
    "output": "the noise, to be subtracted",
    "trained on": "1,536 views of the painted room (data/painted_room.png, CC BY 4.0, our own)",
    "held out": "every view that touches the eastern wall, 100° wide and high",
    "licence": "CC BY 4.0",
}
