"""The checkers of chapter 3 accept the right answer and call the usual mistakes by their names."""

import pytest
import torch

from ktnlib.exercises.kernel_transformer import (
    check_closed_form,
    check_gain,
    check_row_kernel,
    check_sphconv_bounds,
)

SEEDS = (0, 1, 7)


def row_kernel_by_reading_one_pixel_pictures(kernel, rows, columns, height, width):
    """The weight of a pixel is what the taps read where that pixel alone is one."""
    pixel = torch.eye(height * width, dtype=torch.float64).reshape(-1, height, width)
    padded = torch.cat([pixel.roll(width // 2, 2).flip(1), pixel, pixel.roll(width // 2, 2).flip(1)], dim=1)
    total = 0
    for weight, row, column in zip(kernel.flatten(), rows + height, columns, strict=True):
        i, j = row.floor().long(), column.floor().long()
        a, b = row - i, column - j
        for di, dj, share in (
            (0, 0, (1 - a) * (1 - b)),
            (0, 1, (1 - a) * b),
            (1, 0, a * (1 - b)),
            (1, 1, a * b),
        ):
            total = total + weight * share * padded[:, i + di, (j + dj) % width]
    return total.reshape(height, width)


def closed_form_by_more_samples(read, wanted, start, ridge):
    """A pull is so many further samples that say `start`."""
    strength = (ridge * (read**2).sum() / read.shape[1]) ** 0.5
    more = strength * torch.eye(read.shape[1], dtype=torch.float64)
    whole, answers = torch.cat([read, more]), torch.cat([wanted, strength * start])
    return torch.linalg.lstsq(whole, answers[:, None]).solution[:, 0]


RIGHT = [
    (check_row_kernel, row_kernel_by_reading_one_pixel_pictures),
    (check_closed_form, closed_form_by_more_samples),
]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("check", "answer"), RIGHT)
def test_an_independent_right_answer_is_accepted(check, answer, seed):
    verdict = check(answer, seed=seed)
    assert verdict.correct, verdict.message


@pytest.mark.parametrize("check", [check_row_kernel, check_closed_form])
def test_an_unanswered_skeleton_is_said_to_be_unanswered(check):
    assert str(check(lambda *given: ...)) == "not answered yet"


def changed(kernel_change=None, place_change=None, result_change=None):
    def answer(kernel, rows, columns, height, width):
        kernel = kernel_change(kernel) if kernel_change else kernel
        rows, columns = place_change(rows, columns, height) if place_change else (rows, columns)
        out = row_kernel_by_reading_one_pixel_pictures(kernel, rows, columns, height, width)
        return result_change(out) if result_change else out

    return answer


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        (changed(lambda kernel: kernel.T), "transposed"),
        (changed(lambda kernel: kernel.flip(0, 1)), "flipped"),
        (changed(None, lambda rows, columns, height: (rows.round(), columns.round())), "nearest pixel"),
        (changed(None, lambda rows, columns, height: (rows - 0.5, columns - 0.5)), "half a pixel off"),
        (
            changed(None, lambda rows, columns, height: (rows.clamp(0, height - 1), columns)),
            "clamped or not turned",
        ),
        (changed(None, None, lambda out: out.roll(6, 1)), "belongs in column 0"),
        (changed(lambda kernel: kernel + 1), "the largest difference"),
    ],
)
def test_a_wrong_row_kernel_is_diagnosed(mistake, message, seed):
    verdict = check_row_kernel(mistake, seed=seed)
    assert not verdict.correct
    assert message in verdict.message


def shared_out(*, fold, add=True, swap=False):
    """By hand, with what happens beyond a pole left to `fold(i, j, height, width)`."""

    def answer(kernel, rows, columns, height, width):
        out = torch.zeros(height, width, dtype=torch.float64)
        for weight, row, column in zip(kernel.flatten(), rows, columns, strict=True):
            for i in (row.floor(), row.floor() + 1):
                for j in (column.floor(), column.floor() + 1):
                    shares = (row - i).abs(), (column - j).abs()
                    share = shares[0] * shares[1] if swap else (1 - shares[0]) * (1 - shares[1])
                    place = fold(int(i), int(j), height, width)
                    out[place] = weight * share + (out[place] if add else 0)
        return out

    return answer


