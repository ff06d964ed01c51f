"""What the rows of an equirectangular image weigh on the sphere, drawn."""

import math
from typing import Any

import numpy as np

from ktnlib import check

from .display import Figure, new, show
from .palette import palette
from .plots import latitude_ticks


def area_per_row(latitudes: Any, solid_angles: Any, *, alt: str, caption: str) -> Figure:
    """What a pixel of each row covers on the sphere, against what it counts in an average over pixels.

    Args:
        latitudes: (rows,) radians, as of an ``EquirectGrid``.
        solid_angles: (rows,) steradian of one pixel of each row.
        alt: what is to be seen; at least 40 characters.
        caption: how to read it.
    """
    areas = np.asarray(solid_angles, dtype=float)
    areas, degrees = areas / areas.max(), np.degrees(np.asarray(latitudes, dtype=float))
    figure, axes = new()
    axes.plot(degrees, np.ones_like(areas), color=palette("error"), linestyle="dashed")
    axes.plot(degrees, areas, color=palette("image"))
    axes.fill_between(degrees, areas, 1, color=palette("error"), alpha=0.14, linewidth=0)
    axes.plot([-60, 60], [0.5, 0.5], "o", color=palette("image"), markersize=6)
    axes.text(0, 1.03, "what a pixel counts in an average over pixels", ha="center", va="bottom")
    axes.text(
        0,
        0.42,
        "what it covers on the sphere:\nat 60° half as much as at the equator",
        ha="center",
        va="center",
    )
    axes.set(
        xlabel="latitude (°)", ylabel="relative to a pixel at the equator", ylim=(0, 1.15), xlim=(-90, 90)
    )
    axes.set_title("Every row counts the same; the sphere disagrees", loc="left")
    latitude_ticks(axes, -90.0, 90.0)
    return show(figure, alt=alt, caption=caption)


def cap_shares(angle: float, *, alt: str, caption: str) -> Figure:
    """The caps around both poles: their share of the sphere against their share of the pixels.

    Caps of radius θ around both poles have 1 − cos θ of the sphere, and θ / 90° of the rows.

    Args:
        angle: radius of the caps that are marked, in radians from the pole, at most π/2.
        alt: what is to be seen; at least 40 characters.
        caption: how to read it.

    Raises:
        ValueError: an angle outside (0, π/2).

    >>> words = "Two curves from 0 to 100 per cent; the one of the pixels lies above the one of the sphere."
    >>> "13.4 %" in cap_shares(math.pi / 6, alt=words, caption="Caps of 30° are marked.").html
    True
    """
    check.between("angle", angle, 0.0, math.pi / 2, "radians from the pole")
    radius, marked = np.linspace(0, 90, 91), math.degrees(angle)
    figure, axes = new()
    for name, token, dashes, share, side in (
        ("of the pixels", "error", "dashed", lambda degrees: 100 * degrees / 90, -1),
        ("of the sphere", "image", "solid", lambda degrees: 100 * (1 - np.cos(np.radians(degrees))), 1),
    ):
        axes.plot(radius, share(radius), color=palette(token), linestyle=dashes)
        axes.plot([marked], [share(marked)], "o", color=palette(token), markersize=6)
        where = {"textcoords": "offset points", "ha": "left" if side > 0 else "right", "va": "center"}
        axes.annotate(
            f"{share(marked):.1f} % {name}", (marked, share(marked)), (side * 9, -side * 7), **where
        )
    axes.axvline(marked, color="black", linewidth=0.8, alpha=0.4)
    axes.set(
        xlabel="radius of the caps around both poles (°)", ylabel="share (%)", xlim=(0, 90), ylim=(0, 100)
    )
    axes.set_title("The caps hold far more of the pixels than of the sphere", loc="left")
    axes.set_xticks(range(0, 91, 15))
    return show(figure, alt=alt, caption=caption)
