"""Refinement in tap space: for one network, every row's source kernel is fitted anew on its filtered taps."""

from jaxtyping import Float
from torch import Tensor

from ktnlib import check

from ..row_kernels import RowKernels
from ..sampling import Neighbours
from .equations import RowEquations


def refined_kernels(
    equations: RowEquations,
    weight: Float[Tensor, "out_channel in_channel kernel_height kernel_width"],
    filters: Neighbours,
    *,
    width: int,
    ridge: float | int = 1e-1,
) -> RowKernels:
    """Row kernels that read through `filters` and mix channels as fits each row best.

    The filters stay; for each row i the kernel minimises the error of its outputs plus
    ridge·mean(diag G_i)·‖K(i) − K‖². What comes out belongs to this network alone: it replaces the source
    kernel and transforms no other.

    Args:
        equations: `RowEquations.of_kernels` through the same filters.
        weight: K, the source kernel, which a row without evidence keeps.
        filters: what the taps of each row read, unfolded: (rows, taps, pixels).
        width: of the panorama, pixels.
        ridge: pull towards K, relative to the row's mean diagonal.

    Raises:
        ValueError: equations of other sizes than the kernel's, a ridge of 0 or less.
    """
    check.between("ridge", ridge, 0, float("inf"), "")
    kernels = weight.flatten(2).double()
    rows, unknowns, outputs = equations.moment.shape
    out_channel, in_channel, taps = kernels.shape
    if (unknowns, outputs) != (taps * in_channel, out_channel):
        raise ValueError(
            f"`equations` are for {unknowns} unknowns and {outputs} outputs; wanted {taps} taps x "
            f"{in_channel} channels = {taps * in_channel} and {out_channel}, as `weight` has; make them by "
            "RowEquations.of_kernels"
        )
    source = kernels.permute(2, 1, 0).flatten(0, 1).expand(rows, -1, -1).to(equations.gram)
    found = equations.solve(ridge=ridge, towards=source).unflatten(1, (taps, in_channel))
    fitted = found.permute(0, 3, 2, 1).to(weight).contiguous()
    return RowKernels.from_taps(fitted, filters, height=rows, width=width)
