import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ktnlib.alignment import compose, invert, rotation, shear, shift, zoom


def moved(matrix, x, y):
    return (matrix @ torch.tensor([x, y, 1.0], dtype=torch.float64)).tolist()


def test_a_quarter_turn_takes_right_to_up_and_up_to_left():
    assert moved(rotation(math.pi / 2), 1, 0) == pytest.approx([0, -1], abs=1e-15)
    assert moved(rotation(math.pi / 2), 0, -1) == pytest.approx([-1, 0], abs=1e-15)


def test_zoom_shear_and_shift_do_what_they_say():
    assert moved(zoom(2.0), 3, -4) == [6, -8]
    assert moved(shear(0.5), 1, 4) == [3, 4]
    assert moved(shift(7, -2), 1, 1) == [8, -1]


def test_composing_does_the_first_map_first():
    assert moved(compose(zoom(2.0), shift(3, 0)), 0, 0) == [6, 0]
    assert moved(compose(shift(3, 0), zoom(2.0)), 0, 0) == [3, 0]


@settings(max_examples=50, deadline=None)
@given(st.floats(-7, 7), st.floats(0.2, 5), st.floats(-2, 2), st.floats(-9, 9))
def test_a_map_and_its_inverse_cancel(angle, factor, amount, right):
    h = compose(shift(right, 1.0), compose(rotation(angle), compose(shear(amount), zoom(factor))))
    identity = torch.eye(2, 3, dtype=torch.float64)
    torch.testing.assert_close(compose(invert(h), h), identity, atol=1e-11, rtol=0)
    torch.testing.assert_close(compose(h, invert(h)), identity, atol=1e-11, rtol=0)


def test_matrices_are_float64_and_two_by_three():
    for matrix in (rotation(1.0), zoom(2.0), shear(0.3), shift(1, 2), compose(zoom(2.0), zoom(3.0))):
        assert matrix.shape == (2, 3)
        assert matrix.dtype == torch.float64


@pytest.mark.parametrize(
    ("make", "argument", "message"),
    [
        (rotation, math.nan, "`angle` is nan"),
        (shear, math.inf, "`amount` is inf"),
        (zoom, 0.0, "`factor` is 0; wanted more than 0$"),
        (zoom, -1.0, "`factor` is -1; wanted more than 0"),
    ],
)
def test_a_map_out_of_range_is_refused_by_name(make, argument, message):
    with pytest.raises(ValueError, match=message):
        make(argument)


@pytest.mark.parametrize("name", ["right", "down"])
def test_a_shift_of_nothing_known_is_refused_by_name(name):
    with pytest.raises(ValueError, match=f"`{name}` is nan; wanted a finite number"):
        shift(**{"right": 0.0, "down": 0.0} | {name: math.nan})


@pytest.mark.parametrize(
    ("wrong", "given"),
    [
        (torch.eye(3).double(), r"\(3, 3\), torch.float64"),
        (zoom(2.0).float(), "torch.float32"),
        ([1.0], "list"),
    ],
)
@pytest.mark.usefixtures("as_a_user")
def test_what_is_no_matrix_is_refused_by_name(wrong, given):
    with pytest.raises(ValueError, match=rf"`matrix` is .*{given}; wanted a \(2, 3\) float64 tensor"):
        invert(wrong)
    with pytest.raises(ValueError, match=f"`second` is .*{given}"):
        compose(wrong, zoom(2.0))
    with pytest.raises(ValueError, match=f"`first` is .*{given}"):
        compose(zoom(2.0), wrong)


def test_a_map_that_flattens_the_plane_cannot_be_undone():
    flat = torch.tensor([[1.0, 2.0, 0.0], [2.0, 4.0, 0.0]], dtype=torch.float64)
    with pytest.raises(ValueError, match="`matrix` has determinant 0; wanted an invertible map"):
        invert(flat)
    with pytest.raises(ValueError, match="`matrix` has determinant nan"):
        invert(torch.full((2, 3), math.nan, dtype=torch.float64))
