"""Where shipped files are found."""

from ktnlib import shipped as module
from ktnlib.shipped import shipped


def test_the_wheels_folder_is_preferred_and_the_repositorys_taken_without_it(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "_REPOSITORY", tmp_path / "data")
    monkeypatch.setattr(module, "_WHEEL", tmp_path / "shipped_data")
    assert shipped("a", "b") == tmp_path / "data" / "a" / "b"
    (tmp_path / "shipped_data").mkdir()
    assert shipped("a", "b") == tmp_path / "shipped_data" / "a" / "b"


def test_what_the_library_promises_to_ship_is_there():
    for name in ("digits.npz", "painted_room.png", "manifest.toml"):
        assert shipped(name).is_file()
