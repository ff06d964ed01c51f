"""A panorama as the few kilobytes a widget carries in its page."""

import io

from jaxtyping import Float
from PIL import Image
from torch import Tensor

from ktnlib import check
from ktnlib.shipped import shipped


def webp(
    panorama: Float[Tensor, "1 3 height width"] | None = None, *, width: int, limit: int = 120_000
) -> bytes:
    """Encode an RGB panorama as WebP, at most `width` pixels wide and `limit` bytes long.

    Args:
        panorama: values in [0, 1], twice as wide as high; None is the painted room that ships.
        width: of the picture, pixels; a smaller panorama keeps its size.
        limit: bytes; the quality is lowered until the picture fits.

    Raises:
        ValueError: no RGB panorama twice as wide as high, values outside [0, 1], or a limit out of reach.

    Example:
        >>> len(webp(width=256)) < 20_000
        True
    """
    check.positive_int("width", width)
    picture = _picture(panorama)
    if picture.width > width:
        picture = picture.resize((width, width // 2), Image.Resampling.LANCZOS)
    for quality in range(88, 0, -6):
        buffer = io.BytesIO()
        picture.save(buffer, format="webp", quality=quality, method=6)
        if buffer.tell() <= limit:
            return buffer.getvalue()
    raise ValueError(
        f"`limit` is {limit} bytes; the picture of {picture.width} x {picture.height} pixels takes "
        f"{buffer.tell()} at its lowest quality; raise the limit or lower `width`"
    )


def _picture(panorama: Float[Tensor, "1 3 height width"] | None) -> Image.Image:
    if panorama is None:
        return Image.open(shipped("painted_room.png")).convert("RGB")
    batch, channels, height, width = check.panorama("panorama", panorama).shape
    if (batch, channels) != (1, 3) or width != 2 * height:
        raise ValueError(
            f"`panorama` has shape {tuple(panorama.shape)}; wanted (1, 3, height, 2*height), "
            "an RGB picture of the whole sphere"
        )
    if not (panorama.min() >= 0 and panorama.max() <= 1):
        raise ValueError(
            f"`panorama` runs from {panorama.min():g} to {panorama.max():g}; "
            "wanted values in [0, 1]; clamp or scale it"
        )
    levels = panorama[0].mul(255).round().byte().permute(1, 2, 0)
    return Image.fromarray(levels.cpu().numpy())
