"""The experiment `transfer-teachers`: who teaches whom, and what it calls rough."""

import math

import pytest
import torch

from ktnlib.experiments import Checkpoint, transfer_teachers

NETWORKS = (("room-net", "conv2", 16, "painted-room"), ("digit-net", "conv1_2", 16, "painted-room"))
NETWORKS += (("globe-net", "conv1_2", 16, "painted-room"),)


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("KTNLIB_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


def test_every_teacher_is_tried_on_every_pupil_and_means_leave_the_teacher_out(tmp_path, monkeypatch):
    options = {"networks": NETWORKS, "pulls": (1e-4,)}

    def run():
        checkpoint = Checkpoint(tmp_path / "seed.npz", "cpu")
        return transfer_teachers.run_seed(0, device="cpu", checkpoint=checkpoint, **options)

    found = run()
    head = "one-set.digit-net.pull-0.0001"
    pupils = [found[f"over_bicubic.sum.{pupil}.{head}"] for pupil in ("room-net", "globe-net")]
    assert found[f"over_bicubic.sum.mean.{head}"] == pytest.approx(sum(pupils) / 2)
    everyone = [f"kept.last.{one[0]}.one-set.others.pull-0.0001" for one in NETWORKS]
    mean = sum(found[name] for name in everyone) / 3
    assert found["kept.last.mean.one-set.others.pull-0.0001"] == pytest.approx(mean)
    assert all(0 < found[f"rough.{one[0]}"] < 4 for one in NETWORKS)
    monkeypatch.setattr(transfer_teachers, "squared_errors", None)
    assert run() == found


def test_the_set_of_the_others_is_not_taught_by_the_pupil_and_a_stiff_pull_is_bicubic():
    settings = tuple(transfer_teachers.Setting(*one) for one in NETWORKS[1:])
    one, other = settings

    def weights(pupil, head):
        kernels = transfer_teachers.taught(pupil, head, settings, 0)
        return kernels["conv1_2"].neighbours.weights

    # of two networks, the others of one are the other
    assert torch.equal(weights(one, "one-set.others.pull-0.01"), weights(one, "one-set.globe-net.pull-0.01"))
    own = weights(one, "one-set.digit-net.pull-1e-06")
    assert (own - weights(other, "one-set.digit-net.pull-1e-06")).abs().max() < 1e-9
    stiff, bicubic = weights(one, "one-set.digit-net.pull-1e+12"), weights(one, "bicubic")
    assert (stiff - bicubic).abs().max() < 1e-6 < (own - bicubic).abs().max()


def test_stripes_are_rougher_than_noise_and_noise_than_waves():
    noise = torch.randn(1, 2, 64, 128, generator=torch.Generator().manual_seed(0))
    columns = torch.arange(128.0).expand(1, 1, 4, 128)
    assert transfer_teachers._rough(noise) == pytest.approx(2, abs=0.05)
    assert transfer_teachers._rough(columns % 2) == pytest.approx(4)
    wave = (2 * math.pi * columns / 128).sin()
    assert transfer_teachers._rough(wave) == pytest.approx(2 - 2 * math.cos(2 * math.pi / 128), rel=1e-3)
