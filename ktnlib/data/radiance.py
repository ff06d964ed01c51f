"""Radiance .hdr pictures: reading them, and bringing their range of light down to what a screen shows."""

import io

import numpy as np
from PIL import Image

KEY, WHITE = 0.18, 4.0  # where the average goes, and the luminance (in units of the key) that becomes white
LARGEST = 2**26  # pixels


def hdr_to_png(published: bytes) -> bytes:
    """Tone-map a Radiance panorama to an 8-bit PNG (see `tone_map`)."""
    pixels = np.round(255 * tone_map(read_radiance(published))).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def read_radiance(data: bytes) -> np.ndarray:
    """Linear light, (height, width, 3) float64, of a run-length coded RGBE file (rows from the top).

    A pixel is three mantissas with one exponent: mantissa · 2^(exponent − 136), or 0 where the exponent is 0.

    Raises:
        ValueError: another format or row order, or a file that ends early.

    Source: G. Ward, "Real Pixels", Graphics Gems II (1991).
    """
    header, _, body = data.partition(b"\n\n")
    size, _, body = body.partition(b"\n")
    words = size.split()
    known = header.startswith(b"#?RADIANCE") and b"FORMAT=32-bit_rle_rgbe" in header
    if not known or len(words) != 4 or (words[0], words[2]) != (b"-Y", b"+X"):
        raise ValueError(f"no Radiance picture with rows from the top: it begins with {data[:20]!r}")
    height, width = int(words[1]), int(words[3])
    if not (8 <= width < 2**15 and 0 < height * width <= LARGEST):
        raise ValueError(f"the Radiance picture claims {height} x {width} pixels")
    codes = np.frombuffer(body, np.uint8)
    rows, start = np.empty((height, 4, width), np.uint8), 0
    try:
        for row in rows:
            start = _read_row(codes, start, row)
    except IndexError as cause:
        raise ValueError(
            f"the Radiance picture ends after {len(data):,} bytes, before its last row"
        ) from cause
    mantissa, exponent = rows[:, :3].astype(np.float64), rows[:, 3:].astype(np.int32)
    return np.where(exponent > 0, np.ldexp(mantissa, exponent - 136), 0).transpose(0, 2, 1)


def _read_row(codes: np.ndarray, start: int, row: np.ndarray) -> int:
    """Fill the four planes of one row from its runs; returns where the next row starts."""
    width = row.shape[1]
    if (
        list(codes[start : start + 2]) != [2, 2]
        or 256 * int(codes[start + 2]) + int(codes[start + 3]) != width
    ):
        raise IndexError("a row without its mark")
    start += 4
    for plane in row:
        filled = 0
        while filled < width:
            count = int(codes[start])
            # above 128 a run of one value, below a stretch of single values
            taken, count = (1, count - 128) if count > 128 else (count, count)
            values = codes[start + 1 : start + 1 + taken]
            if not 0 < count <= width - filled or len(values) < taken:
                raise IndexError("a run that leaves its row")
            plane[filled : filled + count] = values
            filled, start = filled + count, start + 1 + taken
    return start


def tone_map(linear: np.ndarray) -> np.ndarray:
    """Bring linear light (height, width, 3) of a panorama into [0, 1], sRGB-coded.

    L = luminance · 0.18/average, where log average weighs a row by cos φ; L' = L (1 + L/4²)/(1 + L) scales
    all three colours; what is above 1 is cut.

    Source: E. Reinhard et al., "Photographic tone reproduction for digital images", SIGGRAPH 2002, eqs. 1-4.
    """
    height, width = linear.shape[:2]
    luminance = linear @ np.array([0.2126, 0.7152, 0.0722])
    latitude = np.pi / 2 - (np.arange(height) + 0.5) * np.pi / height
    weight = np.cos(latitude)[:, None]
    average = np.exp((weight * np.log(luminance + 1e-8)).sum() / (weight.sum() * width))
    exposed = luminance * KEY / average
    gain = (KEY / average) * (1 + exposed / WHITE**2) / (1 + exposed)
    shown = np.clip(linear * gain[..., None], 0, 1)
    return np.where(shown <= 0.0031308, 12.92 * shown, 1.055 * shown ** (1 / 2.4) - 0.055)
