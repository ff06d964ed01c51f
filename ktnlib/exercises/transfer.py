"""Checkers of chapter 4: transfer broken on purpose, spacings, shares kept, means and a paired error.

Each checker hands random, asymmetric input to the reader's function. A wrong answer is compared with
those that the usual mistakes give, so that a mistake is called by its name.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from ktnlib.exercises.answer import Diagnosis, checker, compare
from ktnlib.sphere import EquirectGrid


@checker
def check_permuted(function: Callable[..., tuple[Tensor, Tensor, Tensor]], *, seed: int = 0) -> Diagnosis:
    """Judge two layers whose hidden channels have changed places while the network says the same.

    Args:
        function: called as ``function(weight, bias, following, order)`` with the first convolution's weight
            (5, 3, 3, 3) and bias (5,), the second's weight (6, 5, 3, 3), float64, and five whole numbers;
            returns the three again, so that hidden channel k is what channel order[k] was and the second
            layer answers as before.
        seed: chooses numbers and order.
    """
    random = torch.Generator().manual_seed(seed)
    weight, following = (
        torch.randn(*shape, generator=random, dtype=torch.float64) for shape in ((5, 3, 3, 3), (6, 5, 3, 3))
    )
    bias = torch.randn(5, generator=random, dtype=torch.float64)
    order = torch.tensor([2, 0, 3, 4, 1])  # not its own inverse
    back = order.argsort()
    answer = function(weight.clone(), bias.clone(), following.clone(), order.clone())
    if not isinstance(answer, tuple | list) or len(answer) != 3:
        return Diagnosis(False, "return three tensors: weight, bias and the weight that follows")
    if torch.is_tensor(answer[2]) and answer[2].shape != following.shape:
        return Diagnosis(
            False,
            "the second layer has lost outputs: its hidden channels are its inputs, axis 1; index it "
            "as `following[:, order]`",
        )
    right = weight[order], bias[order], following[:, order]
    mistakes = {
        "the second layer still reads the old places: permute its inputs, axis 1": (*right[:2], following),
        "the biases stayed behind: they belong to the hidden channels too": (right[0], bias, right[2]),
        "only the second layer has moved: permute what the first answers, axis 0, as well": (
            weight,
            bias,
            right[2],
        ),
        "this is the way back: hidden channel k is what channel order[k] was": (
            weight[back],
            bias[back],
            following[:, back],
        ),
        "the second layer is permuted backwards: both take the same order": (*right[:2], following[:, back]),
        "nothing has moved": (weight, bias, following),
    }
    return compare(
        _joined(answer), _joined(right), mistakes={what: _joined(parts) for what, parts in mistakes.items()}
    )


def _joined(parts: tuple) -> Tensor:
    return torch.cat([torch.as_tensor(part, dtype=torch.float64).flatten() for part in parts])


@checker
def check_spacings(function: Callable[..., list[float]]) -> Diagnosis:
    """Judge how far apart the taps of each layer lie on the tangent plane.

    Args:
        function: called as ``function(layers, spacing)`` with pairs (stride, dilation), layer by layer, and
            the distance of the source's pixels, sphere radii; returns each layer's distance between
            neighbouring taps.
    """
    layers, spacing = [(1, 1), (2, 1), (1, 3), (2, 1), (3, 2), (1, 1)], 0.013
    verdict = Diagnosis(False, "your function was not called")
    for part in (layers, layers[1:5]):
        right = _spacings(part, spacing)
        mistakes = {
            "every layer has the source's spacing: a stride leaves fewer, wider steps behind it": _spacings(
                part, spacing, strides=False
            ),
            "a layer's own stride comes after its taps: they are still where its input's pixels are": (
                _spacings(part, spacing, own=True)
            ),
            "you left the dilation out": _spacings(part, spacing, dilations=False),
            "dilation widens one layer's taps only: it leaves no wider pixels behind": _spacings(
                part, spacing, dilation_stays=True
            ),
            "strides multiply: two of 2 are 4, here they were added": _spacings(part, spacing, add=True),
        }
        verdict = compare(function(list(part), spacing), right, mistakes=mistakes, tolerance=1e-6)
        if not verdict:
            return verdict
    return Diagnosis(True, "every layer's taps are as far apart as its input's pixels, times the dilation")


def _spacings(
    layers: list[tuple[int, int]],
    spacing: float,
    *,
    strides: bool = True,
    own: bool = False,
    dilations: bool = True,
    dilation_stays: bool = False,
    add: bool = False,
) -> Tensor:
    """Source pixels between the taps, layer by layer; every option switches one mistake on."""
    found, jump = [], 1
    for stride, dilation in layers:
        after = (jump + stride - 1 if add else jump * stride) * (dilation if dilation_stays else 1)
        here = after if own else jump
        found.append(spacing * (here if strides else 1) * (dilation if dilations else 1))
        jump = after
    return torch.tensor(found, dtype=torch.float64)


@checker
def check_kept(guess: object, *, bilinear: float, method: float, own: float) -> Diagnosis:
    """Judge the share of a gain over bilinear taps that a transferred set keeps.

    Args:
        guess: the share, 0 to 1.
        bilinear, method, own: errors of bilinear taps, of the transferred set and of the network's own fit.

    >>> print(check_kept(0.308, bilinear=0.13, method=0.09, own=0.08))
    not yet: this is how much smaller the error is: divide by the gain of the network's own fit
    """
    share = (bilinear - method) / (bilinear - own)
    mistakes = {
        "this is how much smaller the error is: divide by the gain of the network's own fit": 1
        - method / bilinear,
        "this is the share that is lost: subtract it from 1": 1 - share,
        "this compares the errors, not the gains over bilinear": own / method,
        "you divided the other way round": 1 / share,
        "this is in per cent: divide by 100": 100 * share,
    }
    return compare(
        guess,
        torch.tensor(share),
        mistakes={what: torch.tensor(value) for what, value in mistakes.items()},
        tolerance=0.02,
    )


@checker
def check_sphere_mean(function: Callable[..., Tensor], *, seed: int = 0) -> Diagnosis:
    """Judge the mean of a map over the sphere: what a network's global pooling becomes.

    Args:
        function: called as ``function(features)`` with maps (2, 3, 6, 12), float64; returns (2, 3), the mean
            over all directions.
        seed: chooses the maps.
    """
    random = torch.Generator().manual_seed(seed)
    features = torch.rand(2, 3, 6, 12, generator=random, dtype=torch.float64)
    features += torch.linspace(0, 3, 6, dtype=torch.float64)[:, None]  # poles and equator must differ
    grid = EquirectGrid(6)
    rows = features.mean(dim=-1)

    def weighted(weights: Tensor) -> Tensor:
        return rows @ (weights / weights.sum())

    mistakes = {
        "rows not weighted by cos φ: this is the mean over pixels": weighted(torch.ones(6).double()),
        "the latitudes are wrong: cos φ has its maximum in the middle rows": weighted(
            grid.latitudes.sin().abs()
        ),
        "you weighted by the polar angle's cosine: wanted its sine, which is cos φ": weighted(
            grid.polar_angles.cos().abs() + 1e-12
        ),
        "the weights do not sum to 1: divide by their sum": rows @ grid.latitudes.cos() / 6,
        "this is the integral: divide by the whole sphere, 4π": rows @ grid.solid_angles * 12,
        "latitudes of the rows' edges: a row's own is that of its middle": weighted(
            (math.pi / 2 - torch.arange(6).double() * math.pi / 6).cos()
        ),
    }
    return compare(function(features.clone()), weighted(grid.solid_angles), mistakes=mistakes, tolerance=1e-6)


@checker
def check_paired_error(function: Callable[..., Tensor | float], *, seed: int = 0) -> Diagnosis:
    """Judge the standard error of the difference of two methods that saw the same pictures.

    Args:
        function: called as ``function(first, second)`` with 1.0 where a method was right and 0.0 where it
            was wrong, (200,) float64 each, in the same order; returns the standard error of the difference
            of the two accuracies.
        seed: chooses who was right.
    """
    random = torch.Generator().manual_seed(seed)
    hard = torch.rand(200, generator=random, dtype=torch.float64)
    first = (hard < 0.8).double()
    flip = torch.rand(200, generator=random, dtype=torch.float64) < 0.1
    second = torch.where(flip, 1 - first, first)
    apart = (first - second).var() / 200
    alone = (first.var() + second.var()) / 200
    mistakes = {
        "you treated them as two samples: the same pictures were hard for both; take differences first": (
            alone.sqrt()
        ),
        "this is the spread of one difference: divide by the square root of their number": (
            200 * apart
        ).sqrt(),
        "you divided by the number of pictures: the error falls with its square root": (200 * apart).sqrt()
        / 200,
        "this is the variance: take the root": apart,
        "this is the difference itself": (first - second).mean(),
        "the mean of the differences is still in it: spread is about the mean": (
            ((first - second) ** 2).mean() / 200
        ).sqrt(),
        "this is in points: give it as a fraction of 1": 100 * apart.sqrt(),
    }
    answer = function(first.clone(), second.clone())
    # n or n − 1 below the fraction: both are right
    return compare(answer, apart.sqrt(), mistakes=mistakes, tolerance=0.004)
