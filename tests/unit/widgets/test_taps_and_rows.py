import io
import math

import numpy as np
import pytest
import torch
import traitlets
from parity_rows import EAST, continued
from PIL import Image
from torch.nn.functional import avg_pool2d, conv2d

from ktnlib.sphere import EquirectGrid, tangent_conv2d
from ktnlib.widgets.taps_and_rows import TapsAndRows


@pytest.fixture(scope="module")
def maps():
    """(direct, exact) of the eastward edge filter, at 64 rows, on the picture the widget carries."""
    pixels = np.asarray(Image.open(io.BytesIO(TapsAndRows().picture)).convert("RGB"), dtype=float)
    grey = avg_pool2d(torch.from_numpy(pixels).mean(dim=-1)[None, None] / 255, 4)
    return conv2d(continued(grey), EAST[None, None])[0, 0], tangent_conv2d(grey, EAST[None, None])[0, 0]


def test_the_picture_is_small():
    assert len(TapsAndRows().picture) <= 40_000


def test_direct_convolution_is_off_by_half_from_60_degrees_on_as_the_description_says(maps):
    direct, exact = maps
    error = (direct - exact).norm(dim=1) / exact.norm(dim=1)
    latitudes = EquirectGrid(64).latitudes
    north = error[:32]
    first = math.degrees(latitudes[:32][north > 0.5].min())
    assert abs(first - 60) < 180 / 64 + 1
    assert bool((north[latitudes[:32] > latitudes[:32][north > 0.5].min()] > 0.5).all())
    assert error[30:34].max() < 0.01
    assert error[[0, -1]].min() > 0.9
    assert "from about 60 degrees on" in TapsAndRows().description


def test_the_first_state_is_on_an_edge_that_the_two_answer_differently(maps):
    widget = TapsAndRows()
    direct, exact = (plane[widget.row, widget.column].item() for plane in maps)
    assert widget.angle_deg == 0
    assert abs(exact) > 0.2
    assert abs(direct) < abs(exact) / 2


@pytest.mark.parametrize(
    ("name", "value"),
    [("grid_height", 128), ("row", -1), ("every", 5), ("shown", "projected"), ("angle_deg", 360)],
)
def test_states_that_cannot_be_shown_are_refused(name, value):
    with pytest.raises(traitlets.TraitError, match=name):
        TapsAndRows(torch.zeros(1, 3, 8, 16), **{name: value})


def test_what_is_no_panorama_is_refused():
    with pytest.raises(ValueError, match=r"`panorama` is 8 x 15 pixels"):
        TapsAndRows(torch.zeros(1, 3, 8, 15))
