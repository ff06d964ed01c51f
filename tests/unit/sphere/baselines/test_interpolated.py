import pytest
import torch

from ktnlib.sphere import tangent_conv2d
from ktnlib.sphere.baselines import interpolated_conv2d

from ..images import assert_close, noise, smooth_panorama


@pytest.mark.parametrize(("shape", "every"), [((8, 16), 4), ((9, 18), 4), ((7, 14), 3), ((5, 8), 5)], ids=str)
def test_it_is_exact_at_the_knots_and_the_mean_halfway_between_two(shape, every):
    x, weight, bias = noise(2, 2, *shape), noise(3, 2, 3, 3, seed=1), noise(3, seed=2)
    exact = tangent_conv2d(x, weight, bias, spacing=0.3)
    out = interpolated_conv2d(x, weight, bias, every=every, spacing=0.3)
    first = every // 2
    assert_close(
        out[..., first::every, first::every], exact[..., first::every, first::every], 1e-12
    )  # fmt: skip
    if every % 2 == 0:
        knots = exact[..., first, [first, first + every]]
        assert_close(out[..., first, first + every // 2], knots.mean(-1), 1e-12)
        knots = exact[..., [first, first + every], first]
        assert_close(out[..., first + every // 2, first], knots.mean(-1), 1e-12)


def test_every_single_pixel_is_the_exact_layer():
    x, weight = noise(1, 2, 6, 12), noise(2, 2, 5, 3, seed=1)
    assert_close(interpolated_conv2d(x, weight, every=1), tangent_conv2d(x, weight), 1e-12)


def test_between_the_knots_it_goes_on_around_the_seam_and_over_the_poles():
    x, one = noise(1, 1, 8, 16), torch.ones(1, 1, 1, 1, dtype=torch.float64)
    out = interpolated_conv2d(x, one, every=4)
    # knots in columns 2, 6, 10, 14: column 0 lies half way from 14 to 2, the seam between
    assert_close(out[..., 2, 0], x[..., 2, [14, 2]].mean(-1), 1e-15)
    # knots in rows 2 and 6; over the north pole row 2 lies at row -3, over the south pole row 6 at row 9
    assert_close(out[..., 0, 2], (3 * x[..., 2, 2] + 2 * x[..., 2, 10]) / 5, 1e-15)
    assert_close(out[..., 7, 6], (2 * x[..., 6, 6] + x[..., 6, 14]) / 3, 1e-15)


def test_a_smooth_world_is_guessed_well_and_better_the_denser_the_knots():
    x, weight = smooth_panorama(48), torch.full((1, 1, 3, 3), 1 / 9, dtype=torch.float64)
    exact = tangent_conv2d(x, weight)
    off = [(interpolated_conv2d(x, weight, every=every) - exact).abs().max().item() for every in (8, 4, 2)]
    # a factor of four for each halving, were the grid not stretched at the poles
    assert off[0] < 0.1
    assert off[0] > 2 * off[1] > 4 * off[2]


def test_halves_are_rounded_once():
    x, weight = noise(1, 2, 9, 18).bfloat16(), (noise(2, 2, 3, 3, seed=1) / 9).bfloat16()
    wanted = interpolated_conv2d(x.float(), weight.float(), every=4).bfloat16()
    assert interpolated_conv2d(x, weight, every=4).equal(wanted)


def test_gradients_reach_image_kernel_and_bias():
    inputs = [t.requires_grad_() for t in (noise(1, 1, 4, 8), noise(2, 1, 3, 3, seed=1), noise(2, seed=2))]
    assert torch.autograd.gradcheck(lambda *args: interpolated_conv2d(*args, every=3), inputs)


@pytest.mark.parametrize(
    ("every", "error", "message"),
    [
        (0, ValueError, "`every` is 0; wanted a whole number of at least 1"),
        (9, ValueError, "`every` is 9 on 8 x 16 pixels; wanted at most 8, so that there is a knot"),
        (2.0, TypeError, "`every` is a float"),
    ],
)
@pytest.mark.usefixtures("as_a_user")
def test_knots_that_cannot_be_are_refused(every, error, message):
    with pytest.raises(error, match=message):
        interpolated_conv2d(torch.zeros(1, 1, 8, 16), torch.zeros(1, 1, 3, 3), every=every)
