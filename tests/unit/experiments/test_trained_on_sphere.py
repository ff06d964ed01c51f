"""Experiments that train on the sphere: where digits lie, what the networks are, going on after a stop."""

import math

import numpy as np
import pytest
import torch

from ktnlib import data
from ktnlib.experiments import omni_mnist, trained_on_sphere
from ktnlib.experiments.engine import Checkpoint
from ktnlib.experiments.omni_mnist import Places, place


def places(latitudes, columns, mirrored):
    return Places(torch.tensor(latitudes), torch.tensor(columns), torch.tensor(mirrored))


def published(image, latitude, mirrored, column):
    """Omni-MNIST's drawing as its independent version states it: coordinates turned about the y axis."""
    u = (np.arange(60) + 0.5) * 2 * np.pi / 60 - np.pi
    v = (np.arange(60) + 0.5) * np.pi / 60 - np.pi / 2  # grows to the south
    u, v = np.meshgrid(u, v)
    x, y, z = np.cos(v) * np.cos(u), np.cos(v) * np.sin(u), np.sin(v)
    cos, sin = np.cos(-latitude), np.sin(-latitude)
    x, z = cos * x + sin * z, -sin * x + cos * z
    with np.errstate(divide="ignore"):
        right, down = (28 * part / x / (2 * np.tan(np.pi / 3)) + 13.5 for part in (y, z))
    out, padded = np.zeros((60, 60)), np.pad(image, 2)
    inside = (x > 0) & (right > -1) & (right < 28) & (down > -1) & (down < 28)
    for i, j in np.argwhere(inside):
        c, r = right[i, j] + 2, down[i, j] + 2
        a, b = r - int(r), c - int(c)
        four = padded[int(r) : int(r) + 2, int(c) : int(c) + 2]
        out[i, j] = np.array([1 - a, a]) @ four @ np.array([1 - b, b])
    return np.roll(out[:, ::-1] if mirrored else out, column, axis=1)


def test_digits_lie_where_the_published_set_has_them():
    images = torch.rand(3, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    where = places([0.1, -0.8, 1.5], [0, 17, 41], [False, True, False])
    for found, image, latitude, column, mirrored in zip(
        place(images, where), images, where.latitudes, where.columns, where.mirrored, strict=True
    ):
        wanted = 255 * published(image[0].double().numpy(), latitude.item(), bool(mirrored), column.item())
        assert np.abs(found[0].double().numpy() - wanted).max() < 0.01


def test_places_are_even_over_latitudes_columns_and_mirrors():
    drawn = Places.draw(4000, torch.Generator().manual_seed(0))
    assert drawn.latitudes.abs().max() < math.pi / 2
    assert abs(drawn.latitudes.mean().item()) < 0.05
    assert drawn.latitudes.std().item() == pytest.approx(math.pi / 12**0.5, rel=0.05)
    assert set(drawn.columns.tolist()) == set(range(60))
    assert 0.45 < drawn.mirrored.float().mean() < 0.55


def test_networks_are_of_the_sizes_that_are_stated():
    count = {
        name: sum(p.numel() for p in build().parameters()) for name, build in omni_mnist.NETWORKS.items()
    }
    assert count == {"spherenet": 162_826, "equirect": 126_986, "equirect-same": 162_826}
    assert not omni_mnist.spherenet()[0].bias.any()


class StoppedError(Exception):
    pass


class Stopping(Checkpoint):
    def save(self, tree):
        super().save(tree)
        raise StoppedError


def test_omni_mnist_goes_on_after_a_stop_with_the_same_bits(monkeypatch, tmp_path):
    monkeypatch.setattr(omni_mnist, "BATCH", 16)
    scale = {"epochs": 2, "train": 20, "test": 20, "digits": "digits", "networks": ("spherenet", "equirect")}
    straight = omni_mnist.run_seed(0, device="cpu", checkpoint=Checkpoint(tmp_path / "a.npz", "cpu"), **scale)
    stopping = Stopping(tmp_path / "b.npz", "cpu")
    with pytest.raises(StoppedError):
        omni_mnist.run_seed(0, device="cpu", checkpoint=stopping, **scale)
    resumed = omni_mnist.run_seed(0, device="cpu", checkpoint=Checkpoint(tmp_path / "b.npz", "cpu"), **scale)
    assert resumed == straight
    assert {f"error.{name}.{part}" for name in scale["networks"] for part in ("all", "epoch-1")} < set(
        straight
    )
    assert straight["ahead.equirect"] == straight["error.equirect.all"] - straight["error.spherenet.all"]


def test_a_network_whose_library_is_missing_is_left_out_and_said_to_be(monkeypatch, tmp_path):
    monkeypatch.setattr(trained_on_sphere, "installed", lambda name: False)
    kept = {name: trained_on_sphere.NETWORKS[name] for name in ("equirect", "spherical-unet", "s2cnn")}
    monkeypatch.setattr(trained_on_sphere, "NETWORKS", kept)
    monkeypatch.setattr(trained_on_sphere, "TOGETHER", {18: None, 90: None})
    scale = {"epochs": 1, "train": 64, "test": 8, "height": 24, "digits": "digits"}
    found = trained_on_sphere.run_seed(
        0, device="cpu", checkpoint=Checkpoint(tmp_path / "a.npz", "cpu"), **scale
    )
    assert [found[f"installed.{name}"] for name in kept] == [1, 1, 0]
    assert "accuracy.s2cnn.18deg" not in found
    angles = (found["accuracy.equirect.18deg"], found["accuracy.equirect.90deg"])
    assert found["accuracy.equirect.mean"] == pytest.approx(sum(angles) / 2)


@pytest.mark.parametrize("name", trained_on_sphere.NETWORKS)
def test_every_network_answers_and_does_not_see_half_a_turn(name):
    needed, build = trained_on_sphere.NETWORKS[name]
    if needed and not trained_on_sphere.installed(needed):
        pytest.skip(f"{needed} is not installed")
    torch.manual_seed(0)
    net = build(24).eval()
    digits = data.digits().test_images[:2]
    x = torch.nn.functional.pad(digits, (20, 20, 8, 8))
    scores = net(x)
    assert scores.shape == (2, 10)
    if name != "equirect":  # its zeros lie along the seam
        assert (net(x.roll(24, -1)) - scores).abs().max() < 1e-4 * scores.abs().max()
