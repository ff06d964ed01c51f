"""Photographs as WebP, and small pictures enlarged with hard pixels."""

import base64
import html
import io
from collections.abc import Sequence

import numpy as np
import PIL.Image
import torch
from torch import Tensor

from ktnlib import check

from .display import Figure, framed, matplotlib, words
from .palette import NEGATIVE, POSITIVE

_BUDGET = 42_000  # bytes of WebP a figure may hold: base64 makes 56 kB of them
_EDGE = "1px solid color-mix(in srgb, currentColor 35%, transparent)"
_SMALL = 128  # pixels up to which a picture is drawn with hard edges, never smoothed


def photograph(image: Tensor, *, alt: str, caption: str, width: int | None = None) -> Figure:
    """One photograph as a WebP of at most 60 kB, loaded when it scrolls into view.

    Args:
        image: (3, height, width) or (1, 3, height, width), in [0, 1].
        alt: what is to be seen; at least 40 characters.
        caption: how to read it.
        width: pixels it is scaled down to; the column's 720 where it is wider.

    Raises:
        ValueError: no such image, or it doesn't fit at tolerable quality.
        TypeError: not a floating-point tensor.
    """
    words(alt, caption)
    pixels = as_picture(image)
    wanted = min(pixels.width, width or 720)
    if wanted < pixels.width:
        tall = max(1, round(pixels.height * wanted / pixels.width))
        pixels = pixels.resize((wanted, tall), PIL.Image.Resampling.LANCZOS)
    shown = tag(webp(pixels, _BUDGET), pixels.size, alt)
    return framed(shown, alt, caption)


