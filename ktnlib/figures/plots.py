"""Plots with numbers on their axes: lines, errors by latitude, bars with their spread."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .display import new, show
from .palette import METHODS, Style, palette

_MEANINGS = ("image", "map", "kernel", "error")
_OTHERS = ("sphconv", "bilinear", "direct", "bicubic")
_DASHES = ("solid", "dashed", "dashdot", "dotted")
_HATCHES = ("", "//", "x", "\\\\", "-", "+")


def lines(
    x: Any,
    curves: Mapping[str, Any],
    *,
    xlabel: str,
    ylabel: str,
    title: str,
    alt: str = "",
    caption: str = "",
    log: bool = False,
    ax: Any = None,
) -> Any:
    """Curves over one axis, each labelled at its end, with a band wherever there are seeds.

    A curve named like a method of :data:`METHODS` is drawn in that method's style; "image", "map" and
    "kernel" in the colour of that meaning; any other gets the next colour and dashes.

    Args:
        x: (points,).
        curves: name -> (points,), or (seeds, points): the mean, and a band of one standard deviation.
        xlabel: quantity and unit.
        ylabel: quantity and unit.
        title: the finding, in a sentence.
        alt: what is to be seen; not needed with `ax`.
        caption: how to read it; not needed with `ax`.
        log: whether the vertical axis is logarithmic.
        ax: axes of :func:`new` to draw on; the caller then calls :func:`show`.

    Returns:
        the :class:`Figure`, or `ax` where it was given.

    Raises:
        ValueError: a curve with another number of points than `x`.

    >>> shown = lines([0, 45, 90], {"exact": [0, 0, 0], "direct": [0, 0.2, 0.9]}, xlabel="latitude (°)",
    ...     ylabel="error (relative)", title="Direct convolution fails", caption="Digits, one layer.",
    ...     alt="Two curves: exact stays at zero, direct grows to 0.9 at the pole.")
    >>> "var(--ktn-direct" in shown.html
    True
    """
    figure, axes = new() if ax is None else (None, ax)
    places, ends = np.asarray(x, dtype=float), []
    for order, (name, values) in enumerate(curves.items()):
        y = np.atleast_2d(np.asarray(values, dtype=float))
        if y.shape[-1] != len(places):
            raise ValueError(
                f"`curves` has {y.shape[-1]} points in {name!r}; wanted {len(places)}, as many as `x`"
            )
        style, mean = _style(name, order), y.mean(0)
        colour = palette(style.token)
        axes.plot(places, mean, color=colour, linestyle=style.dashes, linewidth=style.width)
        if len(y) > 1:
            spread = y.std(0, ddof=1)
            axes.fill_between(places, mean - spread, mean + spread, color=colour, alpha=0.18, linewidth=0)
        ends.append((name, mean[-1], colour))
    axes.set(xlabel=xlabel, ylabel=ylabel)
    axes.set_title(title, loc="left")
    if xlabel.endswith("(°)"):  # parts of a revolution, not of a hundred
        axes.locator_params(axis="x", nbins=8, steps=[1, 1.5, 3, 4.5, 6, 9, 10])
    if log:
        axes.set_yscale("log")
    _label_ends(axes, places[-1], ends)
    return axes if figure is None else show(figure, alt=alt, caption=caption)


def error_by_latitude(
    latitudes: Any,
    curves: Mapping[str, Any],
    *,
    ylabel: str,
    title: str,
    alt: str = "",
    caption: str = "",
    ax: Any = None,
) -> Any:
    """Curves over the latitude, from the south pole to the north pole, a tick every 30°.

    Args:
        latitudes: (rows,) radians, in any order.
        curves: name -> (rows,) or (seeds, rows); see :func:`lines`.
        ylabel: quantity and unit.
        title: the finding, in a sentence.
        alt: what is to be seen; not needed with `ax`.
        caption: how to read it; not needed with `ax`.
        ax: axes to draw on.
    """
    degrees = np.degrees(np.asarray(latitudes, dtype=float))
    order = np.argsort(degrees)
    sorted_curves = {name: np.asarray(values, dtype=float)[..., order] for name, values in curves.items()}
    figure, axes = new() if ax is None else (None, ax)
    lines(degrees[order], sorted_curves, xlabel="latitude (°)", ylabel=ylabel, title=title, ax=axes)
    latitude_ticks(axes, degrees.min(), degrees.max())
    return axes if figure is None else show(figure, alt=alt, caption=caption)


def latitude_ticks(axes: Any, low: float, high: float) -> None:
    """A tick every 30° of latitude, in degrees with the side of the equator."""
    ticks = [tick for tick in range(-90, 120, 30) if low - 5 <= tick <= high + 5]
    axes.set_xticks(ticks, [f"{abs(tick)} {'S' if tick < 0 else 'N'}" if tick else "0" for tick in ticks])


def bars(
    groups: Mapping[str, Mapping[str, Any]],
    *,
    xlabel: str,
    ylabel: str,
    title: str,
    alt: str = "",
    caption: str = "",
    log: bool = False,
    ax: Any = None,
) -> Any:
    """Grouped bars, such as an error by transformation and family of filters, with whiskers of one deviation.

    Args:
        groups: name on the axis -> (series -> a number, (mean, std), or a claim-like record with `mean` and
            `std`). Every group holds the same series.
        xlabel: what the groups are.
        ylabel: quantity and unit.
        title: the finding, in a sentence.
        alt: what is to be seen; not needed with `ax`.
        caption: how to read it; not needed with `ax`.
        log: whether the axis is logarithmic.
        ax: axes to draw on.

    Raises:
        ValueError: groups with different series.
    """
    series = list(next(iter(groups.values())))
    for name, values in groups.items():
        if list(values) != series:
            raise ValueError(
                f"`groups` has {list(values)} in {name!r}; wanted {series} in each, in this order"
            )
    figure, axes = new() if ax is None else (None, ax)
    width = 0.8 / len(series)
    for order, one in enumerate(series):
        pairs = [_mean_and_spread(values[one]) for values in groups.values()]
        colour = palette(_style(one, order).token)
        places = np.arange(len(groups)) + (order - (len(series) - 1) / 2) * width
        means, spreads = (np.array(column, dtype=float) for column in zip(*pairs, strict=True))
        hatch = _HATCHES[order % len(_HATCHES)]
        axes.bar(places, means, 0.88 * width, label=one, facecolor=colour, edgecolor="#FFFFFF", hatch=hatch)
        whiskers = np.isfinite(spreads) & (spreads > 0)
        axes.errorbar(
            places[whiskers],
            means[whiskers],
            spreads[whiskers],
            fmt="none",
            ecolor="black",
            elinewidth=1.3,
            capsize=3,
        )
    axes.set_xticks(range(len(groups)), list(groups))
    axes.tick_params(axis="x", length=0)
    axes.grid(False, axis="x")
    axes.set(xlabel=xlabel, ylabel=ylabel)
    axes.set_title(title, loc="left")
    if log:
        axes.set_yscale("log")
    else:
        axes.set_ylim(bottom=0)
    if len(series) > 1:
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=len(series), frameon=False)
    return axes if figure is None else show(figure, alt=alt, caption=caption)


def _style(name: str, order: int) -> Style:
    if name in METHODS:
        return METHODS[name]
    if name in _MEANINGS:
        return Style(name, "solid", 1.8)
    return Style(_OTHERS[order % len(_OTHERS)], _DASHES[order % len(_DASHES)], 1.8)


def _mean_and_spread(value: Any) -> tuple[float, float]:
    if hasattr(value, "mean") and not callable(value.mean):
        return float(value.mean), float(value.std or 0)
    if isinstance(value, Sequence):
        return float(value[0]), float(value[1])
    return float(value), 0.0


def _label_ends(axes: Any, last: float, ends: Sequence[tuple[str, float, str]]) -> None:
    # the dot carries the colour; the text keeps the page's, since not every shade is dark enough to read
    axes.autoscale_view()
    order = sorted(range(len(ends)), key=lambda one: ends[one][1])
    position, taken = {}, -math.inf
    for one in order:
        place = axes.transData.transform((last, ends[one][1]))[1] * 72 / axes.figure.dpi
        taken = max(place, taken + 14)
        position[one] = taken - place
    for one, (name, value, colour) in enumerate(ends):
        axes.plot([last], [value], "o", color=colour, markersize=4.5, clip_on=False)
        axes.annotate(
            name,
            (last, value),
            (9, position[one]),
            textcoords="offset points",
            va="center",
            annotation_clip=False,
        )
