"""Exact answers: the unpadded source network on a tangent patch of the panorama, at every point asked for."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from ktnlib import check

from ..gnomonic import tangent_points
from ..grid import EquirectGrid, snap
from ..sampling import Neighbours, fold_poles, neighbours
from ..view import turn_clockwise
from .plan import plan
from .unpadded import Unpadded

WIDEST = 120  # degrees: a patch's pixels are then four times as large in its middle as in its corners
CHUNK_BYTES = 3 << 20  # of the largest feature map, as in `fitting.exact`


@torch.no_grad()
def exact_at(
    model: nn.Module,
    panorama: Float[Tensor, "batch in_channel height width"],
    *,
    latitudes: Float[Tensor, "points"],
    longitudes: Float[Tensor, "points"],
    until: str | None = None,
    spacing: float | int | None = None,
    rolls: Float[Tensor, "points"] | None = None,
    interpolation: str = "bilinear",
    chunk: int | None = None,
) -> Float[Tensor, "batch out_channel points"]:
    """What a planar network answers, up to a named layer, to a camera that looks at each point.

    The panorama is read on the plane that touches the sphere at the point, at (s·u, s·v) for a patch as
    large as the layer's receptive field, the point in its middle and north up. The network runs on the patch
    without any padding, down to one value a channel. At the pixels of an `EquirectGrid` of height H/stride
    this is what every method of `to_sphere` strives for.

    Args:
        model: in eval mode; takes (batch, in_channel, height, width).
        panorama: as the model wants its pictures; its own normalisation is part of it.
        latitudes, longitudes: of the points, radians.
        until: the name of the last module, as in `model.named_modules()`; None is the model's answer.
        spacing: s, distance of neighbouring patch pixels, sphere radii; None is 2π/width.
        rolls: clockwise turn of each camera, radians; None is 0, north up.
        interpolation: how the panorama is read between its pixels, "bilinear" or "bicubic".
        chunk: patches that run together; None is as many as fit 3 MiB. The answers are the same to rounding.

    Raises:
        ValueError: what `to_sphere` refuses in a model, an operation on the way that a patch can't answer
            (a global mean, squeeze and excitation, upsampling), a patch of 120° or more, points whose numbers
            differ, an odd width, an unknown interpolation.

    Source: the targets of Su and Grauman, Learning Spherical Convolution, NeurIPS 2017, and Kernel
    Transformer Networks, CVPR 2019.

    >>> net = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.MaxPool2d(2), nn.Conv2d(4, 2, 3)).eval()
    >>> poles = torch.tensor([90.0, -90.0]).deg2rad()
    >>> exact_at(net, torch.ones(1, 3, 16, 32), latitudes=poles, longitudes=torch.zeros(2)).shape
    torch.Size([1, 2, 2])
    """
    check.panorama("panorama", panorama)
    points = _points(latitudes, longitudes, rolls)
    trunk = Unpadded(plan(model, until))
    return unpadded_at(trunk, panorama, points, spacing=spacing, interpolation=interpolation, chunk=chunk)


@torch.no_grad()
def unpadded_at(
    trunk: Unpadded,
    panorama: Float[Tensor, "batch in_channel height width"],
    points: Float[Tensor, "points 3"],
    *,
    spacing: float | int | None,
    interpolation: str = "bilinear",
    chunk: int | None = None,
) -> Float[Tensor, "batch out_channel points"]:
    """`exact_at` for a trunk that is there already; of a point its latitude, longitude and roll."""
    height, width = panorama.shape[-2:]
    camera = Camera(trunk.size, patch_spacing(trunk.size, width, spacing), interpolation)
    chunk = _chunk(trunk, panorama) if chunk is None else check.positive_int("chunk", chunk)
    planes, plane_of, shifts = _planes(points, EquirectGrid(height, width))
    order = plane_of.argsort(stable=True)
    pixels = panorama.permute(2, 3, 0, 1).contiguous()
    found = []
    for part in order.split(chunk):
        patches = _render(pixels, camera, planes, plane_of[part], shifts[part])
        found.append(trunk.run(patches).flatten(1).unflatten(0, (len(part), len(panorama))))
    return torch.cat(found)[order.argsort().to(panorama.device)].permute(1, 2, 0)


@dataclass(frozen=True)
class Camera:
    """Rows and columns of points on a tangent plane, `spacing` sphere radii apart, and how they are read."""

    size: tuple[int, int]
    spacing: float
    interpolation: str

    def pixels(self, grid: EquirectGrid, latitude: float, column: float, roll: float) -> Neighbours:
        """What each point reads, row after row, of a plane that touches at a latitude and a column."""
        down, right = (
            (torch.arange(side, dtype=torch.float64) - (side - 1) / 2) * self.spacing for side in self.size
        )
        right, down = right.repeat(len(down)), down.repeat_interleave(len(right))
        latitudes, turns = tangent_points(latitude, 0.0, *turn_clockwise(right, down, roll))
        rows, columns = grid.latitude_to_row(latitudes), snap(grid.turn_to_columns(turns) + column)
        return fold_poles(neighbours(rows, columns, self.interpolation), grid.height, grid.width)


def patch_spacing(size: tuple[int, int], width: int, spacing: float | int | None) -> float:
    """The distance of a patch's pixels; refuses a patch that is too wide."""
    s = 2 * math.pi / width if spacing is None else check.between("spacing", spacing, 0, math.inf, "radii")
    degrees = 2 * math.degrees(math.atan(max(size) * s / 2))
    if degrees >= WIDEST:
        raise ValueError(
            f"`until` sees {size[0]} x {size[1]} pixels, a patch {degrees:.0f}° wide at `spacing` {s:.4g}; "
            f"wanted less than {WIDEST}°: a layer nearer to the image, a higher panorama, a smaller spacing"
        )
    return s


