"""The checkers of chapter 1 accept the right answer and call the usual mistakes by their names."""

import math

import pytest
import torch
from world_axes import rotation

from ktnlib.exercises.equirectangular_grid import (
    check_area_mse,
    check_camera_ray,
    check_read,
    check_two_averages,
)

SEEDS = (0, 1, 7)


def rays_by_rotation_matrices(row, column, *, size, fov, yaw, pitch, roll):
    """The camera looks along x with its right hand along y (east); roll, pitch, yaw are one matrix each."""
    height, width = size
    plane = 2 * math.tan(fov / 2) / width
    right, down = (column + 0.5 - width / 2) * plane, (row + 0.5 - height / 2) * plane
    ray = torch.stack([torch.ones_like(right), right, -down])
    x, y, z = rotation(2, yaw) @ rotation(1, -pitch) @ rotation(0, -roll) @ ray
    return torch.asin(z / torch.stack([x, y, z]).norm(dim=0)), torch.atan2(y, x)


def mean_square_by_integration(first, second):
    """The exact area of each row's band: sin of its northern edge minus sin of its southern one."""
    edges = torch.linspace(math.pi / 2, -math.pi / 2, first.shape[0] + 1, dtype=torch.float64).sin()
    band = edges[:-1] - edges[1:]
    return float((band * (first - second).square().mean(dim=1)).sum() / 2)


def read_from_a_padded_copy(panorama, row, column):
    """Bilinear on a copy that carries its neighbours: three turns wide, the far side of each pole turned."""
    far_side = panorama.flip(0).roll(panorama.shape[1] // 2, 1)
    return read_inside(torch.cat([far_side, panorama, far_side]), row + panorama.shape[0], column)


def read_inside(panorama, row, column):
    """Bilinear where the rows need no care; columns wrap by repetition."""
    padded = torch.cat([panorama] * 3, dim=1)
    column = column + panorama.shape[1]
    i, j = row.floor().long(), column.floor().long()
    a, b = row - i, column - j
    top = (1 - b) * padded[i, j] + b * padded[i, j + 1]
    return (1 - a) * top + a * ((1 - b) * padded[i + 1, j] + b * padded[i + 1, j + 1])


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("check", "answer"),
    [
        (check_area_mse, mean_square_by_integration),
        (check_camera_ray, rays_by_rotation_matrices),
        (check_read, read_from_a_padded_copy),
    ],
)
def test_an_independent_right_answer_is_accepted(check, answer, seed):
    verdict = check(answer, seed=seed)
    assert verdict.correct, verdict.message


@pytest.mark.parametrize("check", [check_area_mse, check_camera_ray, check_read])
def test_an_unanswered_skeleton_is_said_to_be_unanswered(check):
    assert str(check(lambda *given, **camera: ...)) == "not answered yet"


def test_a_longitude_is_right_whichever_revolution_it_is_in():
    def next_revolution(row, column, **camera):
        latitude, longitude = rays_by_rotation_matrices(row, column, **camera)
        return latitude, longitude + 2 * math.pi

    assert check_camera_ray(next_revolution)


@pytest.mark.parametrize(
    ("guess", "message"),
    [
        ((0.1, 0.1), "the same number twice"),
        ((0.0402, 0.1), "exchanged"),
        ((0.05, 0.0201), "one cap"),
        ((0.3333, 0.134), "shares of the caps"),
        ((0.1, 0.05), "cosine of the cap's edge"),
        ((10, 4.02), "in per cent"),
        (0.1, "give two numbers"),
        ((0.1, 0.04, 0.0), "give two numbers"),
        ((0.1, "a"), "wanted numbers"),
        ((0.1, 0.2), "wanted 0.040"),
    ],
)
def test_two_averages_are_diagnosed(guess, message):
    verdict = check_two_averages(guess)
    assert not verdict.correct
    assert message in verdict.message


@pytest.mark.parametrize("guess", [(0.1, 0.0402), (0.1, 0.04), [0.1, 0.3 * (1 - math.cos(math.pi / 6))]])
def test_the_right_two_averages_are_accepted(guess):
    assert check_two_averages(tuple(guess))


