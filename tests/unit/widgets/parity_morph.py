"""What the kernel morph computes, said by `ktnlib.sphere`: cases as those of `parity`."""

import math

import torch
from torch import Tensor

from ktnlib.sphere import EquirectGrid, KernelTransformer, sphere_to_plane
from ktnlib.sphere.tap_filters import bicubic_weights, spline_basis, zero_sum_basis
from ktnlib.widgets.kernel_morph import KernelMorph

TOLERANCE = 1e-9
HEIGHT, KNOTS = 16, 7
COEFFICIENTS = torch.randn(
    9, 8, KNOTS, generator=torch.Generator().manual_seed(5), dtype=torch.float64
)  # large, so that every basis kernel counts
ROWS = (0, 1, 3, 8, 15)
SOURCE = torch.tensor([0.5, -1.0, 2.0, 0.25, 1.0, -0.75, 0.0, 1.5, -2.0], dtype=torch.float64)


def filters() -> list[tuple]:
    cases = []
    for place in ((0.3, 0.8), (0.0, 0.0), (0.95, 0.05)):
        phases = [torch.tensor([phase], dtype=torch.float64) for phase in place]
        for name, function in (("bicubicWeights", bicubic_weights), ("zeroSumBasis", zero_sum_basis)):
            cases.append((KernelMorph, name, list(place), function(*phases)[0].tolist(), TOLERANCE))
    for angle in (0.0, 0.7, math.pi / 2, 3.0):
        expected = spline_basis(torch.tensor([angle], dtype=torch.float64), KNOTS)[0].tolist()
        cases.append((KernelMorph, "splineBasis", [angle, KNOTS], expected, TOLERANCE))
    return cases


def tap_shares(head: str) -> Tensor:
    """(row, tap, grid row, column from the kernel's own): the row kernels of nine kernels of one tap each."""
    name = "taps" if head == "learned" else head
    transformer = KernelTransformer(3, head=name, coefficients=COEFFICIENTS if name == "taps" else None)
    one_tap = torch.eye(9, dtype=torch.float64).reshape(9, 1, 3, 3)
    return transformer(one_tap, EquirectGrid(HEIGHT).polar_angles).to_dense().detach()[:, :, 0]


def projected_shares() -> Tensor:
    """The same for tents on the plane, read at every pixel's own place on it."""
    grid, spacing = EquirectGrid(HEIGHT), math.pi / HEIGHT
    turn = torch.arange(2 * HEIGHT, dtype=torch.float64) * math.pi / HEIGHT
    steps = torch.tensor([-1.0, 0.0, 1.0], dtype=torch.float64)
    found = []
    for centre in grid.latitudes.tolist():
        place = {"centre_latitude": centre, "centre_longitude": 0.0}
        east, south, ahead = sphere_to_plane(grid.latitudes[:, None], turn, **place)
        tents = [
            (1 - (axis.nan_to_num(99.0) / spacing - steps[:, None, None]).abs()).clamp_min(0)
            for axis in (east, south)
        ]
        found.append(torch.einsum("uij,vij,ij->vuij", *tents, ahead.double()).flatten(0, 1))
    return torch.stack(found)


def listed(shares: Tensor) -> list[dict]:
    """(tap, grid row, column) as the widget lists it: the pixels that any tap reaches, row by row."""
    reached = (shares.abs() > TOLERANCE).any(dim=0).nonzero().tolist()
    return [{"row": i, "column": j, "shares": shares[:, i, j].tolist()} for i, j in reached]


def matrices() -> list[tuple]:
    cases = []
    for head in ("projected", "bilinear", "bicubic", "learned"):
        shares = projected_shares() if head == "projected" else tap_shares(head)
        for row in ROWS:
            given = [head, row, HEIGHT, COEFFICIENTS.flatten().tolist(), KNOTS]
            cases.append((KernelMorph, "rowMatrix", given, listed(shares[row]), TOLERANCE))
    return cases


def kernels() -> list[tuple]:
    cases = []
    sharp, soft = (torch.einsum("k,ikyx->iyx", SOURCE, tap_shares(head)) for head in ("bicubic", "bilinear"))
    for row in ROWS:
        parts = [listed(tap_shares(head)[row]) for head in ("bilinear", "bicubic")]
        pixels = int((soft[row].abs() > TOLERANCE).sum())
        expected = {"sum": SOURCE.sum().item(), "pixels": pixels}
        cases.append((KernelMorph, "footing", [parts[0], SOURCE.tolist()], expected, TOLERANCE))
        apart = ((soft[row] - sharp[row]).norm() / sharp[row].norm()).item()
        cases.append((KernelMorph, "kernelDistance", [*parts, SOURCE.tolist()], apart, TOLERANCE))
    return cases


PARITY = [*filters(), *matrices(), *kernels()]
