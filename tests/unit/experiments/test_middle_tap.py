"""Which tap of the set that ships amplifies: sets are what they are called, and their errors are compared."""

import math

import pytest
import torch

from ktnlib.experiments import Checkpoint, camera_noise, middle_tap
from ktnlib.sphere import EquirectGrid, KernelTransformer, row_conv2d

SETTING = ("room-net", "noise", 16, "painted-room")


def test_the_sets_differ_in_the_middle_tap_alone():
    sets, bicubic = middle_tap.sets(), KernelTransformer(3, head="bicubic")
    only_middle = torch.zeros(1, 1, 3, 3)
    only_middle[..., 1, 1] = 1
    panorama, angles = torch.rand(1, 1, 16, 32), EquirectGrid(16).polar_angles

    def through(weight, transformer):
        return row_conv2d(panorama, transformer(weight, angles))

    def made(name):
        return KernelTransformer(3, coefficients=sets[name])

    assert torch.allclose(through(only_middle, made("rest")), panorama, atol=1e-6)
    assert not torch.allclose(through(only_middle, made("taps")), panorama, atol=1e-2)
    around = 1 - only_middle
    assert torch.allclose(through(around, made("middle")), through(around, bicubic), atol=1e-5)
    assert torch.allclose(through(around, made("rest")), through(around, made("taps")), atol=1e-5)
    between = (through(around, made("taps")) + through(around, bicubic)) / 2
    assert torch.allclose(through(around, made("half")), between, atol=1e-5)


def test_the_whole_set_is_the_one_of_camera_noise_and_a_second_run_computes_nothing(tmp_path, monkeypatch):
    checkpoint = Checkpoint(tmp_path / "middle.npz", "cpu")
    found = middle_tap.run_seed(0, device="cpu", checkpoint=checkpoint, setting=SETTING, every=8)
    other = Checkpoint(tmp_path / "camera.npz", "cpu")
    known = camera_noise.run_seed(0, device="cpu", checkpoint=other, setting=SETTING, panoramas=1, every=8)
    assert found["psnr.grid.taps.middle"] == pytest.approx(known["psnr.grid.taps.middle"], abs=1e-6)
    assert all(map(math.isfinite, found.values()))
    monkeypatch.setattr(middle_tap, "squared_errors", None)
    again = middle_tap.run_seed(0, device="cpu", checkpoint=checkpoint, setting=SETTING, every=8)
    assert again == found
