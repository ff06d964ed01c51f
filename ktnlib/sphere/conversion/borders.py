"""What lies beyond a panorama's edge, for methods that work on its pixels as on a plane's."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

Sides = tuple[int, int, int, int]


def pad_map(
    x: Float[Tensor, "batch channel height width"], sides: Sides, *, border: str, value: float | None = 0.0
) -> Float[Tensor, "batch channel tall wide"]:
    """Rows above and below, columns to the left and right of a map.

    Args:
        sides: how many above, below, to the left, to the right; a negative number cuts.
        border: "sphere" goes on around the seam and over the poles; "wrap" around the seam only; "zero"
            nowhere.
        value: what stands where it does not go on; None repeats the outermost pixels.

    >>> pad_map(torch.arange(4.0).view(1, 1, 1, 4), (1, 0, 1, 0), border="sphere")[0, 0].tolist()
    [[1.0, 2.0, 3.0, 0.0, 1.0], [3.0, 0.0, 1.0, 2.0, 3.0]]
    """
    above, below, left, right = sides
    if border == "sphere":
        x = over_poles(x, above, below)
    if border != "zero":
        width = x.shape[-1]
        columns = torch.arange(-left, width + right, device=x.device).remainder(width)
        x = x.index_select(-1, columns) if left or right else x
    rest = (
        left if border == "zero" else 0,
        right if border == "zero" else 0,
        0 if border == "sphere" else above,
        0 if border == "sphere" else below,
    )
    if not any(rest):
        return x
    return (
        functional.pad(x, rest, mode="replicate") if value is None else functional.pad(x, rest, value=value)
    )


def over_poles(
    x: Float[Tensor, "batch channel height width"], above: int, below: int
) -> Float[Tensor, "batch channel tall width"]:
    """Rows beyond the poles: mirrored in order, half a revolution away, as often as it takes.

    A number below zero takes rows away.
    """
    height, width = x.shape[-2:]

    def strip(first: int, stop: int) -> Tensor:
        rows = torch.arange(first, stop, device=x.device).remainder(2 * height)
        far_side = rows >= height
        found = x.index_select(-2, torch.where(far_side, 2 * height - 1 - rows, rows))
        return torch.where(far_side[:, None], found.roll(width // 2, dims=-1), found)

    parts = [strip(-above, 0)] if above > 0 else []
    parts.append(x[..., max(0, -above) : height + min(0, below), :])
    parts += [strip(height, height + below)] if below > 0 else []
    return torch.cat(parts, dim=-2) if len(parts) > 1 else parts[0]


def leading_padding(extent: int, stride: int, own: int) -> int:
    """How far the first window starts before the first pixel; `extent` is from its first to its last tap.

    >>> [leading_padding(extent, 2, own) for extent, own in ((1, 0), (2, 1), (2, 0), (6, 3), (6, 0))]
    [0, 1, 0, 3, 2]
    """
    like_on_both = extent + 1 - stride  # twice it
    choices = range(own % stride, max(extent, own) + 2 * stride, stride)
    return min(choices, key=lambda padding: (abs(2 * padding - like_on_both), padding != own, padding))
