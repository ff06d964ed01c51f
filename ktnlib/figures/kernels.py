"""Kernels drawn the house way: centre marked, signs written, a scale bar in pixels."""

import html
from collections.abc import Sequence

from torch import Tensor

from .display import Figure, framed, words
from .palette import variable

_CELL = 44  # drawing units a weight takes


def kernels(
    weights: Tensor | Sequence[Tensor], titles: Sequence[str] = ("",), *, alt: str, caption: str
) -> Figure:
    """Up to four small kernels side by side, weights shaded by magnitude on one common scale.

    The page's ground is zero; the sign is written in each cell of kernels up to 11 wide, the number in those
    up to 5. A thick frame marks the centre cell, or a cross the centre of an even kernel. The bar below is
    one pixel long.

    Args:
        weights: (height, width), or a list of such.
        titles: one a kernel, two or three words.
        alt: what is to be seen; at least 40 characters.
        caption: how to read it.

    Raises:
        ValueError: weights with other axes, more than four kernels, or not one title a kernel.

    >>> import torch
    >>> edge = torch.tensor([[-1.0, 0.0, 1.0]]).repeat(3, 1)
    >>> alt = "A 3 by 3 kernel: minus one left, zero in the middle, plus one right."
    >>> shown = kernels(edge, alt=alt, caption="Edge")
    >>> "+1" in shown.html
    True
    """
    words(alt, caption)
    listed = [weights] if isinstance(weights, Tensor) else list(weights)
    if len(titles) != len(listed) or not 1 <= len(listed) <= 4:
        raise ValueError(
            f"`weights` holds {len(listed)} kernels and `titles` {len(titles)}; wanted one to four of each"
        )
    for one in listed:
        if one.ndim != 2:
            raise ValueError(
                f"`weights` holds a tensor of shape {tuple(one.shape)}; wanted (height, width); pick one "
                "channel: `weight[0, 0]`"
            )
    largest = max(float(one.abs().max()) for one in listed) or 1.0
    panels = "".join(_panel(one, title, largest) for one, title in zip(listed, titles, strict=True))
    body = (
        f'<div role="img" aria-label="{html.escape(alt, quote=True)}" '
        f'style="display:flex;flex-wrap:wrap;gap:1rem 1.6rem;justify-content:center">{panels}</div>'
    )
    return framed(body, alt, caption)


def _panel(weights: Tensor, title: str, largest: float) -> str:
    rows, columns = weights.shape
    cells = "".join(
        _cell(float(weights[i, j]), i, j, largest, max(rows, columns))
        for i in range(rows)
        for j in range(columns)
    )
    width, height = columns * _CELL, rows * _CELL
    unit = _CELL * max(rows, columns) / 180  # one CSS pixel of a kernel drawn 180 px wide
    bar = height + 10 * unit
    frame = f'<rect width="{width}" height="{height}" stroke="currentColor" stroke-width="{unit:.2f}"/>'
    thick, letters = 1.5 * unit, 13 * unit
    end = f"v{8 * unit:.2f}"
    scale = (
        f'<path d="M0 {bar - 4 * unit:.2f}{end}M0 {bar:.2f}H{_CELL}m0 {-4 * unit:.2f}{end}" '
        f'stroke="currentColor" stroke-width="{thick:.2f}"/>'
        f'<text x="{_CELL + 6 * unit:.2f}" y="{bar + 5 * unit:.2f}" font-size="{letters:.2f}" '
        'fill="currentColor">1 pixel</text>'
    )
    pad = 2 * unit
    box = f"{-pad:.2f} {-pad:.2f} {width + 2 * pad:.2f} {bar + 18 * unit:.2f}"
    head = f'<div style="text-align:center;font-size:.9rem">{html.escape(title)}</div>' if title else ""
    return (
        f'<div style="flex:1 1 120px;max-width:184px">{head}<svg viewBox="{box}" fill="none" '
        f'style="display:block;width:100%;height:auto;font-family:inherit">{cells}{frame}'
        f"{_centre(rows, columns, unit)}{scale}</svg></div>"
    )


def _cell(weight: float, i: int, j: int, largest: float, size: int) -> str:
    x, y = j * _CELL, i * _CELL
    if not weight:
        return ""
    colour = variable("kernel" if weight > 0 else "direct")  # as the widgets draw weights
    opacity = 0.15 + 0.5 * abs(weight) / largest
    square = f"M{x} {y}h{_CELL}v{_CELL}h-{_CELL}z"
    drawn = f'<path d="{square}" fill="{colour}" fill-opacity="{opacity:.3f}"/>'
    if size > 11:
        return drawn
    sign = "+" if weight > 0 else "−"
    text = sign + f"{abs(weight):.2g}".removeprefix("0") if size <= 5 else sign
    points = _CELL * size / 180 * 14 if size <= 5 else 0.6 * _CELL
    return drawn + (
        f'<text x="{x + _CELL / 2:g}" y="{y + _CELL / 2 + points / 3:.1f}" font-size="{points:.1f}" '
        f'fill="currentColor" text-anchor="middle">{text}</text>'
    )


def _centre(rows: int, columns: int, unit: float) -> str:
    x, y, arm = columns * _CELL / 2, rows * _CELL / 2, 6 * unit
    if rows % 2 and columns % 2:
        side = _CELL - 3 * unit
        return (
            f'<rect x="{x - side / 2:.2f}" y="{y - side / 2:.2f}" width="{side:.2f}" height="{side:.2f}" '
            f'stroke="currentColor" stroke-width="{3 * unit:.2f}"/>'
        )
    return (
        f'<path d="M{x - arm:.2f} {y:.2f}h{2 * arm:.2f}M{x:.2f} {y - arm:.2f}v{2 * arm:.2f}" '
        f'stroke="currentColor" stroke-width="{2 * unit:.2f}"/>'
    )
