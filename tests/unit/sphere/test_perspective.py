import math

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ktnlib.sphere import EquirectGrid, place_perspective, render_perspective

from . import rays
from .images import assert_close, noise, smooth, smooth_panorama

VIEWS = {
    "straight ahead": {"yaw": 0.0, "pitch": 0.0, "roll": 0.0, "fov": 1.5},
    "around the seam": {"yaw": math.pi - 0.01, "pitch": 0.2, "roll": 0.0, "fov": 1.0},
    "the north pole inside": {"yaw": 1.0, "pitch": 1.3, "roll": 0.4, "fov": 2.0},
    "the south pole near the centre": {"yaw": -2.0, "pitch": 0.01 - math.pi / 2, "roll": -1.0, "fov": 1.2},
    "on its side": {"yaw": 0.5, "pitch": -0.3, "roll": math.pi / 2, "fov": 1.4},
    "upside down over the pole": {"yaw": 0.5, "pitch": 2.5, "roll": 3.0, "fov": 0.8},
    "nearly half the world": {"yaw": 3.0, "pitch": 0.7, "roll": 0.2, "fov": 3.0},
}
ANGLES = st.floats(-7, 7)


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
@pytest.mark.parametrize("size", [(5, 8), (7, 7), (1, 2)], ids=str)
@pytest.mark.parametrize("shape", [(12, 24), (9, 18), (8, 14)], ids=str)
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_a_view_is_what_its_rays_read(view, size, shape, interpolation):
    panorama, ways = noise(2, 3, *shape), {"size": size, "interpolation": interpolation}
    assert_close(
        render_perspective(panorama, **ways, **view),
        rays.render(panorama.numpy(), **ways, **view),
        1e-10,
    )


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
@pytest.mark.parametrize("size", [(5, 8), (7, 7), (1, 1)], ids=str)
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_a_placed_picture_is_what_its_rays_read(view, size, interpolation):
    image, ways = noise(2, 3, *size), {"height": 9, "interpolation": interpolation}
    panorama, mask = place_perspective(image, **ways, **view)
    wanted, seen = rays.place(image.numpy(), **ways, **view)
    assert np.array_equal(mask.numpy(), seen)
    assert_close(panorama, wanted, 1e-10)


# which way the pixel at the centre, right, left, top and bottom of a wide view looks
SCENE = [
    ("north", 0, 0, 0, "N E W Z n"),
    ("east", 90, 0, 0, "E S N Z n"),
    ("south", 180, 0, 0, "S W E Z n"),
    ("west", -90, 0, 0, "W N S Z n"),
    ("up", 0, 90, 0, "Z E W S N"),
    ("down", 0, -90, 0, "n E W N S"),
    ("up, facing east", 90, 90, 0, "Z S N W E"),
    ("north, turned clockwise", 0, 0, 90, "N n Z E W"),
    ("north, turned counter-clockwise", 0, 0, -90, "N Z n W E"),
    ("north, upside down", 0, 0, 180, "N W E n Z"),
    ("up, facing east, turned clockwise", 90, 90, 90, "Z E W S N"),
    ("over the zenith to the south, upside down", 0, 180, 0, "S E W n Z"),
]
LABELS = {"N": [1, 0, 0], "S": [-1, 0, 0], "E": [0, 1, 0], "W": [0, -1, 0], "Z": [0, 0, 1], "n": [0, 0, -1]}


def labelled_world(height):
    """Every pixel is 1 in the channel of the label it is nearest to."""
    directions = rays.pixel_directions(height, 2 * height)
    nearest = np.argmax(directions @ np.array(list(LABELS.values())).T, axis=-1)
    hot = torch.nn.functional.one_hot(torch.as_tensor(nearest), len(LABELS))
    return hot.permute(2, 0, 1)[None].double()


@pytest.mark.parametrize(("yaw", "pitch", "roll", "seen"), [s[1:] for s in SCENE], ids=[s[0] for s in SCENE])
def test_yaw_pitch_and_roll_look_where_the_compass_says(yaw, pitch, roll, seen):
    angles = {"yaw": math.radians(yaw), "pitch": math.radians(pitch), "roll": math.radians(roll)}
    view = render_perspective(labelled_world(32), fov=2 * math.atan(1.6), size=33, **angles)[0]
    pixels = view[:, [16, 16, 16, 0, 32], [16, 32, 0, 16, 16]]
    assert pixels.max(0).values.tolist() == pytest.approx([1.0] * 5)
    assert " ".join(list(LABELS)[i] for i in pixels.argmax(0)) == seen