def _points(latitudes: Tensor, longitudes: Tensor, rolls: Tensor | None) -> Float[Tensor, "points 3"]:
    """(latitude, longitude, roll) of each point, float64 on the CPU."""
    rolls = torch.zeros_like(latitudes) if rolls is None else rolls
    if not latitudes.shape == longitudes.shape == rolls.shape or latitudes.ndim != 1 or not len(latitudes):
        shapes = ", ".join(str(tuple(part.shape)) for part in (latitudes, longitudes, rolls))
        raise ValueError(
            f"`latitudes`, `longitudes` and `rolls` have shapes {shapes}; wanted one axis of points, the "
            "same in all and at least one long"
        )
    points = torch.stack([part.to("cpu", torch.float64) for part in (latitudes, longitudes, rolls)], dim=-1)
    return check.finite_values("latitudes, longitudes, rolls", points)


def _planes(
    points: Float[Tensor, "points 3"], grid: EquirectGrid
) -> tuple[Float[Tensor, "planes 3"], Int[Tensor, "points"], Int[Tensor, "points"]]:
    """Points that read alike but for whole columns share a plane: (latitude, column 0 … 1, roll).

    Also which plane is each point's, and how many columns its pixels lie to the east.
    """
    columns = grid.longitude_to_column(points[:, 1])
    all_planes = torch.stack([points[:, 0], columns - columns.floor(), points[:, 2]], dim=-1)
    alike, plane_of = all_planes.round(decimals=11).unique(dim=0, return_inverse=True)
    planes = torch.empty_like(alike)
    planes[plane_of] = all_planes
    return planes, plane_of, columns.floor().long()


def _render(
    pixels: Float[Tensor, "height width batch channel"],
    camera: Camera,
    planes: Tensor,
    plane_of: Tensor,
    shifts: Tensor,
) -> Float[Tensor, "patch channel rows columns"]:
    """The patches of some points, all of the batch for one point, then for the next; channels last."""
    height, width, batch, channel = pixels.shape
    # one look-up a pixel, for all colours of all panoramas
    pixels = pixels.reshape(height * width, batch * channel)
    parts, done = [], 0
    for plane, count in zip(*plane_of.unique_consecutive(return_counts=True), strict=True):
        read = camera.pixels(EquirectGrid(height, width), *planes[plane].tolist())
        columns = (read.columns + shifts[done : done + count, None, None]).remainder(width)
        index, shares = (read.rows * width + columns).to(pixels.device), read.weights.to(pixels)
        # each value a bag of pixels: several times as fast as looking them up one by one
        shares = shares.expand(index.shape).reshape(-1, index.shape[-1])
        seen = functional.embedding_bag(
            index.flatten(0, 1), pixels, per_sample_weights=shares, mode="sum"
        ).unflatten(0, index.shape[:2])
        parts.append(seen)
        done += count
    patches = torch.cat(parts).unflatten(1, camera.size).unflatten(-1, (batch, channel))
    patches = patches.permute(0, 3, 4, 1, 2).flatten(0, 1)
    # 2.3 times as fast as torch's own order on maps this small
    return patches.contiguous(memory_format=torch.channels_last)


def _chunk(trunk: Unpadded, panorama: Tensor) -> int:
    """How many points keep every feature map below CHUNK_BYTES."""
    numbers = max(1, len(panorama)) * trunk.largest(panorama.shape[1])
    return max(1, CHUNK_BYTES // (numbers * panorama.element_size()))
