import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ktnlib.sphere import EquirectGrid, TapTable, tangent_taps

from . import rays
from .images import assert_close, noise

CASES = [  # height, width, kernel, spacing, stride
    (6, 12, 3, None, 1),
    (7, 14, 5, 0.3, 1),
    (1, 2, 3, None, 1),
    (8, 16, 3, None, 2),
    (8, 16, 2, None, 2),
    (9, 18, (1, 5), 1.5, 3),
    (8, 12, (4, 3), None, 2),
]


@pytest.mark.parametrize(("height", "width", "kernel", "spacing", "stride"), CASES, ids=str)
def test_taps_lie_on_the_rays_through_the_plane(height, width, kernel, spacing, stride):
    table = tangent_taps(height, width, kernel, spacing=spacing, stride=stride)
    kernel = kernel if isinstance(kernel, tuple) else (kernel, kernel)
    down, right = np.meshgrid(
        *((np.arange(side) - (side - 1) / 2) * (spacing or 2 * np.pi / width) for side in kernel),
        indexing="ij",
    )
    for i in range(height // stride):
        latitude = np.pi / 2 - (i + 0.5) * np.pi * stride / height
        taps = rays.plane_rays(rays.camera(0.0, latitude), right, down).reshape(-1, 3)
        x, y, z = taps.T / np.linalg.norm(taps, axis=1)
        rows, columns = (
            np.arctan2(np.hypot(x, y), z) * height / np.pi - 0.5,
            np.arctan2(y, x) * width / 2 / np.pi,
        )
        assert_close(table.rows[i], rows, 1e-10)
        apart = (table.columns[i] - torch.as_tensor(columns)).remainder(width)
        assert_close(torch.minimum(apart, width - apart), torch.zeros(len(rows)), 1e-10)


@pytest.mark.parametrize("height", [1, 2, 9, 64])
def test_the_middle_tap_of_an_odd_kernel_is_the_pixel_itself(height):
    table = tangent_taps(height, 2 * height, 5)
    assert table.rows[:, 12].tolist() == list(range(height))
    assert table.columns[:, 12].tolist() == [0.0] * height


@given(st.integers(1, 12), st.sampled_from([1, 3, 5]), st.sampled_from([1, 2]), st.floats(0.01, 3))
def test_the_pattern_is_mirrored_north_south_and_east_west(half_height, side, stride, spacing):
    table = tangent_taps(2 * half_height, 4 * half_height, side, spacing=spacing, stride=stride)
    shape = (2 * half_height // stride, side, side)
    rows, columns = table.rows.view(shape), table.columns.view(shape)
    assert_close(rows.flip(0, 1), 2 * half_height - 1 - rows, 1e-9)
    assert_close(columns.flip(0, 1), columns, 1e-9)
    assert_close(rows.flip(2), rows, 1e-9)
    back_is_back = (columns.flip(2) + columns).remainder(4 * half_height)
    assert_close(torch.minimum(back_is_back, 4 * half_height - back_is_back), torch.zeros(shape), 1e-9)


def test_at_the_equator_taps_are_a_pixel_apart_and_spread_towards_the_poles():
    table = tangent_taps(256, 512, 3)
    assert_close(table.rows[128], torch.tensor([127.0, 128, 129]).repeat_interleave(3), 2e-4)
    assert_close(table.columns[128], torch.tensor([-1.0, 0, 1]).repeat(3), 2e-4)
    # the widest step in row i is about the arctangent of 1/(i - 1/2), in degrees
    widest = table.columns.abs().where(table.columns.abs() < 256, 0.0).max(1).values
    assert_close(widest[:4] * 360 / 512, torch.tensor([116.6, 63.4, 33.7, 21.8]), 0.05)


def test_only_first_and_last_row_of_a_matched_kernel_reach_over_a_pole():
    table = tangent_taps(16, 32, 3)
    over = (table.columns.abs() > 8).any(1)
    assert over.nonzero().flatten().tolist() == [0, 15]


def test_a_finer_spacing_moves_the_taps_together():
    fine, coarse = tangent_taps(64, 128, 3, spacing=0.001), tangent_taps(64, 128, 3, spacing=0.002)
    middle = torch.arange(64, dtype=torch.float64)[:, None]
    assert_close((coarse.rows - middle)[8:-8], 2 * (fine.rows - middle)[8:-8], 1e-3)


@pytest.mark.parametrize(("height", "width", "kernel", "spacing", "stride"), CASES, ids=str)
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_neighbours_lie_inside_and_read_what_the_rays_read(
    height, width, kernel, spacing, stride, interpolation
):
    table = tangent_taps(height, width, kernel, spacing=spacing, stride=stride)
    rows, columns, shares = table.neighbours(interpolation=interpolation)
    assert 0 <= int(rows.min()) <= int(rows.max()) < height
    assert_close(shares.sum(-1), torch.ones(rows.shape[:2]), 1e-15)
    image = noise(1, 1, height, width)
    kernel = kernel if isinstance(kernel, tuple) else (kernel, kernel)
    one_tap_a_channel = np.eye(kernel[0] * kernel[1]).reshape(-1, 1, *kernel)
    wanted = torch.as_tensor(
        rays.tangent_conv(
            image.numpy(), one_tap_a_channel, spacing=spacing, stride=stride, interpolation=interpolation
        )
    )[0]
    for j in range(width // stride):
        read = (image[0, 0, rows, (columns + stride * j) % width] * shares).sum(-1)
        assert_close(read.T, wanted[:, :, j], 1e-10)


def test_a_table_is_frozen_and_says_what_it_was_made_for():
    table = tangent_taps(8, 16, 3, stride=2)
    assert (table.height, table.width, table.stride) == (8, 16, 2)
    assert table.rows.shape == table.columns.shape == (4, 9)
    assert table.rows.dtype == table.columns.dtype == torch.float64
    with pytest.raises(AttributeError, match="cannot assign"):
        table.stride = 1
    assert table != TapTable(table.rows, table.columns, 8, 16, 2)
    assert EquirectGrid(4) == EquirectGrid(4)


TAPS = {"height": 8, "width": 16, "kernel_size": 3}


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (
            {"kernel_size": 2},
            ValueError,
            "`kernel_size` is 2 x 2 at stride 1; .*would lie half a pixel off; use an odd",
        ),
        ({"kernel_size": (3, 4)}, ValueError, "`kernel_size` is 3 x 4 at stride 1; wanted odd sides"),
        ({"kernel_size": 0}, ValueError, "`kernel_size` is 0; wanted a whole number of at least 1"),
        ({"kernel_size": 3.0}, TypeError, "`kernel_size` is a float"),
        ({"kernel_size": (3,)}, ValueError, r"`kernel_size` is \(3,\); wanted \(rows, columns\)"),
        ({"width": 15}, ValueError, "`width` is 15; wanted an even number"),
        ({"height": -8}, ValueError, "`height` is -8"),
        ({"stride": 0}, ValueError, "`stride` is 0"),
        (
            {"stride": 3},
            ValueError,
            "`stride` is 3 on 8 x 16 pixels; wanted a stride that leaves a whole panorama",
        ),
        ({"height": 16, "stride": 16}, ValueError, "`stride` is 16 on 16 x 16 .*half the width"),
        ({"spacing": 0.0}, ValueError, "`spacing` is 0; wanted more than 0"),
        ({"spacing": -0.1}, ValueError, "`spacing` is -0.1"),
        ({"spacing": math.nan}, ValueError, "`spacing` is nan"),
        ({"spacing": math.inf}, ValueError, "`spacing` is inf"),
        ({"spacing": "fine"}, TypeError, "`spacing` is a str"),
    ],
)
@pytest.mark.usefixtures("as_a_user")
def test_impossible_plans_are_refused(change, error, message):
    with pytest.raises(error, match=message):
        tangent_taps(**TAPS | change)
