"""What the browser computes, said again by Python: (widget, exported name, arguments, expected, tolerance).

Both the Node test beside this file and the browser tests walk the list; arguments and answers are plain JSON.
"""

import math

import torch

from ktnlib import alignment
from ktnlib.widgets.commutation import Commutation
from ktnlib.widgets.predict import Predict
from ktnlib.widgets.three_moves import ThreeMoves

TOLERANCE = 1e-9  # both sides compute in float64
SIZE = 12
TRANSFORMATIONS = {
    "rotate": (alignment.rotation, 0.6),
    "shift": (lambda right: alignment.shift(right, 0.0), -1.7),
    "zoom": (alignment.zoom, 1.3),
    "shear": (alignment.shear, 0.4),
}
MATRICES = {name: make(amount) for name, (make, amount) in TRANSFORMATIONS.items()}
# all of it at once, and off the middle: a swapped axis or a wrong order shows
MATRICES["mixed"] = alignment.compose(
    alignment.shift(0.8, -1.3), alignment.compose(MATRICES["rotate"], MATRICES["shear"])
)


def noise(*shape: int, seed: int) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


IMAGE = noise(1, 1, SIZE, SIZE, seed=1)
LAYER = alignment.FilterLayer(noise(2, 1, 5, 5, seed=2) - 0.5)


def largest_difference(got: object, expected: object) -> float:
    """The largest difference of two pieces of JSON; infinite where they differ in form or in words."""
    if isinstance(expected, dict) and isinstance(got, dict) and got.keys() == expected.keys():
        return max((largest_difference(got[key], expected[key]) for key in expected), default=0.0)
    if isinstance(expected, list) and isinstance(got, list) and len(got) == len(expected):
        return max(map(largest_difference, got, expected), default=0.0)
    if isinstance(expected, int | float) and isinstance(got, int | float):
        return abs(got - expected)
    return 0.0 if got == expected else math.inf


def flat(values: torch.Tensor) -> list[float]:
    return values.flatten().tolist()


def kernels(layer: alignment.FilterLayer) -> list[list[float]]:
    return [flat(kernel) for kernel in layer.weight]


def warps() -> list[tuple]:
    return [
        (
            Commutation,
            "affineWarp",
            [flat(IMAGE), SIZE, matrix.tolist()],
            flat(alignment.affine_warp(IMAGE, matrix)),
            TOLERANCE,
        )
        for matrix in MATRICES.values()
    ]


def matrices() -> list[tuple]:
    return [
        (Commutation, "matrixOf", [name, amount], make(amount).tolist(), TOLERANCE)
        for name, (make, amount) in TRANSFORMATIONS.items()
    ]


def peaks() -> list[tuple]:
    """The largest response inside the region; the largest of all lies outside it."""
    return [(Commutation, "peak", [[5.0, 0.25, 3.0, 4.0], [0, 1, 1, 0]], 3.0, 0)]


def layers() -> list[tuple]:
    maps = [flat(feature_map) for feature_map in LAYER(IMAGE)[0]]
    return [(Commutation, "layer", [flat(IMAGE), SIZE, kernels(LAYER)], maps, TOLERANCE)]


def errors() -> list[tuple]:
    cases = []
    for matrix in MATRICES.values():
        whole = alignment.commutation_error(LAYER, IMAGE, matrix, margin=1.0).item()
        back = alignment.there_and_back_error(IMAGE, matrix, margin=1.0).item()
        given = [flat(IMAGE), SIZE, matrix.tolist(), 1.0]
        cases += [
            (Commutation, "commutationError", [*given[:2], kernels(LAYER), *given[2:]], whole, TOLERANCE),
            (Commutation, "thereAndBackError", given, back, TOLERANCE),
        ]
    return cases


def w_and_m() -> list[tuple]:
    """A W turned by half answers the W filter with 1.70 and the M filter with 2.50."""
    bank = alignment.filters(5)
    weight = torch.cat([bank["W"], bank["M"]])
    letter = (bank["W"] > 0).double()
    turned = alignment.affine_warp(letter, alignment.rotation(math.pi))
    peaks = torch.nn.functional.conv2d(turned, weight, padding=2)[0, :, 2, 2]
    layer = alignment.FilterLayer(weight)
    return [
        (
            Commutation,
            "tapArithmetic",
            [flat(turned), 5, kernels(layer)[channel], 2, 2],
            arithmetic(turned, weight[channel], peak),
            TOLERANCE,
        )
        for channel, peak in enumerate(peaks.tolist())
    ]


def arithmetic(image: torch.Tensor, kernel: torch.Tensor, total: float) -> dict:
    products = flat(image[0] * kernel)
    return {
        "taps": flat(image),
        "weights": flat(kernel),
        "products": products,
        "sum": total,
        "value": max(0.0, total),
    }


def three_moves() -> list[tuple]:
    """‖Γ(Tx) − TΓ(x)‖ and ‖Γ(Tx) − TΓ′(x)‖ over ‖Γ(x)‖, Γ′ with the kernel T⁻¹K."""
    cases = []
    for name in ("rotate", "shear", "zoom"):
        matrix, kernel = MATRICES[name], LAYER.weight[:1]
        back = alignment.FilterLayer(alignment.affine_warp(kernel, alignment.invert(matrix)))
        layer = alignment.FilterLayer(kernel)
        region = alignment.commutation.counted_region(SIZE, matrix, margin=1.0 + layer.reach)
        moved = layer(alignment.affine_warp(IMAGE, matrix))
        differences = [
            (moved - alignment.affine_warp(other(IMAGE), matrix))[..., region].norm()
            for other in (layer, back)
        ]
        expected = [(difference / layer(IMAGE)[..., region].norm()).item() for difference in differences]
        cases.append(
            (
                ThreeMoves,
                "threeMovesErrors",
                [flat(IMAGE), SIZE, flat(kernel), matrix.tolist(), 1.0],
                expected,
                TOLERANCE,
            )
        )
    return cases


def verdicts() -> list[tuple]:
    return [
        (Predict, "verdict", [20, 10.5, 1, "%", 1], {"close": False, "text": "9.5 points too high."}, 0),
        (Predict, "verdict", [3, 4.25, 2, "px", 2], {"close": True, "text": "Close: 1.25 px off."}, 0),
        (Predict, "verdict", [4.2, 4.24, 2, "", 1], {"close": True, "text": "Exactly that."}, 0),
    ]


PARITY = [*matrices(), *warps(), *peaks(), *layers(), *errors(), *w_and_m(), *three_moves(), *verdicts()]
