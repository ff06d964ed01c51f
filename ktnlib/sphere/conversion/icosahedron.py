"""Tangent images: one picture for each triangle of a subdivided icosahedron."""

import functools
import math

import torch
from jaxtyping import Float
from torch import Tensor

from .view_sets import ViewSet, frames


@functools.lru_cache(maxsize=4)
def tangent_images(spacing: float, multiple: int, subdivisions: int = 1) -> ViewSet:
    """The pictures on the planes that touch the sphere in the middle of 20·4^b triangles, north up.

    A picture covers its triangle; a pixel belongs to the triangle that it lies in.

    Args:
        spacing: distance of neighbouring pixels, sphere radii.
        multiple: a picture's side is the smallest multiple of it that covers the triangle.
        subdivisions: b; each cuts a triangle into four.

    Source: Eder, Shvets, Lim, Frahm, Tangent Images for Mitigating Spherical Distortion, CVPR 2020.

    >>> views = tangent_images(0.05, 4)
    >>> len(views), views.side
    (80, 16)
    """
    corners = triangles(subdivisions)
    axes = frames(torch.nn.functional.normalize(corners.mean(dim=1), dim=-1))
    forward, right, down = torch.einsum("vad,vcd->avc", axes, corners)
    reach = (torch.stack([right, down]) / forward).abs().max().item()
    side = math.ceil(2 * reach / spacing / multiple) * multiple
    edges = torch.linalg.cross(corners, corners.roll(-1, dims=1))
    return ViewSet(axes, edges, side, spacing)


def triangles(subdivisions: int) -> Float[Tensor, "triangles 3 3"]:
    """Corners of the icosphere's triangles, counter-clockwise from outside; two of them are the poles.

    >>> triangles(0).shape, round(triangles(0)[0, 1, 2].item(), 4)
    (torch.Size([20, 3, 3]), 0.4472)
    """
    fifth, ring = 2 * math.pi / 5, math.atan(0.5)
    poles = [torch.tensor([0.0, 0.0, sign], dtype=torch.float64) for sign in (1, -1)]

    def at(number: float | int, latitude: float) -> Tensor:
        place = (math.cos(latitude) * math.cos(fifth * number), math.cos(latitude) * math.sin(fifth * number))
        return torch.tensor([*place, math.sin(latitude)], dtype=torch.float64)

    faces = []
    for number in range(5):
        upper, lower = (
            (at(number, ring), at(number + 1, ring)),
            (at(number + 0.5, -ring), at(number + 1.5, -ring)),
        )
        faces += [(poles[0], *upper), (upper[0], lower[0], upper[1])]
        faces += [(upper[1], lower[0], lower[1]), (poles[1], lower[1], lower[0])]
    corners = torch.stack([torch.stack(face) for face in faces])
    for _ in range(subdivisions):
        corners = _in_four(corners)
    return corners


def _in_four(corners: Float[Tensor, "triangles 3 3"]) -> Float[Tensor, "more 3 3"]:
    """Each triangle cut at the middles of its sides, which are put on the sphere."""
    middles = torch.nn.functional.normalize(corners + corners.roll(-1, dims=1), dim=-1)
    (a, b, c), (ab, bc, ca) = corners.unbind(1), middles.unbind(1)
    parts = [(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)]
    return torch.cat([torch.stack(part, dim=1) for part in parts])