@pytest.mark.parametrize(("yaw", "pitch", "roll", "seen"), [s[1:] for s in SCENE], ids=[s[0] for s in SCENE])
def test_a_placed_picture_paints_where_the_compass_says(yaw, pitch, roll, seen):
    image = torch.zeros(1, 5, 33, 33, dtype=torch.float64)
    spots = [(16, 16), (16, 30), (16, 2), (2, 16), (30, 16)]
    for channel, (row, column) in enumerate(spots):
        image[0, channel, row - 1 : row + 2, column - 1 : column + 2] = 1
    angles = {"yaw": math.radians(yaw), "pitch": math.radians(pitch), "roll": math.radians(roll)}
    panorama, _ = place_perspective(image, height=64, fov=2 * math.atan(1.6), **angles)
    directions = rays.pixel_directions(64, 128)
    for channel, name in enumerate(seen.split()):
        painted = directions[(panorama[0, channel] > 0.5).numpy()].mean(0)
        # the spots lie 0 or 54 degrees from the axis, nearer to their own label than to any other
        assert list(LABELS)[np.argmax(np.array(list(LABELS.values())) @ painted)] == name


def test_a_view_pixel_looks_through_its_centre():
    # a linear ramp in longitude: at the equator the middle pixels look half a pixel beside the axis
    ramp = EquirectGrid(64).longitudes.expand(1, 1, 64, 128)
    view = render_perspective(ramp, yaw=0.3, pitch=0.0, fov=1.0, size=(1, 4))
    step = 2 * math.tan(0.5) / 4
    offsets = torch.tensor([-1.5, -0.5, 0.5, 1.5], dtype=torch.float64)
    assert_close(view[0, 0, 0] - 0.3, (offsets * step).atan(), 1e-12)


def test_a_view_of_odd_size_reads_the_pixel_it_is_centred_on():
    panorama, grid = noise(1, 1, 8, 16), EquirectGrid(8)
    for row, column in [(0, 0), (3, 8), (7, 15)]:
        view = render_perspective(
            panorama, yaw=grid.longitudes[column].item(), pitch=grid.latitudes[row].item(), fov=0.5, size=1
        )
        assert view.item() == panorama[0, 0, row, column].item()


@pytest.mark.parametrize(("pitch", "row"), [(math.pi / 2, 0), (-math.pi / 2, 7)])
def test_a_pixel_on_the_pole_itself_lies_on_the_meridian_of_the_yaw(pitch, row):
    # longitude has no value there; half of the pixel comes from either side of the pole
    panorama, yaw = noise(1, 1, 8, 16), EquirectGrid(8).longitudes[3].item()
    view = render_perspective(panorama, yaw=yaw, pitch=pitch, roll=0.7, fov=0.5, size=1)
    assert_close(view[0, 0, 0], (panorama[0, 0, row, 3] + panorama[0, 0, row, 11]).div(2)[None], 1e-12)


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_gradients_are_the_transpose_of_what_the_rays_read(view):
    """Each unit panorama is rendered by rays: that is the matrix A, and the gradient is Aᵀ."""
    units = np.eye(6 * 12).reshape(6 * 12, 1, 6, 12)
    matrix = torch.as_tensor(rays.render(units, size=(3, 4), **view)).reshape(6 * 12, 12).T
    panorama, pull = noise(1, 1, 6, 12).requires_grad_(), noise(1, 1, 3, 4, seed=1)
    (render_perspective(panorama, size=(3, 4), **view) * pull).sum().backward()
    assert_close(panorama.grad.flatten(), matrix.T @ pull.flatten(), 1e-10)


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_gradients_of_placing_are_the_transpose_too(view):
    units = np.eye(3 * 4).reshape(12, 1, 3, 4)
    matrix = torch.as_tensor(rays.place(units, height=6, **view)[0]).reshape(12, 6 * 12).T
    image, pull = noise(1, 1, 3, 4).requires_grad_(), noise(1, 1, 6, 12, seed=1)
    (place_perspective(image, height=6, **view)[0] * pull).sum().backward()
    assert_close(image.grad.flatten(), matrix.T @ pull.flatten(), 1e-10)


