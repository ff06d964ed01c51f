import math

import numpy as np
import pytest
import torch

from ktnlib import data
from ktnlib.alignment import (
    FilterLayer,
    affine_warp,
    commutation_error,
    filters,
    invert,
    rotation,
    shear,
    shift,
    there_and_back_error,
    zoom,
)
from ktnlib.alignment.commutation import LETTER_W, counted_region, letter

ISOTROPIC = ("gaussian", "laplacian", "ring")


def blob(size=56, batch=2):
    """Smooth, asymmetric pictures, dark towards the border."""
    noise = torch.rand(batch, 1, size // 4, size // 4, generator=torch.Generator().manual_seed(1)).double()
    picture = torch.nn.functional.interpolate(noise, size=size, mode="bilinear", align_corners=False)
    axis = torch.linspace(-1, 1, size, dtype=torch.float64)
    return picture * torch.exp(-4 * (axis**2 + axis[:, None] ** 2))


def tent_sample(image, x, y):
    height, width = image.shape
    rows = np.maximum(0, 1 - np.abs(y - np.arange(height)))
    columns = np.maximum(0, 1 - np.abs(x - np.arange(width)))
    return rows @ image @ columns


def error_by_definition(image, kernel, matrix, margin):
    """‖Γ(Tx) − TΓ(x)‖ / ‖Γ(x)‖ with float64 loops over pixels and taps."""
    n, k = image.shape[0], kernel.shape[0]
    centre, reach = (n - 1) / 2, (k - 1) // 2
    back = np.linalg.inv(np.vstack([matrix, [0, 0, 1]]))

    def warp(picture):
        return np.array(
            [
                [tent_sample(picture, *(back @ [j - centre, i - centre, 1])[:2] + centre) for j in range(n)]
                for i in range(n)
            ]
        )

    def layer(picture):
        padded = np.pad(picture, reach)
        return np.array(
            [[max(0.0, (padded[i : i + k, j : j + k] * kernel).sum()) for j in range(n)] for i in range(n)]
        )

    difference, features = layer(warp(image)) - warp(layer(image)), layer(image)
    above = below = 0.0
    radius = n / 2 - margin - reach
    for i in range(n):
        for j in range(n):
            x, y = j - centre, i - centre
            source = (back @ [x, y, 1])[:2]
            if math.hypot(x, y) <= radius and math.hypot(*source) <= radius:
                above += difference[i, j] ** 2
                below += features[i, j] ** 2
    return math.sqrt(above / below)


@pytest.mark.parametrize(
    "matrix", [rotation(0.7), zoom(1.4), shear(0.3), shift(2, 1)], ids=["turn", "zoom", "shear", "shift"]
)
def test_the_error_is_its_definition_written_as_loops(matrix):
    image, kernel = blob(20, 1), filters(5)["oriented"]
    expected = error_by_definition(image[0, 0].numpy(), kernel[0, 0].numpy(), matrix.numpy(), 1)
    measured = commutation_error(FilterLayer(kernel), image, matrix, margin=1).item()
    assert measured == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("name", filters())
def test_every_filter_commutes_with_whole_pixel_shifts(name):
    layer = FilterLayer(filters()[name])
    assert commutation_error(layer, blob(), shift(7, -3), margin=2).max() < 1e-12


@pytest.mark.parametrize("name", ISOTROPIC)
def test_isotropic_filters_commute_with_quarter_turns_and_not_with_zoom(name):
    layer = FilterLayer(filters()[name])
    assert commutation_error(layer, blob(), rotation(math.pi / 2), margin=2).max() < 1e-9
    assert commutation_error(layer, blob(), zoom(2.0), margin=2).min() > 0.1


def test_an_even_oriented_filter_commutes_with_half_turns_and_not_with_quarter_turns():
    layer = FilterLayer(filters()["oriented"])
    assert commutation_error(layer, blob(), rotation(math.pi), margin=2).max() < 1e-9
    assert commutation_error(layer, blob(), rotation(math.pi / 2), margin=2).min() > 0.2


def test_turning_the_kernel_with_the_picture_makes_the_two_sides_equal():
    image, kernel, turn = blob(), filters()["vertical edge"], rotation(math.pi / 2)
    turned = FilterLayer(kernel.rot90(1, (2, 3)))
    left, right = turned(affine_warp(image, turn)), affine_warp(FilterLayer(kernel)(image), turn)
    torch.testing.assert_close(left, right, atol=1e-12, rtol=0)


def test_the_turned_w_answers_in_the_channel_of_the_m():
    canvas = torch.zeros(1, 1, 25, 25, dtype=torch.float64)
    canvas[0, 0, 10:15, 10:15] = torch.from_numpy(letter(LETTER_W))
    layer = FilterLayer(torch.cat([filters()["W"], filters()["M"]]))
    half_turn = rotation(math.pi)
    assert layer(canvas)[0, :, 12, 12].tolist() == pytest.approx([2.498, 1.697], abs=1e-3)
    assert layer(affine_warp(canvas, half_turn))[0, :, 12, 12].tolist() == pytest.approx(
        [1.697, 2.498], abs=1e-3
    )
    assert commutation_error(layer, canvas, half_turn, margin=1).item() == pytest.approx(0.304, abs=5e-4)


def test_there_and_back_is_exact_for_shifts_and_quarter_turns_only():
    for exact in (shift(7, 0), rotation(math.pi / 2)):
        assert there_and_back_error(blob(), exact, margin=2).max() < 1e-9
    blurred = there_and_back_error(blob(), rotation(math.pi / 4), margin=2)
    assert blurred.min() > 1e-3
    assert blurred.max() < 0.5


def test_a_picture_zoomed_out_of_the_frame_is_not_held_against_the_way_back():
    image = torch.rand(1, 1, 56, 56, generator=torch.Generator().manual_seed(2)).double()
    smooth = torch.nn.functional.avg_pool2d(image, 15, 1, 7)
    assert there_and_back_error(smooth, zoom(2.0), margin=2).item() < 0.02


def test_the_region_is_the_disc_and_what_came_from_it():
    identity = torch.eye(2, 3, dtype=torch.float64)
    region = counted_region(9, identity, margin=1.5)
    by_hand = [[math.hypot(i - 4, j - 4) <= 3 for j in range(9)] for i in range(9)]
    assert region.tolist() == by_hand
    # a zoom by 1/2 reads from twice as far out: only the inner half of the disc comes from within it
    assert counted_region(9, zoom(0.5), margin=1.5).sum() == sum(
        math.hypot(i - 4, j - 4) <= 1.5 for i in range(9) for j in range(9)
    )


def test_the_region_of_a_turn_is_the_whole_disc():
    for angle in (math.pi / 2, math.pi, 3 * math.pi / 2):
        assert torch.equal(
            counted_region(28, rotation(angle), margin=4), counted_region(28, rotation(0), margin=4)
        )


def test_a_layers_reach_is_added_to_the_margin():
    kernel, image, turn = filters(9)["vertical edge"], blob(), rotation(0.4)
    layer = FilterLayer(kernel)
    plain = commutation_error(lambda x: layer(x), image, turn, margin=6)
    torch.testing.assert_close(commutation_error(layer, image, turn, margin=2), plain, atol=0, rtol=0)


def test_a_black_image_has_no_error():
    layer = FilterLayer(filters()["gaussian"])
    assert commutation_error(layer, torch.zeros(1, 1, 28, 28), zoom(2.0), margin=1).tolist() == [0.0]


def test_filters_have_unit_norm_and_all_but_the_gaussian_no_mean():
    for name, kernel in filters(9).items():
        assert kernel.norm().item() == pytest.approx(1, abs=1e-12), name
        assert (abs(kernel.sum().item()) < 1e-12) == (name != "gaussian"), name
        assert kernel.dtype == torch.float64


def test_isotropic_filters_depend_on_the_radius_alone():
    y, x = np.mgrid[-4:5, -4:5]
    radius = x**2 + y**2
    for name in ISOTROPIC:
        kernel = filters(9)[name][0, 0].numpy()
        for value in np.unique(radius):
            assert np.ptp(kernel[radius == value]) < 1e-12, (name, value)


def test_the_random_filter_is_always_the_same():
    assert torch.equal(filters(9)["random"], filters(9)["random"])


@pytest.mark.parametrize(
    ("size", "error", "message"),
    [
        (8, ValueError, "`size` is 8; wanted an odd number"),
        (1, ValueError, "at least 3"),
        (0, ValueError, "`size` is 0"),
    ],
)
def test_a_filter_without_a_middle_is_refused(size, error, message):
    with pytest.raises(error, match=message):
        filters(size)


def test_an_even_kernel_is_refused():
    with pytest.raises(ValueError, match="`weight` is 4 pixels wide; wanted an odd width"):
        FilterLayer(torch.zeros(1, 1, 4, 4))


@pytest.mark.parametrize(
    ("weight", "error", "message"),
    [
        (torch.zeros(1, 1, 3, 5), ValueError, r"`weight` has shape \(1, 1, 3, 5\); wanted \(out, in, k, k\)"),
        (torch.zeros(3, 3), ValueError, r"`weight` has shape \(3, 3\)"),
        (torch.zeros(1, 1, 3, 3).int(), TypeError, "`weight` has dtype torch.int32"),
    ],
)
@pytest.mark.usefixtures("as_a_user")
def test_a_kernel_of_another_form_is_refused(weight, error, message):
    with pytest.raises(error, match=message):
        FilterLayer(weight)


@pytest.mark.usefixtures("as_a_user")
def test_whole_numbers_are_no_image_for_a_layer():
    # the weight is taken to the images' type: it would become 0 without a word
    with pytest.raises(TypeError, match=r"`images` has dtype torch\.uint8"):
        FilterLayer(filters()["gaussian"])(torch.zeros(1, 1, 28, 28).byte())


@pytest.mark.usefixtures("as_a_user")
def test_a_matrix_of_another_form_is_refused():
    layer = FilterLayer(filters()["gaussian"])
    with pytest.raises(ValueError, match=r"`matrix` is \(3, 3\), torch.float64; wanted a \(2, 3\) float64"):
        commutation_error(layer, blob(28, 1), torch.eye(3).double(), margin=1)


def test_a_layer_that_changes_the_size_is_refused():
    with pytest.raises(
        ValueError, match=r"`layer` makes \(28, 28\) pixels into \(14, 14\); wanted maps as large"
    ):
        commutation_error(lambda x: x[..., ::2, ::2], blob(28, 1), zoom(2.0), margin=1)


def test_layers_compare_without_comparing_their_numbers():
    one, other = (FilterLayer(filters()["gaussian"]) for _ in range(2))
    assert one != other


def test_the_letter_of_the_filters_is_the_books():
    assert torch.equal(torch.from_numpy(letter(LETTER_W)).float(), data.letter_w()[0, 0])


def test_a_margin_that_leaves_nothing_is_refused():
    with pytest.raises(ValueError, match="`margin` leaves no pixel: a disc of radius -3"):
        commutation_error(FilterLayer(filters(9)["gaussian"]), blob(28, 1), shift(0, 0), margin=13)


@pytest.mark.usefixtures("as_a_user")
def test_images_that_are_not_square_are_refused():
    with pytest.raises(ValueError, match="`images` are 20 x 30 pixels; wanted square ones"):
        there_and_back_error(torch.zeros(1, 1, 20, 30), zoom(2.0), margin=1)
    with pytest.raises(ValueError, match="`images` has shape"):
        commutation_error(FilterLayer(filters()["gaussian"]), torch.zeros(20, 20), zoom(2.0), margin=1)


def test_the_error_is_seen_when_the_transformation_is_undone_the_wrong_way():
    turn = rotation(0.5)
    image = blob()
    right = affine_warp(affine_warp(image, turn), invert(turn)) - image
    wrong = affine_warp(affine_warp(image, turn), turn) - image
    assert wrong.norm() > 5 * right.norm()
