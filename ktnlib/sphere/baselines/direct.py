"""Direct: the planar convolution laid over the panorama as if it were a flat picture."""

from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import conv2d, pad

from ktnlib import check

from ..sampling import surrounded
from ..tangent_conv import check_operands
from ..taps import kernel_sides


def direct_conv2d(
    x: Float[Tensor, "batch in_channel height width"],
    weight: Float[Tensor, "out_channel in_channel kernel_height kernel_width"],
    bias: Float[Tensor, "out_channel"] | None = None,
    *,
    padding: str = "sphere",
) -> Float[Tensor, "batch out_channel height width"]:
    """`conv2d` on the panorama's own pixels, as large as it: right near the equator, wrong as 1/cos φ.

    Args:
        x: the panorama.
        weight, bias: as for `torch.nn.functional.conv2d`, odd sides.
        padding: what lies beyond the picture's edge. "sphere": what lies there on the sphere, around the seam
            and over the poles; "wrap": around the seam, zeros over the poles; "zero": zeros everywhere.

    Raises:
        ValueError: shapes that do not fit each other, an odd width, an even kernel, an unknown padding,
            tensors on several devices or of several types.
        TypeError: whole numbers in place of floating-point ones.

    Source: the baselines "Direct" of SphConv (Su and Grauman, NeurIPS 2017) and "Equirectangular" of KTN.

    >>> import torch
    >>> direct_conv2d(torch.ones(1, 1, 4, 8), torch.ones(1, 1, 3, 3), padding="wrap")[0, 0, :, 0].tolist()
    [6.0, 9.0, 9.0, 6.0]
    """
    check_operands(x, weight, bias)
    rows, columns = kernel_sides(tuple(weight.shape[-2:]), stride=1)
    check.choice("padding", padding, PADDINGS)
    return conv2d(PADDINGS[padding](x, rows // 2, columns // 2), weight, bias)


def pad_sphere(
    x: Float[Tensor, "batch channel height width"], rows: int, columns: int
) -> Float[Tensor, "batch channel tall wide"]:
    """What lies beyond the edge on the sphere, `rows` above and below, `columns` to the left and right."""
    return surrounded(x, range(-rows, x.shape[-2] + rows), columns)


def _pad_wrap(x: Tensor, rows: int, columns: int) -> Tensor:
    return pad(pad_sphere(x, 0, columns), (0, 0, rows, rows))


def _pad_zero(x: Tensor, rows: int, columns: int) -> Tensor:
    return pad(x, (columns, columns, rows, rows))


PADDINGS = {"sphere": pad_sphere, "wrap": _pad_wrap, "zero": _pad_zero}