def turned(i, j, height, width):
    beyond = not 0 <= i < height
    return (-1 - i if i < 0 else min(i, 2 * height - 1 - i)), (j + beyond * width // 2) % width


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        (shared_out(fold=turned, add=False), "overwrite"),
        (shared_out(fold=turned, swap=True), "exchanged"),
        (
            shared_out(fold=lambda i, j, height, width: (turned(i, j, height, width)[0], j % width)),
            "not turned",
        ),
    ],
)
def test_a_wrong_sharing_out_is_diagnosed(mistake, message):
    assert message in check_row_kernel(mistake).message
    assert check_row_kernel(shared_out(fold=turned))


@pytest.mark.parametrize("guess", [0.296, 0.3, (2 / 3) ** 3])
def test_the_right_gain_is_accepted(guess):
    assert check_gain(guess)


@pytest.mark.parametrize(
    ("guess", "message"),
    [
        (0.816, "one layer"),
        (0.0878, "a power"),
        (0.125, "worst phase"),
        (0.704, "what is lost"),
        (29.6, "in per cent"),
        (0.5, "wanted 0.296"),
    ],
)
def test_a_wrong_gain_is_diagnosed(guess, message):
    verdict = check_gain(guess)
    assert not verdict.correct
    assert message in verdict.message


def pulled(strength=lambda pull, ridge: pull, towards=lambda start: start, after=lambda found, start: found):
    def answer(read, wanted, start, ridge):
        gram = read.T @ read
        pull = strength(ridge * gram.diagonal().mean(), ridge)
        system = gram + pull * torch.eye(len(gram), dtype=gram.dtype)
        return after(torch.linalg.inv(system) @ (read.T @ wanted + pull * towards(start)), start)

    return answer


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        (pulled(lambda pull, ridge: 0 * pull), "left the pull out"),
        (pulled(towards=lambda start: 0 * start), "pulled to zero"),
        (pulled(towards=lambda start: -start), "wrong sign"),
        (pulled(lambda pull, ridge: ridge), "your pull is absolute"),
        (pulled(lambda pull, ridge: 7 * pull), "relative to the trace"),
        (pulled(lambda pull, ridge: 2 * pull), "twice as strong"),
        (pulled(lambda pull, ridge: pull / 2), "half as strong"),
        (pulled(after=lambda found, start: found - start), "the step away"),
        (pulled(towards=lambda start: 0 * start, after=lambda found, start: found + start), "residual"),
        (pulled(lambda pull, ridge: 40 * pull), "over the samples"),
        (pulled(lambda pull, ridge: 3 * pull), "the largest difference"),
    ],
)
def test_a_wrong_closed_form_is_diagnosed(mistake, message, seed):
    verdict = check_closed_form(mistake, seed=seed)
    assert not verdict.correct
    assert message in verdict.message


def test_the_closed_form_of_the_chapter_is_accepted():
    assert check_closed_form(pulled())


@pytest.mark.parametrize("guess", [(4.71, 25.6), [4.7, 25.6]])
def test_the_right_bounds_are_accepted(guess):
    assert check_sphconv_bounds(guess)


@pytest.mark.parametrize(
    ("guess", "message"),
    [
        ((4.71, 4.71), "49 taps, not nine"),
        ((0.0147, 0.0801), "this is one row"),
        ((4.71e9, 25.6e9), "count in billions"),
        ((0.0122, 0.0662), "multiply the two"),
        ((25.6, 4.71), "least first"),
        ((4.71, 1256.0), "7 × 7"),
        (7.66, "give two numbers"),
        ((1.0, 2.0), "wanted"),
    ],
)
def test_wrong_bounds_are_diagnosed(guess, message):
    verdict = check_sphconv_bounds(guess)
    assert not verdict.correct
    assert message in verdict.message


def test_bounds_that_are_left_open_are_said_to_be_unanswered():
    assert str(check_sphconv_bounds((..., ...))) == "not answered yet"
