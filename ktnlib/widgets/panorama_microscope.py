"""Real feature maps side by side: the network on flat patches, and three ways to spare it that."""

import zlib

import torch
import traitlets
from jaxtyping import Float
from torch import Tensor

from ktnlib import check, data

from .base import PARTS, BookWidget, assemble
from .encoding import webp
from .microscope_maps import Maps, room_maps

METHODS = ("direct", "bilinear", "ktn")
HEIGHT = 128


class PanoramaMicroscope(BookWidget):
    """Swipe between a method's feature map and the exact one, and look at both through a camera.

    Errors are the root mean square of method minus exact, relative to how much the exact map varies over the
    sphere: its standard deviation by solid angle.

    Args:
        maps: {layer: {"exact" | "direct" | "bilinear" | "ktn": (height, width)}}, three layers at most; the
            room net's on the panorama, computed in about two seconds, if left out.
        panorama: (1, 3, height, 2*height), RGB in [0, 1]; the painted room if left out.

    Raises:
        ValueError: maps that lack a method, differ in size, are constant or hold what is not finite.

    Example:
        >>> flat = {name: torch.rand(8, 16) for name in ("exact", "direct", "bilinear", "ktn")}
        >>> PanoramaMicroscope({"layer 1": flat}).labels
        ['layer 1']
    """

    _esm = assemble(
        *(*PARTS, "meter.js", "sphere.js", "map.js", "grid.js", "panorama_microscope_arithmetic.js"),
        *("panorama_microscope_drawing.js", "panorama_microscope.js"),
    )
    _css = assemble("widget.css", "panorama_microscope.css")

    picture = traitlets.Bytes().tag(sync=True)  # the encoded panorama, row 0 north, longitude 0 in the middle
    maps = traitlets.Bytes().tag(sync=True)  # deflated; each layer's exact map, then the differences
    labels = traitlets.List(traitlets.Unicode()).tag(sync=True)  # of the layers
    scales = traitlets.List().tag(sync=True)  # a layer: darkest, lightest, largest difference by method
    grid_height = traitlets.Int(HEIGHT, min=2).tag(sync=True)  # pixels; the maps are twice as wide
    layer = traitlets.Int(0, min=0).tag(sync=True)
    method = traitlets.Enum(METHODS, "direct").tag(sync=True)
    row = traitlets.Int(110, min=0).tag(sync=True)  # of the camera's middle, 0 is the northernmost
    column = traitlets.Int(70, min=0).tag(sync=True)  # of the camera's middle
    difference = traitlets.Bool(False).tag(sync=True)

    task = traitlets.Unicode(
        "Drag over ceiling and floor: where does direct convolution lose the letters?"
    ).tag(sync=True)
    description = traitlets.Unicode(
        "Feature maps of a small network on the painted room. West of a line that can be dragged a method's "
        "map is shown, east of it the exact one; a camera looks at the place in both. On the walls all "
        "agree. On the ceiling and the floor direct convolution loses the strokes of the letters, the kernel "
        "transformer keeps them. Bilinear taps keep up in layer 2 and fade by layer 7."
    ).tag(sync=True)
    still = traitlets.Unicode("panorama_microscope.webp").tag(sync=True)
    reserve = traitlets.Int(813).tag(sync=True)
    reserve_narrow = traitlets.Int(1067).tag(sync=True)

    def __init__(
        self,
        maps: Maps | None = None,
        panorama: Float[Tensor, "1 3 height width"] | None = None,
        **traits,
    ):
        if maps is None:
            maps = room_maps(data.panoramas(height=HEIGHT)[0][1] if panorama is None else panorama)
        packed, scales, height = pack(maps)
        traits = {"layer": len(maps) - 1, "row": 55 * height // 64, "column": 35 * height // 64} | traits
        traits.setdefault("picture", webp(panorama, width=256, limit=12_000))
        super().__init__(maps=packed, scales=scales, labels=list(maps), grid_height=height, **traits)


def pack(maps: Maps) -> tuple[bytes, list[list[float]], int]:
    """Maps as the page carries them: 8 bits a pixel, deflated; their scales; their height.

    The exact map has 256 levels between its least and its largest value, each difference 255 about zero.

    >>> maps = {"layer 1": {name: torch.eye(2, 4) for name in ("exact", *METHODS)}}
    >>> packed, scales, height = pack(maps)
    >>> len(zlib.decompress(packed)), scales, height
    (32, [[0.0, 1.0, 0.0, 0.0, 0.0]], 2)
    """
    planes, scales = [], []
    size = _checked(maps)
    for layer in maps.values():
        exact = layer["exact"].double()
        low, high = exact.min(), exact.max()
        planes.append(((exact - low) / (high - low) * 255).round().to(torch.uint8))
        most = []
        for method in METHODS:
            apart = layer[method].double() - exact
            most.append(apart.abs().max())
            steps = (apart / most[-1].clamp(min=1e-30) * 127).round()
            planes.append(steps.to(torch.int8).view(torch.uint8))
        scales.append([value.item() for value in (low, high, *most)])
    return zlib.compress(torch.stack(planes).numpy().tobytes(), 9), scales, size[0]


def _checked(maps: Maps) -> torch.Size:
    if not 1 <= len(maps) <= 3:
        raise ValueError(f"`maps` holds {len(maps)} layers; wanted one to three")
    size = next(iter(maps.values())).get("exact", torch.empty(0)).shape
    for label, layer in maps.items():
        if missing := {"exact", *METHODS} - set(layer):
            raise ValueError(
                f"`maps` lacks {sorted(missing)} for {label!r}; wanted an exact map and one of each of "
                f"{', '.join(METHODS)}"
            )
        for name, plane in layer.items():
            check.floating("maps", plane)
            if plane.shape != size or plane.ndim != 2 or size[1] != 2 * size[0]:
                raise ValueError(
                    f"`maps` has shape {tuple(plane.shape)} for {name!r} of {label!r}; wanted (height, "
                    "2*height), the same for all: one channel of a feature map"
                )
            if not bool(plane.isfinite().all()):
                raise ValueError(f"{name!r} of {label!r} is not finite everywhere; wanted numbers")
        if layer["exact"].min() == layer["exact"].max():
            raise ValueError(
                f"the exact map of {label!r} is constant; wanted one that varies, for errors are relative to "
                "that; choose another channel"
            )
    return size
