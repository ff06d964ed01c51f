"""Downloads from a server that misbehaves: the right bytes, or one error and nothing kept."""

import errno
import gzip
import hashlib
import os
import subprocess
import sys
import textwrap
import time

import pytest

from ktnlib.data import download as module
from ktnlib.data.download import download
from ktnlib.data.manifest import DataFile, DataSet, Upstream
from ktnlib.data.obtain import obtain

BODY = bytes(range(256)) * 40


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def record(
    address: str, *, body: bytes = BODY, convert: str = "keep", content: bytes | None = None
) -> DataSet:
    upstream = Upstream(address, len(body), sha256(body))
    digest = sha256(body if content is None else content)
    file = DataFile("set/file.bin", digest, (upstream,), "set/file.bin", digest)
    return DataSet("toy", "t", "l", "c", "https://example.org", "", convert, "", False, len(body), (file,))


def fetch(dataset: DataSet, folder) -> bytes:
    return download(dataset, dataset.files[0], folder / "set" / "file.bin").read_bytes()


def left_behind(folder) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_a_whole_file_is_kept_and_nothing_else(server, tmp_path):
    assert fetch(record(server.serve("/x", BODY)), tmp_path / "c") == BODY
    assert left_behind(tmp_path / "c") == ["file.bin"]


def test_a_packed_file_is_kept_unpacked(server, tmp_path):
    packed = gzip.compress(BODY)
    dataset = record(server.serve("/x", packed), body=packed, convert="gunzip", content=BODY)
    assert fetch(dataset, tmp_path / "c") == BODY


def test_a_body_the_server_compresses_on_the_way_arrives_plain(server, tmp_path):
    address = server.serve("/x", gzip.compress(BODY), headers=(("Content-Encoding", "gzip"),))
    assert fetch(record(address), tmp_path / "c") == BODY


