import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ktnlib.sphere import render_perspective, rotate_panorama
from ktnlib.sphere.rotation import camera_rotation

from . import rays
from .images import assert_close, noise, smooth, smooth_panorama

ANGLES = st.floats(-math.pi, math.pi)
ROTATIONS = st.builds(
    lambda a, b, c: torch.as_tensor(
        rays.turn_about([0, 0, 1], a) @ rays.turn_about([0, 1, 0], b) @ rays.turn_about([1, 0, 0], c)
    ),
    ANGLES,
    ANGLES,
    ANGLES,
)
TILT = torch.as_tensor(rays.turn_about([0.6, 0.0, 0.8], 1.1))


@pytest.mark.parametrize("shape", [(6, 12), (7, 14), (8, 10)], ids=str)
@pytest.mark.parametrize("axis", [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0.6, 0.0, 0.8]], ids=str)
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_a_turned_panorama_is_what_turned_rays_read(shape, axis, interpolation):
    panorama, rotation = noise(2, 3, *shape), rays.turn_about(axis, 1.1)
    wanted = rays.rotate(panorama.numpy(), rotation, interpolation)
    turned = rotate_panorama(panorama, torch.as_tensor(rotation), interpolation=interpolation)
    assert_close(turned, wanted, 1e-10)


@settings(max_examples=20, deadline=None)
@given(ROTATIONS)
def test_what_was_seen_along_d_is_seen_along_the_turned_d(rotation):
    directions = rays.pixel_directions(48, 96) @ rotation.numpy()
    # bilinear reading of a smooth world on 3.75 degree pixels
    assert_close(
        rotate_panorama(smooth_panorama(48), rotation)[0, 0], torch.as_tensor(smooth(directions)), 3e-3
    )


