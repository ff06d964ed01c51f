import io

import numpy as np
import pytest
import torch
import traitlets
from PIL import Image

from ktnlib.widgets.encoding import webp
from ktnlib.widgets.panorama_viewer import PanoramaViewer


def decoded(data: bytes) -> np.ndarray:
    picture = Image.open(io.BytesIO(data))
    assert picture.format == "WEBP"
    return np.asarray(picture.convert("RGB"), dtype=float) / 255


def ramp(height: int) -> torch.Tensor:
    """Red grows to the south, green to the east: neither a flip nor a swap of axes goes unseen."""
    south = torch.linspace(0, 1, height)[:, None].expand(height, 2 * height)
    east = torch.linspace(0, 1, 2 * height).expand(height, 2 * height)
    return torch.stack([south, east, torch.full_like(east, 0.5)])[None]


def test_without_a_panorama_the_painted_room_is_carried():
    viewer = PanoramaViewer()
    assert decoded(viewer.picture).shape == (512, 1024, 3)
    assert len(viewer.picture) <= 120_000


def test_the_picture_lies_north_up_and_west_to_the_left():
    panorama = ramp(64)
    got = decoded(PanoramaViewer(panorama).picture)
    np.testing.assert_allclose(got, panorama[0].permute(1, 2, 0), atol=0.06)


def test_a_wide_panorama_is_scaled_down():
    assert decoded(webp(ramp(64), width=32)).shape == (16, 32, 3)


def test_a_picture_is_lowered_in_quality_until_it_fits():
    noise = torch.rand(1, 3, 128, 256, generator=torch.Generator().manual_seed(0))
    assert len(webp(noise, width=256, limit=20_000)) <= 20_000 < len(webp(noise, width=256))


def test_a_limit_out_of_reach_is_refused():
    with pytest.raises(ValueError, match=r"`limit` is 10 bytes; .* raise the limit or lower `width`"):
        webp(ramp(8), width=16, limit=10)


@pytest.mark.usefixtures("as_a_user")
@pytest.mark.parametrize("shape", [(1, 3, 8, 12), (2, 3, 8, 16), (1, 1, 8, 16)])
def test_what_is_no_single_rgb_panorama_is_refused(shape):
    with pytest.raises(ValueError, match=r"`panorama` has shape .*; wanted \(1, 3, height, 2\*height\)"):
        PanoramaViewer(torch.zeros(shape))


@pytest.mark.usefixtures("as_a_user")
def test_whole_numbers_are_refused():
    with pytest.raises(TypeError, match=r"`panorama.float\(\) / 255`"):
        PanoramaViewer(torch.zeros(1, 3, 8, 16, dtype=torch.uint8))


@pytest.mark.parametrize("value", [1.5, -0.1, float("nan")])
def test_values_outside_zero_and_one_are_refused(value):
    with pytest.raises(ValueError, match=r"wanted values in \[0, 1\]"):
        PanoramaViewer(torch.full((1, 3, 8, 16), value))


@pytest.mark.parametrize(("name", "value"), [("pitch_deg", 91.0), ("fov_deg", 180.0), ("yaw_deg", -181.0)])
def test_angles_out_of_range_are_refused(name, value):
    with pytest.raises(traitlets.TraitError, match=name):
        PanoramaViewer(ramp(8), **{name: value})


def test_the_description_gives_the_pitch_at_which_the_pole_is_swallowed():
    viewer = PanoramaViewer(ramp(8))
    half_height = np.degrees(np.arctan(np.tan(np.radians(viewer.fov_deg) / 2) * 3 / 4))
    assert f"{half_height:.1f} degrees above its middle" in viewer.description
    assert f"from a pitch of {np.ceil(10 * (90 - half_height)) / 10:.1f} degrees on" in viewer.description
