import math

import pytest
import torch
import traitlets

from ktnlib.sphere import tangent_taps
from ktnlib.widgets.tangent_taps import TangentTaps


def test_the_picture_is_small():
    assert len(TangentTaps().picture) <= 40_000


def test_the_first_state_is_a_fan_that_has_not_crossed_the_pole():
    widget = TangentTaps()
    height = widget.grid_height
    columns = tangent_taps(height, 2 * height, 3, spacing=widget.spacing * math.pi / height).columns
    widest = columns.abs().amax(dim=1)
    assert 2 * widest[height // 2] < widest[widget.row] < height / 2


@pytest.mark.parametrize("height", [16, 32, 64, 512])
def test_only_the_first_and_last_row_cross_as_the_description_says(height):
    past = (tangent_taps(height, 2 * height, 3).columns.abs() > height / 2).sum(dim=1)
    assert past.nonzero().flatten().tolist() == [0, height - 1]
    assert past[0] == past[-1] == 3
    assert "only the first and the last row" in TangentTaps().description
    assert "three of them" in TangentTaps().description


@pytest.mark.parametrize(
    ("name", "value"), [("grid_height", 20), ("row", -1), ("spacing", 0.0), ("tap", 9), ("column", -3)]
)
def test_states_that_cannot_be_shown_are_refused(name, value):
    with pytest.raises(traitlets.TraitError, match=name):
        TangentTaps(torch.zeros(1, 3, 8, 16), **{name: value})


def test_what_is_no_panorama_is_refused():
    with pytest.raises(ValueError, match=r"`panorama` is 8 x 15 pixels"):
        TangentTaps(torch.zeros(1, 3, 8, 15))
