"""Converters against statements of the formats made here, value by value."""

import gzip
import io
import struct

import numpy as np
import pytest
import torch

from ktnlib.data import convert as module
from ktnlib.data.content import read_npz
from ktnlib.data.convert import DARKNET, convert


def arrays(tmp_path, packed: bytes) -> dict[str, np.ndarray]:
    (tmp_path / "x.npz").write_bytes(packed)
    return read_npz(tmp_path / "x.npz")


def test_what_is_kept_as_it_is_does_not_change():
    assert convert("keep", [b"abc"]) == b"abc"


def test_gzip_is_unpacked_and_damage_refused():
    packed = gzip.compress(b"abc" * 1000)
    assert convert("gunzip", [packed]) == b"abc" * 1000
    for damaged in (packed[:-9], packed[:5], b"abc", packed[:20] + b"\0\0" + packed[22:]):
        with pytest.raises(ValueError, match="the published file is not what 'gunzip' reads"):
            convert("gunzip", [damaged])


def test_a_gzip_file_that_unpacks_without_end_is_refused(monkeypatch):
    monkeypatch.setattr(module, "LARGEST", 1000)
    with pytest.raises(ValueError, match="unpacks to more than 1,000 bytes"):
        convert("gunzip", [gzip.compress(bytes(1001))])


def darknet_file() -> tuple[bytes, bytes, list[dict]]:
    """A Tiny Darknet written number by number, and the parts it was written from."""
    generator, layers = np.random.default_rng(3), []
    stream = io.BytesIO()
    stream.write(struct.pack("<4i", 0, 1, 0, 7))
    for number, (inputs, outputs, size) in enumerate(DARKNET):
        parts = {"b": generator.normal(size=outputs)}
        if number < len(DARKNET) - 1:
            parts |= {"g": generator.normal(size=outputs), "m": generator.normal(size=outputs)}
            parts["v"] = generator.uniform(0.5, 2, outputs)
        parts["k"] = generator.normal(size=(outputs, inputs, size, size))
        layers.append({key: value.astype("<f4") for key, value in parts.items()})
        stream.writelines(part.tobytes() for part in layers[-1].values())
    synsets = [f"n{code:08d}" for code in generator.permutation(2000)[:1000]]
    return stream.getvalue(), "\n".join([*synsets, "n99999999"]).encode(), layers


def test_darknet_answers_as_convolution_then_batch_norm_did(tmp_path):
    weights, labels, layers = darknet_file()
    folded = arrays(tmp_path, convert("darknet", [weights, labels]))
    picture = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    first = {key: torch.from_numpy(value.astype(np.float64)) for key, value in layers[0].items()}
    plain = torch.nn.functional.conv2d(picture, first["k"], padding=1)
    shift, scale = (value[:, None, None] for value in (first["m"], first["v"].sqrt() + 1e-6))
    wanted = (plain - shift) / scale * first["g"][:, None, None] + first["b"][:, None, None]
    got = torch.nn.functional.conv2d(
        picture,
        torch.from_numpy(folded["conv00.weight"]).double(),
        torch.from_numpy(folded["conv00.bias"]).double(),
        padding=1,
    )
    assert (got - wanted).abs().max() < 1e-5
    np.testing.assert_array_equal(folded["conv15.weight"], layers[15]["k"])
    np.testing.assert_array_equal(folded["conv15.bias"], layers[15]["b"])


def test_darknets_classes_are_mapped_to_their_sorted_order(tmp_path):
    weights, labels, _ = darknet_file()
    places = arrays(tmp_path, convert("darknet", [weights, labels]))["class_to_sorted_synset"]
    synsets = labels.decode().split()[:1000]
    back = [""] * 1000
    for own, place in enumerate(places):
        back[place] = synsets[own]
    assert back == sorted(synsets)


def test_a_darknet_of_another_length_is_refused():
    weights, labels, _ = darknet_file()
    with pytest.raises(ValueError, match="a Tiny Darknet has 1,046,488 numbers, this file 1,046,489"):
        convert("darknet", [weights + bytes(4), labels])
    with pytest.raises(ValueError, match=r"cannot reshape"):
        convert("darknet", [weights[:-4], labels])


def test_a_run_of_halves_is_cut_into_layers(tmp_path):
    run = np.random.default_rng(4).normal(size=1_235_496).astype("<f2")
    cut = arrays(tmp_path, convert("half-run", [run.tobytes()]))
    assert list(cut)[:3] == ["conv1.weight", "conv1.bias", "fire2/squeeze1x1.weight"]
    np.testing.assert_array_equal(cut["conv1.weight"][1, 0, 0], run[27:30])
    np.testing.assert_array_equal(cut["conv10.bias"], run[-1000:])
    assert sum(array.size for array in cut.values()) == run.size
    with pytest.raises(ValueError, match=r"a SqueezeNet 1\.1 has 1,235,496 numbers, this file 1,235,497"):
        convert("half-run", [run.tobytes() + b"\0\0"])


def test_a_checkpoints_tensors_come_out_under_their_plain_names(tmp_path):
    state = {"module.conv.weight": torch.arange(4.0), "module.bn.num_batches_tracked": torch.tensor(3)}
    for saved in ({"state_dict": state, "best": 1}, state):
        stream = io.BytesIO()
        torch.save(saved, stream)
        got = arrays(tmp_path, convert("torch-weights-only", [stream.getvalue()]))
        assert list(got) == ["conv.weight"]
        np.testing.assert_array_equal(got["conv.weight"], np.arange(4, dtype=np.float32))


class Malicious:
    def __reduce__(self):
        return print, ("run by a pickle",)


def test_a_checkpoint_that_asks_for_more_than_tensors_is_refused(capsys):
    stream = io.BytesIO()
    torch.save({"x": Malicious()}, stream)
    with pytest.raises(ValueError, match="the published file is not what 'torch-weights-only' reads"):
        convert("torch-weights-only", [stream.getvalue()])
    assert capsys.readouterr().out == ""


def object_npy(value: object) -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.array(value, dtype=object), allow_pickle=True)
    return stream.getvalue()


def test_the_lens_is_read_out_of_its_dictionary(tmp_path):
    grid = np.random.default_rng(0).random((2, 3, 5, 5, 3), dtype=np.float32)
    got = arrays(tmp_path, convert("arrays-only", [object_npy({"psf_matrix": grid, "psfs": [1]})]))
    assert list(got) == ["psf"]
    np.testing.assert_array_equal(got["psf"], grid)


@pytest.mark.parametrize("value", [{"psf_matrix": Malicious()}, {"other": 1}, 5])
def test_a_lens_with_anything_but_arrays_is_refused(value, capsys):
    with pytest.raises(ValueError, match="is not what 'arrays-only' reads"):
        convert("arrays-only", [object_npy(value)])
    assert capsys.readouterr().out == ""


def test_a_lens_that_is_no_npy_is_refused():
    with pytest.raises(ValueError, match=r"the file is no \.npy of version 1\.0"):
        convert("arrays-only", [b"\x80\x03N."])


def test_an_unknown_converter_lists_the_known():
    with pytest.raises(ValueError, match="`convert` is 'unzip'; wanted one of 'keep', 'gunzip', 'darknet'"):
        convert("unzip", [b""])
