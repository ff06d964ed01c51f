import errno
import os
import socket
import time

import pytest

from ktnlib import atomic
from ktnlib.atomic import sweep, write_atomically

CONTENT = bytes(10_000)
BEFORE_THE_RENAME = 6  # open, three pieces, fsync, rename


@pytest.fixture
def fault(monkeypatch):
    def at(kind, number):
        monkeypatch.setattr(atomic, "_FAULT", f"{kind}:{number}")
        monkeypatch.setattr(atomic, "_points_passed", 0)

    return at


@pytest.mark.parametrize(
    "kind", ["ENOSPC", "EROFS", "EACCES", "EIO", "EDQUOT", "ESTALE", "EXDEV", "ENAMETOOLONG"]
)
@pytest.mark.parametrize("number", range(1, 9))
def test_a_disk_fault_leaves_the_old_file_or_the_new_one_and_names_the_path(tmp_path, fault, kind, number):
    path = tmp_path / "result.json"
    path.write_bytes(b"old")
    fault(kind, number)
    with pytest.raises(
        OSError, match=r"could not write .*result.json \(10000 bytes\): .*; nothing is half"
    ) as seen:
        write_atomically(path, CONTENT)
    assert seen.value.errno == getattr(errno, kind)
    assert path.read_bytes() == (b"old" if number <= BEFORE_THE_RENAME else CONTENT)
    assert [file.name for file in tmp_path.iterdir()] == ["result.json"]


def test_a_place_one_may_not_write_to_is_a_permission_error(tmp_path, fault):
    fault("EACCES", 1)
    with pytest.raises(PermissionError, match="make room or choose another folder"):
        write_atomically(tmp_path / "result.json", CONTENT)


def test_a_path_through_a_file_is_refused_by_name(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError, match=r"could not write .*file/result\.json"):
        write_atomically(tmp_path / "file" / "result.json", CONTENT)


def test_an_interrupt_leaves_no_temporary_file(tmp_path, monkeypatch):
    def interrupted(descriptor):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(tmp_path / "result.json", CONTENT)
    assert not list(tmp_path.iterdir())


def test_a_reader_of_the_old_file_never_sees_it_change(tmp_path):
    path = tmp_path / "result.json"
    path.write_bytes(b"old")
    with open(path, "rb") as reader:
        write_atomically(path, CONTENT)
        assert reader.read() == b"old"
    assert path.read_bytes() == CONTENT


def test_short_writes_are_continued(tmp_path, monkeypatch):
    class Reluctant:
        """A file that takes at most 7 bytes at a time, as a nearly full or interrupted one may."""

        def __init__(self, file):
            self.file = file

        def write(self, view):
            return self.file.write(view[:7])

        def fileno(self):
            return self.file.fileno()

        def __enter__(self):
            return self

        def __exit__(self, *problem):
            self.file.close()

    def opened(*arguments, **options):
        return Reluctant(open(*arguments, **options))

    content = os.urandom(500)
    monkeypatch.setattr(atomic, "open", opened, raising=False)
    write_atomically(tmp_path / "file", content)
    assert (tmp_path / "file").read_bytes() == content


def test_sweeping_takes_the_dead_and_leaves_the_living_and_the_strangers(tmp_path):
    host = socket.gethostname().replace(".", "-")
    finished = os.spawnlp(os.P_NOWAIT, "true", "true")
    os.waitpid(finished, 0)
    dead = tmp_path / f".a.json.{host}.{finished}.0123abcd.part"
    living = tmp_path / f".a.json.{host}.{os.getppid()}.0123abcd.part"
    elsewhere = tmp_path / f".a.json.another-machine.{finished}.0123abcd.part"
    forgotten = tmp_path / ".a.json.another-machine.77.0123abcd.part"
    stranger = tmp_path / ".note.part"
    for path in (dead, living, elsewhere, forgotten, stranger):
        path.write_bytes(b"")
    long_ago = time.time() - 3 * 86400
    for path in (forgotten, stranger):
        os.utime(path, (long_ago, long_ago))
    sweep(tmp_path)
    assert set(tmp_path.iterdir()) == {living, elsewhere, stranger}


def test_sweeping_a_folder_that_is_not_there_is_nothing(tmp_path):
    sweep(tmp_path / "none")
