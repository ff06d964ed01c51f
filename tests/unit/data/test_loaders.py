"""The loaders on a little data folder, and on the real one where there is one."""

import gzip

import numpy as np
import pytest
import torch
from PIL import Image

from ktnlib import data as ktn
from ktnlib.data.content import arrays_to_npz
from ktnlib.data.labelled import images_to_tensor, read_packed
from ktnlib.data.mnist import read_idx
from ktnlib.data.pictures import read_picture, shrink

from .conftest import idx, picture_bytes

SIZES = {  # training and test images in the little folder and in the real one
    "mnist": {"little": (3, 2), "real": (60_000, 10_000)},
    "gtsrb": {"little": (5, 2), "real": (7_740, 1_290)},
    "cifar10": {"little": (5, 2), "real": (8_000, 500)},
}


@pytest.mark.parametrize("name", SIZES)
def test_labelled_images_are_floats_from_0_to_1_with_whole_labels(data, name):
    images = getattr(ktn, name)()
    shape = (1, 28, 28) if name == "mnist" else (3, 32, 32)
    train, test = SIZES[name][data]
    assert images.train_images.shape == (train, *shape)
    assert images.test_images.shape == (test, *shape)
    assert images.train_images.dtype == torch.float32
    assert images.test_labels.dtype == torch.int64
    assert 0 <= images.train_images.min() < 0.1
    assert 0.9 < images.train_images.max() <= 1


def test_mnists_first_labels_are_the_well_known_ones(data):
    assert ktn.mnist().train_labels[:3].tolist() == [5, 0, 4]
    assert ktn.mnist().test_labels[:2].tolist() == [7, 2]


def test_the_digits_are_always_there():
    digits = ktn.digits()
    assert digits.train_images.shape == (1437, 1, 8, 8)
    assert digits.test_images.shape == (360, 1, 8, 8)
    # the first image of the published file: its third row is 0 3 15 2 0 11 8 0
    assert (16 * digits.train_images[0, 0, 2]).tolist() == [0, 3, 15, 2, 0, 11, 8, 0]
    assert digits.train_labels[:10].tolist() == list(range(10))


def test_records_of_images_can_not_be_changed():
    with pytest.raises(AttributeError, match="cannot assign to field"):
        ktn.digits().train_images = None


def test_colours_go_from_last_to_second_place():
    pixels = np.zeros((2, 4, 5, 3), np.uint8)
    pixels[1, 2, 3] = (255, 51, 0)
    assert images_to_tensor(pixels)[1, :, 2, 3].tolist() == pytest.approx([1.0, 0.2, 0.0])


@pytest.mark.parametrize("packed", [True, False])
def test_an_idx_file_is_read_packed_and_unpacked(tmp_path, packed):
    array = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    path = tmp_path / ("x.gz" if packed else "x")
    path.write_bytes(gzip.compress(idx(array)) if packed else idx(array))
    np.testing.assert_array_equal(read_idx(path), array)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is no idx file of bytes"),
        (b"\0\0\x0d\x01", "is no idx file of bytes"),
        (b"\0\0\x08\x02\0\0", r"has 6 bytes; its header speaks of an array \(\)"),
        (idx(np.zeros((2, 3), np.uint8))[:-1], r"has 17 bytes; its header speaks of an array \(2, 3\)"),
        (idx(np.zeros((2, 3), np.uint8)) + b"\0", r"has 19 bytes; its header speaks of an array \(2, 3\)"),
        (b"\0\0\x08\x03" + b"\xff" * 12, "its header speaks of an array"),
    ],
)
def test_an_idx_file_that_lies_is_refused(tmp_path, content, message):
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_idx(tmp_path / "x")


