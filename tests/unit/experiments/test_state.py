import math
from collections import namedtuple

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ktnlib.experiments.state import pack, unpack

TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=3) | st.integers(), inner, max_size=3)
    ),
    max_leaves=12,
)


@settings(max_examples=100, deadline=None)
@given(TREES)
def test_a_tree_comes_back_as_it_was(tree):
    assert repr(unpack(pack(tree))) == repr(tree)


def test_arrays_and_tensors_come_back_with_every_bit():
    arrays = {
        "float": np.array([0.1, -0.0, math.inf, math.nan]),
        "half": np.arange(3, dtype=np.float16),
        "bytes": np.frombuffer(b"\0\xff", np.uint8),
        "scalar": np.array(3.5, dtype=np.float32),
        "empty": np.zeros((0, 4)),
    }
    back = unpack(pack({**arrays, "tensor": torch.arange(6.0).view(2, 3).T, "step": torch.tensor(4.0)}))
    for name, array in arrays.items():
        assert back[name].tobytes() == array.tobytes()
        assert (back[name].dtype, back[name].shape) == (array.dtype, array.shape)
    assert torch.equal(torch.from_numpy(back["tensor"]), torch.arange(6.0).view(2, 3).T)
    assert back["step"].shape == ()


def test_a_named_tuple_comes_back_as_a_plain_one():
    assert unpack(pack(namedtuple("Place", "row column")(1, 2))) == (1, 2)
    assert unpack(pack(torch.Size([2, 3]))) == (2, 3)


@pytest.mark.parametrize("value", [object(), {1, 2}, np.array([object()])])
def test_what_only_a_pickle_could_hold_is_refused(value):
    with pytest.raises(TypeError, match=r"a checkpoint cannot hold a .*; wanted numbers, strings, None"):
        pack({"x": value})


def test_a_damaged_checkpoint_is_refused_whatever_is_wrong_with_it():
    whole = pack({"x": np.arange(300.0), "y": [1, 2]})
    middle = len(whole) // 2
    damaged = [
        b"",
        b"no zip",
        whole[:-1],
        whole[:middle],
        whole[1:],
        whole[:middle] + b"\xff" * 9 + whole[middle + 9 :],
    ]
    for content in damaged:
        with pytest.raises(ValueError, match="no checkpoint, or a damaged one"):
            unpack(content)


def test_a_file_with_a_pickle_inside_is_not_opened(tmp_path):
    np.savez(tmp_path / "evil.npz", tree=np.array([{"a": 1}], dtype=object))
    with pytest.raises(ValueError, match="no checkpoint, or a damaged one"):
        unpack((tmp_path / "evil.npz").read_bytes())
