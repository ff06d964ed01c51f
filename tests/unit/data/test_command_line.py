"""python -m ktnlib.data."""

import os
import subprocess
import sys

import pytest

from ktnlib.data.__main__ import main
from ktnlib.data.manifest import load_manifest
from ktnlib.shipped import shipped

from .test_download import BODY, manifest_of


def test_list_names_every_set_with_its_state_and_size(capsys):
    assert main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines][:3] == ["digits", "painted-room", "mnist"]
    assert "ships" in lines[0]
    assert "to download    11.6 MB" in lines[2]
    assert any("by hand" in line for line in lines)


def test_list_says_what_is_here(data, capsys):
    assert main(["list"]) == 0
    assert "here" in next(line for line in capsys.readouterr().out.splitlines() if line.startswith("mnist"))


def test_get_downloads_and_prints_where(server, use_manifest, capsys, tmp_path):
    use_manifest(manifest_of(server.serve("/x", BODY)))
    assert main(["get", "toy"]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "cache/toy/f.bin")
    assert main(["where", "toy"]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "cache/toy/f.bin")


def test_get_says_how_to_come_by_a_set_that_can_not_be_downloaded(capsys):
    assert main(["get", "gtsrb"]) == 1
    error = capsys.readouterr().err
    assert "images/gtsrb32_dev.npz, of the set 'gtsrb', is not in the cache" in error
    assert "it can't be downloaded" in error
    assert "gtsrb(path=" in error


def test_verify_passes_a_good_folder(data, capsys):
    assert main(["verify", "mnist"]) == 0
    assert capsys.readouterr().out.count("good") == 4


def test_verify_passes_what_ships_and_says_what_is_absent(capsys):
    assert main(["verify"]) == 0
    out = capsys.readouterr().out
    assert out.count("good") == sum(dataset.ships for dataset in load_manifest().values())
    assert "absent" in out


def test_verify_finds_a_damaged_file(server, use_manifest, capsys, tmp_path):
    use_manifest(manifest_of(server.serve("/x", BODY)))
    main(["get", "toy"])
    (tmp_path / "cache/toy/f.bin").write_bytes(BODY[:-1])
    assert main(["verify", "toy"]) == 1
    assert "DAMAGED" in capsys.readouterr().out
    assert main(["where", "toy"]) == 0
    assert capsys.readouterr().out == f"DAMAGED: {tmp_path}/cache/toy/f.bin\n"
    (tmp_path / "cache/toy/f.bin").unlink()
    assert main(["where", "toy"]) == 0
    assert capsys.readouterr().out == f"absent: {tmp_path}/cache/toy/f.bin\n"


def test_where_names_the_places_in_the_order_they_are_asked(capsys, tmp_path):
    assert main(["where"]) == 0
    places = f"ships        {shipped()}\nKTNLIB_DATA  not set\ncache        {tmp_path}/cache\n"
    assert capsys.readouterr().out == places


def test_clear_removes_downloaded_files_and_their_folders_and_nothing_else(server, use_manifest, tmp_path):
    use_manifest(manifest_of(server.serve("/x", BODY)))
    main(["get", "toy"])
    cache = tmp_path / "cache"
    (cache / "mine.txt").write_text("not yours")
    (cache / "toy/.part-f-left.bin").write_bytes(b"")
    assert main(["clear"]) == 0
    assert [path.name for path in cache.rglob("*")] == ["mine.txt"]
    assert main(["clear", "toy"]) == 0


def test_what_was_computed_here_is_shown_and_left_when_downloads_are_cleared(
    server, use_manifest, tmp_path, capsys
):
    toy = manifest_of(server.serve("/x", BODY))
    use_manifest(toy + toy.replace('"toy"', '"other"').replace("toy/", "other/"))
    main(["get", "toy"])
    features = tmp_path / "cache/targets/one.safetensors"
    features.parent.mkdir()
    features.write_bytes(bytes(250_000))
    capsys.readouterr()
    assert main(["where"]) == 0
    shown = capsys.readouterr().out.splitlines()[3:]
    assert shown == [f"made here    {tmp_path}/cache/targets, 0.2 MB of exact features"]
    assert main(["clear"]) == 0
    removed, left = capsys.readouterr().out.splitlines()
    assert removed == f"removed {tmp_path}/cache/toy/f.bin"
    assert left.startswith(f"left {tmp_path}/cache/targets, 0.2 MB of exact features; no download")
    assert features.exists()


def test_clear_never_touches_the_readers_folder(server, use_manifest, tmp_path, monkeypatch, capsys):
    use_manifest(manifest_of(server.serve("/x", BODY)))
    own = tmp_path / "own/toy/f.bin"
    own.parent.mkdir(parents=True)
    own.write_bytes(BODY)
    monkeypatch.setenv("KTNLIB_DATA", str(tmp_path / "own"))
    assert main(["clear"]) == 0
    for cache in (tmp_path / "own", tmp_path / "own/cache", tmp_path):
        monkeypatch.setenv("KTNLIB_CACHE", str(cache))
        assert main(["clear"]) == 1
        assert "overlap; nothing was removed" in capsys.readouterr().err
    assert own.read_bytes() == BODY


def test_clear_does_not_follow_a_link_out_of_the_cache(server, use_manifest, tmp_path, capsys):
    use_manifest(manifest_of(server.serve("/x", BODY)))
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/f.bin").write_bytes(BODY)
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache/toy").symlink_to(tmp_path / "elsewhere")
    assert main(["clear"]) == 1
    assert "lies outside the cache" in capsys.readouterr().err
    assert (tmp_path / "elsewhere/f.bin").exists()


def test_a_relative_data_folder_is_one_line(monkeypatch, capsys):
    monkeypatch.setenv("KTNLIB_DATA", "data")
    assert main(["list"]) == 1
    assert capsys.readouterr().err.startswith("error: `KTNLIB_DATA` is 'data', a relative path")


def test_an_unknown_command_is_refused_by_the_parser(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["fetch"])
    assert "invalid choice: 'fetch'" in capsys.readouterr().err


def test_it_runs_as_a_module():
    done = subprocess.run(
        [sys.executable, "-m", "ktnlib.data", "verify", "digits"],
        capture_output=True,
        text=True,
        env=dict(os.environ),
    )
    assert (done.returncode, done.stdout.split()[:2]) == (0, ["good", "digits"])