def test_your_own_packed_images_are_read(tmp_path):
    arrays = {"x_train": np.zeros((2, 32, 32, 3), np.uint8), "y_train": np.arange(2)}
    arrays |= {"x_test": np.zeros((1, 32, 32, 3), np.uint8), "y_test": np.arange(1)}
    (tmp_path / "own.npz").write_bytes(arrays_to_npz(arrays))
    assert ktn.gtsrb(path=tmp_path / "own.npz").train_labels.tolist() == [0, 1]
    assert ktn.cifar10(path=tmp_path / "own.npz").test_images.shape == (1, 3, 32, 32)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x_train": None}, "wanted x_train, y_train, x_test and y_test"),
        ({"x_test": np.zeros((1, 4, 4, 3))}, r"x_test of .* is float64 \(1, 4, 4, 3\)"),
        ({"x_train": np.zeros((2, 4, 4), np.uint8)}, r"x_train of .* is uint8 \(2, 4, 4\)"),
        ({"y_test": np.arange(5)}, r"with labels int64 \(5,\); wanted uint8"),
        ({"y_test": np.array([0.5])}, r"with labels float64 \(1,\); .* one whole number an image"),
    ],
)
def test_packed_images_of_another_form_are_refused(tmp_path, change, message):
    arrays = {"x_train": np.zeros((2, 4, 4, 3), np.uint8), "y_train": np.arange(2)}
    arrays |= {"x_test": np.zeros((1, 4, 4, 3), np.uint8), "y_test": np.arange(1)} | change
    (tmp_path / "own.npz").write_bytes(arrays_to_npz({k: v for k, v in arrays.items() if v is not None}))
    with pytest.raises(ValueError, match=message):
        read_packed(tmp_path / "own.npz")


@pytest.mark.parametrize(
    "load", [ktn.mnist, ktn.gtsrb, ktn.cifar10, ktn.lens_psf, ktn.imagenet_samples, ktn.imagenet_classes]
)
def test_without_data_the_error_names_the_file_and_the_variable(load, monkeypatch, tmp_path):
    monkeypatch.setenv("KTNLIB_DATA", str(tmp_path))
    with pytest.raises(
        FileNotFoundError, match=r"is neither in KTNLIB_DATA=.* nor in the cache .*; put it at"
    ):
        load()


@pytest.mark.parametrize("load", [ktn.mnist, ktn.gtsrb, ktn.panoramas])
def test_a_relative_data_folder_is_refused_by_every_loader(load, monkeypatch):
    monkeypatch.setenv("KTNLIB_DATA", "../data")
    with pytest.raises(ValueError, match=r"`KTNLIB_DATA` is '\.\./data', a relative path"):
        load()


def test_the_painted_room_comes_first_and_alone_without_data():
    rooms = ktn.panoramas()
    assert rooms.names == ("painted_room",)
    name, room = rooms[0]
    assert (name, room.shape, room.dtype) == ("painted_room", (1, 3, 512, 1024), torch.float32)
    assert 0 <= room.min() < room.max() <= 1


def test_the_painted_room_looks_the_way_its_walls_are_painted():
    room = ktn.panoramas()[0][1][0]
    # blue wall ahead, bricks to the east, ochre behind, sage to the west
    blue, brick, ochre, sage = (
        room[:, row, column] for row, column in ((205, 640), (205, 690), (225, 10), (225, 148))
    )
    assert blue.argmax() == 2
    assert brick.argmax() == ochre.argmax() == 0
    assert sage.argmax() == 1
    assert ochre[1] > brick[1] + 0.1


def test_the_painted_room_has_no_seam():
    room = ktn.panoramas()[0][1]
    # the word runs over the seam, so that a letter's edge may lie on it: the median step, not the mean
    across = (room[..., 0] - room[..., -1]).abs().median()
    inside = (room[..., 1:] - room[..., :-1]).abs().mean()
    assert across < inside


def test_photographs_follow_the_room_where_they_are_at_hand(data):
    rooms = ktn.panoramas(height=32)
    assert len(rooms) == {"little": 3, "real": 31}[data]
    for name, picture in rooms[:3]:
        assert picture.shape == (1, 3, 32, 64), name
    assert list(rooms.names)[:2] == [
        "painted_room",
        {"little": "meadow", "real": "adams_place_bridge_1k"}[data],
    ]
    assert rooms[-1][0] == rooms.names[-1]
    assert "panoramas of height 32: painted_room" in repr(rooms)
    with pytest.raises(IndexError):
        rooms[99]


def test_cached_photographs_are_listed_and_checked_when_read(tmp_path):
    kept = tmp_path / "cache/panoramas/ldr1k/pmndrs_park.png"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(picture_bytes(512, "PNG"))
    assert ktn.panoramas().names == ("painted_room", "pmndrs_park")


def test_a_height_is_an_average_over_whole_blocks():
    room, small = ktn.panoramas()[0][1], ktn.panoramas(height=128)[0][1]
    assert small[0, :, 5, 9].tolist() == pytest.approx(
        room[0, :, 20:24, 36:40].mean(dim=(1, 2)).tolist(), abs=1e-6
    )


