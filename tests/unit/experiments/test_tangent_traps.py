import math

import pytest
import torch

from ktnlib.experiments import tangent_traps
from ktnlib.experiments.engine import Checkpoint
from ktnlib.experiments.wrong_operators import TRAPS
from ktnlib.sphere import EquirectGrid

PLACES = {"all", "plain", "seam", "poles", "latitude-0", "latitude-30", "latitude-60", "latitude-80"}


@pytest.fixture
def checkpoint(tmp_path):
    return Checkpoint(tmp_path / "seed-0.npz", "cpu")


def run(checkpoint, **changes):
    scale = {name: value for name, value in tangent_traps.SCALES["smoke"].items() if name != "seeds"}
    return tangent_traps.run_seed(0, device="cpu", checkpoint=checkpoint, **scale | {"height": 32} | changes)


def test_every_trap_has_an_error_at_every_place(checkpoint):
    metrics = run(checkpoint)
    names = {*TRAPS, "point-samples", "averaged-first"}
    assert set(metrics) == {f"error.{name}.{place}" for name in names for place in PLACES}
    assert all(math.isfinite(value) for value in metrics.values())
    assert metrics["error.averaged-first.all"] < metrics["error.point-samples.all"]
    assert metrics["error.direct-sphere.latitude-0"] < 0.02 < metrics["error.direct-sphere.latitude-60"]


def test_it_goes_on_after_the_last_finished_panorama(checkpoint, monkeypatch):
    first = run(checkpoint)
    monkeypatch.setattr(tangent_traps, "outputs", None)  # nothing is left to do
    assert run(checkpoint) == first


def test_errors_are_relative_and_weighted_by_place():
    """Errors of 0.3 in the four outermost rows and of 0.1 elsewhere, of maps that are 2 everywhere."""
    height, width = 40, 80
    wrong = torch.full((height, width), 0.1, dtype=torch.float64)
    wrong[[0, 1, -2, -1]] = 0.3
    found = tangent_traps.errors(torch.stack([wrong.square(), torch.full_like(wrong, 4.0)]))
    cap = 1 - math.cos(math.pi * 2 / height)  # of the two rows next to a pole, of the half sphere
    assert found["all"] == pytest.approx(math.sqrt(0.09 * cap + 0.01 * (1 - cap)) / 2)
    assert found["plain"] == found["seam"] == pytest.approx(math.sqrt(0.09 * 0.1 + 0.01 * 0.9) / 2)
    assert found["poles"] == pytest.approx(0.15)
    assert found["latitude-60"] == pytest.approx(0.05)


@pytest.mark.parametrize("height", [8, 16, 30, 64, 256])
def test_no_latitude_is_without_a_row(height):
    squares = torch.ones(2, height, 2 * height, dtype=torch.float64)
    assert set(tangent_traps.errors(squares)) == PLACES
    assert EquirectGrid(height).latitudes.rad2deg().abs().max() > 80 - 90.1 / height


def test_the_edge_filters_answer_nothing_to_a_constant_and_the_slope_to_a_slope():
    prepare, weight, bias = tangent_traps.edges()
    grey = prepare(torch.rand(1, 3, 5, 6))
    assert grey.shape == (1, 1, 5, 6)
    assert weight.sum((1, 2, 3)).abs().max() < 1e-7
    slope = torch.arange(3.0).expand(1, 1, 3, 3)
    assert torch.nn.functional.conv2d(slope, weight).flatten().tolist() == [1, 0, 0, 0]
    assert not bool(bias.any())
