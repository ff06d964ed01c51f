"""Exercises of the chapter "Three things you can move": one response, one map of points, two kernels."""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from .answer import Diagnosis, checker, compare

_CENTRES = ((3, 4), (5, 2), (2, 6))


@checker
def check_response(function: Callable) -> Diagnosis:
    """Judge ``function(image, kernel, row, column)``: one output pixel of a correlation.

    Args:
        function: takes an image (height, width), an odd kernel (size, size) and a pixel away from the
            border; returns one number: with the kernel's centre on the pixel, weight times value summed,
            before bias and ReLU.

    >>> print(check_response(lambda image, kernel, row, column: ...))
    not answered yet
    """
    draw = torch.Generator().manual_seed(20)
    image = torch.rand(8, 10, generator=draw, dtype=torch.float64)
    kernel = torch.randn(3, 3, generator=draw, dtype=torch.float64)
    given = [function(image.clone(), kernel.clone(), *centre) for centre in _CENTRES]
    if any(torch.is_tensor(one) and one.numel() > 1 for one in given):
        return Diagnosis(False, "your answer holds several numbers; wanted one: sum the products")

    def responses(weights: Tensor, *, before: int = 1, swapped: bool = False) -> Tensor:
        pixels = [centre[::-1] if swapped else centre for centre in _CENTRES]
        patches = [image[r - before :, c - before :][:3, :3] for r, c in pixels]
        return torch.stack([(patch * weights).sum() for patch in patches])

    mistakes = {
        "your kernel is flipped: that is convolution, torch's is correlation": responses(kernel.flip(0, 1)),
        "your kernel is transposed: its first axis is the row": responses(kernel.T),
        "you put the kernel's corner on the pixel; its centre belongs there": responses(kernel, before=0),
        "you swapped row and column of the output pixel": responses(kernel, swapped=True),
        "you applied the ReLU: the response is asked for before it": responses(kernel).relu(),
        "you took the mean of the products: a response is their sum": responses(kernel / kernel.numel()),
        "you flipped the rows of the kernel: the image is read at p + q": responses(kernel.flip(0)),
        "you flipped the columns of the kernel: the image is read at p + q": responses(kernel.flip(1)),
    }
    return compare(given, responses(kernel), mistakes=mistakes)


@checker
def check_source_points(function: Callable) -> Diagnosis:
    """Judge ``function(matrix, size)``: where each output pixel of a moved picture looks in the input.

    Args:
        function: takes h as a (2, 3) float64 matrix [linear | shift] and the picture's side in pixels;
            returns (size, size, 2), float64: for each row and column the point h⁻¹p = (right, down), in
            pixels from the picture's centre.

    >>> print(check_source_points(lambda matrix, size: ...))
    not answered yet
    """
    size, middle = 6, 2.5
    linear = torch.tensor([[1.3, -0.4], [0.7, 0.9]], dtype=torch.float64)
    shift = torch.tensor([1.5, -0.5], dtype=torch.float64)
    given = function(torch.cat([linear, shift[:, None]], dim=1), size)
    down, right = torch.meshgrid(*[torch.arange(size, dtype=torch.float64)] * 2, indexing="ij")
    corner, back = torch.stack([right, down], dim=-1), torch.linalg.inv(linear).T
    points = corner - middle
    wanted = (points - shift) @ back
    about_corner = (
        "you turned about the corner, not the centre: the centre of pixels 0 … n - 1 is (n - 1) / 2"
    )
    mistakes = {
        "you forgot to invert the matrix: output pixel p looks at h⁻¹p, not at hp": points @ linear.T + shift,
        about_corner: (corner - shift) @ back,
        f"{about_corner}, before and after": (corner - shift) @ back - middle,
        "you are half a pixel off: the centre is (n - 1) / 2, not n / 2": (points - 0.5 - shift) @ back,
        "you left out the shift: h⁻¹p is L⁻¹(p - t)": points @ back,
        "you count from the corner: take (n - 1) / 2 off the result": wanted + middle,
        "you undid L before the shift: h⁻¹p is L⁻¹(p - t), not L⁻¹p - t": points @ back - shift,
        "you multiplied with the transposed matrix: use `points @ inverse.T`": (points - shift) @ back.T,
        "you swapped right and down: a point's first number counts to the right": wanted.flip(-1),
        "your picture is transposed: rows run along the first axis": wanted.transpose(0, 1),
    }
    return compare(given, wanted, mistakes=mistakes)


