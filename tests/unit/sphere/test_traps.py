"""Each known way to get a tangent-plane convolution wrong is caught: the right operator agrees with rays,
the wrong one does not, and the slip put back into the library makes it the wrong one.
"""

import math

import numpy as np
import pytest
import torch
from torch.nn.functional import avg_pool2d

from ktnlib.experiments.wrong_operators import FINE, SIDE, TRAPS, right_answer
from ktnlib.sphere import (
    EquirectGrid,
    render_perspective,
    sampling,
    tangent_conv,
    tangent_conv2d,
    tangent_points,
    tangent_taps,
    taps,
)

from . import rays
from .images import assert_close, noise

HEIGHT, WIDTH = 32, 64
PIXEL = 2 * math.pi / WIDTH
OPTIONS = {"clamped-poles": {"spacing": FINE * PIXEL}, "corner-of-the-block": {"stride": 2}}
# the root mean square error on noise, relative, that each trap has at least
LEAST = dict.fromkeys(TRAPS, 0.5) | {
    "atan": 0.15,
    "zero-seam": 0.015,
    "clamped-poles": 0.02,
    "unturned-poles": 0.1,
    "counted-twice": 0.08,
}
POLES = {"atan", "clamped-poles", "unturned-poles", "counted-twice"}


@pytest.fixture(scope="module")
def world():
    return noise(1, 2, HEIGHT, WIDTH), noise(3, 2, SIDE, SIDE, seed=1)


@pytest.mark.parametrize("name", TRAPS)
def test_the_right_operator_agrees_with_rays_and_the_trap_does_not(name, world):
    x, weight = world
    truth = torch.as_tensor(rays.tangent_conv(x.numpy(), weight.numpy(), **OPTIONS.get(name, {})))
    assert_close(right_answer(name, x, weight), truth, 1e-10)
    error = (TRAPS[name](x, weight) - truth).norm() / truth.norm()
    assert error > LEAST[name]


@pytest.mark.parametrize("name", sorted(POLES))
def test_a_slip_at_the_pole_shows_in_the_rows_next_to_it_only(name, world):
    off = (TRAPS[name](*world) - right_answer(name, *world)).abs().amax((0, 1, 3))
    assert off[1:-1].max() < 1e-10
    assert off[0] > 0.01
    assert off[-1] > 0.01


