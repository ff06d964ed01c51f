"""Affine maps of the image plane as (2, 3) matrices [linear | shift], in pixels about the image centre.

x runs to the right and y down, both from the centre of the image, as everywhere in `ktnlib.alignment`.
"""

import math

import torch
from jaxtyping import Float64
from torch import Tensor

from ktnlib import check

Matrix = Float64[Tensor, "2 3"]


def rotation(angle: float | int) -> Matrix:
    """Turn the picture counter-clockwise, as seen, by `angle` radians.

    >>> rotation(math.pi / 2) @ torch.tensor([1.0, 0.0, 1.0], dtype=torch.float64)  # right goes up
    tensor([ 6.1232e-17, -1.0000e+00], dtype=torch.float64)
    """
    cosine, sine = math.cos(check.finite("angle", angle)), math.sin(angle)
    return _matrix([[cosine, sine, 0.0], [-sine, cosine, 0.0]])


def zoom(factor: float | int) -> Matrix:
    """Magnify by `factor` (above 0) about the centre; a factor below 1 shrinks.

    >>> zoom(2.0)[:, :2].diagonal()
    tensor([2., 2.], dtype=torch.float64)
    """
    factor = check.between("factor", factor, 0.0, math.inf, "")
    return _matrix([[factor, 0.0, 0.0], [0.0, factor, 0.0]])


def shear(amount: float | int) -> Matrix:
    """Slide each row to the right by `amount` pixels for every pixel that it lies below the centre.

    >>> shear(0.3)[0]
    tensor([1.0000, 0.3000, 0.0000], dtype=torch.float64)
    """
    return _matrix([[1.0, check.finite("amount", amount), 0.0], [0.0, 1.0, 0.0]])


def shift(right: float | int, down: float | int) -> Matrix:
    """Move the picture by `right` and `down` pixels.

    >>> shift(7, 0)[:, 2]
    tensor([7., 0.], dtype=torch.float64)
    """
    return _matrix([[1.0, 0.0, check.finite("right", right)], [0.0, 1.0, check.finite("down", down)]])


def compose(second: Matrix, first: Matrix) -> Matrix:
    """The map that does `first`, then `second`: warping by it is warping by `first`, then by `second`.

    Raises:
        ValueError: what is no (2, 3) float64 matrix.

    >>> torch.equal(compose(zoom(2.0), shift(1, 0)), torch.tensor([[2.0, 0, 2], [0, 2, 0]]).double())
    True
    """
    return (_square(checked("second", second)) @ _square(checked("first", first)))[:2]


def invert(matrix: Matrix) -> Matrix:
    """The way back.

    Raises:
        ValueError: what is no (2, 3) float64 matrix; a determinant of 0, or one that is not finite.

    >>> invert(shift(7, 2))[:, 2]
    tensor([-7., -2.], dtype=torch.float64)
    """
    (a, b), (c, d) = checked("matrix", matrix)[:, :2].tolist()
    determinant = a * d - b * c
    if not math.isfinite(determinant) or determinant == 0.0:
        raise ValueError(
            f"`matrix` has determinant {determinant:g}; wanted an invertible map; "
            "a zoom by 0 or parallel columns cannot be undone"
        )
    return torch.linalg.inv(_square(matrix))[:2]


def checked(name: str, matrix: Tensor) -> Matrix:
    """Refuse what is no (2, 3) float64 tensor [linear | shift]."""
    if not isinstance(matrix, Tensor) or matrix.dtype != torch.float64 or matrix.shape != (2, 3):
        known = isinstance(matrix, Tensor)
        given = f"{tuple(matrix.shape)}, {matrix.dtype}" if known else type(matrix).__name__
        raise ValueError(
            f"`{name}` is {given}; wanted a (2, 3) float64 tensor [linear | shift]; "
            "make one with `rotation`, `zoom`, `shear`, `shift` or `compose`"
        )
    return matrix


def _matrix(rows: list[list[float]]) -> Matrix:
    return torch.tensor(rows, dtype=torch.float64)


def _square(matrix: Matrix) -> Float64[Tensor, "3 3"]:
    return torch.cat([matrix, matrix.new_tensor([[0.0, 0.0, 1.0]])])
