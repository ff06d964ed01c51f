import numpy as np
import pytest
import torch

from ktnlib.sphere import row_conv2d
from ktnlib.sphere.baselines.cap import CapConv2d

from .. import rays
from ..images import assert_close, noise, smooth_panorama


def by_rays(x, weight, rings, sectors, radius):
    """Each output pixel's own sums over all pixels, whose distance and azimuth its camera measures."""
    height, width = x.shape[-2:]
    directions = rays.pixel_directions(height, width)
    edges = np.sin(np.pi / 2 - np.arange(height + 1) * np.pi / height)
    areas = np.repeat((edges[:-1] - edges[1:])[:, None], width, axis=1)
    out = np.zeros((x.shape[0], weight.shape[0], height, width))
    for i, j in np.ndindex(height, width):
        pitch, yaw = np.pi / 2 - (i + 0.5) * np.pi / height, -np.pi + (j + 0.5) * 2 * np.pi / width
        forward, right, down = rays.camera(yaw, pitch)
        distance = np.arctan2(np.linalg.norm(np.cross(directions, forward), axis=-1), directions @ forward)
        azimuth = np.arctan2(directions @ right, -(directions @ down))
        ring = np.minimum(distance * (rings + 0.5) / radius, rings)
        sums, totals = np.zeros((*x.shape[:2], weight.shape[-1])), np.zeros(weight.shape[-1])
        for a in range(rings + 1):
            for b in range(sectors if a else 1):
                apart = (azimuth * sectors / (2 * np.pi) - b + sectors / 2) % sectors - sectors / 2
                share = rays.triangle(ring - a) * (rays.triangle(apart) if a else 1.0)
                share = np.where(distance < radius, share, 0.0) * areas
                point = 1 + (a - 1) * sectors + b if a else 0
                sums[..., point] = (x * share).sum((-2, -1))
                totals[point] = share.sum()
        out[:, :, i, j] = np.einsum("bct,oct->bo", sums / totals, weight)
    return out


@pytest.mark.parametrize(("rings", "sectors", "radius"), [(1, 8, 0.8), (2, 5, 0.9)])
@pytest.mark.parametrize("shape", [(8, 16), (7, 12)], ids=str)
def test_every_pixel_is_the_sum_over_the_cap_around_it(shape, rings, sectors, radius):
    layer = CapConv2d(2, 3, rings=rings, sectors=sectors, radius=radius).double()
    x = noise(2, 2, *shape)
    wanted = by_rays(x.numpy(), layer.weight.detach().numpy(), rings, sectors, radius)
    assert_close(layer(x), wanted + layer.bias.detach().numpy()[:, None, None], 1e-10)


def test_it_runs_through_row_kernels_too():
    layer, x = CapConv2d(2, 3, rings=2, sectors=6, radius=0.8).double(), noise(1, 2, 8, 16)
    assert_close(row_conv2d(x, layer.row_kernels(8, 16), layer.bias), layer(x), 1e-12)


def test_a_constant_stays_one_at_every_latitude():
    layer = CapConv2d(2, 3, rings=2, sectors=8, radius=0.4).double()
    out = layer(torch.ones(1, 2, 20, 40, dtype=torch.float64))
    wanted = layer.weight.sum((1, 2)) + layer.bias
    assert_close(out, wanted[:, None, None].expand_as(out), 1e-12)


def test_turning_a_smooth_world_turns_the_result_for_a_round_kernel():
    """A kernel whose sectors are alike has no direction, so that any rotation commutes with it."""
    layer = CapConv2d(1, 1, rings=2, sectors=8, radius=0.5).double()
    rounded = torch.tensor([0.5] + [-0.3] * 8 + [0.7] * 8).view(1, 1, 17)
    layer.load_state_dict({"weight": rounded, "bias": layer.bias})
    turn = rays.turn_about(np.array([0.6, 0.0, 0.8]), 1.1)
    world = smooth_panorama(24)
    there = torch.as_tensor(rays.rotate(world.numpy(), turn, "bicubic"))
    turned = torch.as_tensor(rays.rotate(layer(world).detach().numpy(), turn, "bicubic"))
    off = (layer(there) - turned).abs().amax() / turned.std()
    assert off < 0.05


def test_it_learns():
    layer = CapConv2d(1, 2, rings=1, sectors=8, radius=0.6, generator=torch.Generator().manual_seed(0))
    target = CapConv2d(1, 2, rings=1, sectors=8, radius=0.6, generator=torch.Generator().manual_seed(1))
    x = noise(4, 1, 8, 16, dtype=torch.float32)
    optimiser, wanted = torch.optim.Adam(layer.parameters(), lr=0.05), target(x).detach()
    for _ in range(60):
        optimiser.zero_grad()
        loss = (layer(x) - wanted).square().mean()
        loss.backward()
        optimiser.step()
    assert loss < 0.01 * wanted.var()


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: CapConv2d(0, 1, rings=1, sectors=8, radius=0.5), "`in_channels` is 0"),
        (lambda: CapConv2d(1, 1, rings=0, sectors=8, radius=0.5), "`rings` is 0"),
        (lambda: CapConv2d(1, 1, rings=1, sectors=8, radius=1.6), "`radius` is 1.6; wanted more than 0 and"),
        (
            lambda: CapConv2d(1, 1, rings=4, sectors=16, radius=0.3)(torch.ones(1, 1, 8, 16)),
            "`radius` is 0.3 radians with 4 rings of 16 sectors on 8 x 16 pixels.*wanted a larger cap",
        ),
    ],
)
@pytest.mark.usefixtures("as_a_user")
def test_caps_that_cannot_be_are_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()


def test_it_says_what_it_is():
    assert "2, 3, rings=1, sectors=8, radius=0.5" in repr(CapConv2d(2, 3, rings=1, sectors=8, radius=0.5))
