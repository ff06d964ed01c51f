"""Digits read on the sphere: where each reader looks, and what is counted."""

import math

import pytest
import torch

from ktnlib import data
from ktnlib.experiments import digit_readers, digit_widths, omni_transfer, sphere_digits
from ktnlib.experiments.engine import Checkpoint
from ktnlib.experiments.placed_digits import FOV, SPACING, PlacedDigits, digits_anywhere, digits_at
from ktnlib.experiments.train_globe_net import framed, handwritten
from ktnlib.sphere import EquirectGrid, render_perspective, tangent_points


@pytest.fixture(scope="module")
def net():
    return data.source_network("globe-net")


def some_digits(number: int) -> tuple[torch.Tensor, torch.Tensor]:
    written = handwritten("digits")
    return written.test_images[:number], written.test_labels[:number]


def places_of(placed: PlacedDigits, digit: int) -> list[tuple[float, float]]:
    """The 16 places of a digit, row by row, one at a time."""
    centre = placed.latitudes[digit].item(), placed.longitudes[digit].item()
    steps = [(step - 1.5) * 4 * SPACING for step in range(4)]
    places = [tangent_points(*centre, east, south) for south in steps for east in steps]
    return [(latitude.item(), longitude.item()) for latitude, longitude in places]


def scores_of_patches(net: torch.nn.Module, placed: PlacedDigits, digit: int) -> torch.Tensor:
    """A camera of 32 pixels at each place, the whole network on each picture, before the linear layer."""
    panorama, fov = placed.panoramas[placed.panorama[digit]][None], 2 * math.atan(16 * SPACING)
    patches = [
        render_perspective(panorama, pitch=latitude, yaw=longitude, fov=fov, size=32)
        for latitude, longitude in places_of(placed, digit)
    ]
    with torch.no_grad():
        return net.linear(net[:-1](torch.cat(patches)).mean(0))


@pytest.mark.parametrize("angle", [18, 72])
def test_the_exact_reader_has_a_camera_at_each_of_the_16_places(net, angle):
    placed = digits_at(*some_digits(5), polar_angle_deg=angle, seed=0)
    found = digit_readers.exact(net, fov=FOV)(placed)
    for digit in range(5):
        assert (found[digit] - scores_of_patches(net, placed, digit)).abs().max() < 1e-4


def test_the_camera_sees_what_a_flat_picture_shows(net):
    images, labels = some_digits(60)
    placed = digits_at(images, labels, polar_angle_deg=54, seed=0, height=320)
    found = digit_readers.camera(net, fov=FOV)(placed)
    with torch.no_grad():
        flat = net(framed(images))
    assert sphere_digits.relative(found, flat) < 0.2
    assert (found.argmax(dim=1) == labels).float().mean() > 0.95


def test_a_converted_network_is_read_at_the_16_places_of_the_right_panorama(net, monkeypatch):
    """A map whose channels are known functions of direction and panorama stands for a network."""
    grid = EquirectGrid(160)

    def smooth(latitude, longitude):
        ahead, aside = latitude.cos() * longitude.cos(), latitude.cos() * longitude.sin()
        return torch.stack([ahead, aside, latitude.sin().expand_as(ahead)])

    def pretend(panoramas):
        maps = smooth(grid.latitudes[:, None], grid.longitudes[None, :]).float()
        brightness = panoramas.amax(dim=(1, 2, 3))[:, None, None, None]
        return torch.cat([maps, torch.zeros(29, 160, 320)]) * brightness

    monkeypatch.setattr(digit_readers, "to_sphere", lambda model, **options: pretend)
    monkeypatch.setattr(digit_readers, "BATCH", 2)
    images = torch.ones(7, 1, 28, 28) * torch.arange(1, 8).view(7, 1, 1, 1)
    placed = digits_at(images, torch.arange(7), polar_angle_deg=18, seed=0, alone=True)
    found = digit_readers.converted(net, "ktn", fov=FOV, resolution="full")(placed)
    for digit in range(7):
        each = [smooth(*map(torch.tensor, place)) for place in places_of(placed, digit)]
        mean = torch.cat([torch.stack(each).mean(0), torch.zeros(29)]) * (digit + 1)
        with torch.no_grad():
            wanted = net.linear(mean)
        assert (found[digit] - wanted).abs().max() < 1e-3 * (digit + 1)


