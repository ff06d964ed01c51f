"""The training of networks of one parent: what it keeps, what it starts from, and how far it moves."""

import pytest
import torch

from ktnlib import data
from ktnlib.data.architectures import ResNet
from ktnlib.data.labelled import LabelledImages
from ktnlib.data.own_networks import kept_at
from ktnlib.experiments import train_finetuned
from ktnlib.experiments.engine import Checkpoint

SMALL = {"parent": "cifar-net-0", "epochs": 1, "images": 16, "keep": False}


@pytest.fixture(autouse=True)
def own_parent(monkeypatch, tmp_path):
    """Without the pictures that don't ship: a parent and signs that are drawn, and an empty cache."""
    monkeypatch.setenv("KTNLIB_CACHE", str(tmp_path / "cache"))
    torch.manual_seed(3)
    parent, images = ResNet(3).eval(), torch.rand(24, 3, 32, 32)
    labels = torch.arange(24) % 2
    signs = LabelledImages(images, labels, images[:4], labels[:4])
    monkeypatch.setattr(data, "source_network", lambda name: parent)
    monkeypatch.setattr(data, "gtsrb", lambda: signs)
    return parent


def run(folder, seed=0, **options):
    checkpoint = Checkpoint(folder / f"seed-{seed}.npz", "cpu")
    return train_finetuned.run_seed(seed, device="cpu", checkpoint=checkpoint, **SMALL | options)


def test_a_child_starts_as_its_parent_but_for_the_head(own_parent):
    child = train_finetuned.with_new_head(own_parent)
    assert child.linear.out_features == 43
    for name, value in own_parent.state_dict().items():
        assert name.startswith("linear.") or torch.equal(child.state_dict()[name], value)
    assert train_finetuned.moved(child, own_parent) == 0
    with torch.no_grad():
        child.layer1[1].conv2.weight.mul_(2)
    assert 0 < train_finetuned.moved(child, own_parent) < 1


def test_training_moves_the_child_and_leaves_the_parent_as_it_was(own_parent, tmp_path):
    before = {name: value.clone() for name, value in own_parent.state_dict().items()}
    found = run(tmp_path)
    assert {name.partition(".")[0] for name in found} == set(train_finetuned.UNITS)
    assert found["moved.first-stage"] > 0
    assert all(torch.equal(value, before[name]) for name, value in own_parent.state_dict().items())
    assert not kept_at("finetuned-net-0").exists()


def test_the_children_see_different_halves_of_the_signs(monkeypatch, tmp_path):
    seen = []
    monkeypatch.setattr(train_finetuned, "train_classifier", lambda net, x, *rest, **options: seen.append(x))
    for seed in (0, 1):
        run(tmp_path, seed)
    signs = data.gtsrb().train_images
    assert torch.equal(seen[0], signs[0:16:2])
    assert torch.equal(seen[1], signs[1:16:2])


def test_a_kept_child_is_found_by_its_name(tmp_path, monkeypatch):
    found = run(tmp_path, keep=True)
    monkeypatch.undo()
    monkeypatch.setenv("KTNLIB_CACHE", str(tmp_path / "cache"))
    child = data.source_network("finetuned-net-0")
    assert child(torch.rand(1, 3, 32, 32)).shape == (1, 43)
    assert found["accuracy.train"] >= 0
