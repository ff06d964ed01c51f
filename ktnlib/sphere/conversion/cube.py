"""The cube's six pictures, and what lies beyond the edge of each: the neighbouring faces."""

import functools
import math

import torch
from jaxtyping import Float
from torch import Tensor

from ..rotation import camera_rotation
from .view_sets import ViewSet

QUARTER = math.pi / 2
LOOKS = ((0.0, 0.0), (QUARTER, 0.0), (2 * QUARTER, 0.0), (-QUARTER, 0.0), (0.0, QUARTER), (0.0, -QUARTER))


@functools.lru_cache(maxsize=4)
def cube(spacing: float, multiple: int) -> ViewSet:
    """Six faces of 90°: ahead, to the east, behind, to the west, up, down.

    Args:
        spacing: of neighbouring pixels, sphere radii: at most so much, as the faces meet at their edges.
        multiple: a face's side is the smallest multiple of it of at least 2/spacing pixels.

    >>> cube(0.1, 8).side
    24
    """
    side = math.ceil(2 / spacing / multiple) * multiple
    forward, right, down = axes().unbind(1)
    edges = torch.stack([forward + right, forward - right, forward + down, forward - down], dim=1)
    return ViewSet(axes(), edges, side, 2 / side)


def axes() -> Float[Tensor, "6 3 3"]:
    """Forward, right and down of the six faces: whole numbers, right-handed."""
    turns = torch.stack([camera_rotation(yaw=yaw, pitch=pitch) for yaw, pitch in LOOKS])
    forward, right, up = turns.round().unbind(-1)
    return torch.stack([forward, right, -up], dim=1)


def pad_cube(
    faces: Float[Tensor, "pictures channel side side"], before: int, behind: int, fill: float = 0.0
) -> Float[Tensor, "pictures channel wide wide"]:
    """Surround each face with its neighbours' pixels, as they lie when the cube is unfolded about it.

    Where three faces meet nothing lies beyond: a corner's pixel is the mean of the two nearest to it along
    the face's two edges.

    Args:
        faces: of a batch of cubes, six for each in the order of `cube`.
        before, behind: rows above and columns to the left, rows below and columns to the right.
        fill: of no use, as nothing is left to fill; for those who surround pictures with or without it.

    Source: Cheng et al., Cube Padding for Weakly-Supervised Saliency Prediction in 360° Videos, CVPR 2018.

    >>> pad_cube(torch.arange(6.0).view(6, 1, 1, 1), 1, 1)[0, 0].tolist()
    [[3.5, 4.0, 2.5], [3.0, 0.0, 1.0], [4.0, 5.0, 3.0]]
    """
    if before == behind == 0:
        return faces
    side = faces.shape[-1]
    places, sources = (part.to(faces.device) for part in _border(side, before, behind))
    wide = torch.nn.functional.pad(faces, (before, behind, before, behind)).unflatten(0, (-1, 6))
    cubes = faces.unflatten(0, (-1, 6))
    # indices on both sides of the channels put the pixels first
    one, other = (cubes[:, face, :, row, column] for face, row, column in sources)
    face, row, column = places
    wide[:, face, :, row, column] = (one + other) / 2
    return wide.flatten(0, 1)


@functools.lru_cache(maxsize=16)
def _border(side: int, before: int, behind: int) -> tuple[Tensor, Tensor]:
    """(face, row, column) of the padded pixels in the wide picture, and of the two they are the mean of."""
    reach = torch.arange(-before, side + behind)
    face, row, column = torch.meshgrid(torch.arange(6), reach, reach, indexing="ij")
    inside_row, inside_column = (part.clamp(0, side - 1) for part in (row, column))
    off_row, off_column = row != inside_row, column != inside_column
    border = off_row | off_column
    face, row, column, inside_row, inside_column, off_row, off_column = (
        part[border] for part in (face, row, column, inside_row, inside_column, off_row, off_column)
    )
    # beyond one edge both are the same pixel, beyond a corner one goes over each of its edges
    one = _unfolded(
        side, face, torch.where(off_row, row, inside_row), torch.where(off_row, inside_column, column)
    )
    other = _unfolded(side, face, torch.where(off_column, inside_row, row), column)
    return torch.stack([face, row + before, column + before]), torch.stack([one, other])


def _unfolded(side: int, face: Tensor, row: Tensor, column: Tensor) -> Tensor:
    """(face, row, column) of the pixel at a place beyond one edge of a face."""
    forward, right, down = axes().unbind(1)
    across, along = ((2 * part + 1 - side) / side for part in (column.double(), row.double()))
    depth = torch.minimum(_ahead(across), _ahead(along))
    across, along = _ahead(across - 2), _ahead(along - 2)
    point = forward[face] * depth[:, None] + right[face] * across[:, None] + down[face] * along[:, None]
    found = torch.einsum("pd,fd->pf", point, forward).argmax(dim=-1)
    place = [((point * axis[found]).sum(dim=-1) * side + side - 1) / 2 for axis in (down, right)]
    return torch.stack([found, *(part.round().long() for part in place)])


def _ahead(way: Tensor) -> Tensor:
    """How far ahead a walk around a cube of half-side 1 is; 0 is the middle of the face ahead, 8 once around.

    Where it was two units before, is how far it is to the side.
    """
    return (2 - ((way + 4).remainder(8) - 4).abs()).clamp(-1, 1)
