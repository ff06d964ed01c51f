import numpy as np
import pytest
import torch

from ktnlib.sphere import tangent_conv2d
from ktnlib.sphere.baselines import direct_conv2d

from ..images import assert_close, noise


def beyond_the_edge(x, i, j, padding):
    """The value at row i and column j of an endless picture, by walking."""
    height, width = x.shape[-2:]
    if padding == "zero" and not 0 <= j < width:
        return 0 * x[..., 0, 0]
    while padding == "sphere" and not 0 <= i < height:
        i, j = (-1 - i if i < 0 else 2 * height - 1 - i), j + width // 2
    if not 0 <= i < height:
        return 0 * x[..., 0, 0]
    return x[..., i, j % width]


@pytest.mark.parametrize("padding", ["sphere", "wrap", "zero"])
@pytest.mark.parametrize("shape", [(4, 8), (5, 6), (1, 2)], ids=str)
@pytest.mark.parametrize("kernel", [(1, 1), (3, 3), (5, 3), (3, 7)], ids=str)
def test_it_is_the_sum_over_the_pixels_around(padding, shape, kernel):
    x, weight, bias = noise(2, 2, *shape), noise(3, 2, *kernel, seed=1), noise(3, seed=2)
    wanted = np.zeros((2, 3, *shape))
    for i, j, u, v in np.ndindex(*shape, *kernel):
        pixel = beyond_the_edge(x.numpy(), i + u - kernel[0] // 2, j + v - kernel[1] // 2, padding)
        wanted[..., i, j] += pixel @ weight.numpy()[:, :, u, v].T
    out = direct_conv2d(x, weight, bias, padding=padding)
    assert_close(out, wanted + bias.numpy()[:, None, None], 1e-12)


def test_it_is_right_at_the_equator_and_wrong_at_60_degrees():
    x, weight = noise(1, 1, 96, 192), noise(1, 1, 3, 3, seed=1)
    off = (direct_conv2d(x, weight) - tangent_conv2d(x, weight)).square().mean((0, 1, 3)).sqrt()
    assert off[48] < 0.01
    assert off[16] > 0.5


def test_gradients_reach_image_kernel_and_bias():
    inputs = [t.requires_grad_() for t in (noise(1, 1, 3, 4), noise(2, 1, 3, 3, seed=1), noise(2, seed=2))]
    assert torch.autograd.gradcheck(direct_conv2d, inputs)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"padding": "reflect"}, "`padding` is 'reflect'; wanted one of 'sphere', 'wrap', 'zero'"),
        ({"weight": torch.zeros(1, 1, 2, 2)}, "`kernel_size` is 2 x 2 at stride 1; wanted odd sides"),
        ({"x": torch.zeros(1, 1, 4, 7)}, "`x` is 4 x 7 pixels; wanted an even width"),
    ],
)
@pytest.mark.usefixtures("as_a_user")
def test_what_has_no_place_on_the_grid_is_refused(change, message):
    arguments = {"x": torch.zeros(1, 1, 4, 8), "weight": torch.zeros(1, 1, 3, 3)} | change
    with pytest.raises(ValueError, match=message):
        direct_conv2d(**arguments)
