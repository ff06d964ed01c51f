"""Normal equations of a dense window: all that a fit of one band's kernel needs to know of the panoramas."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ktnlib import check

from ..published.bands import BandShape
from ..row_bands import RowBand
from ..sampling import fold_poles
from .equations import RowEquations, check_every


def band_equations(
    inputs: Float[Tensor, "batch in_channel height width"],
    targets: Float[Tensor, "batch out_channel height width"],
    bias: Float[Tensor, "out_channel"] | None,
    band: BandShape,
    *,
    every: int = 1,
    row_weights: Float[Tensor, "height"] | None = None,
) -> RowEquations:
    """The squared error of one band as a quadratic in its kernel, summed over panoramas, rows and columns.

    With X the window's pixels of all channels at the sampled places and t the targets without their bias,

        E(K) = tr(K G Kᵀ) − 2 tr(K M) + e,    G = XXᵀ,  M = Xtᵀ,  e = Σ t².

    It takes (in_channel·window)² numbers: 1 MB for 16 channels and 5×5, 78 MB for 3×65.

    Args:
        inputs: what the layer reads, panoramas after the activation.
        targets: what it should answer, before the activation, bias included.
        bias: of the source layer.
        band: rows and window.
        every: only every so many columns are looked at; the first one moves on from row to row.
        row_weights: what an error in each row of the panorama counts; None is 1.

    Returns:
        Equations of a single row; unknowns run over (in_channel, window rows, window columns), and `solve`
        returns (1, unknowns, out_channel). `window_kernel` brings that to a kernel's shape.

    Raises:
        ValueError: `every` below one or beyond the width.

    >>> from ktnlib.sphere.published import BandShape
    >>> x = torch.rand(2, 3, 8, 16)
    >>> band = BandShape(range(0, 4), (1, 3), (1, 1))
    >>> equations = band_equations(x, 0.5 * x[:, :1] + 1, torch.ones(1), band)
    >>> window_kernel(equations.solve(ridge=1e-9), (1, 3)).round(decimals=3)[0, :, 0, 1].abs().tolist()
    [0.5, 0.0, 0.0]
    """
    check_every(every, inputs.shape[-1])
    outs, ins = targets.shape[1], inputs.shape[1]
    unknowns = ins * band.taps
    gram = torch.zeros(unknowns, unknowns, dtype=torch.float64)
    moment = torch.zeros(unknowns, outs, dtype=torch.float64)
    energy = torch.zeros((), dtype=torch.float64)
    wanted = targets if bias is None else targets - bias[:, None, None]
    for row in band.rows:
        columns = sampled_columns(inputs.shape[-1], row, every)
        share = 1.0 if row_weights is None else row_weights[row].item()
        read = read_window(inputs, band, row, columns)
        answer = wanted[:, :, row, columns].permute(0, 2, 1).flatten(0, 1)
        gram += (share * (read @ read.T)).to(gram)
        moment += (share * (read @ answer)).to(moment)
        energy += share * answer.double().square().sum().cpu()
    return RowEquations(gram[None], moment[None], energy[None])


def read_window(
    x: Float[Tensor, "batch in_channel height width"],
    band: BandShape,
    row: int,
    columns: Int[Tensor, "samples"],
) -> Float[Tensor, "unknowns places"]:
    """What the window reads at the pixels (row, columns) of all panoramas, right over the poles."""
    height, width = x.shape[-2:]
    window = RowBand(band.rows, x.new_empty(0, 0, *band.size), band.dilation).window(row)
    folded = fold_poles(window, height, width)
    across = (folded.columns[:, None] + columns).remainder(width)
    return x[:, :, folded.rows[:, None], across].permute(1, 2, 0, 3).flatten(2).flatten(0, 1)


def sampled_columns(width: int, row: int, every: int) -> Int[Tensor, "samples"]:
    """Every so many columns, from another first one in the next row."""
    return torch.arange(row % every, width, every)


def window_kernel(
    unknowns: Float[Tensor, "rows unknowns out_channel"], size: tuple[int, int]
) -> Float[Tensor, "out_channel in_channel window_height window_width"]:
    """Solved unknowns of one band as its kernel."""
    return unknowns[0].T.unflatten(1, (-1, *size))


def check_layer(inputs: Tensor, targets: Tensor, weight: Tensor, bias: Tensor | None) -> None:
    """Refuse inputs, targets and a source layer that do not belong together."""
    check.panorama("inputs", inputs)
    check.panorama("targets", targets)
    check.floating("weight", weight)
    wanted = (len(inputs), len(weight), *inputs.shape[-2:])
    if tuple(targets.shape) != wanted:
        raise ValueError(
            f"`targets` has shape {tuple(targets.shape)}; wanted {wanted}: as many panoramas as `inputs`, as "
            "many channels as `weight` has outputs, the same rows and columns"
        )
    if weight.ndim != 4 or weight.shape[1] != inputs.shape[1]:
        raise ValueError(
            f"`weight` has shape {tuple(weight.shape)}; wanted (out_channel, in_channel, rows, columns) with "
            f"in_channel = {inputs.shape[1]}, the channels of `inputs`"
        )
    if bias is not None and bias.shape != weight.shape[:1]:
        raise ValueError(
            f"`bias` has shape {tuple(bias.shape)}; wanted ({len(weight)},), one value an output channel"
        )
    check.finite_values("inputs", inputs)
    check.finite_values("targets", targets)
