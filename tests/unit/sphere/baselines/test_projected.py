import math

import numpy as np
import pytest
import torch

from ktnlib.sphere import EquirectGrid
from ktnlib.sphere.baselines import direct_conv2d, projected_conv2d, projected_kernel

from .. import rays
from ..images import assert_close, noise


def surface(kernel, u, v):
    """The kernel as a piecewise bilinear surface over (east u, south v), in taps from the centre."""
    height, width = kernel.shape[-2:]
    taps = np.ndindex(height, width)
    hat = lambda distance: max(0.0, 1 - abs(distance))  # noqa: E731
    return sum(
        kernel[..., i, j] * hat(v - i + (height - 1) / 2) * hat(u - j + (width - 1) / 2) for i, j in taps
    )


@pytest.mark.parametrize("spacing", [None, 0.2, 1.1])
@pytest.mark.parametrize(("shape", "side"), [((6, 12), 3), ((5, 10), 3), ((6, 12), (1, 5))], ids=str)
def test_every_pixel_before_the_camera_weighs_what_the_kernel_is_there(shape, side, spacing):
    """The whole layer as a sum over all pixels of the panorama, each met by a ray."""
    sides = side if isinstance(side, tuple) else (side, side)
    x, weight = noise(1, 2, *shape), noise(2, 2, *sides, seed=1)
    directions = rays.pixel_directions(*shape)
    wanted = np.zeros((2, *shape))
    for i, j in np.ndindex(*shape):
        latitude = np.pi / 2 - (i + 0.5) * np.pi / shape[0]
        forward, right, down = rays.camera(-np.pi + (j + 0.5) * 2 * np.pi / shape[1], latitude)
        for k, m in np.ndindex(*shape):
            depth = directions[k, m] @ forward
            if depth > 1e-12:
                at = np.array([right, down]) @ directions[k, m] / depth / (spacing or 2 * np.pi / shape[1])
                wanted[:, i, j] += surface(weight.numpy(), *at) @ x[0, :, k, m].numpy()
    assert_close(projected_conv2d(x, weight, spacing=spacing)[0], wanted, 1e-9)


def test_its_weights_add_up_to_the_source_kernel_s_only_at_the_equator():
    """A constant world grows brighter towards the poles, as 1/cos φ."""
    weight = torch.ones(1, 1, 3, 3, dtype=torch.float64)
    for latitude, slack in ((0.0, 0.001), (0.8, 0.03), (1.2, 0.03), (1.4, 0.05)):
        gain = projected_kernel(weight, latitude, 256).sum().item() / 9
        assert abs(gain * math.cos(latitude) - 1) < slack, latitude


def test_a_kernel_finer_than_the_pixels_loses_all_but_its_middle():
    weight = torch.ones(1, 1, 3, 3, dtype=torch.float64)
    assert projected_kernel(weight, 0.0, 64, spacing=0.001).tolist() == [[[[1.0]]]]


def test_on_the_equator_it_is_the_direct_method():
    x, weight = noise(1, 1, 64, 128), noise(1, 1, 3, 3, seed=1)
    off = (projected_conv2d(x, weight) - direct_conv2d(x, weight)).abs().amax((0, 1, 3))
    assert off[32] < 0.05 < 1 < off[2]


def test_next_to_a_pole_it_reaches_all_around_and_over_it():
    height = 16
    latitude = EquirectGrid(height).latitudes[0].item()
    kernel = projected_kernel(torch.ones(1, 1, 3, 3), latitude, height)[0, 0]
    assert kernel.shape == (5, 33)
    assert not bool(kernel[:2].any())
    assert kernel[2, 0] > 0
    # column −width/2 is column +width/2: it stands there once
    assert not bool(kernel[:, -1].any())


def test_gradients_reach_image_kernel_and_bias():
    inputs = [t.requires_grad_() for t in (noise(1, 1, 3, 4), noise(2, 1, 3, 3, seed=1), noise(2, seed=2))]
    assert torch.autograd.gradcheck(projected_conv2d, inputs)


def test_a_kernel_that_starts_at_zero_learns_all_its_weights():
    """The layer is linear in them, so that its gradient is the same everywhere."""
    x, drawn = noise(1, 2, 5, 10), noise(1, 2, 3, 3, seed=1)
    gradients = [
        torch.autograd.grad(projected_conv2d(x, start.requires_grad_()).sum(), start)[0]
        for start in (torch.zeros_like(drawn), drawn)
    ]
    assert_close(*gradients, 1e-11)


def test_the_window_does_not_depend_on_the_weights():
    ones = torch.ones(1, 1, 3, 3)
    empty, full = (projected_kernel(kernel, 1.0, 16) for kernel in (0 * ones, ones))
    assert empty.shape == full.shape


def test_it_needs_no_value_of_a_tensor_on_another_device():
    x, weight = torch.zeros(1, 2, 5, 10, device="meta"), torch.zeros(3, 2, 3, 3, device="meta")
    assert projected_conv2d(x, weight).shape == (1, 3, 5, 10)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"latitude": 2.0}, ValueError, "`latitude` is 2; wanted more than -1.5708 and less than 1.5708"),
        ({"weight": torch.zeros(1, 1, 2, 3)}, ValueError, "`kernel_size` is 2 x 3 at stride 1"),
        ({"weight": torch.zeros(1, 1, 3, 3).int()}, TypeError, "`weight` has dtype torch.int32"),
        ({"width": 7}, ValueError, "`width` is 7; wanted an even number"),
        ({"spacing": 0.0}, ValueError, "`spacing` is 0; wanted more than 0"),
    ],
)
@pytest.mark.usefixtures("as_a_user")
def test_kernels_that_cannot_be_projected_are_refused(change, error, message):
    arguments = {"weight": torch.zeros(1, 1, 3, 3), "latitude": 0.0, "height": 4} | change
    with pytest.raises(error, match=message):
        projected_kernel(**arguments)
