import math

import pytest
import torch
from torch import nn

from ktnlib.sphere import TangentConv2d, TangentMaxPool2d, tangent_conv2d

from . import rays
from .images import assert_close, noise, smooth_panorama

WAYS = {"stride": 2, "spacing": 0.2, "interpolation": "bicubic"}


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def test_the_layer_is_the_function_with_its_own_weights():
    layer = TangentConv2d(2, 3, (3, 5), **WAYS)
    x = noise(2, 2, 6, 12, dtype=torch.float32)
    assert torch.equal(layer(x), tangent_conv2d(x, layer.weight, layer.bias, **WAYS))
    assert TangentConv2d(2, 3, 3, bias=False).bias is None


@pytest.mark.parametrize("bias", [True, False])
def test_weights_are_drawn_as_a_planar_layer_draws_them(bias):
    with torch.random.fork_rng():
        torch.manual_seed(5)
        planar = nn.Conv2d(4, 6, (3, 5), bias=bias)
    sphere = TangentConv2d(4, 6, (3, 5), bias=bias, generator=seeded(5))
    for name, value in planar.state_dict().items():
        assert torch.equal(sphere.state_dict()[name], value), name


def test_a_planar_layer_s_state_fits_and_comes_back():
    planar, sphere = nn.Conv2d(3, 5, 3), TangentConv2d(3, 5, 3)
    sphere.load_state_dict(planar.state_dict())
    planar.load_state_dict(sphere.state_dict())
    assert torch.equal(planar.weight, sphere.weight)


def test_a_network_of_them_learns():
    """Two layers and a pool fit a known layer's maps: the loss falls to a tenth."""
    x = noise(4, 1, 8, 16, dtype=torch.float32)
    wanted = TangentMaxPool2d(2)(tangent_conv2d(x, noise(1, 1, 3, 3, seed=9, dtype=torch.float32)))
    net = nn.Sequential(TangentConv2d(1, 8, 3, generator=seeded(0)), TangentMaxPool2d(2), nn.Flatten(2))
    mix = nn.Conv1d(8, 1, 1)
    nn.init.constant_(mix.weight, 0.3)
    optimiser = torch.optim.Adam([*net.parameters(), *mix.parameters()], lr=0.05)
    losses = []
    for _ in range(60):
        optimiser.zero_grad()
        loss = (mix(net(x)) - wanted.flatten(2)).square().mean()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.1 * losses[0], (losses[0], losses[-1])


def test_under_autocast_it_follows_a_planar_layer():
    x, first, layer = noise(1, 2, 4, 8, dtype=torch.float32), nn.Conv2d(2, 3, 1), TangentConv2d(3, 1, 3)
    first, layer = first.float(), layer.float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        middle = first(x)
        out = layer(middle)
    assert middle.dtype == torch.bfloat16
    assert_close(out.float(), layer(middle.float()), 0.05)


def test_it_says_what_it_is():
    layer = TangentConv2d(2, 3, 3, **WAYS)
    assert "2, 3, kernel_size=(3, 3), stride=2, spacing=0.2, interpolation='bicubic'" in repr(layer)
    assert "kernel_size=(2, 2), stride=2, spacing=None" in repr(TangentMaxPool2d(2))


@pytest.mark.parametrize(
    ("side", "stride", "spacing"), [(2, None, None), (3, 1, None), (3, 2, 0.4), (4, 4, None)]
)
def test_pooling_takes_the_largest_of_what_the_rays_read(side, stride, spacing):
    height, width, step = 8, 16, stride or side
    x = noise(2, 3, height, width)
    planes = rays.tangent_rays(height, width, side, side, spacing or 2 * math.pi / width, step)
    wanted = rays.read(x.numpy(), planes).max(axis=(-2, -1))
    assert_close(TangentMaxPool2d(side, stride=stride, spacing=spacing)(x), wanted, 1e-10)


def test_pooling_a_smooth_world_by_two_is_planar_pooling_at_the_equator_but_not_at_the_poles():
    x = smooth_panorama(64)
    sphere, planar = TangentMaxPool2d(2)(x), nn.functional.max_pool2d(x, 2)
    off = (sphere - planar).abs().amax((0, 1, 3))
    assert off[16] < 1e-3 < 0.01 < off[0]


def test_pooling_a_constant_gives_it_back_for_all_types():
    for dtype in (torch.float16, torch.float32, torch.float64):
        x = torch.full((1, 2, 4, 8), -0.5, dtype=dtype)
        for interpolation in ("bilinear", "bicubic"):
            assert_close(TangentMaxPool2d(2, interpolation=interpolation)(x), x[..., :2, :4], 1e-6)


def test_gradients_flow_through_the_largest():
    x = noise(1, 1, 4, 8).requires_grad_()
    assert torch.autograd.gradcheck(TangentMaxPool2d(2, interpolation="bicubic"), x)


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (lambda: TangentConv2d(0, 1, 3), ValueError, "`in_channels` is 0; wanted a whole number"),
        (lambda: TangentConv2d(1, -1, 3), ValueError, "`out_channels` is -1"),
        (lambda: TangentConv2d(1, 1, 3.0), TypeError, "`kernel_size` is a float"),
        (lambda: TangentConv2d(1, 1, 2), ValueError, "`kernel_size` is 2 x 2 at stride 1; wanted odd"),
        (lambda: TangentConv2d(1, 1, 3, stride=0), ValueError, "`stride` is 0"),
        (lambda: TangentConv2d(1, 1, 3, spacing=-1.0), ValueError, "`spacing` is -1; wanted more than 0"),
        (
            lambda: TangentConv2d(1, 1, 3, interpolation="nearest"),
            ValueError,
            "`interpolation` is 'nearest'; wanted one of 'bilinear', 'bicubic'",
        ),
        (lambda: TangentMaxPool2d((2, 3)), ValueError, r"`kernel_size` is \(2, 3\) and `stride` is left out"),
        (lambda: TangentMaxPool2d([2, 2]), TypeError, "`kernel_size` is a list"),
        (lambda: TangentMaxPool2d(2, stride=1), ValueError, "`kernel_size` is 2 x 2 at stride 1"),
        (lambda: TangentMaxPool2d(2, interpolation="cubic"), ValueError, "wanted one of 'bilinear', 'bicu"),
        (
            lambda: TangentMaxPool2d(2)(torch.zeros(4, 8)),
            ValueError,
            r"`x` has shape \(4, 8\); wanted four axes",
        ),
        (lambda: TangentMaxPool2d(2)(torch.zeros(1, 1, 5, 8)), ValueError, "`stride` is 2 on 5 x 8 pixels"),
    ],
)
@pytest.mark.usefixtures("as_a_user")
def test_layers_that_cannot_be_are_refused(build, error, message):
    with pytest.raises(error, match=message):
        build()