def test_a_height_that_does_not_divide_lists_those_that_do():
    with pytest.raises(
        ValueError, match="`height` is 100; 'painted_room' has 512 rows: wanted one of 512, 256, 128"
    ):
        ktn.panoramas(height=100)[0]
    with pytest.raises(ValueError, match="`height` is 1024; 'painted_room' has 512 rows"):
        ktn.panoramas(height=1024)[0]
    with pytest.raises(ValueError, match="`height` is -1; wanted a whole number of at least 1"):
        ktn.panoramas(height=-1)
    with pytest.raises(ValueError, match="`sets` is 'mnist'; wanted one of 'painted-room', 'panoramas'"):
        ktn.panoramas(sets=("mnist",))


def test_a_picture_of_odd_shape_is_not_stretched():
    with pytest.raises(ValueError, match="`height` is 2; 'x' has 4 rows: wanted one of 4"):
        shrink(torch.zeros(1, 3, 4, 7), height=2, name="x")


@pytest.mark.parametrize("kept", [0, 10, 0.5, 0.95])
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_truncated_picture_is_refused(tmp_path, kept, kind):
    whole = picture_bytes(64, kind)
    (tmp_path / "x").write_bytes(whole[: kept if isinstance(kept, int) else int(kept * len(whole))])
    with pytest.raises(ValueError, match="can't be read as a picture"):
        read_picture(tmp_path / "x")


def test_a_grey_picture_becomes_three_equal_channels(tmp_path):
    Image.fromarray(np.arange(8, dtype=np.uint8).reshape(2, 4)).save(tmp_path / "x.png")
    picture = read_picture(tmp_path / "x.png")
    assert picture.shape == (1, 3, 2, 4)
    assert (255 * picture[0, :, 1, 3]).tolist() == [7, 7, 7]


def test_imagenets_samples_carry_their_class(data):
    samples = ktn.imagenet_samples()
    assert len(samples) == {"little": 2, "real": 500}[data]
    name, image, label = samples[1]
    assert (name, label) == ("0004_n01494475", 4) if data == "little" else label == 2
    assert image.shape[:2] == (1, 3)
    assert ktn.imagenet_classes()[1].startswith("goldfish")
    assert len(samples[:1]) == 1


@pytest.mark.parametrize("load", [ktn.gtsrb, ktn.cifar10])
def test_your_own_file_that_is_no_npz_is_refused(load, tmp_path):
    (tmp_path / "own.npz").write_bytes(b"<html>")
    with pytest.raises(ValueError, match=r"own\.npz can't be read as \.npz without pickles"):
        load(path=tmp_path / "own.npz")
    np.savez(tmp_path / "own.npz", x_train=np.array([{}], dtype=object))
    with pytest.raises(ValueError, match=r"own\.npz can't be read as \.npz without pickles"):
        load(path=tmp_path / "own.npz")


def test_a_folder_without_photographs_is_refused(tmp_path):
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(FileNotFoundError, match=r"there is no \.jpg in .*; wanted photographs like"):
            ktn.imagenet_samples(folder=folder)


def test_photographs_without_a_class_in_their_name_are_refused(tmp_path):
    (tmp_path / "cat.jpg").write_bytes(b"")
    with pytest.raises(
        ValueError, match=r"cat\.jpg doesn't say its class; wanted a name like 0002_n01484850\.jpg"
    ):
        ktn.imagenet_samples(folder=tmp_path)


def test_the_lens_spreads_light_without_losing_any(data):
    psf = ktn.lens_psf()
    assert psf.shape == (9, 12, 3, 25, 25)
    assert (psf.sum(dim=(-2, -1)) - 1).abs().max() < 1e-4


def test_the_running_digit_is_a_five_in_the_middle_of_28_pixels():
    five = ktn.running_digit()
    assert five.shape == (1, 1, 28, 28)
    assert 0 <= five.min() <= five.max() <= 1
    assert five[..., :3, :].max() == five[..., -3:, :].max() == 0
    rows = torch.arange(28.0)
    middle = [(five[0, 0].sum(dim) * rows).sum() / five.sum() for dim in (1, 0)]
    assert all(abs(place - 13.5) < 1.5 for place in middle)


def test_the_letter_is_a_w_that_turns_into_an_m():
    w = ktn.letter_w()
    assert w.shape == (1, 1, 5, 5)
    assert set(w.unique().tolist()) == {0.0, 1.0}
    assert torch.equal(w, w.flip(3))
    m = torch.rot90(w, 2, (2, 3))
    assert m[0, 0, 1].tolist() == [1, 1, 0, 1, 1]
    assert m[0, 0, 4].tolist() == [1, 0, 0, 0, 1]