@checker
def check_exchanged_kernel(function: Callable) -> Diagnosis:
    """Judge ``function(kernel, linear, points)``: values of K_h, the kernel that lets T_h pass a correlation.

    Args:
        function: takes a kernel as a function of points (…, 2) -> (…), the linear part L of h as (2, 2)
            float64, and points (count, 2); returns (count,) values of K_h(q) = abs(det L) K(Lq).

    >>> print(check_exchanged_kernel(lambda kernel, linear, points: ...))
    not answered yet
    """
    draw = torch.Generator().manual_seed(21)
    points = torch.randn(12, 2, generator=draw, dtype=torch.float64)
    linear = torch.tensor([[0.8, 1.1], [1.2, -0.3]], dtype=torch.float64)
    given = function(_lopsided, linear.clone(), points.clone())
    determinant = torch.linalg.det(linear)
    here, along = _lopsided(points @ linear.T), _lopsided(points @ torch.linalg.inv(linear).T)
    area = determinant.abs()
    mistakes = {
        "you left the kernel where it was: K_h looks at Lq": area * _lopsided(points),
        "you forgot |det L|: the substitution changes the area": here,
        "you forgot the absolute value: an area is positive, det L may not be": determinant * here,
        "you divided by |det L|: the area element multiplies": here / area,
        "you turned the kernel the wrong way: K(L⁻¹q) moves it along with the image": along,
        "you turned the kernel the wrong way: K_h looks at Lq, not at L⁻¹q": area * along,
        "you turned the kernel the wrong way: that one belongs on the moved image": along / area,
        "you multiplied with the transposed matrix: use `points @ linear.T`": area
        * _lopsided(points @ linear),
    }
    return compare(given, area * here, mistakes=mistakes)


@checker
def check_half_turn(kernel: Any) -> Diagnosis:
    """Judge a filter: a turn by 180° must commute with it, a turn by 90° must not.

    Args:
        kernel: an odd square of numbers, (size, size), not all alike, at least one of them positive.

    >>> import torch
    >>> print(check_half_turn(torch.ones(3, 3)))
    not yet: your filter is constant: every quarter turn commutes with it
    """
    try:
        weights = torch.as_tensor(kernel).detach().to("cpu", torch.float64)
    except (TypeError, ValueError, RuntimeError):
        return Diagnosis(False, f"your answer is a {type(kernel).__name__}; wanted a square of numbers")
    if weights.ndim != 2 or weights.shape[0] != weights.shape[1] or weights.shape[0] % 2 == 0:
        return Diagnosis(
            False, f"your filter has shape {tuple(weights.shape)}; wanted an odd square such as (3, 3)"
        )
    return _judge_turns(weights)


def _judge_turns(weights: Float[Tensor, "size size"]) -> Diagnosis:
    scale = 1e-6 * float(weights.abs().max())
    half, quarter = weights.rot90(2), weights.rot90(1)

    def alike(one: Tensor, other: Tensor) -> bool:
        return float((one - other).abs().max()) <= scale

    if alike(weights, weights.mean().expand_as(weights)):
        return Diagnosis(False, "your filter is constant: every quarter turn commutes with it")
    if not (weights > 0).any():
        message = (
            "no weight of your filter is positive: the ReLU leaves nothing, and every move commutes with that"
        )
        return Diagnosis(False, message)
    if alike(weights, -half):
        message = (
            "a half turn changes the sign of your filter, as of every first derivative: 180° does not commute"
        )
        return Diagnosis(False, message)
    if not alike(weights, half):
        message = "180° does not commute with your filter: it must be the same after `weights.rot90(2)`"
        if alike(weights, weights.flip(0)) or alike(weights, weights.flip(1)):
            message += "; yours is the same after one mirror, a half turn is two"
        return Diagnosis(False, message)
    if alike(weights, quarter):
        return Diagnosis(False, "90° commutes with your filter too: it is the same after `weights.rot90()`")
    return Diagnosis(True, "a half turn leaves your filter as it is, a quarter turn does not")


def _lopsided(points: Float[Tensor, "*many 2"]) -> Float[Tensor, "*many"]:
    """A smooth kernel without any symmetry."""
    right, down = points.unbind(-1)
    return torch.exp(-(0.6 * right**2 + 0.3 * down**2)) * (1 + 0.8 * right - 0.5 * down + 0.7 * right * down)
