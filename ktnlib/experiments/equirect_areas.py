"""What an average over pixels hides on the sphere, and what three slips in reading a panorama cost."""

import math

import torch
from torch import Tensor

from ktnlib import data
from ktnlib.sphere import EquirectGrid, camera_spacing, render_perspective
from ktnlib.sphere.sampling import bilinear_neighbours, fold_poles, sample

from .engine import Checkpoint

SCALES = {"smoke": {"seeds": 5, "height": 512, "headings": 8, "size": 128}}
UNITS = {"share": "%", "average": "", "error": ""}

CAP = math.pi / 6
CAP_ROWS = 600  # a height at which the caps end between two rows
REACH = 48  # rows that the clamped tap lies to the north of its pixel: 17° at a height of 512


def run_seed(
    seed: int, *, device: str, checkpoint: Checkpoint, height: int, headings: int, size: int
) -> dict[str, float]:
    """Pixels against area near the poles, and the error of three slips, in the right view's own contrast.

    The seed draws the headings of the views; what has no heading is the same for every seed.
    """
    room = data.panoramas(height=height)[0][1].double().to(device)
    yaws = torch.rand(headings, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    slips = {"atan": one_argument, "clamped": clamped_rows, "half-pixel": corners_for_centres}
    metrics = areas(CAP_ROWS)
    for name, slip in slips.items():
        pairs = [slip(room, float(yaw) * 2 * math.pi, size) for yaw in yaws]
        metrics[f"error.{name}"] = sum(contrast_error(*pair) for pair in pairs) / headings
    return metrics


def areas(height: int) -> dict[str, float]:
    """Shares of pixels and of area within 30° of a pole, and an error of 0.3 there in both averages."""
    grid = EquirectGrid(height)
    near = (grid.polar_angles < CAP) | (grid.polar_angles > math.pi - CAP)
    error = 0.3 * near.double()
    weights = grid.solid_angles / grid.solid_angles.sum()
    return {
        "share.pixels.caps": 100 * near.double().mean().item(),
        "share.area.caps": 100 * weights[near].sum().item(),
        "average.plain": error.mean().item(),
        "average.area-weighted": (weights * error).sum().item(),
    }


def one_argument(room: Tensor, yaw: float, size: int) -> tuple[Tensor, Tensor]:
    """`atan` for `atan2`: what lies beyond the pole is read half a revolution away. Pitch 75°, 90° wide."""
    pitch, fov = math.radians(75), math.pi / 2
    latitude, longitude = rays(yaw, pitch, fov, size, arctangent=lambda a, b: torch.atan(a / b))
    right = render_perspective(room, yaw=yaw, pitch=pitch, fov=fov, size=size)
    return right, read(room, latitude, longitude)


def clamped_rows(room: Tensor, yaw: float, size: int) -> tuple[Tensor, Tensor]:
    """A tap that lies REACH rows to the north, and is clamped at row 0 where it should cross the pole."""
    fov = 2 * math.atan(0.5)
    up = room[..., :REACH, :]
    beyond = up.flip(-2).roll(room.shape[-1] // 2, -1)
    folded = torch.cat([beyond, room[..., :-REACH, :]], dim=-2)
    clamped = torch.cat([up[..., :1, :].expand_as(up), room[..., :-REACH, :]], dim=-2)
    right, wrong = (
        render_perspective(tap, yaw=yaw, pitch=math.pi / 2, fov=fov, size=size) for tap in (folded, clamped)
    )
    return right, wrong


def corners_for_centres(room: Tensor, yaw: float, size: int) -> tuple[Tensor, Tensor]:
    """Whole numbers put on the pixels' corners: every ray reads half a pixel too far to the south-east."""
    fov = 2 * math.atan(0.5)
    right = render_perspective(room, yaw=yaw, pitch=0.0, fov=fov, size=size)
    return right, read(room, *rays(yaw, 0.0, fov, size), off=0.5)


def rays(yaw: float, pitch: float, fov: float, size: int, arctangent=torch.atan2) -> tuple[Tensor, Tensor]:
    """(latitude, longitude) of a view's pixels, with a longitude that can be taken by another arctangent."""
    step = (torch.arange(size, dtype=torch.float64) - (size - 1) / 2) * camera_spacing(fov, size)
    east, south = torch.meshgrid(step, step, indexing="xy")
    forward = math.cos(pitch) + south * math.sin(pitch)
    upward = math.sin(pitch) - south * math.cos(pitch)
    return torch.atan2(upward, torch.hypot(forward, east)), yaw + arctangent(east, forward)


def read(room: Tensor, latitude: Tensor, longitude: Tensor, off: float = 0.0) -> Tensor:
    """The panorama along rays, bilinearly, `off` pixels too far down and to the right."""
    grid = EquirectGrid(room.shape[-2])
    rows, columns = grid.latitude_to_row(latitude) + off, grid.longitude_to_column(longitude) + off
    return sample(room, fold_poles(bilinear_neighbours(rows, columns), grid.height, grid.width))


def contrast_error(right: Tensor, wrong: Tensor) -> float:
    """‖wrong − right‖ over the norm of the right picture about its mean colour."""
    contrast = right - right.mean(dim=(-2, -1), keepdim=True)
    return ((wrong - right).norm() / contrast.norm()).item()
