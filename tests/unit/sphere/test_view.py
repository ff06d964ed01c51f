import math

import numpy as np
import pytest
import torch

from ktnlib.sphere.view import view_outline

from . import rays
from .images import assert_close


def pixels_to_rays(pixels, height):
    latitude = math.pi / 2 - (pixels[:, 0] + 0.5) * math.pi / height
    longitude = -math.pi + (pixels[:, 1] + 0.5) * math.pi / height
    return torch.stack(
        [latitude.cos() * longitude.cos(), latitude.cos() * longitude.sin(), latitude.sin()], -1
    )


@pytest.mark.parametrize(
    ("yaw", "pitch", "roll"), [(0.0, 0.0, 0.0), (3.1, 0.4, 0.3), (1.0, 1.2, -2.0), (-2.0, -1.5, 0.0)]
)
def test_the_outline_runs_along_the_border_of_the_picture(yaw, pitch, roll):
    fov, size = 1.3, (6, 8)
    line = view_outline(90, yaw=yaw, pitch=pitch, roll=roll, fov=fov, size=size, samples=16)
    line = line[line.isfinite().all(1)]
    forward, right, down = (torch.as_tensor(axis) for axis in rays.camera(yaw, pitch, roll))
    directions = pixels_to_rays(line, 90)
    depth = directions @ forward
    across = directions @ right / depth / math.tan(fov / 2)
    along = directions @ down / depth / (math.tan(fov / 2) * 6 / 8)
    assert_close(torch.maximum(across.abs(), along.abs()), torch.ones_like(across), 1e-10)
    assert_close(across[[0, 16, 32, 48, 64]], torch.tensor([-1.0, 1, 1, -1, -1]), 1e-10)
    assert_close(along[[0, 16, 32, 48, 64]], torch.tensor([-1.0, -1, 1, 1, -1]), 1e-10)


def test_the_outline_is_parted_at_the_seam_and_nowhere_else():
    whole = view_outline(64, yaw=0.0, pitch=0.0, fov=1.0, size=4)
    assert whole.dtype == torch.float64
    assert bool(whole.isfinite().all())
    assert torch.equal(whole[0], whole[-1])
    parted = view_outline(64, yaw=math.pi, pitch=0.0, fov=1.0, size=4)
    gaps = parted.isnan().all(1)
    assert gaps.sum() == 2
    assert np.array_equal(gaps, parted.isnan().any(1))
    assert float(parted[~gaps][:, 1].min()) >= -0.5
    assert float(parted[~gaps][:, 1].max()) < 127.5
    steps = parted.diff(dim=0)[:, 1].abs()
    assert float(steps[steps.isfinite()].max()) < 64


def test_an_outline_around_a_pole_crosses_the_seam_once():
    line = view_outline(64, yaw=0.2, pitch=1.4, fov=1.5, size=4)
    assert line.isnan().all(1).sum() == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"samples": 0}, "`samples` is 0"),
        ({"height": 0}, "`height` is 0"),
        ({"yaw": math.nan}, "`yaw` is nan"),
        ({"fov": math.pi}, "`fov` is 3.14159"),
        ({"size": (0, 4)}, "`size` is 0"),
        ({"size": (4,)}, r"`size` is \(4,\); wanted \(height, width\)"),
    ],
)
@pytest.mark.usefixtures("as_a_user")
def test_impossible_outlines_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        view_outline(**{"height": 8, "yaw": 0.0, "pitch": 0.0, "fov": 1.0, "size": 4} | change)
