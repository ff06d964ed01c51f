"""Equations of a window against plain convolutions of the rows, error by error."""

import pytest
import torch

from ktnlib.sphere.fitting.windows import band_equations, read_window, sampled_columns, window_kernel
from ktnlib.sphere.published import BandShape
from ktnlib.sphere.row_bands import RowBand
from ktnlib.sphere.row_kernels import RowKernels

from ..images import assert_close, noise

HEIGHT, WIDTH = 6, 12
BANDS = [
    BandShape(range(2), (3, 5), (1, 2)),
    BandShape(range(2, 4), (1, 1), (1, 1)),
    # over both poles, and wider than the circle
    BandShape(range(4, 6), (5, 9), (2, 2)),
]


def answers(kernels, x):
    """Row convolution as a sum over every pixel of the panorama."""
    dense = kernels.to_dense()
    shifted = torch.stack([x.roll(-j, dims=3) for j in range(x.shape[3])])
    return torch.einsum("roihw,jbihw->borj", dense, shifted)


@pytest.mark.parametrize("every", [1, 3])
def test_errors_from_the_equations_are_sums_over_pixels(every):
    x, targets, bias = noise(2, 3, HEIGHT, WIDTH), noise(2, 4, HEIGHT, WIDTH, seed=1), noise(4, seed=2)
    bands = [
        RowBand(band.rows, noise(4, 3, *band.size, seed=3 + number), band.dilation)
        for number, band in enumerate(BANDS)
    ]
    got = answers(RowKernels.from_bands(bands, height=HEIGHT, width=WIDTH), x) + bias[:, None, None]
    row_weights = noise(HEIGHT, seed=9).abs()
    squared = (got - targets).square().sum((0, 1)) * row_weights[:, None]
    for band, kernel in zip(BANDS, bands, strict=True):
        equations = band_equations(x, targets, bias, band, every=every, row_weights=row_weights)
        wanted = sum(squared[row, row % every :: every].sum() for row in band.rows)
        unknowns = kernel.weight.flatten(1).T[None]
        assert_close(equations.errors(unknowns), wanted[None], 1e-9)
        assert_close(window_kernel(unknowns, band.size), kernel.weight, 0)


def test_the_solution_is_the_kernel_that_made_the_targets():
    x = noise(3, 2, HEIGHT, WIDTH)
    true = RowBand(range(6), noise(2, 2, 3, 3, seed=1), (1, 1))
    targets = answers(RowKernels.from_bands([true], height=HEIGHT, width=WIDTH), x)
    equations = band_equations(x, targets, None, BandShape(range(6), (3, 3), (1, 1)))
    assert_close(window_kernel(equations.solve(ridge=1e-12), (3, 3)), true.weight, 1e-8)


def test_sampled_columns_move_on_from_row_to_row():
    assert [sampled_columns(8, row, 4).tolist() for row in range(5)] == [
        [0, 4],
        [1, 5],
        [2, 6],
        [3, 7],
        [0, 4],
    ]


def test_a_window_reads_over_the_pole_and_around_the_seam():
    x = torch.arange(HEIGHT * WIDTH, dtype=torch.float64).reshape(1, 1, HEIGHT, WIDTH)
    read = read_window(x, BandShape(range(1), (3, 3), (1, 1)), 0, torch.tensor([0, 5]))
    # row −1 is row 0 half a revolution on
    assert read[:, 0].tolist() == [5, 6, 7, 11, 0, 1, 23, 12, 13]
    assert read[:, 1].tolist() == [10, 11, 0, 4, 5, 6, 16, 17, 18]
