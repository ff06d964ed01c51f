"""The manifest: complete, and parsed into records."""

import re

import pytest

from ktnlib.data.convert import CONVERTERS
from ktnlib.data.manifest import find_set, load_manifest
from ktnlib.data.networks import NETWORKS
from ktnlib.data.own_networks import TRAINED_BY


def test_every_set_says_what_it_is_who_made_it_and_how_to_get_it():
    for name, dataset in load_manifest().items():
        assert all((dataset.title, dataset.licence, dataset.citation, dataset.size)), name
        assert dataset.source.startswith("https://")
        assert dataset.ships + bool(dataset.by_hand) + dataset.downloadable == 1
        assert dataset.convert in CONVERTERS
        assert dataset.files
        assert dataset.checked or not dataset.downloadable


def test_every_file_has_a_content_hash_and_a_path_that_stays_below_its_folder():
    for dataset in load_manifest().values():
        for file in dataset.files:
            assert re.fullmatch("[0-9a-f]{64}", file.content)
            assert re.fullmatch("[0-9a-f]{64}", file.kept_content)
            for path in (file.path, file.kept):
                assert not path.startswith("/")
                assert ".." not in path.split("/")


def test_every_address_is_https_and_has_size_and_hash_or_an_unpacked_content():
    for dataset in load_manifest().values():
        for file in dataset.files:
            assert bool(file.upstream) == dataset.downloadable
            for upstream in file.upstream:
                assert upstream.address.startswith("https://")
                assert 0 < upstream.bytes < 20e6
                pickled = dataset.convert in ("torch-weights-only", "arrays-only")
                assert upstream.sha256 is None or re.fullmatch("[0-9a-f]{64}", upstream.sha256)
                assert upstream.sha256 is not None or not pickled


def test_a_raw_address_is_made_of_repository_commit_and_path():
    address = find_set("dncnn").files[0].upstream[0].address
    assert re.fullmatch(
        r"https://raw\.githubusercontent\.com/cszn/KAIR/[0-9a-f]{40}/model_zoo/dncnn_25\.pth", address
    )


def test_no_two_sets_keep_a_file_at_the_same_place():
    kept = [file.kept for dataset in load_manifest().values() for file in dataset.files]
    assert len(kept) == len(set(kept))


def test_every_network_is_a_set_or_has_a_command_that_trains_it():
    assert set(TRAINED_BY) <= set(NETWORKS)
    assert set(NETWORKS) - set(TRAINED_BY) <= set(load_manifest())


def test_an_unknown_set_lists_the_known():
    with pytest.raises(
        ValueError, match="`name` is 'mnist2'; wanted one of 'digits', 'painted-room', 'mnist'"
    ):
        find_set("mnist2")


def test_an_unknown_file_lists_the_known():
    with pytest.raises(ValueError, match=r"`path` is 'x'; the set 'digits' holds 'digits\.npz'"):
        find_set("digits").file("x")
