import numpy as np
import pytest
import torch

from ktnlib.sphere.sampling import (
    INTERPOLATIONS,
    accumulator,
    bilinear_neighbours,
    clamp_edges,
    cubic_weights,
    fold_poles,
    neighbours,
    sample,
)

from . import rays
from .images import assert_close, noise


def at(image, row, column):
    position = torch.tensor([row], dtype=torch.float64), torch.tensor([column], dtype=torch.float64)
    plan = fold_poles(bilinear_neighbours(*position), *image.shape[-2:])
    return sample(image, plan)[0, 0, 0]


def test_a_position_at_a_centre_reads_that_pixel_and_one_between_reads_both():
    image = noise(1, 1, 4, 8)
    assert at(image, 2.0, 5.0) == image[0, 0, 2, 5]
    assert_close(at(image, 2.0, 5.25), 0.75 * image[0, 0, 2, 5] + 0.25 * image[0, 0, 2, 6], 1e-15)
    assert_close(at(image, 1.75, 5.0), 0.25 * image[0, 0, 1, 5] + 0.75 * image[0, 0, 2, 5], 1e-15)


def test_columns_wrap_around_the_seam():
    image = noise(1, 1, 4, 8)
    assert at(image, 1.0, -1.0) == at(image, 1.0, 15.0) == image[0, 0, 1, 7]
    assert_close(at(image, 1.0, 7.5), image[0, 0, 1, [7, 0]].mean(), 1e-15)


def test_rows_beyond_a_pole_are_the_same_rows_mirrored_half_a_revolution_away():
    image = noise(1, 1, 4, 8)
    assert at(image, -1.0, 1.0) == image[0, 0, 0, 5]
    assert at(image, -2.0, 6.0) == image[0, 0, 1, 2]
    assert at(image, 4.0, 1.0) == image[0, 0, 3, 5]
    assert_close(at(image, -0.5, 1.0), image[0, 0, 0, [1, 5]].mean(), 1e-15)


def test_pictures_are_continued_at_their_edges_instead():
    position = torch.tensor([-0.4, 3.3], dtype=torch.float64), torch.tensor([-0.2, 4.4], dtype=torch.float64)
    image = noise(1, 1, 4, 5)
    read = sample(image, clamp_edges(bilinear_neighbours(*position), 4, 5))
    assert_close(read.flatten(), image[0, 0, [0, 3], [0, 4]], 1e-15)


@pytest.mark.parametrize(("name", "pixels"), [("bilinear", 4), ("bicubic", 16)])
def test_shares_of_a_sample_add_up_to_one(name, pixels):
    rows, columns = noise(50, seed=3) * 10, noise(50, seed=4) * 10
    shares = neighbours(rows, columns, name).weights
    assert shares.shape == (50, pixels)
    assert_close(shares.sum(-1), torch.ones(50, dtype=torch.float64), 1e-15)


@pytest.mark.parametrize("name", INTERPOLATIONS)
def test_pixels_run_from_north_to_south_and_west_to_east_and_weigh_by_distance(name):
    rows, columns = noise(20, seed=3) * 10, noise(20, seed=4) * 10
    plan = neighbours(rows, columns, name)
    side = round(plan.rows.shape[-1] ** 0.5)
    first = 1 - side // 2
    for step in range(side**2):
        assert torch.equal(plan.rows[:, step], rows.floor().long() + first + step // side)
        assert torch.equal(plan.columns[:, step], columns.floor().long() + first + step % side)
    _, share = rays.SHARES[name]
    down, right = plan.rows - rows[:, None], plan.columns - columns[:, None]
    assert_close(plan.weights, share(down.numpy()) * share(right.numpy()), 1e-12)


def test_a_bicubic_sample_at_a_centre_is_that_pixel_and_quadratics_are_read_exactly():
    phase = torch.linspace(0, 1, 11, dtype=torch.float64)
    assert cubic_weights(phase)[0].tolist() == [0, 1, 0, 0]
    at = torch.arange(-1, 3, dtype=torch.float64)
    for power in range(3):
        assert_close((cubic_weights(phase) * at**power).sum(-1), phase**power, 1e-15)


def test_sharper_cubics_are_those_of_torch():
    """torch's own bicubic resampling is a = −¾."""
    line = noise(1, 1, 1, 9)
    wide = torch.nn.functional.interpolate(line, size=(1, 36), mode="bicubic", align_corners=False)
    at = (torch.arange(8, 28, dtype=torch.float64) + 0.5) / 4 - 0.5
    pixels = at.floor().long()[:, None] + torch.arange(-1, 3)
    read = (line[0, 0, 0, pixels] * cubic_weights(at - at.floor(), sharpness=-0.75)).sum(-1)
    assert_close(read, wide[0, 0, 0, 8:28], 1e-12)


def test_rows_far_beyond_a_pole_come_back_once_or_twice():
    """A 4×4 window on a panorama of one or two rows reaches over both poles."""
    for height, width in ((1, 4), (2, 8), (3, 6)):
        image = noise(1, 1, height, width).numpy()
        turned = np.roll(image, width // 2, axis=-1)[..., ::-1, :]
        column = np.concatenate([image, turned, image, turned, image], axis=-2)
        for row in range(-2 * height, 3 * height):
            here = torch.full((width,), row), torch.arange(width), torch.ones(width)
            plan = fold_poles(type(neighbours(*[torch.zeros(1)] * 2, "bilinear"))(*here), height, width)
            read = image[0, 0, plan.rows, plan.columns % width]
            assert_close(read, column[0, 0, row + 2 * height], 0)


@pytest.mark.usefixtures("as_a_user")
def test_an_unknown_interpolation_is_refused_with_the_known():
    with pytest.raises(ValueError, match="`interpolation` is 'nearest'; wanted one of 'bilinear', 'bicubic'"):
        neighbours(torch.zeros(1), torch.zeros(1), "nearest")


def test_narrow_types_are_summed_in_float32():
    assert accumulator(torch.float64) == torch.float64
    assert {accumulator(t) for t in (torch.float32, torch.float16, torch.bfloat16)} == {torch.float32}
