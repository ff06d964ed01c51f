"""Warp images by an affine map: each output pixel asks where it came from."""

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from ktnlib import check

from .affine import Matrix, checked, invert


def affine_warp(
    images: Float[Tensor, "batch channel height width"], matrix: Matrix
) -> Float[Tensor, "batch channel height width"]:
    """Move the content of the images by the map h that `matrix` states: (T_h f)(x) = f(h⁻¹x).

    Samples are bilinear between pixel centres, and the world outside the image is 0. Gradients flow into the
    images and into the matrix.

    Args:
        images: any floating-point images.
        matrix: h as [linear | shift], float64, in pixels about the image centre, x right, y down; see
            `rotation`, `zoom`, `shear`, `shift`.

    Raises:
        TypeError: images that are not floating point.
        ValueError: images without four axes; a matrix of another shape, or that cannot be inverted.

    >>> from ktnlib.alignment import shift
    >>> dot = torch.zeros(1, 1, 5, 5)
    >>> dot[0, 0, 2, 3] = 1.0
    >>> affine_warp(dot, shift(0, 1))[0, 0].argmax().item() == 3 * 5 + 3
    True
    """
    check.image_batch("images", images)
    columns, rows = sample_points(images.shape[-2:], checked("matrix", matrix).to(images.device))
    return bilinear(images, rows, columns)


def sample_points(
    size: tuple[int, int], matrix: Matrix
) -> tuple[Float64[Tensor, "height width"], Float64[Tensor, "height width"]]:
    """Where each output pixel comes from, h⁻¹x, as float64 (column, row) positions in pixel centres."""
    height, width = size
    y = torch.arange(height, dtype=torch.float64, device=matrix.device) - (height - 1) / 2
    x = torch.arange(width, dtype=torch.float64, device=matrix.device) - (width - 1) / 2
    y, x = torch.meshgrid(y, x, indexing="ij")
    points = torch.stack([x, y, torch.ones_like(x)])
    source_x, source_y = torch.einsum("ij,jhw->ihw", invert(matrix), points)
    return source_x + (width - 1) / 2, source_y + (height - 1) / 2


def bilinear(
    images: Float[Tensor, "batch channel height width"],
    rows: Float64[Tensor, "out_height out_width"],
    columns: Float64[Tensor, "out_height out_width"],
) -> Float[Tensor, "batch channel out_height out_width"]:
    """Read the images between their pixels: four neighbours, weighted by nearness, 0 outside."""
    height, width = images.shape[-2:]
    top, left = rows.detach().floor(), columns.detach().floor()
    pixels = images.flatten(2)
    result = images.new_zeros(*images.shape[:2], rows.numel())
    for row, row_weight in ((top, top + 1 - rows), (top + 1, rows - top)):
        for column, column_weight in ((left, left + 1 - columns), (left + 1, columns - left)):
            inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
            weight = torch.where(inside, row_weight * column_weight, 0.0).to(images.dtype)
            index = row.clamp(0, height - 1).long() * width + column.clamp(0, width - 1).long()
            result = result + weight.flatten() * pixels.index_select(2, index.flatten())
    return result.unflatten(2, rows.shape)
