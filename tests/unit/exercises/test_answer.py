import pytest
import torch

import ktnlib.exercises
from ktnlib.exercises import Diagnosis, checker, compare, not_answered


@checker
def check_flip(function):
    row = torch.tensor([1.0, -2.0, 5.0])
    return compare(function(row), row.flip(0), mistakes={"you left the row as it was": row})


def test_a_right_answer_is_true_and_says_how_many_numbers_agree():
    verdict = check_flip(lambda row: row.flip(0))
    assert verdict
    assert str(verdict) == "right: all 3 numbers agree"


@pytest.mark.parametrize(("count", "said"), [(1, "the number agrees"), (2, "both numbers agree")])
def test_one_number_and_two_are_counted_as_one_says_it(count, said):
    assert compare(torch.ones(count), torch.ones(count), mistakes={}).message == said


def test_a_single_wrong_number_has_no_index():
    assert (
        compare(2.0, torch.tensor(1.0), mistakes={}).message == "the largest difference is: yours 2, wanted 1"
    )


def test_an_index_of_several_axes_is_shown_as_a_whole():
    assert "at index (1, 0)" in compare([[1.0], [5.0]], torch.ones(2, 1), mistakes={}).message


@pytest.mark.parametrize(("answer", "kind"), [(0.3, "a float"), (7, "an int"), (torch.ones(2), "a Tensor")])
def test_a_value_in_place_of_a_function_is_told_so(answer, kind):
    assert f"your answer is {kind}; wanted the function itself" in check_flip(answer).message


def test_a_known_mistake_is_named():
    assert str(check_flip(lambda row: row)) == "not yet: you left the row as it was"


def test_an_unknown_mistake_shows_the_largest_difference_and_where():
    verdict = check_flip(lambda row: row.flip(0) + torch.tensor([0.0, 0.5, 0.1]))
    assert verdict == Diagnosis(False, "the largest difference is at index 1: yours -1.5, wanted -2")


@pytest.mark.parametrize("empty", [None, ..., lambda row: None, lambda row: ...])
def test_an_unfilled_skeleton_is_not_answered_yet(empty):
    assert check_flip(empty) == not_answered()
    assert str(check_flip(empty)) == "not answered yet"


def test_an_exception_of_the_reader_is_said_kindly_with_its_line():
    def breaks(row):
        return row.no_such_thing

    line = breaks.__code__.co_firstlineno + 1
    message = check_flip(breaks).message
    assert message.startswith("your function raised AttributeError")
    assert message.endswith(f"(line {line})")


def test_a_function_with_the_wrong_arguments_is_told_so():
    assert "takes 0 positional arguments" in check_flip(lambda: 1).message


def test_an_exception_of_the_checker_itself_is_raised():
    @checker
    def broken(function):
        raise KeyError("ours")

    with pytest.raises(KeyError, match="ours"):
        broken(lambda: 1)


def test_a_value_can_be_an_answer_as_well_as_a_function():
    @checker
    def check_number(number):
        return Diagnosis(number == 7, "seven")

    assert check_number(7)
    assert check_number(...) == not_answered()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([1.0, 2.0], r"your answer has shape (2,); wanted (3,)"),
        ("words", "your answer is a str; wanted numbers"),
        ([1.0, float("nan"), 2.0], "holds NaN or infinity"),
    ],
)
def test_answers_of_the_wrong_kind_are_described(given, said):
    assert said in compare(given, torch.arange(3.0), mistakes={}).message


def test_a_mistake_of_another_shape_never_matches():
    verdict = compare([1.0, 1.0], torch.zeros(2), mistakes={"transposed": torch.ones(2, 1)})
    assert "largest difference" in verdict.message


def test_the_box_escapes_what_the_reader_wrote():
    box = Diagnosis(False, "a < b & <script>")._repr_html_()
    assert "<script>" not in box
    assert "a &lt; b &amp;" in box


def test_an_unknown_chapter_lists_the_known():
    with pytest.raises(AttributeError, match="its chapters are three_things, equirectangular_grid"):
        _ = ktnlib.exercises.nowhere


def test_the_table_of_contents_lists_the_chapters():
    assert {"three_things", "equirectangular_grid", "checker"} <= set(dir(ktnlib.exercises))
