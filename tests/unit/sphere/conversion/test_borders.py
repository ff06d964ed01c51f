import pytest
import torch
from torch.nn import functional

from ktnlib.sphere.baselines.direct import pad_sphere
from ktnlib.sphere.conversion.borders import pad_map

from ..images import assert_close, noise


@pytest.mark.parametrize("sides", [(1, 1, 1, 1), (3, 3, 5, 5), (9, 9, 11, 11), (0, 0, 2, 2), (2, 2, 0, 0)])
def test_a_sphere_goes_on_as_its_rows_and_columns_do(sides):
    x = noise(2, 3, 4, 8)
    rows, columns = sides[0], sides[2]
    assert_close(pad_map(x, sides, border="sphere"), pad_sphere(x, rows, columns), 0)


@pytest.mark.parametrize("border", ["sphere", "wrap", "zero"])
def test_uneven_sides_are_part_of_even_ones_and_negative_ones_cut(border):
    x = noise(1, 2, 4, 8)
    wide = pad_map(x, (3, 3, 3, 3), border=border, value=7.0)
    assert_close(pad_map(x, (2, 1, 3, 0), border=border, value=7.0), wide[:, :, 1:8, :11], 0)
    assert_close(pad_map(x, (0, -1, 1, -2), border=border, value=7.0), wide[:, :, 3:6, 2:9], 0)


def test_beyond_what_goes_on_stands_a_value_or_the_outermost_pixels():
    x = noise(1, 1, 4, 8)
    assert_close(pad_map(x, (1, 2, 3, 1), border="zero"), functional.pad(x, (3, 1, 1, 2)), 0)
    edge = functional.pad(x, (3, 1, 1, 2), mode="replicate")
    assert_close(pad_map(x, (1, 2, 3, 1), border="zero", value=None), edge, 0)
    around = torch.cat([x[..., -1:], x, x[..., :1]], dim=-1)
    assert_close(
        pad_map(x, (1, 1, 1, 1), border="wrap", value=5.0), functional.pad(around, (0, 0, 1, 1), value=5.0), 0
    )
