"""The checkers of chapter 5 accept the right answer and call the usual mistakes by their names."""

import math

import pytest
import torch
from torch.nn.functional import conv2d

from ktnlib.exercises.real_network import check_centre, check_cube_ratio, check_saliency, check_sphere_psnr
from ktnlib.sphere import EquirectGrid

SEEDS = (0, 1, 7)


def psnr_by_solid_angles(clean, cleaned):
    areas = EquirectGrid(clean.shape[1]).solid_angles[:, None].expand(clean.shape[1:])
    square = (areas * (cleaned - clean) ** 2).sum() / (3 * areas.sum())
    return 10 * math.log10(1 / square)


def centre_by_impulses(layers):
    """Send one pixel at a time through kernels of ones, and see which pixels two units answer to."""
    long = 200
    seen = torch.eye(long, dtype=torch.float64)[:, None, None]
    for kernel, stride, padding in layers:
        more = torch.zeros(long, 1, 1, padding, dtype=torch.float64)
        seen = conv2d(
            torch.cat([more, seen, more], -1), torch.ones(1, 1, 1, kernel).double(), stride=(1, stride)
        )
    # a unit in the middle sees no border
    unit = seen.shape[-1] // 2
    first, second = (seen[:, 0, 0, at].nonzero().double().mean().item() for at in (unit, unit + 1))
    return second - first, first - unit * (second - first)


def ratio_by_faces(width, receptive_field):
    spacing = 2 * math.pi / width
    side = 2 * math.tan(math.pi / 4) / spacing + 2 * ((receptive_field - 1) / 2)
    return 6 * side**2 / (width * width / 2)


def saliency_by_solid_angles(gradient):
    areas = EquirectGrid(gradient.shape[1]).solid_angles[:, None]
    by_area = (gradient[0] ** 2 + gradient[1] ** 2 + gradient[2] ** 2) ** 0.5 / areas
    return by_area / by_area.max()


RIGHT = [
    (check_sphere_psnr, psnr_by_solid_angles),
    (check_centre, centre_by_impulses),
    (check_cube_ratio, ratio_by_faces),
    (check_saliency, saliency_by_solid_angles),
]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("check", "answer"), RIGHT)
def test_an_independent_right_answer_is_accepted(check, answer, seed):
    verdict = check(answer, seed=seed)
    assert verdict.correct, verdict.message


@pytest.mark.parametrize("check", [check for check, _ in RIGHT])
def test_an_unanswered_skeleton_is_said_to_be_unanswered(check):
    assert str(check(lambda *given: ...)) == "not answered yet"


def row_errors(clean, cleaned):
    latitudes = math.pi / 2 - (torch.arange(6).double() + 0.5) * math.pi / 6
    return latitudes, (cleaned - clean).square().mean(dim=(0, 2))


def averaged_decibels(clean, cleaned):
    latitudes, rows = row_errors(clean, cleaned)
    return (latitudes.cos() * (-10 * rows.log10())).sum() / latitudes.cos().sum()


def sine_weighted(clean, cleaned):
    latitudes, rows = row_errors(clean, cleaned)
    weights = latitudes.sin().abs()
    return -10 * ((weights * rows).sum() / weights.sum()).log10()


def not_normalised(clean, cleaned):
    latitudes, rows = row_errors(clean, cleaned)
    return -10 * (latitudes.cos() * rows).sum().log10()


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        (lambda a, b: -10 * (a - b).square().mean().log10(), "not weighted by area"),
        (averaged_decibels, "averaged decibels"),
        (lambda a, b: psnr_by_solid_angles(a, b) / 2, "the root too"),
        (lambda a, b: psnr_by_solid_angles(a, b) * math.log(10), "natural logarithm"),
        (lambda a, b: -psnr_by_solid_angles(a, b), "the sign is wrong"),
        (sine_weighted, "weighted by the sine"),
        (not_normalised, "divide by the sum of the weights"),
    ],
)
def test_mistakes_in_the_ratio_are_named(mistake, message, seed):
    assert message in check_sphere_psnr(mistake, seed=seed).message


def walked(half=1, padding_sign=1, late=False, scaled=True, whole=False):
    def answer(layers):
        jump, centre = 1, 0.0
        for kernel, stride, padding in layers:
            middle = (kernel - half) // 2 if whole else (kernel - half) / 2
            centre += (middle - padding_sign * padding) * ((jump * stride if late else jump) if scaled else 1)
            jump *= stride
        return jump, centre

    return answer


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        (walked(half=0), "half a pixel off"),
        (walked(padding_sign=0), "left the padding out"),
        (walked(padding_sign=-1), "padding has the wrong sign"),
        (walked(late=True), "jump before the stride"),
        (walked(scaled=False), "multiply it by the jump"),
        (walked(whole=True), "do not round it"),
        (lambda layers: walked()(layers)[::-1], "jump first"),
        (lambda layers: (sum(one[1] for one in layers), walked()(layers)[1]), "strides multiply"),
    ],
)
def test_mistakes_in_the_centre_are_named(mistake, message, seed):
    assert message in check_centre(mistake, seed=seed).message


def faces(face=1 / math.pi, margin=1.0, less=1):
    return lambda width, field: 12 * (face + margin * (field - less) / width) ** 2


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        (faces(margin=0.0), "left the margin out"),
        (faces(margin=0.5), "both sides"),
        (faces(margin=2.0), r"(r − 1)/2 pixels to each side"),
        (faces(less=0), "r − 1, not r"),
        (faces(face=0.25), "W/π"),
        (lambda *given: faces()(*given) / 6, "six faces"),
        (lambda *given: faces()(*given) / 2, "W²/2 pixels"),
        (lambda *given: 1 / faces()(*given), "panorama over the faces"),
        (lambda *given: faces()(*given) ** 0.5, "count pixels"),
    ],
)
def test_mistakes_in_the_count_of_pixels_are_named(mistake, message, seed):
    assert message in check_cube_ratio(mistake, seed=seed).message


def mapped(change):
    latitudes = math.pi / 2 - (torch.arange(8).double() + 0.5) * math.pi / 8

    def answer(gradient):
        values = change(gradient, latitudes.cos()[:, None])
        return values / values.max()

    return answer


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        (
            lambda g: g.norm(dim=0) / (math.pi / 2 - (torch.arange(8) + 0.5) * math.pi / 8).cos()[:, None],
            "largest",
        ),
        (mapped(lambda g, area: g.norm(dim=0)), "a pixel's share"),
        (mapped(lambda g, area: g.norm(dim=0) * area), "do not multiply"),
        (mapped(lambda g, area: g.sum(dim=0) / area), "colours cancel"),
        (mapped(lambda g, area: g.sum(dim=0).abs() / area), "before the absolute value"),
        (mapped(lambda g, area: g.abs().sum(dim=0) / area), "sum of absolute values"),
        (mapped(lambda g, area: g.square().sum(dim=0) / area), "square of the norm"),
    ],
)
def test_mistakes_in_the_saliency_are_named(mistake, message, seed):
    assert message in check_saliency(mistake, seed=seed).message


def test_a_centre_without_a_jump_is_told_so():
    assert "two numbers" in check_centre(lambda layers: 3.0).message


@pytest.mark.parametrize("check", [check for check, _ in RIGHT])
def test_a_number_in_place_of_a_function_is_told_so(check):
    assert "wanted the function itself" in check(3.0).message
