"""What the digit globe computes, said by torch and `ktnlib.sphere`: cases as those of `parity`.

A net of the globe net's form with few channels, in float64, on a small grid: the sphere's maps by row kernels
and sampled maxima, the grid's by a padded `conv2d`, the exact answers by views and the planar network.
"""

import functools
import math

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

from ktnlib.data.architectures import classifier
from ktnlib.sphere import (
    EquirectGrid,
    KernelTransformer,
    RowKernels,
    camera_spacing,
    place_perspective,
    render_perspective,
    row_conv2d,
    tangent_points,
    tangent_taps,
)
from ktnlib.sphere.baselines.spherenet import spherenet_taps
from ktnlib.sphere.sampling import Neighbours, fold_poles, neighbours, sample
from ktnlib.widgets.digit_globe import DigitGlobe

TOLERANCE = 1e-9
HEIGHT, FOV, SIZE, FIELD = 24, math.radians(65.5), 8, 32
SPACING = camera_spacing(FOV, SIZE)  # 1.23 pixels
STAGES = ((2, 3), (2, 3), (4, 2))
LATITUDES = (0.25, -1.2, math.pi / 2)
COEFFICIENTS = 0.1 * torch.randn(
    9, 8, 7, generator=torch.Generator().manual_seed(8), dtype=torch.float64
)  # larger than those that ship, so that every basis kernel counts


@functools.cache
def network() -> nn.Sequential:
    net = classifier(1, STAGES, 10, padding=0, mean=0.0, std=1.0).double().eval()
    random = torch.Generator().manual_seed(8)
    with torch.no_grad():
        for parameter in net.parameters():
            drawn = torch.randn(parameter.shape, generator=random, dtype=torch.float64)
            # more than zero in the mean, so that units of every layer answer, and each reader its own
            parameter.copy_(0.3 * drawn + 0.1 if parameter.ndim > 1 else 0.1 * drawn)
    return net


def setup() -> dict:
    weights = torch.cat([parameter.detach().flatten() for parameter in network().parameters()])
    learned = {"coefficients": COEFFICIENTS.flatten().tolist(), "knots": COEFFICIENTS.shape[-1]}
    sizes = {"height": HEIGHT, "spacing": SPACING, "stages": [list(stage) for stage in STAGES]}
    return sizes | {"weights": weights.tolist(), "learned": learned}


