"""The trainings of our own networks: what moves the images, what is held out, and going on after a stop."""

import math

import pytest
import torch

from ktnlib import data
from ktnlib.data.labelled import LabelledImages
from ktnlib.data.own_networks import kept_at
from ktnlib.experiments import (
    train_cifar_nets,
    train_digit_net,
    train_globe_net,
    train_mnist_nets,
    train_room_net,
    train_sign_net,
)
from ktnlib.experiments.classifiers import Recipe, accuracy, move, train_classifier
from ktnlib.experiments.engine import Checkpoint
from ktnlib.sphere import EquirectGrid

SHIFT, MIRROR = Recipe(1, shift=3), Recipe(1, mirror=True)


@pytest.fixture(autouse=True)
def empty_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("KTNLIB_CACHE", str(tmp_path / "cache"))


def pictures(number: int, size: int, channels: int = 1) -> torch.Tensor:
    return torch.rand(number, channels, size, size, generator=torch.Generator().manual_seed(1))


def moved(images: torch.Tensor, recipe: Recipe) -> torch.Tensor:
    return move(images, recipe, torch.Generator().manual_seed(2))


def test_a_recipe_without_movement_leaves_the_images_as_they_are():
    images = pictures(5, 8)
    assert (moved(images, Recipe(1)) - images).abs().max() < 1e-6


def test_a_shift_is_by_whole_pixels_in_all_directions_and_brings_in_black():
    dot = torch.zeros(400, 1, 11, 11)
    dot[:, :, 5, 5] = 1.0
    found = moved(dot, SHIFT)
    assert (found.flatten(1).amax(dim=1) - 1).abs().max() < 1e-5
    places = {divmod(int(place), 11) for place in found.flatten(1).argmax(dim=1)}
    assert places == {(row, column) for row in range(2, 9) for column in range(2, 9)}


def test_half_of_the_images_are_mirrored_and_none_is_changed_otherwise():
    images = pictures(400, 5)
    found = moved(images, MIRROR)
    flipped = ((found - images.flip(-1)).abs() < 1e-6).flatten(1).all(dim=1)
    kept = ((found - images).abs() < 1e-6).flatten(1).all(dim=1)
    assert (flipped ^ kept).all()
    assert 160 < flipped.sum() < 240


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_a_zoom_is_about_the_middle_and_by_its_factor(factor):
    square = torch.zeros(1, 1, 16, 16)
    square[..., 6:10, 6:10] = 1.0
    found = moved(square, Recipe(1, zoom=(factor, factor)))
    half = int(2 * factor)
    assert found.sum().item() == pytest.approx(16 * factor**2, rel=0.05)
    assert found[..., 8 - half : 8 + half, 8 - half : 8 + half].sum() > 0.8 * found.sum()


def test_a_turn_keeps_the_distance_from_the_middle_and_stays_within_its_bound():
    blob = torch.zeros(300, 1, 33, 33)
    blob[:, :, 15:18, 25:28] = 1.0  # ten pixels to the right
    found = moved(blob, Recipe(1, turn=0.4))
    weights, at = found[:, 0] / found.sum(dim=(1, 2, 3))[:, None, None], torch.arange(33.0) - 16
    right, down = (weights.sum(dim=1) * at).sum(dim=1), (weights.sum(dim=2) * at).sum(dim=1)
    angles = torch.atan2(down, right)
    assert (torch.hypot(right, down) - 10).abs().max() < 0.1
    assert -0.41 < angles.min() < -0.37
    assert 0.37 < angles.max() < 0.41


def test_accuracy_counts_the_right_answers_over_all_batches():
    net = torch.nn.Flatten()  # the answer is the larger of two pixels
    images = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]).view(5, 1, 1, 2)
    assert accuracy(net, images, torch.tensor([0, 1, 1, 0, 1]), batch_size=2) == 80.0


class StoppedError(Exception):
    pass


class Counting(Checkpoint):
    """Counts the states that are kept; may be stopped right after one of them."""

    saves, last = 0, 0

    def save(self, tree):
        super().save(tree)
        self.saves += 1
        if self.saves == self.last:
            raise StoppedError


