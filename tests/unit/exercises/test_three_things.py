"""The checkers of chapter 0 accept the right answer and name the usual mistakes."""

import pytest
import torch

from ktnlib.exercises.three_things import (
    check_exchanged_kernel,
    check_half_turn,
    check_response,
    check_source_points,
)


def patch_sum(image, kernel, row, column):
    return sum(kernel[i, j] * image[row + i - 1, column + j - 1] for i in range(3) for j in range(3))


def source_points(matrix, size):
    axis = torch.arange(size, dtype=torch.float64) - (size - 1) / 2
    points = torch.stack([axis.expand(size, size), axis[:, None].expand(size, size)], dim=-1)
    square = torch.cat([matrix, torch.tensor([[0.0, 0.0, 1.0]], dtype=torch.float64)])
    ones = torch.ones(size, size, 1, dtype=torch.float64)
    return (torch.cat([points, ones], dim=-1) @ torch.linalg.inv(square).T)[..., :2]


def exchanged_kernel(kernel, linear, points):
    (a, b), (c, d) = linear.tolist()
    moved = torch.stack([a * points[:, 0] + b * points[:, 1], c * points[:, 0] + d * points[:, 1]], dim=-1)
    return abs(a * d - b * c) * kernel(moved)


def skeleton(*anything):
    return ...


@pytest.mark.parametrize(
    ("check", "answer"),
    [
        (check_response, patch_sum),
        (check_response, lambda *given: float(patch_sum(*given))),
        (check_source_points, source_points),
        (check_exchanged_kernel, exchanged_kernel),
        (check_half_turn, [[0, 0, 0], [1, 1, 1], [0, 0, 0]]),
        (check_half_turn, torch.tensor([[1.0, 0, -1], [0, 0, 0], [-1, 0, 1]])),
        (check_half_turn, torch.tensor([[1, 2, 3], [4, 5, 4], [3, 2, 1]])),
    ],
)
def test_the_right_answer_is_accepted(check, answer):
    assert check(answer).correct


@pytest.mark.parametrize("check", [check_response, check_source_points, check_exchanged_kernel])
def test_an_unanswered_skeleton_is_said_to_be_unanswered(check):
    assert str(check(skeleton)) == "not answered yet"


def test_an_unfilled_value_is_said_to_be_unanswered():
    assert str(check_half_turn(...)) == "not answered yet"


@pytest.mark.parametrize(
    ("answer", "diagnosis"),
    [
        (lambda image, kernel, r, c: patch_sum(image, kernel.flip(0, 1), r, c), "kernel is flipped"),
        (lambda image, kernel, r, c: patch_sum(image, kernel.T, r, c), "kernel is transposed"),
        (lambda image, kernel, r, c: (image[r : r + 3, c : c + 3] * kernel).sum(), "kernel's corner"),
        (lambda image, kernel, r, c: patch_sum(image, kernel, c, r), "swapped row and column"),
        (lambda image, kernel, r, c: patch_sum(image, kernel, r, c).relu(), "applied the ReLU"),
        (lambda image, kernel, r, c: image[r, c], "largest difference"),
        (lambda image, kernel, r, c: patch_sum(image, kernel, r, c) / 9, "took the mean"),
        (lambda image, kernel, r, c: patch_sum(image, kernel.flip(0), r, c), "flipped the rows"),
        (lambda image, kernel, r, c: patch_sum(image, kernel.flip(1), r, c), "flipped the columns"),
        (lambda image, kernel, r, c: image[:3, :3] * kernel, "wanted one: sum the products"),
        (lambda image, kernel, r, c: "two", "wanted numbers"),
        (lambda image, kernel, r, c: image[99, 99], "raised IndexError"),
    ],
)
def test_a_wrong_response_is_named(answer, diagnosis):
    verdict = check_response(answer)
    assert not verdict.correct
    assert diagnosis in verdict.message


SHIFTLESS = torch.tensor([1.0, 1.0, 0.0], dtype=torch.float64)


def straight(matrix, size):
    """hp instead of h⁻¹p."""
    square = torch.cat([matrix, torch.tensor([[0.0, 0.0, 1.0]], dtype=torch.float64)])
    return source_points(torch.linalg.inv(square)[:2], size)


