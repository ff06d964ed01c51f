"""SphConv's row kernels: kernels that are known come back, and the rest is the tangent plane's."""

import math

import pytest
import torch

from ktnlib.sphere import tangent_conv2d
from ktnlib.sphere.fitting.row_kernels import fit_row_kernels
from ktnlib.sphere.row_bands import RowBand
from ktnlib.sphere.row_conv import row_conv2d
from ktnlib.sphere.row_kernels import RowKernels

from ..images import assert_close, noise

HEIGHT, WIDTH = 16, 32
SMALL = ((math.pi / 2, (5, 5)),)


def layer():
    return noise(3, 2, 3, 3, seed=1), noise(3, seed=2), noise(4, 2, HEIGHT, WIDTH)


def test_every_row_gets_back_the_kernel_that_made_its_targets():
    weight, bias, x = layer()
    bands = [RowBand(range(row, row + 1), noise(3, 2, 5, 5, seed=10 + row)) for row in range(HEIGHT)]
    targets = row_conv2d(x, RowKernels.from_bands(bands, height=HEIGHT, width=WIDTH), bias)
    fitted = fit_row_kernels(weight, bias, x, targets, windows=SMALL, ridge=1e-12, every=1)
    rows = [row for row, band in enumerate(fitted.bands) if band.weight.shape[-2:] == (5, 5)]
    assert rows == list(range(3, HEIGHT - 3))
    for row in rows:
        assert_close(fitted.bands[row].weight, bands[row].weight, 1e-7)


def test_rows_whose_taps_leave_the_window_keep_the_tangent_kernel():
    weight, bias, x = layer()
    fitted = fit_row_kernels(weight, bias, x, noise(4, 3, HEIGHT, WIDTH, seed=5), windows=SMALL)
    difference = (row_conv2d(x, fitted, bias) - tangent_conv2d(x, weight, bias)).abs().amax((0, 1, 3))
    assert difference[[0, 1, 2, -3, -2, -1]].max() <= 1e-12
    assert difference[3:-3].min() > 0.1


@pytest.mark.parametrize("spacing", [None, 0.1])
def test_a_stiff_ridge_leaves_the_bilinear_kernel_in_every_row(spacing):
    weight, bias, x = layer()
    targets = noise(4, 3, HEIGHT, WIDTH, seed=5)
    fitted = fit_row_kernels(weight, bias, x, targets, spacing=spacing, ridge=1e12)
    assert_close(row_conv2d(x, fitted, bias), tangent_conv2d(x, weight, bias, spacing=spacing), 1e-9)


def test_a_window_spread_by_two_pixels_gets_back_a_kernel_spread_alike():
    weight, bias, x = layer()
    bands = [RowBand(range(row, row + 1), noise(3, 2, 3, 5, seed=10 + row), (2, 2)) for row in range(HEIGHT)]
    targets = row_conv2d(x, RowKernels.from_bands(bands, height=HEIGHT, width=WIDTH), bias)
    options = {"windows": ((math.pi / 2, (3, 5)),), "spacing": 0.2, "ridge": 1e-12, "every": 1}
    fitted = fit_row_kernels(weight, bias, x, targets, dilation=2, **options)
    for row in range(5, HEIGHT - 5):
        assert fitted.bands[row].dilation == (2, 2)
        assert_close(fitted.bands[row].weight, bands[row].weight, 1e-7)


def test_windows_widen_towards_both_poles():
    weight, bias, x = layer()
    fitted = fit_row_kernels(weight, bias, x, noise(4, 3, HEIGHT, WIDTH, seed=5), spacing=0.05)
    sizes = [tuple(band.weight.shape[-2:]) for band in fitted.bands]
    # rows 0 and 1 look 5.6° and 16.9° off the pole, row 2 28.1°
    assert sizes[1] == sizes[-2] == (5, 15)
    assert set(sizes[2:-2]) == {(5, 9)}


def test_the_fit_is_never_worse_than_the_tangent_kernel_on_what_it_saw():
    weight, bias, x = layer()
    targets = noise(4, 3, HEIGHT, WIDTH, seed=5)
    fitted = fit_row_kernels(weight, bias, x, targets, every=1)
    ours, theirs = (
        (out - targets).square().sum((0, 1, 3))
        for out in (row_conv2d(x, fitted, bias), tangent_conv2d(x, weight, bias))
    )
    assert bool((ours <= theirs + 1e-9).all())
    assert ours.sum() < 0.9 * theirs.sum()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"windows": ()}, r"`windows` is \(\); wanted \(angle, \(rows, columns\)\) by growing angle"),
        ({"windows": ((1.0, (3, 3)),)}, "the last at least π/2"),
        ({"windows": ((2.0, (3, 3)), (1.6, (3, 3)))}, "by growing angle"),
        ({"windows": ((1.6, (3, 4)),)}, "odd rows and columns"),
        ({"ridge": 0.0}, "`ridge` is 0; wanted more than 0"),
        ({"every": 0}, "`every` is 0"),
        ({"dilation": 0}, "`dilation` is 0"),
        ({"spacing": -1.0}, "`spacing` is -1"),
        ({"inputs": torch.full((4, 2, HEIGHT, WIDTH), torch.inf).double()}, "`inputs` holds 4096 values"),
    ],
)
@pytest.mark.usefixtures("as_a_user")
def test_impossible_fits_are_refused(change, message):
    weight, bias, x = layer()
    given = {"weight": weight, "bias": bias, "inputs": x, "targets": noise(4, 3, HEIGHT, WIDTH, seed=5)}
    with pytest.raises(ValueError, match=message):
        fit_row_kernels(**given | change)
