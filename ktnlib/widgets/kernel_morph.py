"""A source kernel under four heads: what each makes of the same nine weights at a latitude."""

import traitlets
from jaxtyping import Float
from torch import Tensor

from .arrays import float_bytes
from .base import PARTS, BookWidget, assemble


class KernelMorph(BookWidget):
    """A drawn 3 x 3 kernel, and the row kernels that geometry, interpolation and learning make of it.

    Args:
        coefficients: (9, 8, knots), what the learned head adds to bicubic taps, as `KernelTransformer` holds
            it; the set that ships if left out.

    Raises:
        ValueError: coefficients of another form.

    Example:
        >>> import torch
        >>> KernelMorph(torch.zeros(9, 8, 16), row=0).row
        0
    """

    _esm = assemble(
        *PARTS,
        "meter.js",
        "drawing.js",
        "sphere.js",
        "kernel_morph_arithmetic.js",
        "kernel_morph_drawing.js",
        "kernel_morph.js",
    )
    _css = assemble("widget.css", "kernel_morph.css")

    coefficients = traitlets.Bytes().tag(sync=True)  # float32; taps, basis kernels, knots
    weights = traitlets.List(
        traitlets.Float(), [0.0, 1.0, 1.0, 0.0, 1.0, 1.0, -1.0, 0.0, 0.0], minlen=9, maxlen=9
    ).tag(sync=True)  # of the source kernel, west to east, north to south
    tap = traitlets.Int(2, min=0, max=8).tag(sync=True)  # the weight that the slider changes
    grid_height = traitlets.Enum((16, 64, 256), 16).tag(sync=True)  # pixels; the grid is twice as wide
    row = traitlets.Int(2, min=0).tag(sync=True)  # of the kernel's middle, 0 is the northernmost
    head = traitlets.Enum(("projected", "bilinear", "bicubic", "learned"), "learned").tag(sync=True)
    pixel_row = traitlets.Int(0, min=-3, max=3).tag(sync=True)  # of the arithmetic, from the kernel's middle
    pixel_column = traitlets.Int(2, min=-16, max=15).tag(sync=True)
    arithmetic = traitlets.Bool(False).tag(sync=True)

    task = traitlets.Unicode("Slide the kernel to the pole: which of the four does not keep its sum?").tag(
        sync=True
    )
    description = traitlets.Unicode(
        "Nine source weights, and the row kernels that four heads make of them. At the equator all four look "
        "like the source. Towards a pole they widen. The projected kernel, resampled at the panorama's "
        "pixels, adds up to ever more; the three that share out nine taps keep the source's sum in every "
        "row, and differ in how sharply they read."
    ).tag(sync=True)
    still = traitlets.Unicode("kernel_morph.webp").tag(sync=True)
    reserve = traitlets.Int(860).tag(sync=True)
    reserve_narrow = traitlets.Int(1166).tag(sync=True)

    def __init__(self, coefficients: Float[Tensor, "taps basis knots"] | None = None, **traits):
        if traits.get("arithmetic"):  # its table lies open below the buttons
            traits = {"reserve": 1041, "reserve_narrow": 1366, **traits}
        if "coefficients" not in traits:
            traits["coefficients"] = float_bytes(_learned(coefficients))
        super().__init__(**traits)


def _learned(coefficients: Tensor | None) -> Tensor:
    if coefficients is None:
        from ktnlib.sphere import KernelTransformer  # only the default needs the set that ships

        return KernelTransformer(3).coefficients
    if coefficients.ndim != 3 or coefficients.shape[:2] != (9, 8) or coefficients.shape[2] < 4:
        raise ValueError(
            f"`coefficients` has shape {tuple(coefficients.shape)}; wanted (9, 8, knots): nine taps, eight "
            "basis kernels, at least four splines; `KernelTransformer(3).coefficients` is such"
        )
    return coefficients
