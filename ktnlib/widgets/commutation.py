"""Chapter 0's widget: does a layer commute with a turn, a shift, a zoom, a shear?"""

import math

import traitlets

from . import chapter_zero
from .arrays import float_bytes, layer_weights, square
from .base import PARTS, BookWidget, assemble


class Commutation(BookWidget):
    """Move a picture and see Γ(Tx), TΓ(x) and their difference, with ‖Γ(Tx) − TΓ(x)‖/‖Γ(x)‖.

    Args:
        pictures: square pictures in [0, 1] by name; the book's digit and its letter W if left out.
        filters: odd square weights by name, or a dict of such by channel; the filter bank of
            `ktnlib.alignment.filters` at 5 x 5 and the two letters as one layer if left out.

    Example:
        >>> import torch
        >>> Commutation({"noise": torch.rand(28, 28)}).pictures
        [['noise', 28]]
    """

    _esm = assemble(
        *PARTS, "meter.js", "drawing.js", "warp.js", "commutation_arithmetic.js", "commutation.js"
    )
    _css = assemble("widget.css", "commutation.css")

    pictures = traitlets.List().tag(sync=True)  # [name, width in pixels]
    pixels = traitlets.Bytes().tag(sync=True)  # float32, the pictures one after the other
    filters = traitlets.List().tag(sync=True)  # [name, width in pixels, names of the channels]
    weights = traitlets.Bytes().tag(sync=True)  # float32, filter after filter, channel after channel
    presets = traitlets.List().tag(sync=True)  # [name, traits] of each button
    picture = traitlets.Int(0).tag(sync=True)
    filter = traitlets.Int(0).tag(sync=True)
    transformation = traitlets.Enum(["rotate", "shift", "zoom", "shear"], "rotate").tag(sync=True)
    amount = traitlets.Float(math.pi / 4).tag(sync=True)  # radians left, pixels right, factor, pixels a row
    row = traitlets.Int(-1).tag(sync=True)  # pixel of the arithmetic; -1: where the two orders differ most
    column = traitlets.Int(-1).tag(sync=True)
    channel = traitlets.Int(0).tag(sync=True)
    arithmetic = traitlets.Bool(False).tag(sync=True)
    margin = traitlets.Float(1.0).tag(sync=True)  # pixels kept away from the border when errors are taken
    reserve = traitlets.Int(560).tag(sync=True)
    reserve_narrow = traitlets.Int(976).tag(sync=True)
    task = traitlets.Unicode("Drag the image: which moves and filters leave the difference blank?").tag(
        sync=True
    )
    still = traitlets.Unicode("commutation.webp").tag(sync=True)
    description = traitlets.Unicode(
        "A digit under a chosen move, the feature map of the moved digit, the moved feature map of the digit "
        "and their difference. Whole-pixel shifts leave it blank; a turn by 45 degrees does not under an "
        "edge filter, and nearly does under a round one; a zoom never does. Turned by half, W and M change "
        "places."
    ).tag(sync=True)

    def __init__(self, pictures: dict | None = None, filters: dict | None = None, **traits):
        if pictures is None and filters is None:
            traits.setdefault("presets", [chapter_zero.W_AND_M])
        if traits.get("arithmetic"):  # its tables lie open below the buttons
            traits = {"reserve": 966, "reserve_narrow": 1740, **traits}
        planes = {name: square(name, plane) for name, plane in (pictures or chapter_zero.pictures()).items()}
        layers = {
            name: layer_weights(name, layer) for name, layer in (filters or chapter_zero.filters()).items()
        }
        traits.setdefault("pictures", [[name, len(plane)] for name, plane in planes.items()])
        traits.setdefault("pixels", b"".join(map(float_bytes, planes.values())))
        traits.setdefault("filters", [[name, size, labels] for name, (size, labels, _) in layers.items()])
        traits.setdefault("weights", b"".join(weights for *_, weights in layers.values()))
        super().__init__(**traits)
