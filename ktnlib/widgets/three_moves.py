"""The intro's widget: one turn applied to the image, to the feature map, or to the kernel."""

import traitlets
from jaxtyping import Float
from torch import Tensor

from ktnlib.alignment import filters

from .arrays import float_bytes, odd_square, square
from .base import PARTS, BookWidget, assemble


class ThreeMoves(BookWidget):
    """Turn a picture and compare Γ(Tx), TΓ(x) and TΓ′(x), Γ′ the layer whose kernel is turned back by T⁻¹.

    Args:
        image: one square picture in [0, 1]; the book's digit if left out.
        kernel: an odd square of weights; the vertical edge filter, 9 x 9, if left out.

    Example:
        >>> import torch
        >>> ThreeMoves(torch.rand(28, 28)).angle  # radians, counter-clockwise
        0.7
    """

    _esm = assemble(*PARTS, "meter.js", "drawing.js", "warp.js", "three_moves.js")
    _css = assemble("widget.css", "three_moves.css")

    picture = traitlets.Bytes().tag(sync=True)  # float32, n x n, row 0 on top
    kernel = traitlets.Bytes().tag(sync=True)  # float32, k x k
    angle = traitlets.Float(0.7).tag(sync=True)  # radians, counter-clockwise as seen
    margin = traitlets.Float(1.0).tag(sync=True)  # pixels kept away from the border when errors are taken

    task = traitlets.Unicode("Turn the digit: which two of the three pictures below stay alike?").tag(
        sync=True
    )
    description = traitlets.Unicode(
        "A digit on a dial and three feature maps of it. Turned by any angle, the map of the turned image "
        "and the map made with the kernel turned back agree but for interpolation; the turned map of the "
        "upright image does not, unless the angle is zero."
    ).tag(sync=True)
    reserve = traitlets.Int(482).tag(sync=True)
    reserve_narrow = traitlets.Int(860).tag(sync=True)
    still = traitlets.Unicode("three_moves.webp").tag(sync=True)

    def __init__(
        self,
        image: Float[Tensor, "..."] | None = None,
        *,
        kernel: Float[Tensor, "..."] | None = None,
        **traits,
    ):
        if image is None:
            from ktnlib.data import running_digit

            image = running_digit()
        kernel = filters()["vertical edge"] if kernel is None else kernel
        traits.setdefault("picture", float_bytes(square("image", image)))
        traits.setdefault("kernel", float_bytes(odd_square("kernel", kernel)))
        super().__init__(**traits)
