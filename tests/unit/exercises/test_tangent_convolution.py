"""The checkers of chapter 2 accept the right answer and call the usual mistakes by their names."""

import math
from itertools import pairwise

import pytest
import torch
from world_axes import rotation

from ktnlib.exercises.tangent_convolution import (
    check_exact_cost,
    check_quarter,
    check_row_kernel,
    check_taps_apart,
)

SEEDS = (0, 1, 7)


def kernel_by_rays(
    weight, row, height, spacing, *, at=lambda position: position, arctangent=math.atan2, turn=1
):
    """Every tap is a ray, turned to its latitude by a matrix, spread over a picture with both far sides."""
    width = 2 * height
    tall = torch.zeros(3 * height, width, dtype=torch.float64)
    for v in range(3):
        for u in range(3):
            ray = torch.tensor([1.0, spacing * (u - 1), spacing * (1 - v)], dtype=torch.float64)
            x, y, z = rotation(1, (row + 0.5) * math.pi / height - math.pi / 2) @ ray
            i = at((math.pi / 2 - math.asin(z / (x * x + y * y + z * z).sqrt())) * height / math.pi - 0.5)
            j = at(arctangent(y, x) * height / math.pi)
            for a in (math.floor(i), math.floor(i) + 1):
                for b in (math.floor(j), math.floor(j) + 1):
                    share = (1 - abs(i - a)) * (1 - abs(j - b))
                    tall[height + a, b % width] += weight[v, u] * share
    north, own, south = tall.split(height)
    return own + sum(far.flip(0).roll(turn * height, 1) for far in (north, south))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_row_kernel_made_of_rays_is_accepted(seed):
    verdict = check_row_kernel(kernel_by_rays, seed=seed)
    assert verdict.correct, verdict.message


def with_weight(change):
    return lambda weight, *place: kernel_by_rays(change(weight), *place)


def direct(weight, row, height, spacing):
    """Even steps of latitude and longitude, read bilinearly."""
    out, step = torch.zeros(3 * height, 2 * height, dtype=torch.float64), spacing * height / math.pi
    for v in range(3):
        for u in range(3):
            i, j = row + (v - 1) * step, (u - 1) * step
            for a in (math.floor(i), math.floor(i) + 1):
                for b in (math.floor(j), math.floor(j) + 1):
                    out[height + a, b % (2 * height)] += weight[v, u] * (1 - abs(i - a)) * (1 - abs(j - b))
    north, own, south = out.split(height)
    return own + sum(far.flip(0).roll(height, 1) for far in (north, south))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        (with_weight(lambda weight: weight.flip(0, 1)), "your kernel is flipped"),
        (with_weight(lambda weight: weight.flip(0)), "north and south are exchanged"),
        (with_weight(lambda weight: weight.flip(1)), "east and west are exchanged"),
        (with_weight(lambda weight: weight.T), "axes are exchanged"),
        (lambda *given: kernel_by_rays(*given, at=lambda p: p + 0.5), "half a pixel off"),
        (lambda *given: kernel_by_rays(*given, at=round), "nearest pixel"),
        (lambda *given: kernel_by_rays(*given, arctangent=lambda y, x: math.atan(y / x)), "atan2 is needed"),
        (lambda *given: kernel_by_rays(*given, turn=0), "you left it in its column"),
        (lambda w, row, h, s: kernel_by_rays(w, row, h, 1.5 * s), "integer division"),
        (lambda w, row, h, s: kernel_by_rays(w, row, h, s).roll(h, 1), "middle of the picture"),
        (direct, "you gave up the plane"),
        (lambda *given: kernel_by_rays(*given) + 1, "the largest difference"),
        (lambda weight, *place: weight.sum(), "wanted (8, 8, 16)"),
        (lambda *given: 0.0, "return one tensor"),
    ],
)
def test_a_wrong_row_kernel_is_diagnosed(mistake, message, seed):
    verdict = check_row_kernel(mistake, seed=seed)
    assert not verdict.correct
    assert message in verdict.message


def cost(channels, height, width):
    """Count by running the layers' shapes: an unpadded layer takes two pixels off either axis."""
    side, total = 2 * (len(channels) - 1) + 1, 0
    for before, after in pairwise(channels):
        side -= 2
        total += side * side * 9 * before * after
    return total * height * width


@pytest.mark.parametrize("seed", SEEDS)
def test_the_right_cost_is_accepted(seed):
    assert check_exact_cost(cost, seed=seed)


def layers(channels):
    return [9 * before * after for before, after in pairwise(channels)]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        (lambda c, h, w: sum(layers(c)) * h * w, "one tangent convolution a layer"),
        (lambda c, h, w: sum(layers(c)) * (2 * len(c) - 1) ** 2 * h * w, "the patch shrinks: an unpadded"),
        (lambda c, h, w: cost(c, 1, 1), "that is one pixel"),
        (lambda c, h, w: cost(c, h, w) / 9, "nine weights"),
        (lambda c, h, w: cost(c[::-1], h, w), "the first layer has the largest output"),
        (lambda c, h, w: 2 * cost(c, h, w), "the largest difference"),
    ],
)
def test_a_wrong_cost_is_diagnosed(mistake, message, seed):
    verdict = check_exact_cost(mistake, seed=seed)
    assert not verdict.correct
    assert message in verdict.message


@pytest.mark.parametrize(
    ("guess", "message"),
    [
        (60.0, "there it answers by a half"),
        (14.48, "angle from the pole"),
        (1.318, "in radians"),
        (41.41, "off by a quarter"),
        (80.0, "the largest difference"),
        ("a", "wanted numbers"),
    ],
)
def test_a_wrong_latitude_is_diagnosed(guess, message):
    verdict = check_quarter(guess)
    assert not verdict.correct
    assert message in verdict.message


@pytest.mark.parametrize(
    ("guess", "message"),
    [
        (65.5 / 360, "spreads its tangent"),
        (0.00201, "in sphere radii"),
        (0.699, "whole field of view"),
        (0.1024, "half of the picture"),
        (4.884, "taps to a pixel"),
        (0.2729, "integer division"),
        (1.0, "the largest difference"),
    ],
)
def test_a_wrong_distance_of_taps_is_diagnosed(guess, message):
    verdict = check_taps_apart(guess)
    assert not verdict.correct
    assert message in verdict.message


def test_the_right_numbers_are_accepted():
    assert check_quarter(75.5)
    assert check_taps_apart(0.205)


def test_what_is_left_open_is_said_to_be_unanswered():
    for verdict in (
        check_quarter(...),
        check_taps_apart(...),
        check_row_kernel(lambda weight, row, height, spacing: ...),
        check_exact_cost(lambda channels, height, width: ...),
    ):
        assert str(verdict) == "not answered yet"
