"""Upsampling and transposed convolution of a converted network."""

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from .borders import pad_map
from .steps import Resize


class SphereUpsample(nn.Module):
    """A finer grid of the same sphere: each pixel the one it lies in, or bilinear between the four about it.

    Args:
        step: factor and mode.
        border: what lies beyond the edge, a name in `borders.BORDERS`.
    """

    def __init__(self, step: Resize, border: str = "sphere"):
        super().__init__()
        self.step, self.border = step, border

    def forward(
        self, x: Float[Tensor, "batch channel height width"]
    ) -> Float[Tensor, "batch channel out_height out_width"]:
        factor = self.step.factor
        if self.step.mode == "nearest":
            return functional.interpolate(x, scale_factor=factor, mode="nearest")
        wide = pad_map(x, (1, 1, 1, 1), border=self.border, value=None)
        fine = functional.interpolate(wide, scale_factor=factor, mode="bilinear", align_corners=False)
        return fine[:, :, factor:-factor, factor:-factor]
