"""What a source network answers on the sphere: the network itself, run on a tangent patch at every pixel."""

from collections.abc import Iterable, Iterator, Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import conv2d

from ktnlib import check

from ..sampling import Neighbours
from ..taps import tangent_taps
from .trunk import ConvLayer, Trunk

CHUNK = 512  # patches at a time: their widest feature maps then stay in a core's share of the cache


@torch.no_grad()
def exact_features(
    trunk: Trunk,
    panorama: Float[Tensor, "batch in_channel height width"],
    *,
    spacing: float | int | None = None,
    columns: Sequence[int] | None = None,
    interpolation: str = "bilinear",
    chunk: int = CHUNK,
    layers: Iterable[str] | None = None,
) -> dict[str, Tensor]:
    """Every convolution's output at every pixel, as a camera that looks at the pixel would see it.

    For each pixel the panorama is read on the plane that touches the sphere there, at the (s·u, s·v) of a
    patch as large as the last layer's receptive field. The trunk runs on that patch without padding; what is
    kept of each layer is the value in the middle, with bias and batch norm, before the activation.

    Args:
        trunk: the source network, cut.
        panorama: RGB in [0, 1] as the model wants it; its normalisation is the trunk's.
        spacing: s, distance of neighbouring patch pixels, sphere radii; None is 2π/width.
        columns: which columns to compute, each 0 … width − 1; None is all of them.
        interpolation: how the panorama is read between its pixels, "bilinear" or "bicubic".
        chunk: patches that run together; any number gives the same features to rounding.
        layers: names of the layers to keep; None is all of them.

    Returns:
        {name: (batch, out_channel, height, columns)}, in the panorama's type.

    Raises:
        ValueError: an odd width, a column outside the panorama, an unknown layer or interpolation, a spacing
            that is not positive, features that are not finite (layer and panorama are named).
        TypeError: a panorama of whole numbers.

    Source: Su and Grauman, Learning Spherical Convolution, NeurIPS 2017, and Kernel Transformer Networks,
    CVPR 2019: the targets both are trained on.

    >>> from torch import nn
    >>> trunk = Trunk(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 2, 3)).eval(), until="2")
    >>> features = exact_features(trunk, torch.ones(1, 3, 8, 16), columns=range(0, 16, 4))
    >>> {name: tuple(feature.shape) for name, feature in features.items()}
    {'0': (1, 4, 8, 4), '2': (1, 2, 8, 4)}
    """
    check.panorama("panorama", panorama)
    check.positive_int("chunk", chunk)
    height, width = panorama.shape[-2:]
    names = trunk.layers if layers is None else layers
    names = [check.choice("layers", name, trunk.layers) for name in names]
    columns = _columns(columns, width).to(panorama.device)
    plan = tangent_taps(height, width, trunk.receptive_field, spacing=spacing).neighbours(
        interpolation=interpolation
    )
    kept: dict[str, list[Tensor]] = {name: [] for name in names}

    def keep_middle(name: str, layer: ConvLayer, x: Tensor) -> Tensor:
        # channels last is 2.3 times as fast as torch's own order on maps this small
        x = x.contiguous(memory_format=torch.channels_last)
        answer = conv2d(x, layer.weight, layer.bias, dilation=layer.dilation)
        if name in kept:
            middle = answer.shape[-1] // 2
            kept[name].append(answer[:, :, middle, middle].clone())
        return answer

    for image in panorama:
        for patches in _chunks(_row_patches(image, plan, columns), chunk):
            trunk.walk(patches, keep_middle)
    shape = len(panorama), height, len(columns)
    features = {
        name: torch.cat(parts).unflatten(0, shape).movedim(-1, 1).contiguous() for name, parts in kept.items()
    }
    for name, feature in features.items():
        _check_finite(name, feature)
    return features


def _row_patches(
    image: Float[Tensor, "channel height width"], plan: Neighbours, columns: Tensor
) -> Iterator[Float[Tensor, "patch channel side side"]]:
    """The patches of one row after the other.

    The pixels that one tap reads for a whole row lie side by side in the doubled image, colours last: reading
    a tap is copying one run of memory, 27 times as fast as looking up every pixel.
    """
    channel, height, width = image.shape
    side = round(plan.rows.shape[1] ** 0.5)
    doubled = torch.cat([image, image], dim=-1).permute(1, 2, 0).contiguous()
    starts = 2 * width * (height - 1) + width
    runs = doubled.as_strided((starts, width * channel), (channel, 1))
    first = (plan.rows * 2 * width + plan.columns.remainder(width)).to(image.device)
    shares = plan.weights.to(image).unsqueeze(-1)
    for row in range(height):
        read = torch.zeros((), dtype=image.dtype, device=image.device)
        for pixel in range(first.shape[-1]):
            read = torch.addcmul(read, runs.index_select(0, first[row, :, pixel]), shares[row, :, pixel])
        patches = read.view(-1, width, channel)[:, columns].transpose(0, 1).contiguous()
        yield patches.view(-1, side, side, channel).permute(0, 3, 1, 2)


def _chunks(rows: Iterable[Tensor], chunk: int) -> Iterator[Tensor]:
    """The same patches, about `chunk` at a time: several short rows together, a long one in pieces."""
    waiting: list[Tensor] = []
    for row in rows:
        waiting.append(row)
        if len(row) * len(waiting) >= chunk:
            yield from torch.cat(waiting).split(chunk)
            waiting = []
    if waiting:
        yield torch.cat(waiting)


def _columns(columns: Sequence[int] | None, width: int) -> Tensor:
    wanted = torch.as_tensor(range(width) if columns is None else columns, dtype=torch.long)
    if wanted.numel() == 0 or wanted.min() < 0 or wanted.max() >= width:
        raise ValueError(
            f"`columns` is {columns}; wanted one or more whole numbers from 0 to {width - 1}, the panorama's"
        )
    return wanted


def _check_finite(name: str, feature: Tensor) -> None:
    bad = (~feature.isfinite()).flatten(1).sum(dim=1)
    if bad.any():
        at = int(bad.argmax())
        raise ValueError(
            f"layer {name!r} of panorama {at} has {int(bad[at])} features that are not finite; wanted numbers; "
            "look for NaN in that panorama and in the model's weights"
        )
