"""What `feature-rmse`, `tap-recipe` and `shared-taps` stand on: splits, sums by row, latitude bands."""

import math

import pytest
import torch
from safetensors import safe_open

from ktnlib.experiments import feature_rmse, feature_study, shared_taps, tap_recipe
from ktnlib.experiments.feature_heads import one_set_heads, smooth_heads, tangent_heads
from ktnlib.experiments.feature_study import Setting, bands, group_equations, held_out, relative
from ktnlib.sphere import EquirectGrid, tangent_conv2d

ROOM = Setting("room-net", "conv3", 16, "painted-room")


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("KTNLIB_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


def test_splits_test_a_fifth_and_differ():
    splits = [held_out(seed, 30) for seed in range(3)]
    assert splits[0] == tuple(range(24, 30))
    assert splits[1] == (4, 9, 14, 19, 24, 29)
    assert len(set(splits[2])) == 6
    assert len(set(splits)) == 3


def test_validation_never_meets_a_test_split():
    tested = {index for seed in range(3) for index in held_out(seed, 30)}
    for seed in range(3):
        fitted, validated = tap_recipe.validation(seed, 30)
        assert not tested & {*fitted, *validated}
        assert not {*fitted} & {*validated}
        assert len(fitted) + len(validated) == 30 - len(tested)
    assert tap_recipe.validation(0, 30) != tap_recipe.validation(1, 30)


def test_a_relative_error_is_over_sums_weighted_by_row():
    sums = torch.tensor([[4.0, 1.0], [0.0, 15.0]], dtype=torch.float64)
    assert relative(sums, torch.ones(2, dtype=torch.float64)) == pytest.approx(math.sqrt(4 / 16))
    assert relative(sums, torch.tensor([3.0, 1.0], dtype=torch.float64)) == pytest.approx(math.sqrt(12 / 18))


def test_bands_lie_on_their_side_of_the_equator():
    polar = EquirectGrid(180).polar_angles.rad2deg()
    found = {(degrees, side): polar[rows].round(decimals=6) for degrees, side, rows in bands(180)}
    assert found[18, "north"].tolist() == [15.5, 16.5, 17.5, 18.5, 19.5, 20.5]
    assert found[18, "south"].tolist() == [159.5, 160.5, 161.5, 162.5, 163.5, 164.5]
    assert found[18, "both"].numel() == 12
    assert found[3, "north"].tolist() == [0.5, 1.5, 2.5, 3.5, 4.5, 5.5]


def test_an_answer_is_held_against_the_exact_network_row_by_row():
    def zero_in_the_north(name, layer, x):
        out = tangent_conv2d(x, layer.weight, layer.bias)
        out[:, :, :8] = 0
        return out

    sums = feature_study.squared_errors(ROOM, [0, 1], zero_in_the_north)
    torch.testing.assert_close(sums["conv1"][:8, 0], sums["conv1"][:8, 1])
    assert sums["conv1"][8:, 0].sum() < 1e-8 * sums["conv1"][8:, 1].sum()
    found = feature_study.metrics(ROOM, "half", sums)
    assert 0.2 < found["error.weighted.half.conv2"] < 2
    assert found["error.band.half.72deg.north"] > found["error.band.half.72deg.south"]


def test_equations_of_the_training_panoramas_leave_the_test_out():
    found = feature_study.training_equations(ROOM, seed=1)
    tests = held_out(1, ROOM.count)
    rest = group_equations(ROOM, tuple(index for index in range(ROOM.count) if index not in tests))
    torch.testing.assert_close(found["conv2"].gram, rest["conv2"].gram)
    torch.testing.assert_close(found["conv3"].moment, rest["conv3"].moment)


def test_heads_keep_the_first_layer_bilinear_and_differ_behind_it():
    equations = group_equations(ROOM, (0,))
    coefficients = torch.full((9, 8, 4), 0.1)
    heads = tangent_heads(ROOM, "bicubic"), smooth_heads(ROOM, equations), one_set_heads(ROOM, coefficients)
    for kernels in heads:
        assert kernels["conv1"].neighbours.weights.shape[-1] == 4
        assert kernels["conv2"].neighbours.weights.shape[-1] == 16


def test_the_room_is_turned_by_rotations_and_comes_first_as_it_is():
    turned = ROOM.picture(1)
    assert turned.shape == ROOM.picture(0).shape == (1, 3, 16, 32)
    area = EquirectGrid(16).solid_angles[:, None]
    means = [(area * picture.double()).mean().item() for picture in (turned, ROOM.picture(0))]
    assert means[0] == pytest.approx(means[1], rel=0.01)
    assert (turned - ROOM.picture(0)).abs().max() > 0.1


def test_photographs_that_are_not_there_are_asked_for(monkeypatch):
    monkeypatch.setattr(feature_study.data, "panoramas", lambda **_: [])
    with pytest.raises(FileNotFoundError, match=r"0 of the 30 photographs .*data get panoramas"):
        Setting("room-net", "conv3", 24, "photographs").picture(0)


def test_comparison_takes_the_worst_band_and_shares_of_the_untied_gain():
    sides = [f"{degrees}deg.{side}" for degrees, side, _ in bands(16)]
    found = {f"error.band.{head}.{side}": 1.0 for head in ("bicubic", "taps") for side in sides}
    found["error.band.taps.54deg.south"] = 1.5
    errors = {"bilinear": 0.2, "untied": 0.1, "bicubic": 0.15, "taps": 0.12}
    found |= {f"error.weighted.{head}.conv3": value for head, value in errors.items()}
    out = feature_rmse.compared(found, ["bicubic", "taps"], ROOM)
    assert out["worst_band.taps"] == 1.5
    assert out["kept.bicubic"] == pytest.approx(50)
    assert out["kept.taps"] == pytest.approx(80)


def test_the_set_that_ships_says_how_it_was_made(tmp_path, monkeypatch):
    monkeypatch.setattr(shared_taps, "shipped", lambda name: tmp_path / name)
    coefficients = torch.rand(9, 8, 16)
    shared_taps.write(coefficients, (("room-net", "conv3", 16, "painted-room"),))
    with safe_open(tmp_path / "shared_taps.safetensors", "pt") as stored:
        torch.testing.assert_close(stored.get_tensor("coefficients"), coefficients)
        assert "room-net up to conv3, 6 painted-room of 16 rows" in stored.metadata()["fitted_on"]
