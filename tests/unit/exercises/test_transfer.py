"""The checkers of chapter 4 accept the right answer and call the usual mistakes by their names."""

import math

import pytest
import torch
from torch.nn.functional import conv2d

from ktnlib.exercises.transfer import (
    check_kept,
    check_paired_error,
    check_permuted,
    check_spacings,
    check_sphere_mean,
)

SEEDS = (0, 1, 7)
ERRORS = {"bilinear": 0.1274, "method": 0.0899, "own": 0.0834}


def permuted_by_a_matrix(weight, bias, following, order):
    """A permutation is a matrix; what the first layer's answers are multiplied by, the second undoes."""
    places = torch.eye(len(order), dtype=weight.dtype)[order]
    image = torch.rand(1, 3, 9, 9, dtype=weight.dtype)
    moved = torch.einsum("kc,cihw->kihw", places, weight), places @ bias
    undone = torch.einsum("pchw,kc->pkhw", following, places)
    before = conv2d(conv2d(image, weight, bias).relu(), following)
    assert (conv2d(conv2d(image, *moved).relu(), undone) - before).abs().max() < 1e-9
    return *moved, undone


def spacings_by_walking(layers, spacing):
    """Two neighbouring units of every map, followed back to the source one layer at a time."""
    found = []
    for number, (_, dilation) in enumerate(layers):
        distance = dilation
        for stride, _ in reversed(layers[:number]):
            distance *= stride
        found.append(spacing * distance)
    return found


def mean_by_solid_angles(features):
    """The area between two parallels is 2π times the difference of their heights."""
    edges = torch.linspace(0, math.pi, features.shape[-2] + 1, dtype=features.dtype).cos()
    areas = (edges[:-1] - edges[1:]) / 2
    return (features * areas[:, None]).sum(dim=(-2, -1)) / features.shape[-1]


def paired_error_by_counting(first, second):
    """Of the pictures on which they differ, some speak for the first and some for the second."""
    n, better, worse = len(first), int((first > second).sum()), int((first < second).sum())
    return math.sqrt((better + worse) / n - ((better - worse) / n) ** 2) / math.sqrt(n)


RIGHT = [
    (check_permuted, permuted_by_a_matrix),
    (check_sphere_mean, mean_by_solid_angles),
    (check_paired_error, paired_error_by_counting),
]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("check", "answer"), RIGHT)
def test_an_independent_right_answer_is_accepted(check, answer, seed):
    verdict = check(answer, seed=seed)
    assert verdict.correct, verdict.message


def test_spacings_followed_back_to_the_source_are_accepted():
    verdict = check_spacings(spacings_by_walking)
    assert verdict.correct, verdict.message


def test_the_share_that_is_kept_is_accepted():
    assert check_kept(0.852, **ERRORS)


@pytest.mark.parametrize(
    "check", [check_permuted, check_sphere_mean, check_paired_error, check_spacings], ids=lambda c: c.__name__
)
def test_an_unanswered_skeleton_is_said_to_be_unanswered(check):
    assert str(check(lambda *given: ...)) == "not answered yet"


def running(layers, spacing, *, own=False, dilations=True, strides=True):
    found, jump = [], 1
    for stride, dilation in layers:
        jump *= stride if own else 1
        found.append(spacing * (jump if strides else 1) * (dilation if dilations else 1))
        jump *= 1 if own else stride
    return found


def weighted(weights):
    return lambda f: (f.mean(-1) * weights).sum(-1) / weights.sum()


LATITUDES = (2.5 - torch.arange(6).double()) * math.pi / 6
MISTAKES = [
    (check_permuted, lambda w, b, f, o: (w[o], b[o], f), "still reads the old places"),
    (check_permuted, lambda w, b, f, o: (w[o], b, f[:, o]), "biases stayed behind"),
    (check_permuted, lambda w, b, f, o: (w, b, f[:, o]), "only the second layer has moved"),
    (check_permuted, lambda w, b, f, o: (w[o], b[o], f[:, o.argsort()]), "permuted backwards"),
    (check_permuted, lambda w, b, f, o: (w[o.argsort()], b[o.argsort()], f[:, o.argsort()]), "the way back"),
    (check_permuted, lambda w, b, f, o: (w, b, f), "nothing has moved"),
    (check_permuted, lambda w, b, f, o: (w[o], b[o], f[o]), "index it as `following"),
    (check_permuted, lambda w, b, f, o: w[o], "return three tensors"),
    (check_spacings, lambda ls, s: running(ls, s, strides=False), "every layer has the source's spacing"),
    (check_spacings, lambda ls, s: running(ls, s, own=True), "a layer's own stride comes after its taps"),
    (check_spacings, lambda ls, s: running(ls, s, dilations=False), "you left the dilation out"),
    (check_sphere_mean, lambda f: f.mean((-2, -1)), "rows not weighted by cos φ"),
    (check_sphere_mean, weighted(LATITUDES.sin().abs()), "the latitudes are wrong"),
    (check_sphere_mean, lambda f: f.mean(-1) @ LATITUDES.cos() / 6, "divide by their sum"),
    (check_paired_error, lambda a, b: ((a.var() + b.var()) / len(a)).sqrt(), "as two samples"),
    (check_paired_error, lambda a, b: (a - b).std(), "divide by the square root of their number"),
    (check_paired_error, lambda a, b: (a - b).std() / len(a), "falls with its square root"),
    (check_paired_error, lambda a, b: (a - b).var() / len(a), "take the root"),
    (
        check_paired_error,
        lambda a, b: ((a - b) ** 2).mean().sqrt() / len(a) ** 0.5,
        "spread is about the mean",
    ),
]


@pytest.mark.parametrize(("check", "answer", "said"), MISTAKES)
def test_a_usual_mistake_is_called_by_its_name(check, answer, said):
    verdict = check(answer)
    assert not verdict
    assert said in verdict.message, verdict.message


@pytest.mark.parametrize(
    ("guess", "said"),
    [
        (1 - 0.0899 / 0.1274, "how much smaller the error is"),
        (0.148, "the share that is lost"),
        (0.0834 / 0.0899, "compares the errors"),
        (85.2, "divide by 100"),
    ],
)
def test_a_wrong_share_is_diagnosed(guess, said):
    verdict = check_kept(guess, **ERRORS)
    assert not verdict
    assert said in verdict.message
