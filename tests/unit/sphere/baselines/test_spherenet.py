import math

import numpy as np
import pytest
import torch
from torch import nn

from ktnlib.sphere.baselines.spherenet import SphereNetConv2d, SphereNetMaxPool2d, spherenet_taps

from .. import rays
from ..images import assert_close, noise


def pattern_rays(height, width, sides, steps, stride):
    """A camera at the equator sees the kernel's angles as points; each output pixel's camera has the same."""
    offsets = [(np.arange(side) - (side - 1) / 2) * step for side, step in zip(sides, steps, strict=True)]
    down, right = np.meshgrid(*offsets, indexing="ij")
    directions = np.stack(
        [np.cos(down) * np.cos(right), np.cos(down) * np.sin(right), -np.sin(down)], axis=-1
    )
    forward, east, south = rays.camera(0.0, 0.0)
    depth = directions @ forward
    points = directions @ east / depth, directions @ south / depth
    out = np.empty((height // stride, width // stride, *sides, 3))
    for i, j in np.ndindex(*out.shape[:2]):
        pitch = np.pi / 2 - ((i + 0.5) * stride) * np.pi / height
        yaw = -np.pi + ((j + 0.5) * stride) * 2 * np.pi / width
        out[i, j] = rays.plane_rays(rays.camera(yaw, pitch), *points)
        # a ray through the pole itself has no longitude but rounding's: it comes along its camera's meridian
        at_pole = np.hypot(out[i, j, ..., 0], out[i, j, ..., 1]) < 1e-12
        out[i, j, at_pole, :2] = 1e-14 * np.cos(yaw), 1e-14 * np.sin(yaw)
    return out


@pytest.mark.parametrize(("side", "stride"), [(3, 1), (5, 1), (3, 2), (2, 2)])
@pytest.mark.parametrize(("height", "width"), [(6, 12), (6, 10), (10, 10)])
def test_every_pixel_of_every_row_is_what_the_rays_read(height, width, side, stride):
    layer = SphereNetConv2d(2, 3, side, stride=stride).double()
    x, steps = noise(2, 2, height, width), (np.pi / height, 2 * np.pi / width)
    seen = rays.read(x.numpy(), pattern_rays(height, width, (side, side), steps, stride))
    wanted = np.einsum("bchwuv,ocuv->bohw", seen, layer.weight.detach().numpy())
    assert_close(layer(x), wanted + layer.bias.detach().numpy()[:, None, None], 1e-10)
    if stride == 2:
        assert_close(SphereNetMaxPool2d(side, stride=2)(x), seen.max(axis=(-2, -1)), 1e-10)


def test_at_the_equator_the_taps_are_the_neighbouring_pixels():
    """Of a kernel whose middle row is the equator: an odd number of rows."""
    table = spherenet_taps(9, 18)
    down, across = np.meshgrid([-1, 0, 1], [-1, 0, 1], indexing="ij")
    assert_close(table.rows[4], 4 + down.flatten(), 1e-9)
    assert_close(table.columns[4], across.flatten(), 1e-9)


def test_steps_of_its_own_spread_the_pattern():
    steps = (math.pi / 9 * 1.5, math.pi / 9 * 2)
    table = spherenet_taps(9, 18, steps=steps)
    assert_close(table.rows[4].view(3, 3)[:, 1], 4 + 1.5 * np.array([-1, 0, 1]), 1e-9)
    assert_close(table.columns[4].view(3, 3)[1], 2 * np.array([-1, 0, 1]), 1e-9)


def test_a_planar_layer_s_state_fits():
    planar, sphere = nn.Conv2d(3, 5, 3), SphereNetConv2d(3, 5, 3)
    sphere.load_state_dict(planar.state_dict())
    assert torch.equal(planar.weight, sphere.weight)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: SphereNetConv2d(2, 2, 3, stride=0), "`stride` is 0"),
        (lambda: SphereNetMaxPool2d(3, stride=0), "`stride` is 0"),
        (lambda: SphereNetConv2d(2, 2, 2), "`kernel_size` is 2 x 2 at stride 1; wanted odd"),
        (lambda: spherenet_taps(6, 12, 2), "`kernel_size` is 2 x 2 at stride 1; wanted odd"),
        (lambda: spherenet_taps(6, 12, stride=4), "`stride` is 4 on 6 x 12 pixels; wanted one that divides"),
        (lambda: spherenet_taps(6, 11), "`width` is 11; wanted an even"),
        (lambda: spherenet_taps(6, 12, steps=(0.1, -0.1)), "`steps` is -0.1; wanted more than 0 radians"),
        (
            lambda: spherenet_taps(6, 12, 5, steps=(0.1, 0.9)),
            "`steps` is 1.8; wanted .* at the outermost tap",
        ),
    ],
)
@pytest.mark.usefixtures("as_a_user")
def test_patterns_that_cannot_be_are_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()
