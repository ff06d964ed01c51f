"""The experiment `published-head`: what it trains, what it keeps, and what its numbers are of."""

import pytest
import torch
from torch import nn

from ktnlib.experiments import Checkpoint, published_head
from ktnlib.experiments.feature_study import Setting, bands, relative, squared_errors
from ktnlib.sphere.published import PublishedHead

ROOM = Setting("room-net", "conv2", 32, "painted-room")
SMALL = {"network": "room-net", "until": "conv2", "height": 32, "pictures": "painted-room"}


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("KTNLIB_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
    monkeypatch.setattr(published_head, "MAX_TAPS", 7)


def study(folder, **options):
    checkpoint = Checkpoint(folder / "seed.npz", "cpu")
    return published_head.Trained(
        ROOM, 0, **{"steps": 3, "every": 4, "tuning": 2} | options, checkpoint=checkpoint
    )


def test_every_head_is_measured_and_a_second_run_has_nothing_left_to_do(tmp_path, monkeypatch):
    checkpoint = Checkpoint(tmp_path / "seed.npz", "cpu")
    options = SMALL | {"steps": 3, "every": 4, "tuning": 2}
    found = published_head.run_seed(0, device="cpu", checkpoint=checkpoint, **options)
    heads = {name.split(".")[2] for name in found if name.startswith("error.weighted")}
    assert heads >= {
        "direct",
        "bilinear",
        "bicubic",
        "taps",
        "sphconv",
        "sphconv-tuned",
        "start-5",
        "start-2",
    }
    assert heads >= set(published_head.TIES)
    assert found["parameters.published"] < found["parameters.published-ties-2"]
    monkeypatch.setattr(published_head, "squared_errors", None)
    again = Checkpoint(tmp_path / "seed.npz", "cpu")
    assert published_head.run_seed(0, device="cpu", checkpoint=again, **options) == found


def test_a_trained_layer_is_put_back_and_not_trained_again(tmp_path, monkeypatch):
    first = study(tmp_path).head("published", "conv2")
    monkeypatch.setattr(published_head, "fit_published", None)
    second = study(tmp_path).head("published", "conv2")
    for one, other in zip(first.bands, second.bands, strict=True):
        assert torch.equal(one.weight, other.weight)


def test_training_moves_a_head_from_its_start_towards_the_exact_answers(tmp_path):
    one = study(tmp_path, steps=100)
    start, trained = one.head("start-5", "conv2"), one.head("published", "conv2")
    moved = max((a.weight - b.weight).abs().max() for a, b in zip(start.bands, trained.bands, strict=True))
    assert moved > 0.003
    found = one.state["found"]
    assert found["own.published.conv2.after"] < found["own.published.conv2.before"]


def test_names_decide_ties_and_activation(tmp_path, monkeypatch):
    made = []

    class Spy(PublishedHead):
        def __init__(self, *given, **options):
            made.append((options["ties"], options["activation"]))
            super().__init__(*given, **options)

    monkeypatch.setattr(published_head, "PublishedHead", Spy)
    one = study(tmp_path, steps=1)
    for head in ("start-2", "published", "published-relu", "published-ties-2"):
        one.head(head, "conv2")
    assert made == [(2, "tanh"), (5, "tanh"), (5, "relu"), (2, "tanh")]


def test_rows_beat_the_bilinear_kernel_on_the_layer_they_are_fitted_to(tmp_path):
    one = study(tmp_path)
    ones = torch.ones(32, dtype=torch.float64)
    errors = {}
    for head in ("bilinear", "sphconv"):
        sums = squared_errors(ROOM, [0, 1, 2], one.answer(head))
        errors[head] = relative(sums["conv2"], ones)
    assert errors["sphconv"] < errors["bilinear"]


def test_a_worst_band_is_held_against_the_start_of_the_same_ties():
    sides = [f"{degrees}deg.{side}" for degrees, side, _ in bands(16)]
    values = {"start-5": 0.2, "start-2": 0.1, "published": 0.1, "published-ties-2": 0.1}
    found = {f"error.band.{head}.{side}": value for head, value in values.items() for side in sides}
    found["error.band.published.18deg.south"] = 0.3
    assert published_head.worst_band(found, "published", 16) == pytest.approx(1.5)
    assert published_head.worst_band(found, "published-ties-2", 16) == pytest.approx(1)


def test_a_filter_as_a_product_is_the_filter_and_has_its_gradients():
    narrow = nn.Conv2d(1, 1, 3, dtype=torch.float64)
    product = published_head.FilterProduct(narrow)
    planes = torch.randn(4, 1, 6, 9, dtype=torch.float64, requires_grad=True)
    numbers = [planes, narrow.weight, narrow.bias]
    wanted, found = narrow(planes), product(planes)
    torch.testing.assert_close(found, wanted)
    share = torch.randn_like(wanted)
    for one, other in zip(
        torch.autograd.grad((found * share).sum(), numbers),
        torch.autograd.grad((wanted * share).sum(), numbers),
        strict=True,
    ):
        torch.testing.assert_close(one, other)
    assert product.state_dict().keys() == narrow.state_dict().keys()