@pytest.mark.parametrize(
    "name", ["straight ahead", "around the seam", "the north pole inside", "on its side"]
)
def test_render_and_place_are_adjoint_under_solid_angle(name):
    """⟨place v, p⟩ over the sphere = ⟨v, render p⟩ over the view, each pixel weighted by the angle it covers.

    Both sides are Riemann sums of one integral; the picture fades out before its edge, so only the bilinear
    reading is left, an error of the order of the squared pixel: 2e-3 of the integral at these sizes.
    """
    view, height, size = VIEWS[name] | {"fov": 1.5}, 96, 64
    ramp = (torch.arange(size, dtype=torch.float64) + 0.5) / size
    window = (math.pi * ramp).sin() ** 2
    picture = (window[:, None] * window * (1 + ramp[:, None] + 0.5 * ramp))[None, None]
    panorama = smooth_panorama(height)
    on_sphere = (place_perspective(picture, height=height, **view)[0] * panorama)[0, 0].sum(1)
    on_sphere = (on_sphere * EquirectGrid(height).solid_angles).sum()
    spacing = 2 * math.tan(view["fov"] / 2) / size
    plane = (torch.arange(size, dtype=torch.float64) - (size - 1) / 2) * spacing
    covered = spacing**2 / (1 + plane**2 + plane[:, None] ** 2) ** 1.5
    on_view = (picture * render_perspective(panorama, size=size, **view) * covered).sum()
    assert abs(on_sphere - on_view) <= 2e-3 * abs(on_view), (on_sphere, on_view)


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_a_smooth_picture_comes_back_from_the_sphere(view):
    """Plane to sphere to plane: what is lost is the bilinear reading of two grids, away from the edge."""
    view = view | {"fov": 1.2}
    truth = torch.as_tensor(smooth(rays.view_rays(height=48, width=64, **view)))[None, None]
    panorama, mask = place_perspective(truth, height=192, **view)
    back = render_perspective(panorama, size=(48, 64), **view)
    assert bool(mask.any())
    assert not bool(panorama[0, 0][~mask].any())
    assert_close(back[..., 3:-3, 3:-3], truth[..., 3:-3, 3:-3], 1e-3)


@settings(max_examples=30, deadline=None)
@given(ANGLES, ANGLES, ANGLES, st.floats(0.01, 3.1), st.floats(-3, 3))
def test_a_constant_world_looks_constant(yaw, pitch, roll, fov, value):
    panorama = torch.full((1, 1, 5, 10), value, dtype=torch.float64)
    view = render_perspective(panorama, yaw=yaw, pitch=pitch, roll=roll, fov=fov, size=(3, 4))
    assert_close(view, torch.full((1, 1, 3, 4), value, dtype=torch.float64), 1e-14)


@settings(max_examples=30, deadline=None)
@given(ANGLES, ANGLES, ANGLES, st.floats(0.01, 3.1), st.integers(0, 13))
def test_turning_the_world_by_whole_pixels_is_turning_the_camera(yaw, pitch, roll, fov, columns):
    # a ray through a pole has no longitude, and one that nearly does amplifies rounding
    assume(abs(math.cos(pitch)) > 1e-3)
    panorama = noise(1, 2, 7, 14)
    turn = columns * 2 * math.pi / 14
    still = render_perspective(panorama, yaw=yaw, pitch=pitch, roll=roll, fov=fov, size=(3, 4))
    turned = render_perspective(
        panorama.roll(columns, -1), yaw=yaw + turn, pitch=pitch, roll=roll, fov=fov, size=(3, 4)
    )
    assert_close(turned, still, 1e-9)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_narrow_images_are_summed_in_float32(dtype):
    panorama, view = noise(1, 2, 8, 16, dtype=dtype), VIEWS["the north pole inside"]
    rendered = render_perspective(panorama, size=5, **view)
    assert rendered.dtype == dtype
    assert torch.equal(rendered, render_perspective(panorama.float(), size=5, **view).to(dtype))
    image = panorama[..., :8]
    placed, _ = place_perspective(image, height=6, **view)
    assert torch.equal(placed, place_perspective(image.float(), height=6, **view)[0].to(dtype))


def test_no_image_and_strided_images_work():
    view = VIEWS["on its side"]
    assert render_perspective(torch.zeros(0, 3, 4, 8), size=(2, 3), **view).shape == (0, 3, 2, 3)
    assert place_perspective(torch.zeros(0, 3, 4, 8), height=4, **view)[0].shape == (0, 3, 4, 8)
    strided = noise(1, 8, 16, 3).permute(0, 3, 1, 2)
    assert not strided.is_contiguous()
    assert_close(
        render_perspective(strided, size=4, **view),
        render_perspective(strided.contiguous(), size=4, **view),
        0,
    )
    assert_close(
        place_perspective(strided, height=6, **view)[0],
        place_perspective(strided.contiguous(), height=6, **view)[0],
        0,
    )


