"""Checkers of chapter 5: a fair PSNR, where a pooled value belongs, what cube faces cost, a saliency by area.

Each checker hands random, asymmetric input to the reader's function. A wrong answer is compared with
those that the usual mistakes give, so that a mistake is called by its name.
"""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ktnlib.exercises.answer import Diagnosis, checker, compare


@checker
def check_sphere_psnr(function: Callable[..., Tensor], *, seed: int = 0) -> Diagnosis:
    """Judge the peak signal-to-noise ratio of a panorama, every row by its area.

    Args:
        function: called as ``function(clean, cleaned)`` with two panoramas (3, height, 2*height), float64,
            values in [0, 1]; returns the ratio in dB for a peak of 1.
        seed: chooses the panoramas; the errors grow to the south.
    """
    random = torch.Generator().manual_seed(seed)
    clean, noise = (torch.rand(3, 6, 12, generator=random, dtype=torch.float64) for _ in range(2))
    cleaned = clean + (noise - 0.3) * torch.linspace(0.05, 0.6, 6, dtype=torch.float64)[:, None]
    latitudes = math.pi / 2 - (torch.arange(6, dtype=torch.float64) + 0.5) * math.pi / 6
    area, apart = latitudes.cos() / latitudes.cos().sum(), cleaned - clean
    rows = apart.square().mean(dim=(0, 2))
    right = -10 * (area * rows).sum().log10()
    tilted = latitudes.sin().abs() / latitudes.sin().abs().sum()
    mistakes = {
        "rows are not weighted by area: a polar row counts as much as the equator": -10 * rows.mean().log10(),
        "you averaged decibels: average the squared errors, then take the logarithm": (
            -10 * (area * rows.log10()).sum()
        ),
        "you took the root too: PSNR is −10 log₁₀ of the *mean square*": right / 2,
        "this is the natural logarithm: decibels take that of base 10": right * math.log(10),
        "the sign is wrong: less error is more decibels": -right,
        "you weighted by the sine: a row at latitude φ has an area as cos φ": -10
        * (tilted * rows).sum().log10(),
        "divide by the sum of the weights": -10 * (latitudes.cos() * rows).sum().log10(),
        "weights multiply the squared errors, not the errors": (
            -10 * ((area * 6) ** 2 * rows).mean().log10()
        ),
        "you averaged absolute errors: square them": (
            -10 * (area * apart.abs().mean(dim=(0, 2))).sum().log10()
        ),
    }
    return compare(function(clean.clone(), cleaned.clone()), right, mistakes=mistakes, tolerance=1e-6)


@checker
def check_centre(function: Callable[..., Sequence[float]], *, seed: int = 0) -> Diagnosis:
    """Judge where a unit of a strided network looks.

    Args:
        function: called as ``function(layers)`` with a list of (kernel, stride, padding), the first layer
            first; returns (jump, centre): source pixels from one unit of the last map to the next, and the
            source pixel, 0 the first one's centre, in the middle of what its unit 0 looks at.
        seed: chooses the layers.
    """
    random = torch.Generator().manual_seed(seed)
    chains = []
    for _ in range(2):  # two, lest a mistake and the truth agree by chance
        order = torch.randperm(4, generator=random).tolist()
        paddings = torch.randint(1, 4, (4,), generator=random).tolist()
        chains.append([(*_LAYERS[k], padding) for k, padding in zip(order, paddings, strict=True)])
    given = [function(list(layers)) for layers in chains]
    if any(not isinstance(one, tuple | list | Tensor) or len(one) != 2 for one in given):
        return Diagnosis(False, "return two numbers: the jump, then the centre")

    def each(**change: float | bool) -> Tensor:
        return torch.cat([_centre(layers, **change) for layers in chains])

    right = each()
    sums = torch.tensor([float(sum(layer[1] for layer in layers)) for layers in chains])
    mistakes = {what: each(**change) for what, change in _CENTRE_MISTAKES.items()}
    mistakes["jump first, then the centre"] = right[[1, 0, 3, 2]]
    mistakes["strides multiply, they do not add"] = torch.stack([sums[0], right[1], sums[1], right[3]])
    return compare([float(value) for one in given for value in one], right, mistakes=mistakes, tolerance=1e-6)


_LAYERS = ((3, 1), (2, 2), (5, 3), (4, 2))  # kernel and stride

_CENTRE_MISTAKES = {
    "you left the padding out: it moves unit 0 to the north-west": {"padded": False},
    "the padding has the wrong sign: it moves unit 0 to the north-west": {"sign": -1.0},
    "half a pixel off: the middle of k pixels is (k − 1)/2 pixels from the first, not k/2": {"half": 0.0},
    "an even kernel's middle lies between two pixels: do not round it": {"whole": True},
    "an offset counts in steps of the layer's *input*: take the jump before the stride": {"late": True},
    "an offset counts in steps of the layer's input: multiply it by the jump": {"scaled": False},
}


