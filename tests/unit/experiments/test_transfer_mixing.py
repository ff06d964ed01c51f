"""The experiment `transfer-mixing`: teachers, pupils, and what an interrupted run finds again."""

import pytest
import torch

from ktnlib.experiments import Checkpoint, teacher, transfer_mixing
from ktnlib.experiments.feature_study import Setting
from ktnlib.experiments.teacher import Teacher

DIGITS = ("digit-net", "conv1_2", 16, "painted-room")
ROOM = ("room-net", "conv2", 16, "painted-room")
OPTIONS = {"teachers": (DIGITS,), "pupils": (DIGITS, ROOM), "related": (), "steps": 20}


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("KTNLIB_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
    monkeypatch.setattr(teacher, "MAX_TAPS", 7)


def checkpoint(folder):
    return Checkpoint(folder / "seed.npz", "cpu")


def test_every_recipe_is_measured_on_teacher_and_pupil_and_trained_once(tmp_path, monkeypatch):
    found = transfer_mixing.run_seed(0, device="cpu", checkpoint=checkpoint(tmp_path), **OPTIONS)
    for network in ("digit-net", "room-net"):
        for recipe in transfer_mixing.RECIPES:
            assert found[f"error.{network}.{recipe}.digit-net.conv2"] > 0
    # what mixes channels serves the network it was fitted on, and only that
    at_home, away = (
        found[f"error.{network}.low-rank.digit-net.conv2"] / found[f"error.{network}.layers.digit-net.conv2"]
        for network in ("digit-net", "room-net")
    )
    assert at_home < 1 < away
    assert found["apart.digit-net.digit-net"] == 0 < found["apart.room-net.digit-net"]
    monkeypatch.setattr(transfer_mixing, "squared_errors", None)
    again = transfer_mixing.run_seed(0, device="cpu", checkpoint=checkpoint(tmp_path), **OPTIONS)
    assert again == found


def test_a_trained_head_is_put_back_and_makes_kernels_of_any_layer_of_its_size(tmp_path, monkeypatch):
    state = {"found": {}, "heads": {}}
    one = Teacher(Setting(*DIGITS), 0, 2, state, checkpoint(tmp_path))
    layer = Setting(*ROOM).trunk.layers["conv2"]
    first = one.banded("conv1_2", layer)
    monkeypatch.setattr(teacher, "fit_published", None)  # nothing is trained again
    kept = checkpoint(tmp_path).load()
    second = Teacher(Setting(*DIGITS), 0, 2, kept, checkpoint(tmp_path)).banded("conv1_2", layer)
    for before, after in zip(first.bands, second.bands, strict=True):
        assert torch.equal(before.weight, after.weight)


def test_a_mixing_without_shares_is_the_filtered_layer(tmp_path, monkeypatch):
    one = Teacher(Setting(*DIGITS), 0, 2, {"found": {}, "heads": {}}, checkpoint(tmp_path))
    none = teacher.LowRank(torch.zeros(2, 16, 16), torch.zeros(2, 9, 16))
    monkeypatch.setattr(teacher, "fit_low_rank", lambda *given, **options: none)
    layer = Setting(*ROOM).trunk.layers["conv2"]
    mixed, plain = one.mixed("conv1_2", layer), one.filtered("conv1_2", layer)
    assert (mixed.to_dense([0, 5]) - plain.to_dense([0, 5])).abs().max() < 1e-6
