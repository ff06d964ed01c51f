"""Pooling of a converted network: the largest or the mean of samples, and of the whole sphere."""

from jaxtyping import Float
from torch import Tensor, nn

from ..bag_layers import largest_tap
from ..grid import EquirectGrid
from ..row_conv import row_conv2d
from ..row_kernels import RowKernels
from ..sampling import accumulator
from .samplers import Sampler
from .steps import Whole


class SampledPool2d(nn.Module):
    """The largest, the mean or the only one of a window's samples on the tangent plane."""

    def __init__(self, sampler: Sampler):
        super().__init__()
        self.sampler = sampler

    def forward(
        self, x: Float[Tensor, "batch channel height width"]
    ) -> Float[Tensor, "batch channel out_height out_width"]:
        height, width = x.shape[-2:]
        window, plan = self.sampler.window, self.sampler.plan(height, width, x)
        if window.what == "max":
            return largest_tap(x.to(accumulator(x.dtype)), plan, window.stride).to(x.dtype)
        channels, taps = x.shape[1], plan.rows.shape[1]
        shares = plan.weights.new_full((channels, 1, taps), window.scale / taps)
        size = {"height": height, "width": width, "stride": window.stride, "groups": channels}
        return row_conv2d(x, RowKernels.from_taps(shares, plan, **size))

    def prepare(self, height: int, width: int, like: Tensor) -> None:
        """Make what is kept for inputs of this size, of the type and on the device of a tensor."""
        self.sampler.plan(height, width, like)

    def extra_repr(self) -> str:
        window = self.sampler.window
        return f"{window.what}, kernel_size={window.kernel_size}, stride={window.stride}"


class WholeSphere(nn.Module):
    """The mean of a map over the sphere, pixels weighted by their solid angle, or its largest value."""

    def __init__(self, step: Whole):
        super().__init__()
        self.step = step

    def forward(self, x: Float[Tensor, "batch channel height width"]) -> Tensor:
        if self.step.what == "max":
            return x.amax(dim=(2, 3), keepdim=self.step.keepdim)
        areas = EquirectGrid(*x.shape[-2:]).solid_angles
        wide = x.to(accumulator(x.dtype)).mean(dim=3, keepdim=True)
        # narrowed before it moves: a device may have no float64
        shares = (areas / areas.sum()).to(wide.dtype).to(x.device)
        mean = (wide * shares[:, None]).sum(dim=(2, 3), keepdim=self.step.keepdim)
        return mean.to(x.dtype)