@functools.cache
def digit() -> Tensor:
    picture = torch.rand(1, 1, SIZE, SIZE, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    picture[..., :2] = 0  # black is told from what is lit
    return picture


def panorama(latitude: float) -> Tensor:
    return place_perspective(digit(), height=HEIGHT, yaw=0.0, pitch=latitude, fov=FOV)[0]


def last_map(x: Tensor, convolve, pool) -> Tensor:
    """Up to the last ReLU; a layer gets the distance of its input's pixels on the source's plane."""
    jump = 1
    for layer in network():
        if isinstance(layer, nn.Conv2d):
            x = convolve(x, layer, jump)
        elif isinstance(layer, nn.MaxPool2d):
            x, jump = pool(x, jump), 2 * jump
        elif isinstance(layer, nn.ReLU):
            x = x.relu()
    return x


def on_rows(x: Tensor, layer: nn.Conv2d, jump: int) -> Tensor:
    transformer = KernelTransformer(3, spacing=SPACING * jump, coefficients=COEFFICIENTS)
    return row_conv2d(x, transformer(layer.weight, EquirectGrid(x.shape[-2]).polar_angles), layer.bias)


def sampled_maximum(x: Tensor, plan: Neighbours) -> Tensor:
    """The largest of a row's taps, for every column: the plan is that of column 0."""
    columns = plan.columns[:, None] + 2 * torch.arange(x.shape[-1] // 2)[None, :, None, None]
    rows, weights = (part[:, None].expand_as(columns) for part in (plan.rows, plan.weights))
    return sample(x, Neighbours(rows, columns, weights)).amax(dim=-1)


def tangent_maximum(x: Tensor, jump: int) -> Tensor:
    table = tangent_taps(*x.shape[-2:], 2, spacing=SPACING * jump, stride=2)
    return sampled_maximum(x, table.neighbours(interpolation="bicubic"))


def by_angles(x: Tensor, layer: nn.Conv2d, jump: int) -> Tensor:
    height, width = x.shape[-2:]
    plan = spherenet_taps(height, width, 3, steps=(SPACING * jump, SPACING * jump)).neighbours()
    kernels = RowKernels.from_taps(layer.weight.flatten(2), plan, height=height, width=width)
    return row_conv2d(x, kernels, layer.bias)


def largest_by_angles(x: Tensor, jump: int) -> Tensor:
    table = spherenet_taps(*x.shape[-2:], 2, steps=(SPACING * jump, SPACING * jump), stride=2)
    return sampled_maximum(x, table.neighbours())


def continued(x: Tensor) -> Tensor:
    """One pixel more on every side: columns wrap, rows beyond a pole are the outermost, turned by half."""
    half = x.shape[-1] // 2
    tall = torch.cat([x[..., :1, :].roll(half, -1), x, x[..., -1:, :].roll(half, -1)], -2)
    return torch.cat([tall[..., -1:], tall, tall[..., :1]], -1)


def on_grid(x: Tensor, layer: nn.Conv2d, _: int) -> Tensor:
    return conv2d(continued(x), layer.weight, layer.bias)


def places(latitude: float) -> tuple[Tensor, Tensor]:
    steps = (torch.arange(4, dtype=torch.float64) - 1.5) * 4 * SPACING
    return tangent_points(latitude, 0.0, steps[None, :], steps[:, None])


def read_out(features: Tensor, latitude: float) -> Tensor:
    grid = EquirectGrid(features.shape[-2])
    latitudes, longitudes = places(latitude)
    plan = neighbours(grid.latitude_to_row(latitudes), grid.longitude_to_column(longitudes), "bilinear")
    return sample(features, fold_poles(plan, grid.height, grid.width)).mean(dim=(2, 3))


def exactly(x: Tensor, latitude: float) -> Tensor:
    fov = 2 * math.atan(FIELD / 2 * SPACING)
    looks = zip(*(angles.flatten().tolist() for angles in places(latitude)), strict=True)
    views = [render_perspective(x, yaw=yaw, pitch=pitch, fov=fov, size=FIELD) for pitch, yaw in looks]
    planar = last_map(torch.cat(views), lambda x, layer, _: layer(x), lambda x, _: nn.MaxPool2d(2)(x))
    return planar.mean(dim=0).flatten()[None]


def features(reader: str, x: Tensor, latitude: float) -> Tensor:
    """What a reader's mean is, before the linear head."""
    if reader == "exact":
        return exactly(x, latitude)
    if reader == "direct":
        return read_out(last_map(x, on_grid, lambda x, _: nn.MaxPool2d(2)(x)), latitude)
    if reader == "spherenet":
        return read_out(last_map(x, by_angles, largest_by_angles), latitude)
    return read_out(last_map(x, on_rows, tangent_maximum), latitude)


@torch.no_grad()
def readings() -> list[tuple]:
    cases, apart = [], []
    for latitude in LATITUDES:
        x = panorama(latitude)
        for reader in ("direct", "spherenet", "ktn", "exact"):
            seen = features(reader, x, latitude)
            apart.append(seen)
            expected = network().linear(seen)[0].tolist()
            given = [reader, x.flatten().tolist(), latitude, setup()]
            cases.append((DigitGlobe, "readDigit", given, expected, TOLERANCE))
    # a net whose units are silent would agree with anything
    assert torch.pdist(torch.cat(apart)).min() > 0.01
    return cases


def pictures() -> list[tuple]:
    cases = [(DigitGlobe, "fieldOf", [[list(stage) for stage in STAGES]], FIELD, 0)]
    for latitude in (*LATITUDES, -math.pi / 2):
        given = [digit().flatten().tolist(), HEIGHT, latitude, FOV]
        expected = panorama(latitude).flatten().tolist()
        cases.append((DigitGlobe, "placeDigit", given, expected, TOLERANCE))
    return cases


def counts() -> list[tuple]:
    visited = {"0 -90": 3, "2 -90": 1, "0 90": 2, "1 -87": 0}
    expected = [[[0, 0] for _ in range(61)] for _ in range(2)]
    expected[0][0], expected[1][0] = [2, 2], [1, 2]
    expected[0][1] = expected[1][1] = [0, 1]
    expected[0][60], expected[1][60] = [0, 1], [1, 1]
    scores = [0.5, -1.0, 2.0]
    return [
        (DigitGlobe, "tally", [visited, 2], expected, 0),
        (DigitGlobe, "softmax", [scores], torch.tensor(scores).double().softmax(0).tolist(), TOLERANCE),
    ]


PARITY = [*pictures(), *readings(), *counts()]
