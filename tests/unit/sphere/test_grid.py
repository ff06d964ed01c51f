import math

import numpy as np
import pytest
import torch

from ktnlib.sphere import EquirectGrid

from . import rays
from .images import assert_close


@pytest.mark.parametrize(("height", "width"), [(1, 2), (6, 12), (7, 14), (5, 8)])
def test_pixel_centres_look_where_rays_do(height, width):
    grid = EquirectGrid(height, width)
    directions = rays.pixel_directions(height, width)
    assert_close(grid.latitudes, np.arcsin(directions[:, 0, 2]), 1e-14)
    assert_close(grid.polar_angles, np.arccos(directions[:, 0, 2]), 1e-14)
    middle = directions[height // 2]
    assert_close(grid.longitudes, np.arctan2(middle[:, 1], middle[:, 0]), 1e-14)


def test_rows_and_columns_are_whole_at_pixel_centres_and_half_at_the_edges():
    grid = EquirectGrid(9)
    assert grid.latitude_to_row(grid.latitudes).tolist() == list(range(9))
    assert grid.longitude_to_column(grid.longitudes).tolist() == list(range(18))
    poles = torch.tensor([math.pi / 2, -math.pi / 2], dtype=torch.float64)
    assert grid.latitude_to_row(poles).tolist() == [-0.5, 8.5]
    assert grid.longitude_to_column(2 * poles).tolist() == [17.5, -0.5]


def test_latitudes_and_longitudes_are_mirrored_to_the_last_bit():
    grid = EquirectGrid(37, 74)
    assert torch.equal(grid.latitudes, -grid.latitudes.flip(0))
    assert torch.equal(grid.longitudes, -grid.longitudes.flip(0))


@pytest.mark.parametrize(("height", "width"), [(1, 2), (7, 10), (64, 128)])
def test_solid_angles_of_all_pixels_fill_the_sphere(height, width):
    solid_angles = EquirectGrid(height, width).solid_angles
    assert float(solid_angles.sum() * width) == pytest.approx(4 * math.pi, rel=1e-13)
    upper = math.pi / 2 - math.pi / height
    assert float(solid_angles[0]) == pytest.approx(2 * math.pi / width * (1 - math.sin(upper)), rel=1e-9)


def test_grids_compare_by_their_numbers():
    assert EquirectGrid(4) == EquirectGrid(4, 8) != EquirectGrid(4, 6)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((0,), ValueError, "`height` is 0; wanted a whole number of at least 1"),
        ((-4, 8), ValueError, "`height` is -4"),
        ((4, 7), ValueError, "`width` is 7; wanted an even number.*use 8.*2\\*height = 8"),
        ((4, 0), ValueError, "`width` is 0"),
        ((4.0,), TypeError, "`height` is a float; wanted a whole number"),
    ],
)
@pytest.mark.usefixtures("as_a_user")
def test_impossible_grids_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        EquirectGrid(*arguments)
