"""The experiment `sphere-denoise`: the same noise and pixels for every method, PSNR by area."""

import math

import pytest
import torch

from ktnlib import data
from ktnlib.experiments import Checkpoint, sphere_denoise
from ktnlib.experiments.feature_study import Setting
from ktnlib.sphere import EquirectGrid
from ktnlib.sphere.fitting import Trunk, exact_features

ROOM = Setting("room-net", "noise", 32, "painted-room")
SMALL = {"network": "room-net", "until": "noise", "height": 32, "pictures": "painted-room"}


def test_every_method_is_measured_and_finished_ones_are_kept(tmp_path, monkeypatch):
    def run():
        checkpoint = Checkpoint(tmp_path / "seed.npz", "cpu")
        groups = (("room", (0,)),)
        return sphere_denoise.run_seed(
            0, device="cpu", checkpoint=checkpoint, **SMALL, groups=groups, every=16
        )

    found = run()
    assert found["psnr.room.noisy.mean"] == pytest.approx(-20 * math.log10(25 / 255), abs=0.5)
    for method in sphere_denoise.METHODS[1:]:
        assert found[f"psnr.room.{method}.mean"] > found["psnr.room.noisy.mean"] + 2
    assert found["ahead.room.taps.of.taps"] == 0
    monkeypatch.setattr(sphere_denoise, "answerer", None)
    assert run() == found


def test_direct_is_the_planar_network_where_no_border_is_seen():
    (_, noisy), *_ = sphere_denoise.noisy_panoramas(ROOM, [0], 0)
    columns = range(0, 64, 8)
    found = sphere_denoise.answerer(ROOM, "direct", columns)(noisy)
    planar = data.source_network("room-net")(noisy)
    torch.testing.assert_close(found[..., 7:-7, 2:7], planar[..., 7:-7, 16:56:8], atol=1e-5, rtol=0)


def test_exact_answers_are_read_at_the_same_columns():
    (_, noisy), *_ = sphere_denoise.noisy_panoramas(ROOM, [0], 0)
    columns = range(0, 64, 16)
    found = sphere_denoise.answerer(ROOM, "exact", columns)(noisy)
    trunk = Trunk(data.source_network("room-net"), until="noise")
    torch.testing.assert_close(found, exact_features(trunk, noisy)["noise"][..., ::16], atol=1e-5, rtol=0)


def test_the_seed_draws_the_noise_and_every_method_sees_the_same():
    first, again, other = (next(sphere_denoise.noisy_panoramas(ROOM, [0], seed))[1] for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_decibels_are_those_of_the_mean_over_the_sphere():
    errors = torch.tensor([0.1, 0.001, 0.001, 0.1]).double()
    areas = EquirectGrid(4).solid_angles
    wanted = -10 * math.log10(float((areas * errors).sum() / areas.sum()))
    assert sphere_denoise.decibels(errors, areas) == pytest.approx(wanted)
    assert sphere_denoise.decibels(errors, torch.tensor([0.0, 1, 1, 0]).double()) == pytest.approx(30)