def bright_or_dark(checkpoint: Checkpoint) -> list[torch.Tensor]:
    torch.manual_seed(0)
    net = torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.ReLU(), torch.nn.Flatten()
    )
    net.append(torch.nn.Linear(4 * 16, 2))
    labels = torch.arange(64) % 2
    images = pictures(64, 6) * 0.5 + 0.5 * labels.view(-1, 1, 1, 1)
    recipe = Recipe(6, batch_size=16, rate=1e-2, turn=0.2, shift=1, mirror=True, outside="border")
    train_classifier(net, images, labels, recipe, seed=4, checkpoint=checkpoint)
    assert not net.training
    assert accuracy(net, images, labels) > 95
    return [*net.state_dict().values()]


def test_a_training_that_was_stopped_ends_with_the_same_bits(tmp_path):
    straight = bright_or_dark(Checkpoint(tmp_path / "straight.npz", "cpu"))
    first, second = (Counting(tmp_path / "stopped.npz", "cpu") for _ in range(2))
    first.last = 2
    with pytest.raises(StoppedError):
        bright_or_dark(first)
    resumed = bright_or_dark(second)
    assert (first.saves, second.saves) == (2, 4)  # six epochs, none of them twice
    assert all(torch.equal(one, other) for one, other in zip(straight, resumed, strict=True))


class Painted:
    """A panorama that is white where, by its own reckoning, the room is held out."""

    def __init__(self, height: int):
        grid = EquirectGrid(height)
        columns = torch.arange(2 * height)
        east = (grid.longitudes[columns] > math.radians(40)) & (grid.longitudes[columns] < math.radians(140))
        level = (grid.polar_angles > math.radians(40)) & (grid.polar_angles < math.radians(140))
        self.picture = (level[:, None] & east).float().expand(1, 3, -1, -1).clone()

    def __getitem__(self, index: int):
        return "painted", self.picture


def test_digits_for_the_globe_net_lie_in_the_middle_of_black():
    framed = train_globe_net.framed(train_globe_net.handwritten("digits").test_images)
    assert framed.shape == (360, 1, 44, 44)
    assert torch.equal(framed[..., 8:36, 8:36], train_digit_net.enlarged(data.digits().test_images))
    assert framed.sum() == framed[..., 8:36, 8:36].sum()


def test_handwritten_digits_of_an_unknown_set_are_refused():
    with pytest.raises(ValueError, match="`name` is 'emnist'; wanted one of 'digits', 'mnist'"):
        train_globe_net.handwritten("emnist")


@pytest.mark.parametrize("held_out", [False, True])
def test_a_view_lies_wholly_inside_or_outside_of_what_is_held_out(monkeypatch, held_out):
    monkeypatch.setattr(data, "panoramas", lambda *, height: Painted(height))
    generator = torch.Generator().manual_seed(0)
    views = train_room_net.room_views((64, 128), 20, 12, held_out=held_out, generator=generator)
    assert views.shape == (20, 3, 12, 12)
    assert (views - float(held_out)).abs().max() < 1e-3


def test_the_signal_to_noise_ratio_is_that_of_the_mean_square():
    clean = pictures(2, 4, 3)
    assert train_room_net.psnr(clean + 0.1, clean) == pytest.approx(20.0, abs=1e-4)


def few(number: int, channels: int, classes: int) -> LabelledImages:
    images, labels = pictures(number, 32, channels), torch.arange(number) % classes
    return LabelledImages(images, labels, images[:4], labels[:4])


@pytest.mark.parametrize(
    ("module", "name"),
    [
        (train_digit_net, "digit-net"),
        (train_globe_net, "globe-net"),
        (train_mnist_nets, "mnist-net-0"),
        (train_room_net, "room-net"),
        (train_sign_net, "sign-net"),
        (train_cifar_nets, "cifar-net-0"),
    ],
)
def test_a_training_keeps_its_network_where_it_is_told_to_and_nowhere_else(
    monkeypatch, tmp_path, module, name
):
    monkeypatch.setattr(data, "gtsrb", lambda: few(16, 3, 43))
    monkeypatch.setattr(data, "cifar10", lambda: few(16, 3, 10))
    scale = {key: value for key, value in module.SCALES["smoke"].items() if key != "seeds"}
    checkpoint = Checkpoint(tmp_path / "seed.npz", "cpu")
    metrics = module.run_seed(0, device="cpu", checkpoint=checkpoint, **scale)
    assert {metric.partition(".")[0] for metric in metrics} == set(module.UNITS)
    assert not kept_at(name).exists()
    again = module.run_seed(0, device="cpu", checkpoint=checkpoint, **scale | {"keep": True})
    assert again == metrics  # the finished training was found again
    assert kept_at(name).is_file()
