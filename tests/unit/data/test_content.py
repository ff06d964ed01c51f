"""Hashes of content, not of packing."""

import errno
import gzip
import hashlib
import io

import numpy as np
import pytest
from PIL import Image

from ktnlib.data.content import arrays_to_npz, content_sha256, read_npz
from ktnlib.shipped import shipped

ARRAYS = {"b": np.arange(6, dtype=np.float32).reshape(2, 3), "a": np.array([1, 2], np.int16)}


def write(path, content):
    path.write_bytes(content)
    return path


def test_a_gzip_file_is_known_by_what_it_unpacks_to(tmp_path):
    plain = b"digits" * 100
    fast, small = (write(tmp_path / f"{n}.gz", gzip.compress(plain, n, mtime=n)) for n in (1, 9))
    assert content_sha256(fast) == content_sha256(small) == hashlib.sha256(plain).hexdigest()


def test_arrays_are_known_by_names_types_shapes_and_values_in_any_order_and_packing(tmp_path):
    first = write(tmp_path / "first.npz", arrays_to_npz(ARRAYS))
    np.savez(tmp_path / "second.npz", **dict(reversed(ARRAYS.items())))
    assert content_sha256(first) == content_sha256(tmp_path / "second.npz")
    for other in (
        ARRAYS | {"a": ARRAYS["a"] + 1},
        ARRAYS | {"a": ARRAYS["a"].astype("u2")},
        {"a": ARRAYS["a"]},
        ARRAYS | {"b": ARRAYS["b"].T.copy()},
    ):
        assert content_sha256(write(tmp_path / "other.npz", arrays_to_npz(other))) != content_sha256(first)


def test_the_hash_of_arrays_is_the_one_that_was_written_down(tmp_path):
    one = write(tmp_path / "one.npz", arrays_to_npz({"x": np.array([1, 2], "<u2")}))
    inner = hashlib.sha256(b"x <u2 (2,)\n" + b"\x01\x00\x02\x00").digest()
    assert content_sha256(one) == hashlib.sha256(inner).hexdigest()


def test_a_png_is_known_by_its_pixels(tmp_path):
    image = Image.fromarray(np.arange(48, dtype=np.uint8).reshape(4, 4, 3))
    for level in (0, 9):
        image.save(tmp_path / f"{level}.png", compress_level=level)
    assert (tmp_path / "0.png").read_bytes() != (tmp_path / "9.png").read_bytes()
    assert content_sha256(tmp_path / "0.png") == content_sha256(tmp_path / "9.png")


def test_a_folder_is_known_by_its_files_and_their_names(tmp_path):
    (tmp_path / "pictures").mkdir()
    for name in ("b.jpg", "a.jpg"):
        write(tmp_path / "pictures" / name, name.encode())
    lines = "".join(f"{hashlib.sha256(n.encode()).hexdigest()} {n}\n" for n in ("a.jpg", "b.jpg"))
    assert content_sha256(tmp_path / "pictures") == hashlib.sha256(lines.encode()).hexdigest()


def test_equal_arrays_give_equal_bytes_and_come_back_as_they_were(tmp_path):
    assert arrays_to_npz(ARRAYS) == arrays_to_npz(ARRAYS)
    back = read_npz(write(tmp_path / "x.npz", arrays_to_npz(ARRAYS)))
    assert list(back) == list(ARRAYS)
    np.testing.assert_array_equal(back["b"], ARRAYS["b"])


@pytest.mark.parametrize("kept", [0, 1, 100, 0.5, 0.99])
@pytest.mark.parametrize("name", ["digits.npz", "painted_room.png"])
def test_a_truncated_file_never_passes(tmp_path, name, kept):
    whole = shipped(name).read_bytes()
    part = write(tmp_path / name, whole[: kept if isinstance(kept, int) else int(kept * len(whole))])
    with pytest.raises(ValueError, match="is damaged"):
        content_sha256(part)


def test_a_file_that_is_not_what_its_name_says_is_damaged(tmp_path):
    for ending in ("npz", "png", "gz"):
        with pytest.raises(ValueError, match=f"is damaged: it can't be read as .{ending}"):
            content_sha256(write(tmp_path / f"x.{ending}", b"<html>please log in</html>"))


def test_pickled_arrays_are_refused(tmp_path):
    np.savez(tmp_path / "x.npz", x=np.array([{}], dtype=object))
    with pytest.raises(ValueError, match="is damaged"):
        content_sha256(tmp_path / "x.npz")


@pytest.mark.parametrize("name", ["x.bin", "x.gz", "x.npz", "x.png"])
def test_a_disk_that_refuses_is_not_taken_for_damage(tmp_path, monkeypatch, name):
    write(tmp_path / name, b"whole")

    def refuse(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied", name)

    for place in ("builtins.open", "io.open", "pathlib.io.open"):
        monkeypatch.setattr(place, refuse)
    with pytest.raises(PermissionError, match="Permission denied"):
        content_sha256(tmp_path / name)


def test_nothing_there_is_said(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing lies at"):
        content_sha256(tmp_path / "x")


def test_the_shipped_digits_are_the_well_known_1797():
    archive = np.load(io.BytesIO(shipped("digits.npz").read_bytes()), allow_pickle=False)
    with archive:
        assert archive["images"].shape == (1797, 8, 8)
        assert archive["images"].dtype == archive["labels"].dtype == np.uint8
        assert archive["images"].max() == 16
        assert np.bincount(archive["labels"]).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
