"""What a source network answers on the sphere: the network itself, run on a tangent patch at every pixel."""

from collections.abc import Iterable, Iterator, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from ktnlib import check

from ..sampling import Neighbours, sample
from ..taps import tangent_taps
from .trunk import ConvLayer, Trunk, valid

CHUNK = 1024  # patches at a time


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
    """Every convolution's output at every pixel, as a camera that looks straight at the pixel would see it."""
    check.panorama("panorama", panorama)
    wanted = check_layers(trunk, layers)
    height, width = panorama.shape[-2:]
    columns = list(range(width)) if columns is None else list(columns)
    found = {name: [] for name in wanted}
    centres: dict[str, list[Tensor]] = found

    def keep_centre(name: str, layer: ConvLayer, x: Tensor) -> Tensor:
        answer = valid(name, layer, x)
        middle = answer.shape[-1] // 2
        if name in centres:
            centres[name].append(answer[:, :, middle, middle].clone())
        return answer

    for image in panorama:
        for patches in _patches(trunk.receptive_field, image[None], columns, spacing, chunk):
            trunk.walk(patches, keep_centre)
    shape = (len(panorama), height, len(columns))
    return {
        name: torch.cat(parts).unflatten(0, shape).movedim(-1, 1).contiguous()
        for name, parts in centres.items()
    }


def check_layers(trunk: Trunk, layers: Iterable[str] | None) -> tuple[str, ...]:
    """The layers asked for, all of the trunk's if none are named."""
    return tuple(
        check.choice("layers", name, trunk.layers) for name in (trunk.layers if layers is None else layers)
    )


def _patches(
    side: int, image: Tensor, columns: list[int], spacing: float | None, chunk: int
) -> Iterator[Tensor]:
    """Tangent patches (patch, channel, side, side) of all pixels of the columns, row after row."""
    height, width = image.shape[-2:]
    plan = tangent_taps(height, width, side, spacing=spacing).neighbours()
    shifts = torch.tensor(columns)
    rows_at_once = max(1, chunk // len(columns))
    for start in range(0, height, rows_at_once):
        rows, offsets, weights = (part[start : start + rows_at_once, None] for part in plan)
        offsets = offsets + shifts[:, None, None]
        shape = offsets.shape
        read = sample(image, Neighbours(rows.expand(shape), offsets, weights.expand(shape)))
        yield read[0].flatten(1, 2).movedim(0, 1).unflatten(-1, (side, side)).contiguous()
