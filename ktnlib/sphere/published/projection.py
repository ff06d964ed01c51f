"""The matrix that takes a source kernel to a window on the panorama: where the published head starts."""

import torch
from jaxtyping import Float
from torch import Tensor

from ..taps import TapTable
from .bands import BandShape


def tap_projection(
    table: TapTable, band: BandShape, *, margin: int = 0
) -> Float[Tensor, "window_height window_width taps"]:
    """Split each tap of a band's middle row between the window's own positions around it.

        A[v, u, k] = hat(p_k/d − v)·hat(q_k/e − u),    hat(t) = max(0, 1 − abs(t))

    for the tap that lies p_k rows south and q_k columns east of the pixel, in a window spread by (d, e). At
    d = e = 1 these are the tap's bilinear weights. A window that stops short of half a turn goes on around
    the back: its last and first column are neighbours there. So every tap's weights sum to 1.

    The released program wrote the undilated weights into windows it then applied spread out: where the
    window is dilated most taps fell outside or in the wrong place, and in its last stage one of nine stayed.

    Args:
        table: the taps of every row, stride 1.
        band: the window; it reaches the middle row's taps.
        margin: positions added to each side, at the same dilation.

    Raises:
        ValueError: a table of another height than the band, or a window its taps do not fit in.

    >>> from ktnlib.sphere import tangent_taps
    >>> band = BandShape(range(3, 4), (3, 5), (1, 1))
    >>> matrix = tap_projection(tangent_taps(8, 16, 3), band)
    >>> matrix.shape, bool(matrix.sum((0, 1)).allclose(torch.ones(9, dtype=torch.float64)))
    (torch.Size([3, 5, 9]), True)
    """
    if band.rows.stop > table.height:
        raise ValueError(f"`band` has rows {band.rows} of a table of {table.height}; wanted rows inside")
    (high, wide), (down, across) = band.size, band.dilation
    south = table.rows[band.middle] - band.middle
    east = table.columns[band.middle]
    rows = _hats(south / down, high // 2 + margin)
    columns = _around_the_back(east / across, wide // 2 + margin, table.width / across)
    if bool(((rows.sum(0) - 1).abs() > 1e-9).any() | ((columns.sum(0) - 1).abs() > 1e-9).any()):
        raise ValueError(
            f"`band` has a window of {high} x {wide} positions spread by {down} x {across}; wanted one that "
            f"reaches the taps of row {band.middle}, {south.abs().max():.4g} rows and "
            f"{east.abs().max():.4g} columns away; take it from `band_shapes` at the same spacing"
        )
    return torch.einsum("vk,uk->vuk", rows, columns)


def _hats(positions: Float[Tensor, "taps"], steps: int) -> Float[Tensor, "side taps"]:
    """Shares of the whole positions −steps … steps in each tap."""
    whole = torch.arange(-steps, steps + 1, dtype=positions.dtype)
    return (1 - (positions - whole[:, None]).abs()).clamp(min=0)


def _around_the_back(
    positions: Float[Tensor, "taps"], steps: int, circle: float
) -> Float[Tensor, "side taps"]:
    """The same on a circle, in positions around; past the last a tap nears the first of the other side."""
    shares = _hats(positions, steps)
    gap = circle - 2 * steps
    past = (positions.abs() - steps) / gap if gap > 0 else torch.zeros_like(positions)
    east, west = (past > 0) & (positions > 0), (past > 0) & (positions < 0)
    for beyond, near, far in ((east, -1, 0), (west, 0, -1)):
        shares[near, beyond], shares[far, beyond] = 1 - past[beyond], past[beyond]
    return shares