@settings(max_examples=10, deadline=None)
@given(ROTATIONS, ROTATIONS)
def test_turning_twice_is_turning_by_the_product(first, second):
    panorama = smooth_panorama(48)
    assert_close(
        rotate_panorama(rotate_panorama(panorama, first), second),
        rotate_panorama(panorama, second @ first),
        6e-3,
    )


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
@pytest.mark.parametrize("shape", [(6, 12), (5, 20), (128, 256)], ids=str)
def test_quarter_turns_about_the_axis_move_columns_to_the_last_bit(shape, dtype):
    panorama = noise(1, 2, *shape, dtype=dtype)
    for quarters in range(-4, 5):
        rotation = torch.as_tensor(rays.turn_about([0, 0, 1], quarters * math.pi / 2))
        turned = rotate_panorama(panorama, rotation)
        assert torch.equal(turned, panorama.roll(quarters * shape[1] // 4, dims=-1)), quarters


@given(st.integers(0, 31))
def test_whole_pixel_turns_about_the_axis_move_columns_to_the_last_bit(columns):
    panorama = noise(1, 1, 16, 32)
    rotation = torch.as_tensor(rays.turn_about([0, 0, 1], columns * 2 * math.pi / 32))
    assert torch.equal(rotate_panorama(panorama, rotation), panorama.roll(columns, dims=-1))


@pytest.mark.parametrize("shape", [(6, 12), (9, 18)], ids=str)
def test_half_a_turn_about_a_level_axis_turns_the_picture_upside_down(shape):
    panorama = noise(1, 2, *shape)
    about_x = torch.diag(torch.tensor([1.0, -1.0, -1.0]))
    assert torch.equal(rotate_panorama(panorama, about_x), panorama.flip(-1, -2))


def test_the_camera_axes_are_those_of_the_rays():
    for yaw, pitch, roll in [(0, 0, 0), (0.3, 0, 0), (0, 0.4, 0), (0, 0, 0.5), (2.0, -1.2, 2.5)]:
        forward, right, down = rays.camera(yaw, pitch, roll)
        wanted = np.stack([forward, right, -down], axis=1)
        assert_close(camera_rotation(yaw=yaw, pitch=pitch, roll=roll), wanted, 1e-15)


def test_turning_the_world_back_is_turning_the_camera():
    angles = {"yaw": 0.7, "pitch": 0.5, "roll": -0.4}
    panorama = smooth_panorama(64)
    level = rotate_panorama(panorama, camera_rotation(**angles).T)
    assert_close(
        render_perspective(level, yaw=0.0, pitch=0.0, fov=1.2, size=8),
        render_perspective(panorama, fov=1.2, size=8, **angles),
        3e-3,
    )


def test_gradcheck_and_the_transpose_of_what_the_rays_read():
    units = np.eye(32).reshape(32, 1, 4, 8)
    matrix = torch.as_tensor(rays.rotate(units, TILT.numpy())).reshape(32, 32).T
    panorama, pull = noise(1, 1, 4, 8).requires_grad_(), noise(1, 1, 4, 8, seed=1)
    (rotate_panorama(panorama, TILT) * pull).sum().backward()
    assert_close(panorama.grad.flatten(), matrix.T @ pull.flatten(), 1e-10)
    assert torch.autograd.gradcheck(lambda x: rotate_panorama(x, TILT), panorama)


def test_no_image_strided_images_and_other_devices_work():
    assert rotate_panorama(torch.zeros(0, 3, 4, 8), TILT).shape == (0, 3, 4, 8)
    strided = noise(1, 4, 8, 3).permute(0, 3, 1, 2)
    assert torch.equal(rotate_panorama(strided, TILT), rotate_panorama(strided.contiguous(), TILT))
    assert rotate_panorama(torch.zeros(1, 3, 4, 8, device="meta"), TILT).device.type == "meta"


def test_a_rotation_in_float32_is_good_enough():
    assert_close(
        rotate_panorama(noise(1, 1, 6, 12), TILT.float()), rotate_panorama(noise(1, 1, 6, 12), TILT), 1e-5
    )


@pytest.mark.parametrize(
    ("rotation", "error", "message"),
    [
        (torch.eye(4), ValueError, r"`rotation` has shape \(4, 4\) on cpu; wanted a 3 x 3 matrix"),
        (torch.eye(3, device="meta"), ValueError, r"`rotation` has shape \(3, 3\) on meta; .*holds values"),
        (2 * torch.eye(3), ValueError, "off an orthogonal matrix by 3 with determinant 8; .*camera_rotation"),
        (torch.diag(torch.tensor([1.0, 1.0, -1.0])), ValueError, "determinant -1; .*mirrored"),
        (torch.full((3, 3), math.nan), ValueError, "off an orthogonal matrix by nan"),
        (torch.eye(3).int(), TypeError, "`rotation` has dtype torch.int32; wanted a floating-point"),
        ([[1.0]], TypeError, "`rotation` is a list; wanted a torch tensor"),
    ],
)
@pytest.mark.usefixtures("as_a_user")
def test_matrices_that_turn_no_sphere_are_refused(rotation, error, message):
    with pytest.raises(error, match=message):
        rotate_panorama(torch.zeros(1, 1, 4, 8), rotation)


@pytest.mark.parametrize(
    ("panorama", "error", "message"),
    [
        (torch.zeros(4, 8), ValueError, r"`panorama` has shape \(4, 8\); wanted four axes"),
        (torch.zeros(1, 1, 4, 9), ValueError, "`panorama` is 4 x 9 pixels; wanted an even width"),
        (torch.zeros(1, 1, 4, 8).long(), TypeError, "`panorama` has dtype torch.int64"),
    ],
)
@pytest.mark.usefixtures("as_a_user")
def test_what_is_no_panorama_is_not_turned(panorama, error, message):
    with pytest.raises(error, match=message):
        rotate_panorama(panorama, torch.eye(3))


@pytest.mark.usefixtures("as_a_user")
def test_an_unknown_interpolation_is_refused():
    with pytest.raises(ValueError, match="`interpolation` is 'linear'; wanted one of 'bilinear', 'bicubic'"):
        rotate_panorama(torch.zeros(1, 1, 4, 8), torch.eye(3), interpolation="linear")


@pytest.mark.usefixtures("as_a_user")
def test_a_camera_rotation_needs_finite_angles():
    with pytest.raises(ValueError, match="`pitch` is nan"):
        camera_rotation(yaw=0.0, pitch=math.nan)