def from_pixel(first, *, minus=0.0):
    """Count pixels from another place than the centre."""

    def answer(matrix, size):
        axis = torch.arange(size, dtype=torch.float64) - first(size)
        points = torch.stack([axis.expand(size, size), axis[:, None].expand(size, size)], dim=-1)
        return (points - matrix[:, 2]) @ torch.linalg.inv(matrix[:, :2]).T - minus * (size - 1) / 2

    return answer


@pytest.mark.parametrize(
    ("answer", "diagnosis"),
    [
        (straight, "forgot to invert"),
        (from_pixel(lambda size: 0), "about the corner"),
        (from_pixel(lambda size: 0, minus=1), "before and after"),
        (from_pixel(lambda size: size / 2), "half a pixel off"),
        (lambda matrix, size: source_points(matrix[:, [0, 1, 1]] * SHIFTLESS, size), "left out the shift"),
        (lambda matrix, size: source_points(matrix, size) + (size - 1) / 2, "count from the corner"),
        (lambda matrix, size: source_points(matrix, size).flip(-1), "swapped right and down"),
        (lambda matrix, size: source_points(matrix, size).transpose(0, 1), "picture is transposed"),
        (lambda matrix, size: source_points(matrix, size)[..., 0], "has shape (6, 6); wanted (6, 6, 2)"),
    ],
)
def test_wrong_source_points_are_named(answer, diagnosis):
    verdict = check_source_points(answer)
    assert not verdict.correct
    assert diagnosis in verdict.message


def test_undoing_the_linear_part_first_is_named():
    def answer(matrix, size):
        linear_only = torch.cat([matrix[:, :2], torch.zeros(2, 1, dtype=torch.float64)], dim=1)
        return source_points(linear_only, size) - matrix[:, 2]

    assert "undid L before the shift" in check_source_points(answer).message


def test_a_transposed_inverse_is_named():
    def answer(matrix, size):
        transposed = torch.cat([matrix[:, :2].T, torch.zeros(2, 1, dtype=torch.float64)], dim=1)
        return source_points(transposed, size) - matrix[:, 2] @ torch.linalg.inv(matrix[:, :2])

    assert "transposed matrix" in check_source_points(answer).message


@pytest.mark.parametrize(
    ("answer", "diagnosis"),
    [
        (lambda kernel, linear, points: linear.det().abs() * kernel(points), "left the kernel where it was"),
        (lambda kernel, linear, points: kernel(points @ linear.T), "forgot |det L|"),
        (
            lambda kernel, linear, points: torch.linalg.det(linear) * kernel(points @ linear.T),
            "forgot the absolute value",
        ),
        (
            lambda kernel, linear, points: kernel(points @ linear.T) / torch.linalg.det(linear).abs(),
            "divided by |det L|",
        ),
        (lambda kernel, linear, points: kernel(points @ linear.inverse().T), "moves it along with the image"),
        (
            lambda kernel, linear, points: exchanged_kernel(kernel, linear.inverse(), points),
            "belongs on the moved image",
        ),
        (
            lambda kernel, linear, points: linear.det().abs() * kernel(points @ linear.inverse().T),
            "looks at Lq, not at L⁻¹q",
        ),
        (lambda kernel, linear, points: exchanged_kernel(kernel, linear.T, points), "transposed matrix"),
    ],
)
def test_a_wrong_exchanged_kernel_is_named(answer, diagnosis):
    verdict = check_exchanged_kernel(answer)
    assert not verdict.correct
    assert diagnosis in verdict.message


@pytest.mark.parametrize(
    ("kernel", "diagnosis"),
    [
        (torch.ones(5, 5), "constant"),
        (torch.tensor([[0, 0, 0], [-1, -2, -1], [0, 0, 0]]), "every move commutes"),
        (torch.tensor([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]), "changes the sign"),
        (torch.tensor([[0, 1, 0], [1, -4, 1], [0, 1, 0]]), "90° commutes with your filter too"),
        (torch.tensor([[0, 1, 0], [0, 1, 1], [0, 0, 0]]), "180° does not commute"),
        (torch.tensor([[0, 0, 0], [1, 1, 1], [1, 0, 1]]), "one mirror"),
        (torch.ones(2, 2), "odd square"),
        (torch.ones(3), "odd square"),
        ("a bar", "wanted a square of numbers"),
    ],
)
def test_a_filter_that_fails_is_told_which_turn_it_fails(kernel, diagnosis):
    verdict = check_half_turn(kernel)
    assert not verdict.correct
    assert diagnosis in verdict.message
