"""An edge filter at one pixel and at all of them: on tangent planes, on the grid, and interpolated."""

import traitlets
from jaxtyping import Float
from torch import Tensor

from .base import PARTS, BookWidget, assemble
from .encoding import webp


class TapsAndRows(BookWidget):
    """Pick a pixel: its tangent patch, its taps on the grid, and where direct convolution answers otherwise.

    The filter is the 3 x 3 edge filter [-1 0 1; -2 0 2; -1 0 1]/4, turned, on the mean of red, green and
    blue; taps are one pixel apart at the equator. Errors are relative to the exact map, over all of the
    sphere by solid angle.

    Args:
        panorama: (1, 3, height, 2*height), RGB in [0, 1]; the painted room if left out.

    Example:
        >>> TapsAndRows(row=0, shown="interpolated-exact").every
        16
    """

    _esm = assemble(
        *(*PARTS, "meter.js", "sphere.js", "webgl.js", "map.js", "grid.js"),
        *("taps_and_rows_arithmetic.js", "taps_and_rows_drawing.js", "taps_and_rows.js"),
    )
    _css = assemble("widget.css", "taps_and_rows.css")

    picture = traitlets.Bytes().tag(sync=True)  # the encoded panorama, row 0 north, longitude 0 in the middle
    grid_height = traitlets.Enum((64, 256), 64).tag(sync=True)  # pixels; the grid is twice as wide
    row = traitlets.Int(5, min=0).tag(sync=True)  # of the kernel's middle, 0 is the northernmost
    column = traitlets.Int(50, min=0).tag(sync=True)  # of the kernel's middle
    angle_deg = traitlets.Int(0, min=0, max=359).tag(
        sync=True
    )  # where the filter wants it brighter, from east to north
    shown = traitlets.Enum(
        ("direct-exact", "interpolated-exact", "exact", "direct", "interpolated"), "direct-exact"
    ).tag(sync=True)
    every = traitlets.Enum((4, 8, 16, 32), 16).tag(
        sync=True
    )  # pixels from one exact answer to the next, interpolated between
    arithmetic = traitlets.Bool(False).tag(sync=True)
    backend = traitlets.Enum(("auto", "2d"), "auto").tag(
        sync=True
    )  # "2d": draw without WebGL2 even where it is

    task = traitlets.Unicode(
        "Drag the kernel down: at which latitude is direct convolution off by half?"
    ).tag(sync=True)
    description = traitlets.Unicode(
        "A panorama with the nine taps of an edge filter, the flat patch they cut from the sphere, and a map "
        "of how far direct convolution is from the answer on every pixel's own tangent plane. Around the "
        "equator the map is blank. For edges that run north and south direct convolution is off by half of "
        "the answer from about 60 degrees on, where its taps lie half as far apart on the sphere, and at the "
        "poles by nearly all of it."
    ).tag(sync=True)
    still = traitlets.Unicode("taps_and_rows.webp").tag(sync=True)
    reserve = traitlets.Int(810).tag(sync=True)
    reserve_narrow = traitlets.Int(1084).tag(sync=True)

    def __init__(self, panorama: Float[Tensor, "1 3 height width"] | None = None, **traits):
        traits.setdefault("picture", webp(panorama, width=512, limit=40_000))
        super().__init__(**traits)