def test_accuracies_lags_and_leads_are_counted_by_angle():
    labels = torch.tensor([0, 1, 1, 0])
    right, half = torch.tensor([[1.0, 0], [0, 1], [0, 1], [1, 0]]), torch.tensor([[1.0, 0]] * 4)
    scores = {
        "exact": torch.stack([right, right]),
        "full.spherenet": torch.stack([right, half]),
        "full.ktn": torch.stack([right, right + 0.5]),
    }
    found = sphere_digits.metrics(scores, labels, (18, 90))
    assert found["accuracy.full.spherenet.90deg"] == 50.0
    assert found["accuracy.full.spherenet.mean"] == 75.0
    assert found["lag.full.spherenet.90deg"] == 50.0
    assert found["lead.full.ktn-spherenet.mean"] == 25.0
    assert found["error.full.ktn.18deg"] == 0.0
    assert found["error.full.ktn.90deg"] == pytest.approx(
        1.0
    )  # ½ off everywhere, as the scores off their mean
    assert "lead.full.spherenet-direct.mean" not in found
    assert "error.exact.mean" not in found


class StoppedError(Exception):
    pass


class Stopping(Checkpoint):
    """Ends the run right after its second save."""

    saves = 0

    def save(self, tree):
        super().save(tree)
        self.saves += 1
        if self.saves == 2:
            raise StoppedError


def test_an_interrupted_run_goes_on_with_the_next_reader_and_ends_alike(tmp_path, monkeypatch):
    scale = {"network": "globe-net", "digits": "digits", "number": 3, "angles": (54,), "fitted_on": 2}
    scale |= {"readers": ("full.fake",), "device": "cpu"}
    fake = {"network": lambda net, *_, **__: lambda placed: torch.eye(10)[: len(placed.labels)]}
    monkeypatch.setattr(sphere_digits, "converted", fake["network"])
    straight = sphere_digits.run_seed(0, checkpoint=Checkpoint(tmp_path / "one.npz", "cpu"), **scale)
    with pytest.raises(StoppedError):
        sphere_digits.run_seed(0, checkpoint=Stopping(tmp_path / "two.npz", "cpu"), **scale)
    monkeypatch.setattr(sphere_digits, "LOOKING", {"exact": None, "perspective": None})  # both are done
    resumed = sphere_digits.run_seed(0, checkpoint=Checkpoint(tmp_path / "two.npz", "cpu"), **scale)
    assert resumed == straight
    assert {name.partition(".")[0] for name in straight} <= set(sphere_digits.UNITS)


def test_digits_of_each_width_are_read_with_their_own_spacing(tmp_path, monkeypatch):
    widths = []

    def reader(name, net, unseen, fov):
        widths.append((name, round(math.degrees(fov), 3)))
        return lambda placed: torch.eye(10)[placed.labels]

    monkeypatch.setattr(digit_widths, "reader_called", reader)
    scale = {key: value for key, value in digit_widths.SCALES["smoke"].items() if key != "seeds"}
    checkpoint = Checkpoint(tmp_path / "seed.npz", "cpu")
    found = digit_widths.run_seed(0, device="cpu", checkpoint=checkpoint, **scale)
    assert len(widths) == 6
    assert ("full.ktn", 40) in widths
    assert ("exact", 60) in widths
    assert found["accuracy.40wide.full.ktn.18deg"] == 100.0
    assert found["lag.60wide.full.ktn.18deg"] == 0.0
    assert digit_widths.run_seed(0, device="cpu", checkpoint=checkpoint, **scale) == found
    assert len(widths) == 6


def test_digits_of_120_degrees_are_counted_by_distance_from_the_equator(net):
    images, labels = some_digits(40)
    placed = digits_anywhere(
        images, labels, seed=0, height=omni_transfer.HEIGHT, fov=omni_transfer.FOV, even="latitude"
    )
    scores = digit_readers.camera(net, fov=omni_transfer.FOV)(placed)
    found = omni_transfer.by_band("accuracy.x", scores.argmax(dim=1) == labels, placed.latitudes)
    assert found["accuracy.x.all"] > 85
    inside = placed.latitudes.abs().rad2deg() < 30
    right = (scores.argmax(dim=1) == labels)[inside].double().mean().item()
    assert found["accuracy.x.0-30deg"] == pytest.approx(100 * right)
