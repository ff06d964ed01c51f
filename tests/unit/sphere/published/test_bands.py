import math

import pytest
import torch

from ktnlib.sphere import tangent_taps
from ktnlib.sphere.published import VGG16, BandShape, band_shapes, published_spacing

LAYERS = {layer.name: layer for layer in VGG16}

# (height, width, dilation) of the first eight bands, the band from which the equator's size holds, that size
PUBLISHED = {
    "conv1_1": ("3x181 3x47 3x27 3x19 3x15 3x13 3x11 3x9", 28, "3x3"),
    "conv1_2": ("3x65(1,3) 3x13 3x7 3x5 3x5 3x5 3x3 3x3", 6, "3x3"),
    "conv2_1": ("3x65(1,9) 3x25 3x13 3x9 3x7 3x7 3x5 3x5", 12, "3x3"),
    "conv3_2": ("5x65(1,9) 5x51 5x25 5x17 5x13 5x11 5x9 5x9", 12, "5x5"),
    "conv4_1": ("7x65(1,9) 7x65(1,2) 7x55 7x35 7x27 7x21 7x17 7x15", 17, "7x7"),
    "conv5_3": (
        "9x65(2,9) 7x65(2,5) 7x65(2,2) 7x41(2,2) 7x29(2,2) 7x23(2,2) 7x19(2,2) 7x17(2,2)",
        18,
        "7x7(2,2)",
    ),
}


def written(shape):
    down, across = shape.dilation
    spread = "" if (down, across) == (1, 1) else f"({down},{across})"
    return f"{shape.size[0]}x{shape.size[1]}{spread}"


@pytest.mark.parametrize("name", PUBLISHED)
def test_windows_on_320_rows_are_those_of_the_published_network(name):
    first, settled, at_the_equator = PUBLISHED[name]
    windows = [written(shape) for shape in LAYERS[name].shapes(320)]
    assert " ".join(windows[:8]) == first
    assert windows.index(at_the_equator) == settled
    assert set(windows[settled : len(windows) // 2]) == {at_the_equator}
    assert windows == windows[::-1]


def test_the_released_taps_lie_one_and_a_half_times_too_far_apart():
    # pixels at the equator, by the width of the camera
    wanted = {
        "released": [0.273, 0.546, 1.092, 2.184, 4.367],
        "true-division": [0.182, 0.364, 0.728, 1.456, 2.913],
        "pinhole": [0.205, 0.409, 0.819, 1.638, 3.276],
    }
    for rule, pixels in wanted.items():
        spacings = [published_spacing(width, rule=rule) for width in (640, 320, 160, 80, 40)]
        assert [spacing * 640 / math.tau for spacing in spacings] == pytest.approx(pixels, rel=2e-3)
    # focal lengths in source pixels at 640: 3 and 5 taps as run, then as written
    focal = [1 / published_spacing(640, kernel_size=size) for size in (3, 5, 4)]
    assert [round(length, 1) for length in focal] == [373.2, 447.9, 559.8]
    assert round(1 / published_spacing(640, rule="pinhole"), 1) == 497.5


@pytest.mark.parametrize(("height", "width", "ties"), [(1, 2, 5), (7, 14, 3), (16, 32, 5), (9, 40, 1)])
@pytest.mark.parametrize("layout", ["dilated", "full"])
def test_bands_cover_every_row_once_and_windows_hold_every_tap(height, width, ties, layout):
    shapes = band_shapes(height, width=width, ties=ties, layout=layout, max_taps=7)
    assert [row for shape in shapes for row in shape.rows] == list(range(height))
    assert {len(shape.rows) for shape in shapes[:-1]} <= {ties}
    table = tangent_taps(height, width, 3)
    for shape in shapes:
        rows = torch.tensor(shape.rows)
        reach = [side // 2 * step for side, step in zip(shape.size, shape.dilation, strict=True)]
        assert (table.rows[rows] - rows[:, None]).abs().max() <= reach[0]
        # a window cut short goes as far around as whole steps allow
        farthest = table.columns[rows].abs().max()
        assert farthest <= reach[1] or 2 * reach[1] > width - 1 - 2 * (shape.size[1] // 2)


def test_no_window_of_the_dilated_layout_is_longer_than_asked_nor_wraps_onto_itself():
    for shape in band_shapes(64, spacing=0.2, max_taps=9, dilation=2):
        assert max(shape.size) <= 9
        if shape.size[1] == 9:
            assert 8 * shape.dilation[1] < 128


def test_the_middle_of_a_band_is_the_third_of_five_rows():
    assert [shape.middle for shape in band_shapes(13, ties=5)] == [2, 7, 11]
    assert BandShape(range(8, 9), (3, 3), (1, 1)).middle == 8


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"layout": "wide"}, ValueError, "`layout` is 'wide'; wanted one of 'dilated', 'full'"),
        ({"ties": 0}, ValueError, "`ties` is 0"),
        ({"dilation": 1.5}, TypeError, "`dilation` is a float"),
        ({"max_taps": 64}, ValueError, "`max_taps` is 64; wanted an odd number of at least 3"),
        ({"max_taps": 1}, ValueError, "`max_taps` is 1; wanted an odd number"),
        ({"spacing": 0.0}, ValueError, "`spacing` is 0; wanted more than 0"),
        ({"kernel_size": 2}, ValueError, "`kernel_size` is 2 x 2 at stride 1"),
    ],
)
@pytest.mark.usefixtures("as_a_user")
def test_impossible_layouts_are_refused(change, error, message):
    with pytest.raises(error, match=message):
        band_shapes(16, **change)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"camera_width": 640, "rule": "python-3"}, "`rule` is 'python-3'; wanted one of 'released'"),
        ({"camera_width": 0}, "`camera_width` is 0"),
        ({"camera_width": 640, "fov": 3.2}, "`fov` is 3.2; wanted more than 0 and less than"),
        ({"camera_width": 640, "kernel_size": 1}, "`kernel_size` is 1 .*wanted at least 2 taps"),
        ({"camera_width": 2, "fov": 3.0}, "`kernel_size` is 3 before a camera of 2 pixels"),
    ],
)
@pytest.mark.usefixtures("as_a_user")
def test_spacings_that_mean_nothing_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        published_spacing(**arguments)