def test_the_seam_s_zeros_hurt_the_pixels_whose_taps_fall_between_its_two_columns(world):
    off = (TRAPS["zero-seam"](*world) - right_answer("zero-seam", *world)).abs()
    below_60 = off[..., HEIGHT // 6 : -HEIGHT // 6, :]
    assert below_60[..., 3:-3].max() < 1e-6
    assert below_60[..., [1, -2]].max() > 0.1


# how each slip looks in the library's own code: (module, name, what stands there instead)
def plane_points(latitude, longitude, east, south, arctangent):
    right_latitude, _ = tangent_points(latitude, longitude, east, south)
    ahead = latitude.cos() + south * latitude.sin()
    return right_latitude, arctangent(*torch.broadcast_tensors(east, ahead))


def without_half_turn(plan, height, width):
    return sampling.fold_poles(plan, height, width)._replace(columns=plan.columns)


def clamped(plan, height, width):
    return plan._replace(rows=plan.rows.clamp(0, height - 1))


def off_by_half(rows, columns, interpolation):
    return sampling.neighbours(rows - 0.5, columns - 0.5, interpolation)


def short_focus(latitude, longitude, east, south):
    return tangent_points(latitude, longitude, 1.5 * east, 1.5 * south)


def centre_off(latitude, longitude, east, south):
    return tangent_points(latitude, longitude, east - PIXEL / 2, south - PIXEL / 2)


def atan(latitude, longitude, east, south):
    return plane_points(latitude, longitude, east, south, lambda a, b: torch.atan(a / b))


PUT_BACK = {
    "integer-division": {"tangent_points": short_focus},
    "integer-centre": {"tangent_points": centre_off},
    "atan": {"tangent_points": atan},
    "clamped-poles": {"fold_poles": clamped},
    "half-pixel": {"neighbours": off_by_half},
}


@pytest.mark.parametrize("name", PUT_BACK)
def test_the_slip_put_back_into_the_library_makes_it_the_trap(name, world, monkeypatch):
    x, weight = world
    right = tangent_conv2d(x, weight, **OPTIONS.get(name, {}))
    for attribute, slip in PUT_BACK[name].items():
        monkeypatch.setattr(taps, attribute, slip)
    wrong = tangent_conv2d(x, weight, **OPTIONS.get(name, {}))
    assert (wrong - right).norm() > LEAST[name] * right.norm()
    # torch's sampler puts zeros beyond the picture besides
    inner = (..., slice(4, -4), slice(8, -8)) if name == "half-pixel" else ...
    assert_close(wrong[inner], TRAPS[name](x, weight)[inner], 1e-9)


def test_over_the_poles_without_the_half_turn_is_no_small_slip(world, monkeypatch):
    """A bicubic sample reads beyond the pole where a bilinear one of spacing 2π/W never does."""
    x, weight = world
    right = tangent_conv2d(x, weight, interpolation="bicubic")
    truth = torch.as_tensor(rays.tangent_conv(x.numpy(), weight.numpy(), interpolation="bicubic"))
    assert_close(right, truth, 1e-9)
    for slip in (without_half_turn, clamped):
        with monkeypatch.context() as patch:
            patch.setattr(taps, "fold_poles", slip)
            wrong = tangent_conv2d(x, weight, interpolation="bicubic")
        off = (wrong - truth).abs().amax((0, 1, 3))
        assert off[[0, -1]].min() > 0.1, slip
        assert off[3:-3].max() < 1e-9


def test_columns_that_do_not_wrap_are_no_circle(world, monkeypatch):
    x, weight = world
    truth = tangent_conv2d(x, weight)

    def without_wrapping(x, plan, shifts):
        """Columns beyond the picture's edge read its last column."""
        for tap in range(plan.rows.shape[1]):
            rows, columns, shares = (part[:, tap, None] for part in plan)
            columns = (columns + shifts[:, None]).clamp(0, WIDTH - 1)
            yield (x[:, :, rows.expand_as(columns), columns] * shares).sum(-1)

    monkeypatch.setattr(tangent_conv, "read_taps", without_wrapping)
    plan = tangent_taps(HEIGHT, WIDTH, tuple(weight.shape[-2:])).neighbours()
    off = (tangent_conv.correlate(x, weight, None, plan, torch.arange(WIDTH)) - truth).abs()
    middle = off[..., HEIGHT // 2, :]
    assert middle[..., [0, -1]].amax((0, 1)).min() > 0.1
    assert middle[..., 2:-2].max() < 1e-10


KEEP_A_CONSTANT = set(TRAPS) - {
    "half-pixel", "aligned-corners", "zero-seam", "counted-twice", "direct-wrap", "direct-zero", "projected"
}  # fmt: skip


@pytest.mark.parametrize("name", TRAPS)
def test_a_constant_world_tells_gains_that_do_not_add_up(name, world):
    """Weights of a row must add up to the source's, or activations drift from layer to layer."""
    constant, weight = torch.ones_like(world[0]), world[1]
    wanted = weight.sum((1, 2, 3))[:, None, None]
    assert (right_answer(name, constant, weight) - wanted).abs().max() < 1e-12
    off = (TRAPS[name](constant, weight) - wanted).abs().max()
    assert off < 1e-12 if name in KEEP_A_CONSTANT else off > 0.01


def test_taps_several_pixels_apart_skip_what_lies_between_them():
    """A grating of three pixels, taps three apart: points on it read a constant that no camera sees."""
    height, width, coarser = 24, 96, 3
    grating = ((torch.arange(width, dtype=torch.float64) - 1) * 2 * math.pi / coarser).cos()
    x = grating.expand(1, 1, height, width)
    one = torch.ones(1, 1, 1, 1, dtype=torch.float64)
    points = tangent_conv2d(x, one, stride=coarser, spacing=coarser * 2 * math.pi / width)
    averaged = tangent_conv2d(avg_pool2d(x, coarser), one)
    assert_close(points, torch.ones_like(points), 1e-12)
    # a camera's pixel takes in the whole period: nine rays a pixel, on the plane of the middle rows
    box = torch.full((1, 1, coarser, coarser), 1 / coarser**2, dtype=torch.float64)
    seen = rays.tangent_conv(x.numpy(), box.numpy(), stride=coarser)[..., 3:5, :]
    assert np.abs(seen).max() < 0.05
    assert_close(averaged, torch.zeros_like(averaged), 1e-12)


def test_after_stride_two_a_pixel_lies_between_the_pixels_before(world):
    """Pooling and strided taps are centred on the coarser grid; a subsampled map is half a pixel off."""
    x, _ = world
    one_tap = torch.full((1, 2, 2, 2), 1 / 4, dtype=torch.float64)
    truth = torch.as_tensor(rays.tangent_conv(x.numpy(), one_tap.numpy(), stride=2))
    assert_close(tangent_conv2d(x, one_tap, stride=2), truth, 1e-10)
    corner = x.sum(1, keepdim=True)[..., ::2, ::2]
    assert (corner - truth).norm() > 0.5 * truth.norm()
    # the grid's own 2 × 2 blocks are right near the equator and take in too little next to the poles
    blocks = (avg_pool2d(x, 2).sum(1, keepdim=True) - truth).abs().amax((0, 1, 3))
    assert blocks[HEIGHT // 4] < 0.05
    assert blocks[1] > 0.3


def test_a_grid_without_the_half_pixel_of_longitude_looks_half_a_column_to_the_west():
    """Convolution cannot tell, it turns with the world; a view, a box or a label can."""
    dot = torch.zeros(1, 1, HEIGHT, WIDTH, dtype=torch.float64)
    dot[..., 10, 20] = 1
    pitch = EquirectGrid(HEIGHT).latitudes[10].item()
    right, wrong = EquirectGrid(HEIGHT).longitudes[20].item(), 20 * PIXEL - math.pi
    assert_close(
        rays.pixel_directions(HEIGHT, WIDTH)[10, 20, :2] @ [math.sin(right), -math.cos(right)], 0, 1e-12
    )
    seen = [render_perspective(dot, yaw=yaw, pitch=pitch, fov=0.01, size=1).item() for yaw in (right, wrong)]
    assert_close(seen[0], 1.0, 1e-12)
    assert_close(seen[1], 0.5, 1e-12)
    x, weight = noise(1, 1, HEIGHT, WIDTH), noise(1, 1, SIDE, SIDE, seed=1)
    map_ = tangent_conv2d(x, weight)
    assert_close(TRAPS["longitude-half-pixel"](x, weight), (map_ + map_.roll(1, -1)) / 2, 1e-12)