def _centre(
    layers: Sequence[tuple[int, int, int]],
    *,
    padded: bool = True,
    sign: float = 1.0,
    half: float = 1.0,
    whole: bool = False,
    late: bool = False,
    scaled: bool = True,
) -> Tensor:
    """(jump, centre); every argument from `padded` on switches one mistake on."""
    jump, centre = 1.0, 0.0
    for kernel, stride, padding in layers:
        middle = (kernel - half) / 2
        offset = (math.floor(middle) if whole else middle) - sign * padded * padding
        centre += offset * ((jump * stride if late else jump) if scaled else 1.0)
        jump *= stride
    return torch.tensor([jump, centre], dtype=torch.float64)


@checker
def check_cube_ratio(function: Callable[..., float], *, seed: int = 0) -> Diagnosis:
    """Judge how many pixels six cube faces have for one of the panorama.

    Args:
        function: called as ``function(width, receptive_field)`` with the panorama's width and the side of
            what one unit sees, pixels; a face has the panorama's own spacing 2π/width in its middle, covers
            90° and carries as many pixels around them as its units see beyond; returns pixels of six faces
            over pixels of the panorama.
        seed: chooses the two.
    """
    random = torch.Generator().manual_seed(seed)
    width = 2 * int(torch.randint(100, 600, (1,), generator=random))
    field = 2 * int(torch.randint(10, 60, (1,), generator=random)) + 1

    def ratio(face: float = 1 / math.pi, margin: float = (field - 1) / width, faces: int = 6) -> Tensor:
        return torch.tensor(2 * faces * (face + margin) ** 2, dtype=torch.float64)

    far = (field - 1) / width
    mistakes = {
        "you left the margin out: a unit at a face's edge looks beyond it": ratio(margin=0.0),
        "the margin is on both sides of a face": ratio(margin=far / 2),
        "a unit sees (r − 1)/2 pixels to each side of its own": ratio(margin=2 * far),
        "a unit's own pixel is no margin: r − 1, not r": ratio(margin=field / width),
        "there are six faces": ratio(faces=1),
        "a face is 2/s pixels wide, which is W/π: W/4 is 90° of the equator, not of a plane": ratio(
            face=0.25
        ),
        "the panorama has W²/2 pixels: it is half as high as wide": ratio() / 2,
        "this is the panorama over the faces": 1 / ratio(),
        "count pixels, not sides: square the ratio of the lengths": ratio().sqrt(),
    }
    return compare(function(width, field), ratio(), mistakes=mistakes, tolerance=1e-4)


@checker
def check_saliency(function: Callable[..., Tensor], *, seed: int = 0) -> Diagnosis:
    """Judge a saliency map: how much an answer changes with the light from a direction, by solid angle.

    Args:
        function: called as ``function(gradient)`` with the derivative of one answer by every value of a
            panorama (3, height, 2*height), float64; returns (height, 2*height): the norm over the colours,
            for each steradian, divided by its largest value.
        seed: chooses the gradient, which shrinks to the poles as a pixel does.
    """
    random = torch.Generator().manual_seed(seed)
    latitudes = math.pi / 2 - (torch.arange(8, dtype=torch.float64) + 0.5) * math.pi / 8
    shrunk = latitudes.cos()[:, None]
    gradient = torch.randn(3, 8, 16, generator=random, dtype=torch.float64) * shrunk
    norm = gradient.norm(dim=0)

    def scaled(values: Tensor) -> Tensor:
        return values / values.max()

    mistakes = {
        "divide by the largest value": norm / shrunk,
        "this is a pixel's share: divide by its solid angle, or poles look dull": scaled(norm),
        "divide by the solid angle, do not multiply": scaled(norm * shrunk),
        "you added signed derivatives: colours cancel; take the norm": scaled(gradient.sum(dim=0) / shrunk),
        "you added signed derivatives before the absolute value": scaled(gradient.sum(dim=0).abs() / shrunk),
        "this is the sum of absolute values: take the norm": scaled(gradient.abs().sum(dim=0) / shrunk),
        "this is the square of the norm": scaled(norm**2 / shrunk),
        "the solid angle stands under the root: take the norm first": scaled(norm / shrunk.sqrt()),
        "you divided by the sine: a pixel's solid angle goes with cos φ": scaled(
            norm / latitudes.sin().abs()[:, None]
        ),
    }
    return compare(function(gradient.clone()), scaled(norm / shrunk), mistakes=mistakes, tolerance=1e-6)
