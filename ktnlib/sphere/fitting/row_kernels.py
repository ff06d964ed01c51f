"""SphConv's row kernels: every row of every layer learns a dense kernel of its own."""

import math
from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from ktnlib import check

from ..grid import EquirectGrid
from ..published import BandShape, band_shapes, tap_projection
from ..row_bands import RowBand
from ..row_kernels import RowKernels
from ..taps import TapTable, tangent_taps
from .equations import check_every
from .windows import band_equations, check_layer, window_kernel

# (angle from the nearer pole in radians up to which a window serves, its rows and columns)
Windows = tuple[tuple[float, tuple[int, int]], ...]
WINDOWS = ((math.radians(25), (5, 15)), (math.pi / 2, (5, 9)))


def fit_row_kernels(
    weight: Float[Tensor, "out_channel in_channel kernel_height kernel_width"],
    bias: Float[Tensor, "out_channel"] | None,
    inputs: Float[Tensor, "batch in_channel height width"],
    targets: Float[Tensor, "batch out_channel height width"],
    *,
    spacing: float | int | None = None,
    windows: Windows = WINDOWS,
    dilation: int = 1,
    ridge: float | int = 1e-3,
    every: int = 4,
) -> RowKernels:
    """One dense kernel a row by least squares: the optimum of SphConv's training, layer by layer.

        K_i = argmin Σ ‖K x + bias − t‖² + ridge·mean(diag G_i)·‖K − K_i⁰‖²

    over the pixels of row i, where K_i⁰ is the tangent-plane kernel read bilinearly. Rows whose tangent taps
    lie outside their window, close to the poles, keep K_i⁰ in a window that holds it. It replaces the source
    kernel and so says nothing of another layer.

    Args:
        weight, bias: of the source layer, stride 1; the bias is kept.
        inputs: what the layer reads, panoramas after the activation.
        targets: what it should answer, before the activation, bias included.
        spacing: of the source kernel's taps, sphere radii; None is a pixel at the equator.
        windows: (angle from the nearer pole up to which it serves, (rows, columns)), by growing angle.
            SphConv grew its own until they covered the source's receptive field, to 49 taps at most.
        dilation: pixels between a window's positions, for taps that lie several pixels apart.
        ridge: relative, so that it means the same in every layer.
        every: only every so many columns of a row are looked at.

    Returns:
        Row kernels with one band a row.

    Raises:
        ValueError: tensors that do not belong together or are not finite, windows with even sides or that
            leave rows out, a ridge or dilation that is not positive, `every` below one or beyond the width.

    Source: Su and Grauman, Learning spherical convolution for fast features from 360° imagery, NeurIPS 2017;
    they descend by gradient, 40 columns a row and frame.

    >>> x = torch.rand(2, 3, 12, 24)
    >>> kernels = fit_row_kernels(torch.ones(4, 3, 3, 3), None, x, torch.rand(2, 4, 12, 24))
    >>> [tuple(band.weight.shape[2:]) for band in kernels.bands[:3]]
    [(5, 25), (5, 15), (5, 9)]
    """
    check_layer(inputs, targets, weight, bias)
    _check_windows(windows)
    check.between("ridge", ridge, 0, math.inf, "")
    check_every(every, inputs.shape[-1])
    check.positive_int("dilation", dilation)
    height, width = inputs.shape[-2:]
    table = tangent_taps(height, width, tuple(weight.shape[-2:]), spacing=spacing)
    taps = weight.double().cpu().flatten(2)
    bands = []
    for shape, fitted in _row_windows(table, windows, dilation, tuple(weight.shape[-2:]), spacing):
        kernel = torch.einsum("vuk,oik->oivu", tap_projection(table, shape), taps)
        if fitted:
            equations = band_equations(inputs, targets, bias, shape, every=every)
            start = kernel.flatten(1).T[None]
            kernel = window_kernel(equations.solve(ridge=ridge, towards=start), shape.size)
        bands.append(RowBand(shape.rows, kernel.to(weight), shape.dilation))
    return RowKernels.from_bands(bands, height=height, width=width)


def _row_windows(
    table: TapTable,
    windows: Windows,
    dilation: int,
    kernel_size: tuple[int, int],
    spacing: float | int | None,
) -> Iterator[tuple[BandShape, bool]]:
    """Each row's window and whether it is fitted, or else one that holds the row's tangent taps."""
    # a dilated window of a row next to a pole would be as wide as the panorama and many rows high
    kernel = {"width": table.width, "kernel_size": kernel_size, "spacing": spacing}
    layout = {"dilation": dilation, "layout": "full" if dilation == 1 else "dilated"}
    whole = band_shapes(table.height, ties=1, **kernel, **layout)
    angles = EquirectGrid(table.height, table.width).polar_angles
    for row, angle in enumerate(torch.minimum(angles, math.pi - angles).tolist()):
        size = next(size for limit, size in windows if angle <= limit)
        reaches = (table.rows[row] - row).abs().max(), table.columns[row].abs().max()
        fitted = all(reach <= side // 2 * dilation for reach, side in zip(reaches, size, strict=True))
        shape = BandShape(range(row, row + 1), size, (dilation, dilation)) if fitted else whole[row]
        yield shape, fitted


def _check_windows(windows: Windows) -> None:
    limits = [limit for limit, _ in windows]
    odd = all(side % 2 for _, size in windows for side in size)
    if not windows or limits != sorted(limits) or limits[-1] < math.pi / 2 or not odd:
        raise ValueError(
            f"`windows` is {windows}; wanted (angle, (rows, columns)) by growing angle from the pole, the "
            "last at least π/2, with odd rows and columns"
        )
