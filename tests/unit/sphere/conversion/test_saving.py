"""A converted network in files: it comes back to the bit, and other files are refused."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

import ktnlib
from ktnlib.sphere import KernelTransformer, RowKernels, tangent_taps, to_sphere
from ktnlib.sphere.conversion import load
from ktnlib.sphere.row_bands import RowBand

from ..images import noise

FEW = KernelTransformer(3, coefficients=noise(9, 8, 6, dtype=torch.float32) / 20)


def small(seed=0, *, slope=0.1, kernel=3, width=4):
    torch.manual_seed(seed)
    layers = [nn.Conv2d(2, 3, kernel, padding=1), nn.BatchNorm2d(3), nn.LeakyReLU(slope), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.Conv2d(3, width, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()


def taps(channels, height):
    plan = tangent_taps(height, 2 * height, 3).neighbours()
    return RowKernels.from_taps(noise(*channels, 9), plan, height=height, width=2 * height)


def bands(channels, height):
    parts = [
        RowBand(range(2), noise(*channels, 3, 5), (1, 2)),
        RowBand(range(2, height), noise(*channels, 1, 3)),
    ]
    return RowKernels.from_bands(parts, height=height, width=2 * height)


CASES = {
    "the set that ships": {},
    "a spacing, to a layer, full": {"spacing": 0.05, "until": "4", "resolution": "full"},
    "a head": {"transformer": "bilinear"},
    "own taps": {"transformer": FEW, "pooling": "bilinear"},
    "a layer's taps": {"transformer": {"4": FEW}},
    "rows": {"method": "sphconv", "transformer": {"0": taps((3, 2), 16), "4": bands((4, 3), 8)}},
    "a published head": {
        "transformer": {"0": KernelTransformer(3, head="published", in_channels=2, height=16)}
    },
    "direct": {"method": "direct-wrap", "height": 16},
    "interpolated": {"method": "interpolate", "every": 4, "until": "4"},
    "a cube": {"method": "cubemap"},
}


@pytest.mark.parametrize("name", CASES)
def test_a_network_comes_back_to_the_bit(name, tmp_path):
    network, x = to_sphere(small(), **CASES[name]), torch.rand(1, 2, 16, 32)
    network.save(tmp_path / "net")
    again = load(small(seed=1), tmp_path / "net")
    assert torch.equal(again(x), network(x))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["net.json", "net.safetensors"]
    again.save(tmp_path / "again")
    first, second = (load_file(tmp_path / f"{stem}.safetensors") for stem in ("net", "again"))
    assert first.keys() == second.keys()


def test_a_wide_network_comes_back_wide_by_either_files_name(tmp_path):
    network, x = to_sphere(small()).double(), noise(1, 2, 16, 32)
    network.save(str(tmp_path / "v1.2.json"))
    again = load(small(), str(tmp_path / "v1.2.safetensors"))
    assert torch.equal(again(x), network(x))


def test_layers_that_share_a_set_keep_sharing_it(tmp_path):
    to_sphere(small()).save(tmp_path / "net")
    again = load(small(), tmp_path / "net")
    assert again.get_submodule("0").rows is again.get_submodule("4").rows
    assert [name for name in load_file(tmp_path / "net.safetensors") if "rows" in name] == [
        "rows.0.coefficients"
    ]


def test_layers_that_share_a_weight_keep_sharing_it(tmp_path):
    model = nn.Sequential(nn.Conv2d(2, 2, 3), nn.ReLU(), nn.Conv2d(2, 2, 3)).eval()
    model[2].weight = model[0].weight
    network, x = to_sphere(model), torch.rand(1, 2, 8, 16)
    network.save(tmp_path / "net")
    again = load(model, tmp_path / "net")
    assert torch.equal(again(x), network(x))
    assert again.get_parameter("0.weight") is again.get_parameter("2.weight")


OTHERS = {
    "slope": small(slope=0.2),
    "kernel": small(kernel=5),
    "width": small(width=5),
    "order": nn.Sequential(nn.ReLU(), *small()).eval(),
}


@pytest.mark.parametrize("name", OTHERS)
def test_another_architecture_is_refused(name, tmp_path):
    to_sphere(small()).save(tmp_path / "net")
    with pytest.raises(
        ValueError, match=r"net\.json belongs to a network of another architecture than `model`"
    ):
        load(OTHERS[name], tmp_path / "net")


def rewrite(path: Path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_a_newer_version_is_refused_and_an_older_one_is_not(tmp_path):
    to_sphere(small()).save(tmp_path / "net")
    rewrite(tmp_path / "net.json", ktnlib="0.0.9.dev3")
    load(small(), tmp_path / "net")
    rewrite(tmp_path / "net.json", ktnlib="99.1")
    with pytest.raises(
        ValueError, match=rf"written by ktnlib 99\.1 and this is {ktnlib.__version__}.*update"
    ):
        load(small(), tmp_path / "net")


def test_files_that_do_not_belong_together_are_refused(tmp_path):
    to_sphere(small()).save(tmp_path / "net")
    to_sphere(small(seed=1)).save(tmp_path / "other")
    (tmp_path / "other.safetensors").replace(tmp_path / "net.safetensors")
    with pytest.raises(ValueError, match=r"net\.safetensors is not the file that net\.json was written with"):
        load(small(), tmp_path / "net")


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"ktnlib": "0.1"}'])
def test_other_files_are_refused(text, tmp_path):
    to_sphere(small()).save(tmp_path / "net")
    (tmp_path / "net.json").write_text(text)
    with pytest.raises(ValueError, match=r"net\.json describes no converted network"):
        load(small(), tmp_path / "net")
    with pytest.raises(FileNotFoundError):
        load(small(), tmp_path / "nothing")