def pictures(
    images: Tensor | Sequence[Tensor],
    titles: Sequence[str],
    *,
    alt: str,
    caption: str,
    cmap: str = "grey",
    limits: tuple[float, float] | None = None,
) -> Figure:
    """Up to four pictures side by side, small ones (digits, feature maps) enlarged with hard pixels.

    All panels share one scale, which is written below unless it is a grey one from 0 to 1. ``cmap="signed"``
    has the page's own ground as its zero in both themes: it is drawn transparent there, opacity is magnitude
    and the colour is the sign, on symmetric limits.

    Args:
        images: (height, width), (1, height, width) or, in colour, (3, height, width) each; a batch is a
            sequence too.
        titles: one a panel, two or three words.
        alt: what is to be seen; at least 40 characters.
        caption: how to read it.
        cmap: "grey", "cividis" (magnitudes) or "signed"; colour images are shown as they are.
        limits: values of the darkest and the brightest shade; by default 0 to 1 for grey pictures that keep
            to it, else the range of the data, symmetric for "signed".

    Raises:
        ValueError: more than four panels, not one title a panel, another `cmap`, or a picture of other axes.
    """
    words(alt, caption)
    check.choice("cmap", cmap, ("grey", "cividis", "signed"))
    panels = [_plane(one) for one in images]
    if len(titles) != len(panels) or not 1 <= len(panels) <= 4:
        raise ValueError(
            f"`images` holds {len(panels)} and `titles` {len(titles)}; wanted one to four of each"
        )
    low, high = limits or _limits([panel for panel in panels if panel.ndim == 2], cmap)
    size = min(220, 700 // len(panels) - 16)
    drawn = "".join(
        _panel(_coloured(panel, cmap, low, high), title, size, _BUDGET // len(panels))
        for panel, title in zip(panels, titles, strict=True)
    )
    told = cmap != "grey" or (low, high) != (0.0, 1.0)
    scale = _scale(cmap, low, high) if told and any(panel.ndim == 2 for panel in panels) else ""
    body = (
        f'<div role="img" aria-label="{html.escape(alt, quote=True)}"><div style="display:flex;'
        f'flex-wrap:wrap;gap:1rem;justify-content:center">{drawn}</div>{scale}</div>'
    )
    return framed(body, alt, caption)


def as_picture(image: Tensor) -> PIL.Image.Image:
    """A colour image in [0, 1] as 8-bit pixels; values outside are cut."""
    check.floating("image", image)
    colours = image[0] if image.ndim == 4 and len(image) == 1 else image
    if colours.ndim != 3 or colours.shape[0] not in (1, 3):
        raise ValueError(
            f"`image` has shape {tuple(image.shape)}; wanted (3, height, width) or a batch of "
            "one; pick one: `image[0]`"
        )
    values = colours.detach().cpu().expand(3, -1, -1).clamp(0, 1).mul(255).round().to(torch.uint8)
    return PIL.Image.fromarray(values.permute(1, 2, 0).contiguous().numpy())


def webp(pixels: PIL.Image.Image, budget: int) -> bytes:
    """WebP within a budget of bytes: lossless where that fits, else at the best quality that does."""
    for quality in (None, 88, 82, 76, 70, 62, 54, 46):
        file = io.BytesIO()
        if quality is None:
            pixels.save(file, "WEBP", lossless=True, exact=True, method=4)
        else:
            pixels.save(file, "WEBP", quality=quality, method=6)
        if len(file.getvalue()) <= budget:
            return file.getvalue()
    raise ValueError(
        f"`image` of {pixels.width} x {pixels.height} pixels takes {len(file.getvalue()) / 1000:.0f} kB; "
        f"wanted at most {budget / 1000:.0f} kB; scale it down, such as `width={pixels.width * 2 // 3}`"
    )


def tag(data: bytes, size: tuple[int, int], alt: str, style: str = "") -> str:
    """An `<img>` that keeps its place before it loads and is left as it is by a dark theme."""
    source = base64.b64encode(data).decode()
    return (
        f'<img class="dark-light" src="data:image/webp;base64,{source}" width="{size[0]}" height="{size[1]}" '
        f'loading="lazy" alt="{html.escape(alt, quote=True)}" '
        f'style="display:block;padding:0;border-radius:0;max-width:100%;height:auto;margin:0 auto;{style}">'
    )


def _plane(image: Tensor) -> Tensor:
    check.floating("images", image)
    if image.ndim == 3 and len(image) == 1:
        image = image[0]
    if image.ndim != 2 and not (image.ndim == 3 and len(image) == 3):
        raise ValueError(
            f"`images` holds a picture of shape {tuple(image.shape)}; wanted (height, width), (1, height, "
            "width) or (3, height, width)"
        )
    return image.detach().cpu()


def _limits(planes: Sequence[Tensor], cmap: str) -> tuple[float, float]:
    if not planes:
        return 0.0, 1.0
    low = min(float(plane.min()) for plane in planes)
    high = max(float(plane.max()) for plane in planes)
    if cmap == "signed":
        reach = max(abs(low), abs(high)) or 1.0
        return -reach, reach
    if cmap == "grey" and low >= 0 and 0.5 < high <= 1:
        return 0.0, 1.0
    return min(low, 0.0), high if high > min(low, 0.0) else 1.0


def _coloured(plane: Tensor, cmap: str, low: float, high: float) -> PIL.Image.Image:
    if plane.ndim == 3:
        return as_picture(plane)
    if cmap == "signed":
        return _signed((plane / max(abs(low), abs(high))).clamp(-1, 1).numpy())
    level = ((plane - low) / (high - low)).clamp(0, 1).numpy()
    if cmap == "grey":
        return PIL.Image.fromarray(np.round(255 * level).astype(np.uint8))
    colours = matplotlib().colormaps["cividis"](level)[..., :3]
    return PIL.Image.fromarray(np.round(255 * colours).astype(np.uint8))


def _signed(level: np.ndarray) -> PIL.Image.Image:
    colours = [np.array([int(shade[i : i + 2], 16) for i in (1, 3, 5)]) for shade in (POSITIVE, NEGATIVE)]
    rgba = np.empty((*level.shape, 4), np.uint8)
    rgba[..., :3] = np.where(level[..., None] >= 0, *colours)
    rgba[..., 3] = np.round(255 * np.abs(level))
    return PIL.Image.fromarray(rgba)


def _panel(pixels: PIL.Image.Image, title: str, size: int, budget: int) -> str:
    hard = "image-rendering:pixelated;" if max(pixels.size) <= _SMALL else ""
    if not hard and pixels.width > 2 * size:
        tall = max(1, round(pixels.height * 2 * size / pixels.width))
        pixels = pixels.resize((2 * size, tall), PIL.Image.Resampling.LANCZOS)
    # a thin edge, because a signed picture is as pale as the page where nothing differs
    edge = f"outline:{_EDGE};"
    image = tag(webp(pixels, budget), pixels.size, "", f"width:100%;{hard}{edge}")
    return (
        f'<div style="flex:1 1 min(130px,44%);max-width:{size}px">{image}'
        f'<div style="text-align:center;font-size:.9rem;margin-top:.3rem">{html.escape(title)}</div></div>'
    )


def _scale(cmap: str, low: float, high: float) -> str:
    ramps = {
        "grey": "#000,#fff",
        "cividis": "#00224e,#3b496c,#707173,#a59c74,#fee838",
        "signed": f"{NEGATIVE},transparent,{POSITIVE}",
    }
    middle = "<span>0</span>" if cmap == "signed" else ""
    return (
        '<div style="max-width:16rem;margin:.7rem auto 0;font-size:.8rem"><div style="height:.6rem;'
        f"outline:{_EDGE};background:linear-gradient(90deg,{ramps[cmap]})"
        f'"></div><div style="display:flex;justify-content:space-between"><span>{_number(low)}</span>{middle}'
        f"<span>{_number(high)}</span></div></div>"
    )


def _number(value: float) -> str:
    return f"{value:.3g}".replace("-", "−")
