"""Where the nine taps of a tangent-plane kernel fall on the grid, row by row."""

import traitlets
from jaxtyping import Float
from torch import Tensor

from .base import PARTS, BookWidget, assemble
from .encoding import webp


class TangentTaps(BookWidget):
    """A 3 x 3 kernel on the plane that touches the sphere, and its taps on the equirectangular grid.

    Args:
        panorama: (1, 3, height, 2*height), RGB in [0, 1], under the taps; the painted room if left out.

    Example:
        >>> TangentTaps(grid_height=64, row=0).row
        0
    """

    _esm = assemble(*PARTS, "sphere.js", "map.js", "grid.js", "tangent_taps_drawing.js", "tangent_taps.js")
    _css = assemble("widget.css", "tangent_taps.css")

    picture = traitlets.Bytes().tag(sync=True)  # the encoded panorama, row 0 north, longitude 0 in the middle
    grid_height = traitlets.Enum((16, 32, 64, 512), 16).tag(sync=True)  # pixels; the grid is twice as wide
    row = traitlets.Int(2, min=0).tag(sync=True)  # of the kernel's middle, 0 is the northernmost
    column = traitlets.Int(17, min=0).tag(sync=True)  # of the kernel's middle
    spacing = traitlets.Float(1.0, min=0.5, max=8.0).tag(sync=True)  # of the taps, in pixels at the equator
    tap = traitlets.Int(2, min=0, max=8).tag(
        sync=True
    )  # whose arithmetic is shown; west to east, north to south
    arithmetic = traitlets.Bool(False).tag(sync=True)  # whether it is shown

    task = traitlets.Unicode(
        "Slide the kernel towards the pole: at which row does its first tap cross over?"
    ).tag(sync=True)
    description = traitlets.Unicode(
        "The nine taps of a 3 by 3 kernel, a small square on the plane that touches the sphere. On the grid "
        "the same square fans out towards the poles. With the taps one pixel apart, only the first and the "
        "last row have taps beyond a pole, whatever the height of the grid: three of them, and they lie "
        "on its far side."
    ).tag(sync=True)
    still = traitlets.Unicode("tangent_taps.webp").tag(sync=True)
    reserve = traitlets.Int(520).tag(sync=True)
    reserve_narrow = traitlets.Int(880).tag(sync=True)

    def __init__(self, panorama: Float[Tensor, "1 3 height width"] | None = None, **traits):
        traits.setdefault("picture", webp(panorama, width=512, limit=40_000))
        super().__init__(**traits)
