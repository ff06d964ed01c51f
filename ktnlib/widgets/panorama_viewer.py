"""Look around in a panorama, and see which of its pixels the view reads."""

import traitlets
from jaxtyping import Float
from torch import Tensor

from .base import PARTS, BookWidget, assemble
from .encoding import webp


class PanoramaViewer(BookWidget):
    """A camera in a panorama beside the equirectangular picture with the camera's footprint.

    The view's sides are as 4 to 3. Readers may put in a panorama of their own; it stays in their browser.

    Args:
        panorama: (1, 3, height, 2*height), RGB in [0, 1]; the painted room if left out. It travels as WebP.

    Example:
        >>> viewer = PanoramaViewer(pitch_deg=60.0)
        >>> viewer.pitch_deg, len(viewer.picture) <= 120_000
        (60.0, True)
    """

    _esm = assemble(*PARTS, "sphere.js", "webgl.js", "map.js", "panorama_viewer.js")
    _css = assemble("widget.css", "panorama_viewer.css")

    picture = traitlets.Bytes().tag(sync=True)  # the encoded panorama, row 0 north, longitude 0 in the middle
    yaw_deg = traitlets.Float(0.0, min=-180.0, max=180.0).tag(sync=True)  # longitude looked at, east positive
    pitch_deg = traitlets.Float(24.0, min=-90.0, max=90.0).tag(
        sync=True
    )  # latitude looked at, north positive
    roll_deg = traitlets.Float(0.0, min=-180.0, max=180.0).tag(sync=True)  # clockwise turn of the camera
    fov_deg = traitlets.Float(90.0, min=20.0, max=140.0).tag(sync=True)  # horizontal field of view
    backend = traitlets.Enum(("auto", "2d"), "auto").tag(
        sync=True
    )  # "2d": draw without WebGL2 even where it is

    task = traitlets.Unicode(
        "Tilt the camera up until its footprint swallows the pole: "
        "at what pitch does it first span every column?"
    ).tag(sync=True)
    description = traitlets.Unicode(
        "A camera view in a painted room, 90 degrees wide, beside the room's equirectangular picture with "
        "the view's footprint on it. Tilted up, the footprint bulges and widens; from a pitch of 53.2 "
        "degrees on it spans every column, because the view's upper edge, 36.9 degrees above its middle, "
        "has passed the pole. The view keeps its share of the sphere, but takes ever more of the pixels."
    ).tag(sync=True)
    still = traitlets.Unicode("panorama_viewer.webp").tag(sync=True)
    reserve = traitlets.Int(550).tag(sync=True)
    reserve_narrow = traitlets.Int(1010).tag(sync=True)

    def __init__(self, panorama: Float[Tensor, "1 3 height width"] | None = None, **traits):
        traits.setdefault("picture", webp(panorama, width=1024))
        super().__init__(**traits)