def test_results_lie_where_the_image_lies():
    there = torch.zeros(1, 1, 4, 8, device="meta")
    assert render_perspective(there, yaw=0, pitch=0, fov=1, size=2).device.type == "meta"
    panorama, mask = place_perspective(there, height=4, yaw=0, pitch=0, fov=1)
    assert panorama.device.type == mask.device.type == "meta"


def test_what_the_camera_does_not_see_stays_black_whatever_the_picture_holds():
    panorama, mask = place_perspective(
        torch.full((1, 1, 3, 3), math.nan), height=8, yaw=0.0, pitch=0.0, fov=1.0
    )
    assert bool(panorama[0, 0][mask].isnan().all())
    assert not bool(panorama[0, 0][~mask].any())


def test_gradcheck_of_both():
    view = VIEWS["the north pole inside"]
    panorama, image = noise(1, 1, 4, 8).requires_grad_(), noise(1, 1, 3, 3).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: render_perspective(x, size=3, **view), panorama)
    assert torch.autograd.gradcheck(lambda x: place_perspective(x, height=4, **view)[0], image)


RENDER = {"panorama": torch.zeros(1, 3, 4, 8), "yaw": 0.0, "pitch": 0.0, "roll": 0.0, "fov": 1.0, "size": 4}
PLACE = {"image": torch.zeros(1, 3, 4, 4), "height": 4, "yaw": 0.0, "pitch": 0.0, "roll": 0.0, "fov": 1.0}
BAD_ANGLES = [
    ({"yaw": math.nan}, ValueError, "`yaw` is nan; wanted a finite number"),
    ({"pitch": math.inf}, ValueError, "`pitch` is inf"),
    ({"roll": -math.inf}, ValueError, "`roll` is -inf"),
    ({"yaw": "north"}, TypeError, "`yaw` is a str; wanted a number in radians"),
    ({"fov": math.pi}, ValueError, "`fov` is 3.14159; wanted more than 0 and less than 3.14159 radians"),
    ({"fov": 90}, ValueError, "`fov` is 90; .*radians, the horizontal field of view"),
    ({"fov": 0.0}, ValueError, "`fov` is 0"),
    ({"fov": math.nan}, ValueError, "`fov` is nan"),
]
BAD_NAMES = [({"interpolation": "cubic"}, ValueError, "wanted one of 'bilinear', 'bicubic'")]


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        *BAD_ANGLES,
        *BAD_NAMES,
        ({"size": -2}, ValueError, "`size` is -2; wanted a whole number of at least 1"),
        ({"size": (4, 0)}, ValueError, "`size` is 0"),
        ({"size": (4, 4, 3)}, ValueError, r"`size` is \(4, 4, 3\); wanted \(height, width\) or one"),
        ({"size": 4.0}, TypeError, "`size` is a float; wanted a whole number"),
        (
            {"panorama": torch.zeros(3, 4, 8)},
            ValueError,
            r"`panorama` has shape \(3, 4, 8\).*`panorama\[None\]`",
        ),
        (
            {"panorama": torch.zeros(1, 3, 4, 7)},
            ValueError,
            "`panorama` is 4 x 7 pixels; wanted an even width",
        ),
        ({"panorama": torch.zeros(1, 3, 4, 8).byte()}, TypeError, r"uint8; .*`panorama\.float\(\) / 255`"),
        ({"panorama": np.zeros((1, 3, 4, 8))}, TypeError, "`panorama` is a ndarray; wanted a torch tensor"),
    ],
)
@pytest.mark.usefixtures("as_a_user")
def test_views_that_cannot_be_rendered_are_refused(change, error, message):
    with pytest.raises(error, match=message):
        render_perspective(**RENDER | change)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        *BAD_ANGLES,
        *BAD_NAMES,
        ({"height": 0}, ValueError, "`height` is 0; wanted a whole number of at least 1"),
        ({"image": torch.zeros(4, 4)}, ValueError, r"`image` has shape \(4, 4\); wanted four axes"),
        ({"image": torch.zeros(1, 3, 0, 4)}, ValueError, "`size` is 0"),
        (
            {"image": torch.zeros(1, 3, 4, 4).int()},
            TypeError,
            "`image` has dtype torch.int32; wanted a floating",
        ),
    ],
)
@pytest.mark.usefixtures("as_a_user")
def test_pictures_that_cannot_be_placed_are_refused(change, error, message):
    with pytest.raises(error, match=message):
        place_perspective(**PLACE | change)
