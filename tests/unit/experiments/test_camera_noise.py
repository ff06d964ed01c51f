"""Noise of the grid and of a camera: what each is like, and which method it favours."""

import math

import pytest
import torch

from ktnlib.experiments import Checkpoint, camera_noise
from ktnlib.experiments.camera_noise import grid_noise, space_noise

LIKE = torch.empty(1, 2, 32, 64)
SMALL = {"setting": ("room-net", "noise", 16, "painted-room"), "panoramas": 1, "every": 8}


def alike(noise, row, columns):
    """Correlation of pixels so many columns apart."""
    one = noise[:, :, row]
    return (one * one.roll(columns, -1)).mean() / one.square().mean()


@pytest.mark.parametrize("make", [grid_noise, space_noise])
def test_noise_has_variance_one_in_every_zone_and_the_seed_draws_it(make):
    noise = make(LIKE, 3)
    assert noise.shape == LIKE.shape
    for rows in (slice(0, 8), slice(12, 20), slice(24, 32)):
        assert noise[:, :, rows].std().item() == pytest.approx(1, abs=0.1)
    assert torch.equal(noise, make(LIKE, 3))
    assert not torch.equal(noise, make(LIKE, 4))


def test_the_noise_of_space_is_drawn_out_along_the_rows_as_the_picture_is():
    noise = torch.cat([space_noise(LIKE, seed) for seed in range(40)])
    polar = 2  # 75.9 degrees north: a quarter as long as the equator
    assert alike(noise, polar, 2) > 0.5
    assert abs(alike(noise, 16, 3)) < 0.1
    white = torch.cat([grid_noise(LIKE, seed) for seed in range(40)])
    assert abs(alike(white, polar, 2)) < 0.1


def test_every_method_is_measured_by_zone_and_a_second_run_computes_nothing(tmp_path, monkeypatch):
    checkpoint = Checkpoint(tmp_path / "camera.npz", "cpu")
    found = camera_noise.run_seed(0, device="cpu", checkpoint=checkpoint, **SMALL)
    assert {f"psnr.{kind}.exact.polar" for kind in ("grid", "camera")} <= set(found)
    ahead = found["psnr.grid.direct.polar"] - found["psnr.grid.taps.polar"]
    assert found["ahead.grid.direct.of.taps.polar"] == ahead
    assert all(map(math.isfinite, found.values()))
    assert found["psnr.grid.noisy.mean"] == pytest.approx(-20 * math.log10(25 / 255), abs=1.5)
    monkeypatch.setattr(camera_noise, "squared_errors", None)
    assert camera_noise.run_seed(0, device="cpu", checkpoint=checkpoint, **SMALL) == found
