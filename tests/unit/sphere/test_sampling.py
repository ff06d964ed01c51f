import torch

from ktnlib.sphere.sampling import accumulator, bilinear_neighbours, clamp_edges, fold_poles, sample

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


def test_shares_of_a_sample_add_up_to_one():
    rows, columns = noise(50, seed=3) * 10, noise(50, seed=4) * 10
    shares = bilinear_neighbours(rows, columns).weights
    assert bool((shares >= 0).all())
    assert_close(shares.sum(-1), torch.ones(50, dtype=torch.float64), 1e-15)


def test_narrow_types_are_summed_in_float32():
    assert accumulator(torch.float64) == torch.float64
    assert {accumulator(t) for t in (torch.float32, torch.float16, torch.bfloat16)} == {torch.float32}
