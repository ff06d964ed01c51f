"""Bands of rows that share one kernel, and how large that kernel is."""

from dataclasses import dataclass

import torch

from ktnlib import check

from ..taps import TapTable, tangent_taps

LAYOUTS = ("dilated", "full")


@dataclass(frozen=True)
class BandShape:
    """The rows of one band and the window its kernel reads: odd sides about the pixel itself.

    Window position (v, u), counted from the middle, lies v·dilation[0] rows south and u·dilation[1] columns
    east of the pixel. `middle` is the row the kernel is made for: the third of five.
    """

    rows: range
    size: tuple[int, int]
    dilation: tuple[int, int]

    @property
    def middle(self) -> int:
        return self.rows[len(self.rows) // 2]

    @property
    def taps(self) -> int:
        """Pixels the window reads."""
        return self.size[0] * self.size[1]


def band_shapes(
    height: int,
    *,
    width: int | None = None,
    kernel_size: int | tuple[int, int] = 3,
    spacing: float | int | None = None,
    ties: int = 5,
    dilation: int = 1,
    max_taps: int = 65,
    layout: str = "dilated",
) -> tuple[BandShape, ...]:
    """Cut a panorama into bands of tied rows and measure the window of each.

    A window reaches as far as the farthest tap of any of its rows, rounded up to pixels: r rows or columns.
    Spread by the layer's own dilation d that takes n = ⌊(r − 1)/d⌋ + 1 positions to each side, 2n + 1 in all.
    "full" keeps this. "dilated" allows at most `max_taps` a side: a longer one has n = ⌊max_taps/2⌋ and is
    spread by ⌊(r − 1)/n⌋ + 1 instead, across by no more than goes once around: ⌊(width − 1)/2n⌋.

    Args:
        height, width: of the panorama; width None is 2·height.
        kernel_size, spacing: of the source kernel, as for `tangent_taps`.
        ties: rows a band; the last band has what is left.
        dilation: the layer's own; the published network has 2 in its last stage, 1 elsewhere.
        max_taps: longest side of a window, odd.
        layout: "dilated" or "full".

    Returns:
        The bands from north to south; sizes mirror each other, kernels are not shared.

    Raises:
        ValueError: what `tangent_taps` refuses, an even `max_taps`, an unknown layout.

    Source: Su and Grauman, Kernel Transformer Networks, CVPR 2019, and their program.

    >>> band_shapes(64, ties=4)[0]
    BandShape(rows=range(0, 4), size=(5, 65), dilation=(1, 1))
    """
    check.choice("layout", layout, LAYOUTS)
    check.positive_int("ties", ties)
    check.positive_int("dilation", dilation)
    if check.positive_int("max_taps", max_taps) % 2 == 0 or max_taps < 3:
        raise ValueError(
            f"`max_taps` is {max_taps}; wanted an odd number of at least 3, a pixel in the middle"
        )
    width = 2 * height if width is None else width
    table = tangent_taps(height, width, kernel_size, spacing=spacing)
    reaches = _reaches(table)
    longest = max_taps if layout == "dilated" else None
    bands = []
    for first in range(0, height, ties):
        rows = range(first, min(first + ties, height))
        down, across = reaches[rows.start : rows.stop].max(0).values.tolist()
        sides = _side(down, dilation, longest, None), _side(across, dilation, longest, width)
        bands.append(BandShape(rows, *zip(*sides, strict=True)))
    return tuple(bands)


def _reaches(table: TapTable) -> torch.Tensor:
    """How many rows and columns the taps of each row reach to either side: (height, 2), whole pixels."""
    offsets = torch.stack([table.rows - torch.arange(table.height)[:, None], table.columns], dim=-1)
    return offsets.abs().amax(1).ceil().long()


def _side(reach: int, dilation: int, longest: int | None, around: int | None) -> tuple[int, int]:
    """A window's side and dilation along one axis; `around` is the length of a circle, where it is one."""
    steps = (reach - 1) // dilation + 1
    if longest is not None and 2 * steps + 1 > longest:
        steps = longest // 2
        dilation = (reach - 1) // steps + 1
        if around is not None:
            dilation = min(dilation, (around - 1) // (2 * steps))
    return 2 * steps + 1, dilation
