"""Channel mixing of low rank: what it finds when the truth is of its form, and that the rows fit into it."""

import torch

from ktnlib.experiments.low_rank import LowRank, fit_low_rank
from ktnlib.sphere import EquirectGrid, RowKernels, row_conv2d, tangent_taps
from ktnlib.sphere.fitting.equations import RowEquations
from ktnlib.sphere.tap_filters import spline_basis

GRID = EquirectGrid(8)
SPLINES = spline_basis(GRID.polar_angles, 4)


def drawn(*shape: int, seed: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def mixed_layer(kernel: torch.Tensor, mixing: LowRank):
    """A layer that mixes channels in every row, and what it reads and answers."""
    plan = tangent_taps(8, 16, 3).neighbours(interpolation="bicubic")
    x = drawn(6, 2, 8, 16, seed=3)
    kernels = RowKernels.from_taps(mixing.kernels(kernel, SPLINES), plan, height=8, width=16)
    return x, row_conv2d(x, kernels), plan


def test_no_shares_leave_the_source_kernel_and_one_share_adds_the_mixed_kernel_at_its_tap():
    kernel, mixes = drawn(3, 2, 9, seed=0), drawn(1, 3, 3, seed=1)
    shares = torch.zeros(1, 9, 4)
    assert torch.equal(LowRank(mixes, shares).kernels(kernel, SPLINES), kernel.expand(8, -1, -1, -1))
    shares[0, 5] = 2.0  # splines sum to one
    found = LowRank(mixes, shares).kernels(kernel, SPLINES)
    wanted = kernel.clone()
    wanted[..., 5] += 2 * mixes[0] @ kernel[..., 5]
    assert (found - wanted).abs().max() < 1e-5


def test_a_layer_that_is_of_low_rank_is_found_again():
    kernel = drawn(3, 2, 9, seed=0)
    truth = LowRank(0.3 * drawn(1, 3, 3, seed=1), drawn(1, 9, 4, seed=2))
    x, target, plan = mixed_layer(kernel, truth)
    equations = RowEquations.of_kernels(x, target, None, plan, every=1)
    start = kernel.permute(2, 1, 0).flatten(0, 1).expand(8, -1, -1)
    found = fit_low_rank(equations, kernel, SPLINES, rank=1, ridge=1e-9)
    rows = found.kernels(kernel, SPLINES).permute(0, 3, 2, 1).flatten(1, 2)
    assert equations.errors(rows).sum() < 1e-4 * equations.errors(start).sum()


def test_more_ranks_starts_and_rounds_never_fit_worse():
    kernel = drawn(3, 2, 9, seed=0)
    x, _, plan = mixed_layer(kernel, LowRank(drawn(1, 3, 3, seed=1), drawn(1, 9, 4, seed=2)))
    equations = RowEquations.of_kernels(x, drawn(6, 3, 8, 16, seed=5), None, plan, every=1)

    def error(**options):
        rows = fit_low_rank(equations, kernel, SPLINES, **options).kernels(kernel, SPLINES)
        start = kernel.permute(2, 1, 0).flatten(0, 1).expand(8, -1, -1)
        relative = equations.errors(rows.permute(0, 3, 2, 1).flatten(1, 2)) / equations.errors(start)
        return relative.sum().item()

    assert error(rank=1, starts=1, rounds=10) <= error(rank=1, starts=1, rounds=1) < 8
    assert error(rank=3, rounds=5) < error(rank=1, rounds=5) <= error(rank=1, starts=1, rounds=5)
