import pytest

from ktnlib.widgets import Predict

WHY = "The whole sphere has 4π steradians."


def test_the_first_guess_stands_in_the_middle_and_gives_nothing_away():
    widget = Predict("How much?", 13.4, bounds=(0, 60), explanation=WHY)
    assert (widget.guess, widget.measured, widget.revealed) == (30.0, 13.4, False)


def test_the_description_tells_what_a_reader_would_have_found():
    widget = Predict("How much?", 13.4, bounds=(0, 60), unit="%", decimals=1, explanation=WHY)
    assert widget.description == f"How much? The measurement says: 13.4 %. {WHY}"
    assert "a shift" in Predict("Which one?", 1, options=["a turn", "a shift"], explanation=WHY).description


@pytest.mark.parametrize("bounds", [(60, 0), (0, 10), (5, 5), (0, float("nan"))])
def test_a_scale_that_does_not_hold_the_answer_is_refused(bounds):
    with pytest.raises(ValueError, match=r"`measured` is 13.4 on a scale from .* give `bounds"):
        Predict("How much?", 13.4, bounds=bounds, explanation=WHY)


@pytest.mark.parametrize("answer", [-1, 2, 0.5])
def test_an_answer_that_is_no_option_is_refused(answer):
    with pytest.raises(ValueError, match="wanted the index of the right one of 2 options"):
        Predict("Which?", answer, options=["a", "b"], explanation=WHY)
