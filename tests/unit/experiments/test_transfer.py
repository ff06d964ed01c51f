"""The experiment `transfer`: who is taught by whom, and what its shares are shares of."""

import pytest
import torch

from ktnlib.experiments import Checkpoint, transfer, transfer_fits
from ktnlib.experiments.feature_heads import answer, one_set_heads
from ktnlib.experiments.feature_study import Setting, held_out, relative, squared_errors
from ktnlib.sphere import EquirectGrid

ROOM = ("room-net", "conv3", 16, "painted-room")
DIGITS = ("digit-net", "conv1_2", 16, "painted-room")
GLOBE = ("globe-net", "conv1_2", 16, "painted-room")


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("KTNLIB_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


def run(folder, sources, targets, related):
    checkpoint = Checkpoint(folder / "seed.npz", "cpu")
    options = {"sources": sources, "targets": targets, "related": related}
    return transfer.run_seed(0, device="cpu", checkpoint=checkpoint, **options)


def test_every_head_is_measured_against_bicubic_and_against_the_own_rows(tmp_path, monkeypatch):
    arguments = tmp_path, (DIGITS, GLOBE), (ROOM,), ("room-net",)
    found = run(*arguments)
    bilinear, bicubic, rows, both = (
        found[f"error.room-net.{head}.conv3"] for head in ("bilinear", "bicubic", "rows.own", "one-set.all")
    )
    assert found["kept.last.room-net.rows.own"] == pytest.approx(100)
    assert found["kept.last.room-net.bilinear"] == 0
    assert found["kept.last.room-net.one-set.all"] == pytest.approx(
        100 * (bilinear - both) / (bilinear - rows)
    )
    assert found["over_bicubic.last.room-net.bilinear"] == pytest.approx(bilinear / bicubic)
    layers = found["error.room-net.bicubic.conv2"] + bicubic
    assert found["error.room-net.bicubic.sum"] == pytest.approx(layers)
    assert found["over_bicubic.sum.mean.shipped"] == found["over_bicubic.sum.room-net.shipped"]
    monkeypatch.setattr(transfer, "squared_errors", None)  # nothing is measured again
    assert run(*arguments) == found


def test_a_mean_is_over_the_related_networks_alone(tmp_path):
    found = run(tmp_path, (ROOM,), (DIGITS, GLOBE, ROOM), ("digit-net", "globe-net"))
    two = [found[f"error.{name}.bicubic.conv2"] for name in ("digit-net", "globe-net")]
    assert found["error.mean.bicubic.conv2"] == pytest.approx(sum(two) / 2)
    assert "error.mean.bicubic.conv3" not in found


def test_sets_of_single_layers_come_only_from_networks_with_the_same_layers():
    room, digits = Setting(*ROOM), Setting(*DIGITS)
    alike = transfer.Target(digits, (Setting(*GLOBE),), 0).heads
    assert {"layers.globe-net", "rows.all", "layers.own"} <= set(alike)
    foreign = transfer.Target(digits, (room,), 0).heads
    assert {"one-set.room-net", "rows.own"} <= set(foreign)
    assert not {"layers.room-net", "rows.room-net"} & set(foreign)


def test_every_split_is_fitted_by_itself_and_an_own_set_serves_its_network_no_worse_than_a_joint_one(
    monkeypatch,
):
    seen = []
    make = transfer_fits.training_equations
    monkeypatch.setattr(
        transfer_fits,
        "training_equations",
        lambda one, split: seen.append((one.network, split)) or make(one, split),
    )
    transfer_fits.fits.cache_clear()
    settings = Setting(*DIGITS), Setting(*GLOBE)
    found = transfer_fits.fits(settings)
    assert set(seen) == {(one.network, split) for one in settings for split in range(3)}
    first, second, both = (found[name][0] for name in ("digit-net", "globe-net", "all"))
    assert not torch.equal(first.one_set, found["digit-net"][1].one_set)
    assert all((one.one_set - both.one_set).abs().max() > 1e-3 for one in (first, second))
    # the joint optimum is the best on the sum of both errors: on each network its own set is no worse
    for setting, own in zip(settings, (first, second), strict=True):
        errors = [
            relative(
                squared_errors(
                    setting,
                    [index for index in range(6) if index not in held_out(0, 6)],
                    answer(one_set_heads(setting, one.one_set)),
                )["conv1_2"],
                EquirectGrid(16).solid_angles,
            )
            for one in (own, both)
        ]
        assert errors[0] < 1.01 * errors[1]


def test_the_own_set_of_one_layer_is_the_set_of_that_layer():
    fit = transfer_fits.fits((Setting(*DIGITS),))["digit-net"][0]
    assert (fit.one_set - fit.layers["conv1_2"]).abs().max() < 1e-9
    assert set(fit.rows) == {"conv1_2"}