def test_two_averages_that_are_left_open_are_said_to_be_unanswered():
    assert str(check_two_averages((..., ...))) == "not answered yet"


def centre_latitudes(height, half=0.5):
    return math.pi / 2 - (torch.arange(height, dtype=torch.float64)[:, None] + half) * math.pi / height


def weighted(weights):
    def mean(first, second):
        weight = weights(first.shape[0])
        return (weight * (first - second).square()).sum() / (weight.sum() * first.shape[1])

    return mean


def cosine_weights(first):
    return centre_latitudes(first.shape[0]).cos().expand_as(first)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        (lambda a, b: torch.nn.functional.mse_loss(a, b), "rows not weighted by cos φ"),
        (weighted(lambda height: centre_latitudes(height).sin().abs()), "sine of the latitude"),
        (weighted(lambda height: centre_latitudes(height, 0.0).cos()), "half a pixel off"),
        (lambda a, b: (cosine_weights(a) * (a - b) ** 2).mean(), "number of pixels"),
        (lambda a, b: (cosine_weights(a) * (a - b) ** 2).sum(), "did not divide"),
        (
            lambda a, b: (cosine_weights(a) * (a - b)).square().sum() / cosine_weights(a).sum(),
            "before squaring",
        ),
        (lambda a, b: mean_square_by_integration(a, b) ** 0.5, "root"),
        (lambda a, b: 2 * mean_square_by_integration(a, b), "the largest difference"),
    ],
)
def test_a_wrong_error_by_area_is_diagnosed(mistake, message, seed):
    verdict = check_area_mse(mistake, seed=seed)
    assert not verdict.correct
    assert message in verdict.message


def wrong_camera(change):
    """The independent camera with one number changed before it looks."""

    def rays(row, column, **camera):
        return rays_by_rotation_matrices(*change(row, column, camera), **camera)

    return rays


def no_half_pixel(row, column, camera):
    return row - 0.5, column - 0.5


def roll_reversed(row, column, camera):
    camera["roll"] = -camera["roll"]
    return row, column


def no_roll(row, column, camera):
    camera["roll"] = 0.0
    return row, column


def vertical_fov(row, column, camera):
    height, width = camera["size"]
    camera["fov"] = 2 * math.atan(math.tan(camera["fov"] / 2) * width / height)
    return row, column


def no_yaw(row, column, camera):
    camera["yaw"] = 0.0
    return row, column


def upside_down(row, column, camera):
    return camera["size"][0] - 1 - row, column


def one_argument_arctangent(row, column, **camera):
    """Undo the yaw, fold the longitude into (−90°, 90°) as atan does, redo the yaw."""
    latitude, longitude = rays_by_rotation_matrices(row, column, **camera)
    return latitude, camera["yaw"] + torch.atan((longitude - camera["yaw"]).tan())


def from_the_south(row, column, **camera):
    latitude, longitude = rays_by_rotation_matrices(row, column, **camera)
    return -latitude, longitude


def polar_angle(row, column, **camera):
    latitude, longitude = rays_by_rotation_matrices(row, column, **camera)
    return math.pi / 2 - latitude, longitude


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        (wrong_camera(no_half_pixel), "half a pixel off"),
        (one_argument_arctangent, "atan where atan2 is needed"),
        (wrong_camera(upside_down), "north and south are exchanged"),
        (wrong_camera(roll_reversed), "turns the wrong way"),
        (wrong_camera(no_roll), "left out the roll"),
        (wrong_camera(vertical_fov), "vertical field of view"),
        (wrong_camera(no_yaw), "left out the yaw"),
        (from_the_south, "latitude counted from the south"),
        (polar_angle, "polar angle"),
        (lambda *a, **c: rays_by_rotation_matrices(*a, **c)[::-1], "exchanged"),
        (lambda *a, **c: rays_by_rotation_matrices(*a, **c)[0], "return two tensors"),
    ],
)
def test_a_wrong_camera_is_diagnosed(mistake, message, seed):
    verdict = check_camera_ray(mistake, seed=seed)
    assert not verdict.correct
    assert message in verdict.message


