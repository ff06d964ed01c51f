"""Equirectangular images drawn the house way: north up, longitude 0 in the middle, latitudes every 30°."""

import html
import math

import PIL.Image
import torch
from torch import Tensor

from ktnlib import check

from .display import Figure, framed, words
from .palette import variable
from .pictures import as_picture, tag, webp

_BUDGET = 38_000  # bytes of WebP, so that ticks and outlines fit beside it
_WIDTH = 720


def panorama(
    image: Tensor, *, alt: str, caption: str, outline: Tensor | None = None, token: str = "image"
) -> Figure:
    """A panorama with its latitudes and longitudes, and the outline of a camera view on it.

    Args:
        image: (3, height, width) or (1, 3, height, width), in [0, 1]; row 0 is north.
        alt: what is to be seen; at least 40 characters.
        caption: how to read it.
        outline: (points, 2), latitude and longitude in radians, drawn as a line that breaks at the seam;
            close it by repeating the first point.
        token: the outline's colour by meaning.

    Raises:
        ValueError: no such image, or an outline of another shape.
    """
    words(alt, caption)
    if outline is not None and (outline.ndim != 2 or outline.shape[1] != 2):
        raise ValueError(
            f"`outline` has shape {tuple(outline.shape)}; wanted (points, 2), latitude and longitude in "
            "radians; try `torch.stack([latitude, longitude], -1)`"
        )
    lines = "".join(
        f'<path d="M0 {90 - degrees}H2.5M357.5 {90 - degrees}H360" />' for degrees in range(-60, 90, 30)
    )
    lines += "".join(
        f'<path d="M{180 + degrees} 180v-2.5M{180 + degrees} 0v2.5" />' for degrees in (-90, 0, 90)
    )
    ticks = f'<g stroke="#fff" stroke-width="3">{lines}</g><g stroke="#000" stroke-width="1.2">{lines}</g>'
    drawn = "" if outline is None else _haloed(_path(outline), token)
    labels = "".join(_latitude(degrees) for degrees in range(-90, 120, 30))
    labels += "".join(_longitude(degrees) for degrees in (-90, 0, 90))
    return _laid_out(as_picture(image), f"{ticks}{drawn}", labels, alt, caption)


def seams(image: Tensor, *, alt: str, caption: str, margin: float = 1 / 8) -> Figure:
    """A panorama continued past its four edges as the sphere continues it.

    Past the left and right edge comes the other side. Past a pole the same rows come back, mirrored and half
    a revolution away. The frame marks where the image itself ends.

    Args:
        image: (3, height, width) or (1, 3, height, width), in [0, 1]; the width is even.
        alt: what is to be seen; at least 40 characters.
        caption: how to read it.
        margin: how far it is continued, as a part of the height, 0 to 1/2.

    Raises:
        ValueError: an odd width, or a margin outside its range.
    """
    words(alt, caption)
    check.between("margin", margin, 0.0, 0.5, "of the height")
    colours = image[0] if image.ndim == 4 else image
    check.panorama("image", colours[None])
    rows = max(1, round(margin * colours.shape[-2]))
    turned = colours.roll(colours.shape[-1] // 2, -1).flip(-2)
    tall = torch.cat([turned[..., -rows:, :], colours, turned[..., :rows, :]], -2)
    wide = torch.cat([tall[..., -rows:], tall, tall[..., :rows]], -1)
    height, width = wide.shape[-2:]
    x, y = 360 * rows / width, 180 * rows / height
    frame = f"M{x:.2f} {y:.2f}H{360 - x:.2f}V{180 - y:.2f}H{x:.2f}Z"
    veil = (
        f'<path d="M0 0H360V180H0Z{frame}" fill="var(--pst-color-background, #fff)" fill-opacity=".4" '
        'fill-rule="evenodd"/>'
    )
    names = "".join(
        f'<span style="left:50%;top:{top:.1f}%;transform:translate(-50%,-50%);{_PLATE}">{text}</span>'
        for top, text in (
            (50 * y / 180, "past the north pole: mirrored, half a turn away"),
            (100 - 50 * y / 180, "past the south pole: likewise"),
        )
    )
    return _laid_out(as_picture(wide), veil + _haloed(frame, "image"), names, alt, caption, ticks=False)


_PLATE = (
    "position:absolute;background:var(--pst-color-background, #fff);padding:0 .45em;border-radius:.3em;"
    "font-size:.75rem;white-space:nowrap"
)


def _laid_out(
    pixels: PIL.Image.Image, drawn: str, labels: str, alt: str, caption: str, *, ticks: bool = True
) -> Figure:
    if pixels.width > _WIDTH:
        pixels = pixels.resize(
            (_WIDTH, round(pixels.height * _WIDTH / pixels.width)), PIL.Image.Resampling.LANCZOS
        )
    overlay = (
        '<svg viewBox="0 0 360 180" preserveAspectRatio="none" fill="none" aria-hidden="true" '
        f'style="position:absolute;inset:0;width:100%;height:100%;max-width:none;margin:0;overflow:visible">{drawn}</svg>'
    )
    overlay = overlay.replace("<path ", '<path vector-effect="non-scaling-stroke" ')
    image = tag(webp(pixels, _BUDGET), pixels.size, "", "width:100%;max-width:none;")
    room = "padding:.6em 0 1.6em 3.2em" if ticks else "padding:0"
    body = (
        f'<div role="img" aria-label="{html.escape(alt, quote=True)}" style="max-width:720px;margin:0 auto;'
        f'{room};box-sizing:border-box"><div style="position:relative">{image}{overlay}{labels}</div></div>'
    )
    return framed(body, alt, caption)


def _haloed(path: str, token: str) -> str:
    halo = f'<path d="{path}" stroke="var(--pst-color-background, #fff)" stroke-width="6"/>'
    return (
        f'<g stroke-linejoin="round">{halo}<path d="{path}" stroke="{variable(token)}" stroke-width="3"/></g>'
    )


def _path(outline: Tensor) -> str:
    steps, before = [], None
    for latitude, longitude in outline.double().tolist():
        jumps = before is None or abs(longitude - before) > math.pi
        x, y = 180 + math.degrees(longitude), 90 - math.degrees(latitude)
        steps.append(f"{'M' if jumps else 'L'}{x:.1f} {y:.1f}")
        before = longitude
    return "".join(steps)


def _latitude(degrees: int) -> str:
    text = "0°" if not degrees else f"{abs(degrees)}° {'N' if degrees > 0 else 'S'}"
    return (
        f'<span style="position:absolute;right:100%;top:{(90 - degrees) / 1.8:.2f}%;'
        f'transform:translateY(-50%);padding-right:.45em;font-size:.75rem;line-height:1;white-space:nowrap">{text}</span>'
    )


def _longitude(degrees: int) -> str:
    text = "0°" if not degrees else f"{abs(degrees)}° {'E' if degrees > 0 else 'W'}"
    return (
        f'<span style="position:absolute;left:{(180 + degrees) / 3.6:.2f}%;top:100%;'
        f'transform:translateX(-50%);padding-top:.35em;font-size:.75rem;line-height:1;white-space:nowrap">{text}</span>'
    )
