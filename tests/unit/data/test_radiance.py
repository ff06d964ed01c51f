"""Radiance pictures against a writer of our own, and the tone curve against its formula."""

import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ktnlib.data.radiance import hdr_to_png, read_radiance, tone_map

from .conftest import REAL_DATA

HEAD = b"#?RADIANCE\n# a comment\nFORMAT=32-bit_rle_rgbe\n\n"


def write_radiance(rgbe: np.ndarray, *, runs: bool) -> bytes:
    """Rows of four planes, as stretches of single values or as runs of one value."""
    height, width, _ = rgbe.shape
    out = bytearray(HEAD + f"-Y {height} +X {width}\n".encode())
    for row in rgbe:
        out += bytes([2, 2, width >> 8, width & 255])
        for plane in row.T:
            for start in range(0, width, 100):
                part = plane[start : start + 100]
                out += b"".join(bytes([129, value]) for value in part) if runs else bytes([len(part), *part])
    return bytes(out)


@pytest.fixture
def rgbe():
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 256, (4, 260, 4), dtype=np.uint8)
    pixels[..., 3] = generator.integers(120, 136, (4, 260))
    pixels[0, 0] = (9, 9, 9, 0)
    return pixels


@pytest.mark.parametrize("runs", [False, True])
def test_a_pixel_is_its_mantissa_times_a_power_of_two(rgbe, runs):
    linear = read_radiance(write_radiance(rgbe, runs=runs))
    for row, column in ((0, 0), (0, 1), (3, 259), (2, 100)):
        red, green, blue, power = (int(value) for value in rgbe[row, column])
        wanted = [value * 2.0 ** (power - 136) if power else 0.0 for value in (red, green, blue)]
        assert linear[row, column].tolist() == wanted


def test_a_long_run_fills_its_row():
    body = bytes([2, 2, 0, 100]) + bytes([128 + 100, 7]) * 3 + bytes([128 + 100, 136])
    linear = read_radiance(HEAD + b"-Y 1 +X 100\n" + body)
    assert (linear == 7).all()


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9, 0.999])
def test_a_picture_that_ends_early_is_refused(rgbe, kept):
    whole = write_radiance(rgbe, runs=False)
    with pytest.raises(ValueError, match=r"no Radiance picture|the Radiance picture ends after"):
        read_radiance(whole[: int(kept * len(whole))])


@pytest.mark.parametrize("size", [b"+Y 4 +X 260", b"-Y 4", b"", b"-X 260 +Y 4"])
def test_another_row_order_is_refused(size):
    with pytest.raises(ValueError, match="no Radiance picture with rows from the top"):
        read_radiance(HEAD + size + b"\n")


def test_a_size_beyond_reason_is_refused_before_memory_is_taken():
    with pytest.raises(ValueError, match="the Radiance picture claims 99999999 x 20000 pixels"):
        read_radiance(HEAD + b"-Y 99999999 +X 20000\n")


def test_a_run_that_leaves_its_row_is_refused():
    body = bytes([2, 2, 0, 100]) + bytes([128 + 101, 7])
    with pytest.raises(ValueError, match="the Radiance picture ends after"):
        read_radiance(HEAD + b"-Y 1 +X 100\n" + body)


def test_an_even_grey_goes_to_the_key():
    # every pixel at the average: L = 0.18, and the curve is 0.18 (1 + 0.18/16)/(1 + 0.18)
    shown = tone_map(np.full((8, 16, 3), 5.0))
    wanted = 1.055 * (0.18 * (1 + 0.18 / 16) / 1.18) ** (1 / 2.4) - 0.055
    np.testing.assert_allclose(shown, wanted, rtol=1e-6)


def test_exposure_weighs_a_row_by_its_share_of_the_sphere():
    bright_poles, bright_equator = np.ones((8, 16, 3)), np.ones((8, 16, 3))
    bright_poles[[0, 7]] = bright_equator[[3, 4]] = 100.0
    # the same pixels are bright, but those at the poles count less: all else is exposed more
    assert tone_map(bright_poles)[2, 0, 0] > tone_map(bright_equator)[2, 0, 0] + 0.05


def test_the_tone_mapped_picture_is_a_png(rgbe):
    with Image.open(io.BytesIO(hdr_to_png(write_radiance(rgbe, runs=False)))) as image:
        assert image.format == "PNG"
        assert image.size == (260, 4)


def test_real_pictures_where_there_are_any_agree_with_their_jpegs_to_38_decibels():
    for path in sorted(Path(REAL_DATA or os.devnull).glob("panoramas/hdr/*.hdr"))[:2]:
        with Image.open(path.parents[1] / "ldr1k" / f"{path.stem}.jpg") as image:
            packed = np.asarray(image, np.float64) / 255
        error = tone_map(read_radiance(path.read_bytes())) - packed
        assert -10 * np.log10((error**2).mean()) > 38, path