def evenly_spread_angles(row, column, *, size, fov, **angles):
    """Move each index to where a true camera sees the angle that an even spread promises."""
    pixels = size[1] / (2 * math.tan(fov / 2))
    down, right = (
        torch.tan((index + 0.5 - count / 2) * fov / size[1]) * pixels + count / 2 - 0.5
        for index, count in zip((row, column), size, strict=True)
    )
    return rays_by_rotation_matrices(down, right, size=size, fov=fov, **angles)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda camera: {"pitch": -camera["pitch"]}, "pitch turns the wrong way"),
        (lambda camera: {"size": camera["size"][::-1]}, r"`size` is (height, width)"),
    ],
)
def test_a_camera_that_misreads_its_arguments_is_diagnosed(change, message):
    def misread(row, column, **camera):
        return rays_by_rotation_matrices(row, column, **(camera | change(camera)))

    assert message in check_camera_ray(misread).message


def test_a_camera_that_answers_in_degrees_is_diagnosed():
    def in_degrees(row, column, **camera):
        return [angle.rad2deg() for angle in rays_by_rotation_matrices(row, column, **camera)]

    assert "these are degrees" in check_camera_ray(in_degrees).message


def test_both_angles_may_come_stacked_in_one_tensor():
    assert check_camera_ray(
        lambda row, column, **camera: torch.stack(rays_by_rotation_matrices(row, column, **camera))
    )


def test_a_camera_that_spreads_the_angle_evenly_is_diagnosed():
    assert "spreads its tangent" in check_camera_ray(evenly_spread_angles).message


def inside(row, height):
    return row.clamp(0, height - 1)


def with_rows_beyond(beyond_north, beyond_south):
    """A sampler whose three rows beyond each pole are the given rows of the panorama, or zero."""

    def read(panorama, row, column):
        zero = torch.zeros(3, panorama.shape[1], dtype=panorama.dtype)
        north = zero if beyond_north is None else panorama[beyond_north]
        south = zero if beyond_south is None else panorama[beyond_south]
        return read_inside(torch.cat([north, panorama, south]), row + 3, column)

    return read


def nearest(panorama, row, column):
    return read_from_a_padded_copy(panorama, row.round(), column.round())


def clamped_columns(panorama, row, column):
    return read_from_a_padded_copy(panorama, row, column.clamp(0, panorama.shape[1] - 1))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        (
            lambda p, row, column: read_from_a_padded_copy(p, row, column - 0.5),
            "columns are half a pixel off",
        ),
        (
            lambda p, row, column: read_from_a_padded_copy(p, inside(row, p.shape[0]), column),
            "clamped at the pole",
        ),
        (with_rows_beyond([2, 1, 0], [-1, -2, -3]), "mirrored at the pole and not turned"),
        (with_rows_beyond([3, 2, 1], [-2, -3, -4]), "mirrored about the first row's centre"),
        (with_rows_beyond(None, None), "zero beyond the pole"),
        (with_rows_beyond([-3, -2, -1], [0, 1, 2]), "the rows wrap around"),
        (clamped_columns, "the left-right seam is clamped"),
        (nearest, "nearest pixel"),
        (lambda p, row, column: read_from_a_padded_copy(p, row + 0.5, column + 0.5), "to the south-east"),
        (lambda p, row, column: read_from_a_padded_copy(p, row.floor(), column.floor()), "to the north-west"),
        (
            lambda p, row, column: read_from_a_padded_copy(p.flip(0), row, column),
            "latitude counted from the south",
        ),
        (lambda p, row, column: read_from_a_padded_copy(p, row, column) + 1, "the largest difference"),
    ],
)
def test_a_wrong_sampler_is_diagnosed(mistake, message, seed):
    verdict = check_read(mistake, seed=seed)
    assert not verdict.correct
    assert message in verdict.message
