"""Where data may lie, and what is done about what lies there."""

import os
import sys
from pathlib import Path

import pytest

from ktnlib.data import location
from ktnlib.data.location import cache_folder, choose, data_folder, inspect, judge


@pytest.mark.parametrize(("found", "state"), [(None, "missing"), ("aa", "have"), ("bb", "stale")])
def test_a_file_is_judged_by_its_hash(found, state):
    assert judge(found, "aa") == state


@pytest.mark.parametrize(
    ("data", "cache", "may_download", "action"),
    [
        ("have", "missing", True, "use data"),
        ("have", "stale", False, "use data"),
        ("stale", "have", True, "refuse data"),
        ("missing", "have", True, "use cache"),
        ("missing", "missing", True, "report missing"),
        ("missing", "stale", True, "refuse cache"),
        (None, "have", False, "use cache"),
        (None, "missing", True, "download"),
        (None, "stale", True, "download"),
        (None, "missing", False, "report missing"),
        (None, "stale", False, "refuse cache"),
    ],
)
def test_the_readers_folder_goes_first_and_is_never_replaced(data, cache, may_download, action):
    assert choose(data, cache, may_download=may_download) == action


def test_a_relative_data_folder_is_refused_by_name(monkeypatch):
    monkeypatch.setenv("KTNLIB_DATA", "my/data")
    with pytest.raises(
        ValueError, match=r"`KTNLIB_DATA` is 'my/data', a relative path; wanted an absolute one"
    ):
        data_folder()


def test_a_data_folder_that_does_not_exist_is_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("KTNLIB_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(ValueError, match=r"nowhere', and there is no such folder; create it or unset"):
        data_folder()


def test_an_empty_variable_counts_as_none(monkeypatch):
    monkeypatch.setenv("KTNLIB_DATA", "")
    assert data_folder() is None


def test_a_relative_cache_is_refused(monkeypatch):
    monkeypatch.setenv("KTNLIB_CACHE", "cache")
    with pytest.raises(ValueError, match="`KTNLIB_CACHE` is 'cache', a relative path"):
        cache_folder()


@pytest.mark.parametrize(
    ("platform", "variables", "place"),
    [
        ("linux", {}, "/home/ann/.cache/ktnlib"),
        ("linux", {"XDG_CACHE_HOME": "/scratch"}, "/scratch/ktnlib"),
        ("darwin", {}, "/home/ann/Library/Caches/ktnlib"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/ktnlib"),
    ],
)
def test_the_cache_lies_where_the_platform_keeps_caches(monkeypatch, platform, variables, place):
    for name in ("KTNLIB_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in ({"HOME": "/home/ann"} | variables).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", platform)
    assert cache_folder() == Path(place)


def test_a_file_is_hashed_once_until_it_changes(monkeypatch, tmp_path):
    hashed = []
    monkeypatch.setattr(location, "content_sha256", lambda path: hashed.append(path) or path.read_text())
    file = tmp_path / "x"
    file.write_text("aa")
    assert [inspect(file, "aa"), inspect(file, "aa")] == ["have", "have"]
    assert len(hashed) == 1
    file.write_text("bb")
    os.utime(file, ns=(1, 1))
    assert inspect(file, "aa") == "stale"
    assert len(hashed) == 2


def test_a_changed_picture_in_a_folder_is_noticed(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(b"a")
    good = location.content_sha256(folder)
    assert inspect(folder, good) == "have"
    (folder / "a.jpg").write_bytes(b"b!")
    assert inspect(folder, good) == "stale"


def test_an_unreadable_file_is_stale_and_none_is_missing(tmp_path):
    (tmp_path / "x.npz").write_bytes(b"no archive")
    assert inspect(tmp_path / "x.npz", "aa") == "stale"
    assert inspect(tmp_path / "y.npz", "aa") == "missing"
