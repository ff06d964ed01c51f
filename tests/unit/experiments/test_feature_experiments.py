"""Experiments on features, in their smallest form: pure, resumable, and ordered as they must be."""

import pytest

from ktnlib.experiments import (
    Checkpoint,
    feature_rmse,
    network_rmse,
    other_heights,
    tap_recipe,
)

SMALL = {"network": "room-net", "until": "conv2", "height": 32, "pictures": "painted-room"}


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("KTNLIB_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


def run(experiment, folder, **parameters):
    checkpoint = Checkpoint(folder / f"{experiment.__name__}.npz", "cpu")
    return experiment.run_seed(0, device="cpu", checkpoint=checkpoint, **parameters)


def test_feature_rmse_measures_every_head_and_resumes_from_the_finished_ones(tmp_path, monkeypatch):
    partner = {"partner": "room-net", "partner_until": "conv3"}
    found = run(feature_rmse, tmp_path, **SMALL, **partner)
    heads = {name.split(".")[2] for name in found if name.startswith("error.weighted")}
    assert heads >= {"direct", "bilinear", "bicubic", "taps", "taps-shared", "untied", "refined"}
    assert found["error.weighted.bicubic.conv2"] < found["error.weighted.direct.conv2"]
    assert found["worst_band.bicubic"] == 1
    assert found["kept.bilinear"] == 0
    monkeypatch.setattr(feature_rmse, "squared_errors", None)  # nothing is measured again
    assert run(feature_rmse, tmp_path, **SMALL, **partner) == found
    own = found["error.weighted.taps-shared.conv2"]
    assert found["error.weighted.taps-transferred.conv2"] != own != found["error.weighted.taps-both.conv2"]


def test_without_a_partner_no_set_is_brought_from_it():
    names = feature_rmse.Heads(feature_rmse.Setting(*SMALL.values()), None, 0).names
    assert {"taps-shared", "untied"} <= set(names)
    assert not {"taps-transferred", "taps-both"} & set(names)


def test_a_fit_at_the_height_it_is_used_at_is_the_reference(tmp_path):
    parameters = {key: value for key, value in SMALL.items() if key != "height"}
    found = run(other_heights, tmp_path, **parameters, heights=(16, 32))
    own, carried = found["error.fit-32.used-32"], found["error.fit-16.used-32"]
    assert found["ratio.16-to-32"] == pytest.approx(carried / own)


def test_choices_are_measured_on_panoramas_that_were_not_fitted(tmp_path, monkeypatch):
    monkeypatch.setattr(tap_recipe, "RIDGES", (1e-6,))
    monkeypatch.setattr(tap_recipe, "ROW_RIDGES", (1e-2,))
    monkeypatch.setattr(tap_recipe, "KNOTS", (4,))
    found = run(tap_recipe, tmp_path, **SMALL)
    assert {"error.window.2x2.untied", "error.untied.free-sums", "error.one-set", "error.chained"} <= set(
        found
    )
    assert found["error.knots-4"] < found["error.nothing.bilinear"]
    assert found["worst_band.nothing.bicubic"] == 1 < found["worst_band.nothing.bilinear"]
    assert not any(name.startswith("band.") for name in found)


def test_other_networks_are_measured_with_the_set_that_ships(tmp_path):
    found = run(network_rmse, tmp_path, settings=(("room-net", "conv2", 32, "painted-room", 5),))
    assert found["error.room-net.weighted.shipped.conv2"] < found["error.room-net.weighted.direct.conv2"]
