"""What each slip in a tangent-plane convolution costs: one 3 x 3 layer against the right one, by place."""

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ktnlib import data
from ktnlib.sphere import EquirectGrid, tangent_conv2d

from .engine import Checkpoint
from .wrong_operators import TRAPS, right_answer

SCALES = {
    "smoke": {"seeds": 1, "height": 64, "layer": "edges", "sets": ("painted-room",)},
    "laptop": {"seeds": 1, "height": 256, "layer": "resnet20", "sets": ("panoramas",)},
}
UNITS = {"error": ""}

COARSER = 4  # panorama pixels from tap to tap, where the question is what point samples skip
LATITUDES = (0, 30, 60, 80)  # degrees, north and south together: the rows within 2°, or the nearest


def run_seed(
    seed: int, *, device: str, checkpoint: Checkpoint, height: int, layer: str, sets: tuple[str, ...]
) -> dict[str, float]:
    """Relative RMSE sqrt(Σ w|y − t|²/Σ w|t|²) over all panoramas, t from `tangent_conv2d`, by trap and place.

    "all" weights pixels by their solid angle and "plain" alike; "seam" is the two columns on either side
    of the seam, "poles" the two rows next to each pole. Nothing is drawn: every seed gives the same.
    """
    prepare, weight, bias = LAYERS[layer]()
    weight, bias = weight.to(device), bias.to(device)[:, None, None]
    panoramas = data.panoramas(height=height, sets=sets, download=True)
    done, sums = checkpoint.load() or (0, {})
    for index in range(done, len(panoramas)):
        x = prepare(panoramas[index][1]).to(device)
        for name, (wrong, right) in outputs(x, weight):
            squares = torch.stack([(wrong - right).square(), (right + bias).square()])
            squares = squares.sum((1, 2)).double().cpu()
            # a checkpoint gives back arrays
            sums[name] = torch.as_tensor(sums.get(name, 0.0)) + squares
        checkpoint.save((index + 1, sums))
    found = {name: errors(torch.as_tensor(squares)) for name, squares in sums.items()}
    return {
        f"error.{name}.{place}": error for name, places in found.items() for place, error in places.items()
    }


def outputs(x: Tensor, weight: Tensor) -> Iterator[tuple[str, tuple[Tensor, Tensor]]]:
    """Each trap's answer and the right one."""
    for name, trap in TRAPS.items():
        yield name, (trap(x, weight), right_answer(name, x, weight))
    yield from coarse_taps(x, weight).items()


def coarse_taps(x: Tensor, weight: Tensor) -> dict[str, tuple[Tensor, Tensor]]:
    """Taps some panorama pixels apart: point samples, and a panorama averaged first, against a camera.

    The camera's pixels take in all the light between them and their neighbours: COARSER² samples each, so
    that its kernel is the source's with every tap spread over as many.
    """
    spacing = 2 * math.pi / x.shape[-1]
    spread = weight.repeat_interleave(COARSER, -2).repeat_interleave(COARSER, -1) / COARSER**2
    camera = tangent_conv2d(x, spread, spacing=spacing, stride=COARSER)
    points = tangent_conv2d(x, weight, spacing=spacing * COARSER, stride=COARSER)
    averaged = tangent_conv2d(avg_pool2d(x, COARSER), weight)
    return {"point-samples": (points, camera), "averaged-first": (averaged, camera)}


def errors(squares: Tensor) -> dict[str, float]:
    """The relative RMSE by place, of (2, height, width) sums of squared errors and squared truths."""
    height, width = squares.shape[-2:]
    grid = EquirectGrid(height, width)
    area, rows, columns = grid.solid_angles[:, None], torch.arange(height)[:, None], torch.arange(width)
    latitudes, near = grid.latitudes.rad2deg().abs()[:, None], max(2, 90.1 / height)
    places = {"all": area, "plain": torch.ones_like(area)}
    places["seam"] = (columns < 2) | (columns >= width - 2)
    places["poles"] = (rows < 2) | (rows >= height - 2)
    places |= {f"latitude-{at}": area * ((latitudes - at).abs() < near) for at in LATITUDES}
    totals = {name: (squares * place).sum((-2, -1)) for name, place in places.items()}
    return {name: math.sqrt(error / truth) for name, (error, truth) in totals.items()}


Layer = tuple[Callable[[Tensor], Tensor], Tensor, Tensor]


def edges() -> Layer:
    """Four filters on the grey picture: brightness rising to the east, to the south, a spot, a corner."""
    rise, smooth = torch.tensor([-1.0, 0.0, 1.0]) / 2, torch.tensor([1.0, 2.0, 1.0]) / 4
    spot = torch.tensor([[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], [0.0, 1.0, 0.0]]) / 4
    bank = torch.stack([torch.outer(smooth, rise), torch.outer(rise, smooth), spot, torch.outer(rise, rise)])
    return lambda picture: picture.mean(1, keepdim=True), bank[:, None], torch.zeros(4)


def first_of_resnet20() -> Layer:
    """The first convolution of a network trained on CIFAR-10, its batch norm folded in."""
    network = data.source_network("resnet20").requires_grad_(False)
    layer = fuse_conv_bn_eval(network.conv1, network.bn1).requires_grad_(False)
    return network.normalise, layer.weight, layer.bias


LAYERS = {"edges": edges, "resnet20": first_of_resnet20}
