"""Exact features on disk: found again, checked, bounded, and resumed panorama by panorama."""

import os

import pytest
import torch
from safetensors.torch import load, save
from torch import nn

from ktnlib.sphere.fitting import TargetCache, Trunk, cache, cached_features, exact_features

from ..images import noise


def trunk(seed=0):
    torch.manual_seed(seed)
    return Trunk(nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Conv2d(2, 2, 3)).eval(), until="2")


@pytest.fixture
def panorama():
    return noise(3, 1, 4, 8, dtype=torch.float32)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "targets"


@pytest.fixture
def runs(monkeypatch):
    """How often the network was run."""
    made = []

    def counted(*arguments, **options):
        made.append(arguments)
        return exact_features(*arguments, **options)

    monkeypatch.setattr(cache, "exact_features", counted)
    return made


def files(folder):
    return sorted(folder.glob("*"))


def assert_same(got, wanted):
    assert list(got) == list(wanted)
    for name, feature in wanted.items():
        assert torch.equal(got[name], feature), name


def test_features_are_computed_once_and_come_back_as_they_were(folder, panorama, runs):
    store = TargetCache(folder)
    wanted = exact_features(trunk(), panorama)
    for _ in range(2):
        assert_same(cached_features(trunk(), panorama, cache=store), wanted)
    assert len(runs) == len(files(folder)) == 3
    assert store.size == sum(path.stat().st_size for path in files(folder))


def test_whatever_the_features_depend_on_has_a_file_of_its_own(folder, panorama, runs):
    store, one = TargetCache(folder), panorama[:1]
    options = [
        {},
        {"spacing": 0.5},
        {"columns": [0, 3]},
        {"columns": [3, 0]},
        {"interpolation": "bicubic"},
        {"layers": ["2"]},
    ]
    for number, option in enumerate(options, start=1):
        for _ in range(2):
            assert_same(
                cached_features(trunk(), one, cache=store, **option), exact_features(trunk(), one, **option)
            )
        assert len(runs) == number
    cached_features(trunk(seed=1), one, cache=store)
    cached_features(trunk(), one.flip(-1), cache=store)
    cached_features(trunk(), one.reshape(1, 1, 2, 16), cache=store)
    assert len(runs) == len(files(folder)) == len(options) + 3
    cached_features(trunk(), one, cache=store, spacing=2 * torch.pi / 8, chunk=5)
    assert len(runs) == len(options) + 3


def test_work_that_was_stopped_goes_on_where_it_stopped(folder, panorama, runs, monkeypatch):
    broken = panorama.clone()
    broken[2] = torch.nan
    with pytest.raises(ValueError, match=r"number 2 of 3: layer '0' has .* not finite"):
        cached_features(trunk(), broken, cache=TargetCache(folder))
    assert len(files(folder)) == 2
    cached_features(trunk(), panorama, cache=TargetCache(folder))
    assert len(runs) == 4


def cut_short(path, other):
    path.write_bytes(path.read_bytes()[:-7])


def empty(path, other):
    path.write_bytes(b"")


def alter(path, other):
    content = bytearray(path.read_bytes())
    content[-2] ^= 1
    path.write_bytes(content)


def strip(path, other):
    path.write_bytes(save(load(path.read_bytes())))


def exchange(path, other):
    path.write_bytes(other.read_bytes())


DAMAGES = {
    "cut short": (cut_short, "is damaged: cut short or altered"),
    "empty": (empty, "is damaged: cut short or altered"),
    "altered": (alter, "is damaged: its numbers were altered"),
    "without its key": (strip, "is damaged: cut short or altered"),
    "of another model": (exchange, 'holds the features of .*"trunk": .*; wanted .*"trunk": '),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_file_in_a_named_folder_is_refused_and_in_the_users_cache_made_again(
    tmp_path, panorama, runs, monkeypatch, name
):
    damage, words = DAMAGES[name]
    monkeypatch.setenv("KTNLIB_CACHE", str(tmp_path))
    place, one = tmp_path / "targets", panorama[:1]
    wanted = cached_features(trunk(), one)
    (path,) = files(place)
    cached_features(trunk(seed=1), one)
    (other,) = (file for file in files(place) if file != path)
    damage(path, other)
    with pytest.raises(ValueError, match=f"{path.name} {words}.*remove it"):
        cached_features(trunk(), one, cache=TargetCache(place))
    assert_same(cached_features(trunk(), one), wanted)
    assert len(runs) == 3
    assert_same(cached_features(trunk(), one, cache=TargetCache(place)), wanted)
    assert len(runs) == 3


def test_a_folder_that_may_only_be_read_is_read(folder, panorama, runs, monkeypatch):
    wanted = cached_features(trunk(), panorama, cache=TargetCache(folder))

    def refuse(path):
        raise PermissionError(path)

    monkeypatch.setattr(cache.os, "utime", refuse)
    assert_same(cached_features(trunk(), panorama, cache=TargetCache(folder)), wanted)
    assert len(runs) == 3


def test_halves_are_kept_too(folder, panorama, runs):
    torch.manual_seed(0)
    half = Trunk(nn.Sequential(nn.Conv2d(1, 2, 3), nn.PReLU()).bfloat16().eval(), until="0")
    wanted = exact_features(half, panorama.bfloat16())
    for _ in range(2):
        assert_same(cached_features(half, panorama.bfloat16(), cache=TargetCache(folder)), wanted)
    assert len(runs) == 3


def test_beyond_the_limit_the_file_longest_unused_goes(folder, panorama, runs):
    cached_features(trunk(), panorama[:1], cache=TargetCache(folder))
    (first,) = files(folder)
    store = TargetCache(folder, limit_bytes=2 * TargetCache(folder).size)
    cached_features(trunk(), panorama[1:2], cache=store)
    for age, path in enumerate(sorted(files(folder), key=lambda path: path != first)):
        os.utime(path, ns=(10**18 + age, 10**18 + age))  # the first is the oldest file
    cached_features(trunk(), panorama[:1], cache=store)  # but was read last
    cached_features(trunk(), panorama[2:], cache=store)
    assert len(runs) == 3
    assert store.size == store.limit_bytes
    cached_features(trunk(), panorama[[0, 2]], cache=store)
    assert len(runs) == 3
    cached_features(trunk(), panorama[1:2], cache=store)
    assert len(runs) == 4


def test_what_is_larger_than_the_limit_is_not_kept(folder, panorama, runs):
    store = TargetCache(folder, limit_bytes=100)
    assert_same(cached_features(trunk(), panorama, cache=store), exact_features(trunk(), panorama))
    assert not folder.exists() or not files(folder)


def test_a_limit_below_one_byte_is_refused():
    with pytest.raises(ValueError, match="`limit_bytes` is 0"):
        TargetCache(limit_bytes=0)