@pytest.mark.parametrize("cut", [0, 1, len(BODY) // 2, len(BODY) - 100, len(BODY) - 1])
def test_a_line_that_always_breaks_is_an_error_after_three_attempts(server, tmp_path, cut):
    dataset = record(server.serve("/x", BODY, cut=cut))
    with pytest.raises(
        ConnectionError, match=rf"could not download set/file\.bin, of the set 'toy', from {server.base}"
    ):
        fetch(dataset, tmp_path / "c")
    assert server.requests == ["/x"] * 3
    assert left_behind(tmp_path / "c") == []


def test_a_line_that_breaks_once_is_tried_again(server, tmp_path):
    address = server.serve("/x", BODY, cut=100)
    broken = server.answers["/x"]

    def first_broken(handler):
        broken(handler)
        server.serve("/x", BODY)

    server.answers["/x"] = first_broken
    assert fetch(record(address), tmp_path / "c") == BODY
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("status", "attempts", "answer"),
    [(404, 1, "404 Not Found"), (403, 1, "403"), (429, 3, "429"), (500, 3, "500"), (503, 3, "503")],
)
def test_only_an_answer_that_may_change_is_asked_for_again(server, tmp_path, status, attempts, answer):
    dataset = record(server.serve("/x", b"sorry", status=status))
    with pytest.raises(
        ConnectionError, match=f"the server answered {answer}.*below an absolute folder that KTNLIB_DATA"
    ):
        fetch(dataset, tmp_path / "c")
    assert len(server.requests) == attempts


def test_a_shorter_page_instead_of_the_file_is_refused(server, tmp_path):
    with pytest.raises(ConnectionError, match="only 22 of 10,240 bytes came"):
        fetch(record(server.serve("/x", b"<html>log in, please<>")), tmp_path / "c")


def test_a_file_that_goes_on_is_cut_off(server, tmp_path):
    with pytest.raises(ConnectionError, match="more came than the 10,240 bytes of the published file"):
        fetch(record(server.serve("/x", BODY * 500)), tmp_path / "c")
    assert len(server.requests) == 1


def test_another_file_of_the_same_length_is_refused(server, tmp_path):
    with pytest.raises(ValueError, match=f"sent has sha256 .*; wanted {sha256(BODY)}; nothing was kept"):
        fetch(record(server.serve("/x", BODY[::-1])), tmp_path / "c")
    assert left_behind(tmp_path / "c") == []


def test_a_conversion_that_gives_another_content_is_refused(server, tmp_path):
    dataset = record(server.serve("/x", BODY), content=b"something else")
    with pytest.raises(ValueError, match="came over whole, but after 'keep' its content has sha256"):
        fetch(dataset, tmp_path / "c")
    assert left_behind(tmp_path / "c") == []


def test_a_failed_download_keeps_the_good_copy(server, tmp_path):
    dataset = record(server.serve("/x", BODY))
    fetch(dataset, tmp_path / "c")
    for answer in ({"body": BODY[::-1]}, {"body": BODY, "cut": 5}, {"body": b"", "status": 404}):
        server.serve("/x", **answer)
        with pytest.raises((ValueError, ConnectionError)):
            fetch(dataset, tmp_path / "c")
        assert (tmp_path / "c/set/file.bin").read_bytes() == BODY


def test_no_network_is_one_error_that_names_file_address_and_variable(server, tmp_path):
    dataset = record("http://127.0.0.1:9/x")
    with pytest.raises(
        ConnectionError, match=r"set/file\.bin.* from http://127\.0\.0\.1:9/x: no answer.*KTNLIB_DATA names"
    ):
        fetch(dataset, tmp_path / "c")


def test_a_server_that_says_nothing_is_given_up(server, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "TIMEOUT", 0.2)
    server.answers["/x"] = lambda handler: time.sleep(0.6)
    began = time.monotonic()
    with pytest.raises(ConnectionError, match="could not download"):
        fetch(record(server.base + "/x"), tmp_path / "c")
    assert time.monotonic() - began < 10


def test_plain_http_is_refused(tmp_path):
    with pytest.raises(
        ConnectionError, match=r"the address http://example\.org/x is http; only https is followed"
    ):
        fetch(record("http://example.org/x"), tmp_path / "c")


def test_a_redirect_to_another_scheme_is_not_followed(server, tmp_path, monkeypatch):
    other = server.serve("/y", BODY)
    address = server.serve("/x", b"", status=302, headers=(("Location", other),))
    assert fetch(record(address), tmp_path / "c") == BODY
    server.serve("/x", b"", status=302, headers=(("Location", "ftp://example.org/x"),))
    with pytest.raises(
        ConnectionError, match=r"the address ftp://example\.org/x is ftp; only https is followed"
    ):
        fetch(record(address), tmp_path / "c")


def test_a_cache_that_is_a_file_is_a_clear_error(server, tmp_path):
    (tmp_path / "c").write_text("not a folder")
    with pytest.raises(
        OSError, match=r"can't be written to the cache .*; let KTNLIB_CACHE name an absolute folder"
    ):
        fetch(record(server.serve("/x", BODY)), tmp_path / "c")


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_read_only_cache_is_a_clear_error(server, tmp_path):
    (tmp_path / "c").mkdir(mode=0o500)
    with pytest.raises(PermissionError, match=r"can't be written to the cache .*Permission denied"):
        fetch(record(server.serve("/x", BODY)), tmp_path / "c")


@pytest.mark.parametrize(
    "code", [errno.EROFS, errno.ENOSPC, errno.EACCES, errno.EIO, errno.ENAMETOOLONG, errno.EDQUOT]
)
@pytest.mark.parametrize("step", ["mkstemp", "replace"])
def test_a_disk_that_refuses_keeps_the_old_file(server, tmp_path, monkeypatch, code, step):
    dataset = record(server.serve("/x", BODY))
    (tmp_path / "c/set").mkdir(parents=True)
    (tmp_path / "c/set/file.bin").write_bytes(b"old")

    def fail(*_, **__):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(module.tempfile if step == "mkstemp" else module.os, step, fail)
    with pytest.raises(OSError, match=rf"can't be written to the cache .*{os.strerror(code)}"):
        fetch(dataset, tmp_path / "c")
    assert (tmp_path / "c/set/file.bin").read_bytes() == b"old"
    assert left_behind(tmp_path / "c") == ["file.bin"]


def test_what_a_killed_download_left_is_swept_after_a_day_but_not_before(server, tmp_path):
    folder = tmp_path / "c/set"
    folder.mkdir(parents=True)
    for name, age in (("old", 2 * module.ORPHAN), ("new", 60)):
        orphan = folder / f".part-file-{name}.bin"
        orphan.write_bytes(b"half")
        os.utime(orphan, (time.time() - age,) * 2)
    fetch(record(server.serve("/x", BODY)), tmp_path / "c")
    assert left_behind(tmp_path / "c") == [".part-file-new.bin", "file.bin"]


@pytest.mark.parametrize("package", ["pooch", "tqdm"])
def test_a_missing_optional_package_says_what_to_install(tmp_path, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(
        ImportError, match=rf"from https://.*downloads need {package}: pip install 'ktnlib\[data\]'; or put"
    ):
        fetch(record("https://example.org/x"), tmp_path / "c")


def test_two_processes_that_download_at_once_both_end_well(server, tmp_path):
    address = server.serve("/x", BODY, chunk=1024, wait=0.1)
    program = textwrap.dedent(f"""
        import sys
        from pathlib import Path
        from ktnlib.data import download
        from ktnlib.data.manifest import DataFile, DataSet, Upstream
        download.SCHEMES = ("http",)
        digest = {sha256(BODY)!r}
        file = DataFile("f.bin", digest, (Upstream({address!r}, {len(BODY)}, digest),), "f.bin", digest)
        toy = DataSet("toy", "t", "l", "c", "s", "", "keep", "", False, 1, (file,))
        sys.stdin.read(1)
        print(len(download.download(toy, file, Path({str(tmp_path / "c/f.bin")!r})).read_bytes()))
    """)
    both = [
        subprocess.Popen(
            [sys.executable, "-c", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for _ in range(2)
    ]
    results = [None, None]
    for process in both:
        process.stdin.write(b"g")
        process.stdin.flush()
    for place, process in enumerate(both):
        results[place] = process.communicate(timeout=120)
    assert [out.strip() for out, _ in results] == [str(len(BODY)).encode()] * 2, results
    assert left_behind(tmp_path / "c") == ["f.bin"]


def manifest_of(address: str) -> str:
    return f"""
[[set]]
name = "toy"
title = "t"
licence = "l"
citation = "c"
source = "s"
size = 1
files = [{{ path = "toy/f.bin", content = "{sha256(BODY)}", upstream = [["", "{address}", {len(BODY)},
"{sha256(BODY)}"]] }}]
"""


def test_a_set_is_downloaded_once_and_then_found(server, use_manifest):
    use_manifest(manifest_of(server.serve("/x", BODY)))
    assert obtain("toy").read_bytes() == obtain("toy").read_bytes() == BODY
    assert server.requests == ["/x"]


def test_a_damaged_cached_file_is_downloaded_again(server, use_manifest):
    use_manifest(manifest_of(server.serve("/x", BODY)))
    obtain("toy").write_bytes(BODY[:100])
    assert obtain("toy").read_bytes() == BODY
    assert len(server.requests) == 2


def test_nothing_is_downloaded_while_a_data_folder_is_named(server, use_manifest, monkeypatch, tmp_path):
    use_manifest(manifest_of(server.serve("/x", BODY)))
    (tmp_path / "own").mkdir()
    monkeypatch.setenv("KTNLIB_DATA", str(tmp_path / "own"))
    with pytest.raises(
        FileNotFoundError, match=rf"toy/f\.bin, of the set 'toy', is neither in KTNLIB_DATA=.*{server.base}/x"
    ):
        obtain("toy")
    assert server.requests == []


def test_a_damaged_file_in_the_readers_folder_is_refused_and_left_alone(
    server, use_manifest, monkeypatch, tmp_path
):
    use_manifest(manifest_of(server.serve("/x", BODY)))
    own = tmp_path / "own/toy/f.bin"
    own.parent.mkdir(parents=True)
    own.write_bytes(BODY[:-1])
    monkeypatch.setenv("KTNLIB_DATA", str(tmp_path / "own"))
    with pytest.raises(
        ValueError, match=rf"own/toy/f\.bin, of the set 'toy', is truncated or altered.*{sha256(BODY)}"
    ):
        obtain("toy")
    assert own.read_bytes() == BODY[:-1]


def test_a_set_of_several_files_wants_one_named():
    with pytest.raises(ValueError, match="`path` is None; the set 'mnist' has 4 files: name one of them"):
        obtain("mnist")


def test_only_looking_never_downloads(server, use_manifest):
    use_manifest(manifest_of(server.serve("/x", BODY)))
    with pytest.raises(FileNotFoundError, match="is not in the cache"):
        obtain("toy", may_download=False)
    assert server.requests == []
