"""What a checker says to a reader, and the frame in which every checker runs the reader's answer."""

import functools
import html
import inspect
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

_NOT_ANSWERED = "not answered yet"


@dataclass(frozen=True)
class Diagnosis:
    """A verdict on one answer: whether it is right, and one sentence that says why.

    It is true where the answer is correct, prints as one line, and shows as a small box in a notebook.

    >>> print(Diagnosis(False, "your kernel is flipped"))
    not yet: your kernel is flipped
    >>> bool(Diagnosis(True, "all nine taps agree"))
    True
    """

    correct: bool
    message: str

    def __bool__(self) -> bool:
        return self.correct

    def __str__(self) -> str:
        if self.message == _NOT_ANSWERED:
            return self.message
        return f"{'right' if self.correct else 'not yet'}: {self.message}"

    def _repr_html_(self) -> str:
        colour = "kernel" if self.correct else "error"
        if self.message == _NOT_ANSWERED:
            colour = "direct"
        return (
            f'<p class="ktn-diagnosis" style="border-left:4px solid var(--ktn-{colour});padding:.4em .8em">'
            f"{html.escape(str(self))}</p>"
        )


class _StopJudging(Exception):  # noqa: N818 - no error: it carries a verdict
    """Leaves a judge in the middle, with the verdict."""

    def __init__(self, verdict: Diagnosis):
        self.verdict = verdict


def not_answered() -> Diagnosis:
    """Say that the skeleton has not been filled in.

    >>> print(not_answered())
    not answered yet
    """
    return Diagnosis(False, _NOT_ANSWERED)


def checker(judge: Callable[..., Diagnosis]) -> Callable[..., Diagnosis]:
    """Make a judge of answers kind: it never raises for what the reader wrote.

    The judge receives the reader's answer (a function or a value) as its first argument and returns a
    :class:`Diagnosis`. An answer of ``None`` or ``...``, or a function that returns one of them, is "not
    answered yet". A judge whose first argument is called ``function`` never sees anything else. An exception
    inside the reader's function becomes a diagnosis that names the line; an exception in the judge itself is
    our fault and is raised.

    >>> @checker
    ... def check_double(function):
    ...     return Diagnosis(function(3) == 6, "it doubles")
    >>> print(check_double(lambda number: ...))
    not answered yet
    >>> print(check_double(lambda number: number / 0))
    not yet: your function raised ZeroDivisionError: division by zero (line 1)
    >>> print(check_double(6))
    not yet: your answer is an int; wanted the function itself: its name, without parentheses
    """
    wants_function = next(iter(inspect.signature(judge).parameters)) == "function"

    @functools.wraps(judge)
    def check(answer: Any, *args: Any, **kwargs: Any) -> Diagnosis:
        if answer is None or answer is ...:
            return not_answered()
        if wants_function and not callable(answer):
            return Diagnosis(
                False,
                f"your answer is {_kind(answer)}; wanted the function itself: its name, without parentheses",
            )
        try:
            return judge(_guarded(answer) if callable(answer) else answer, *args, **kwargs)
        except _StopJudging as stopped:
            return stopped.verdict

    return check


def _kind(answer: Any) -> str:
    name = type(answer).__name__
    return f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"


def _guarded(function: Callable) -> Callable:
    @functools.wraps(function)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        try:
            result = function(*args, **kwargs)
        except Exception as error:
            frames = traceback.extract_tb(error.__traceback__)[1:]
            line = f" (line {frames[0].lineno})" if frames else ""
            text = f"your function raised {type(error).__name__}: {error}{line}"
            raise _StopJudging(Diagnosis(False, text)) from error
        if result is None or result is ...:
            raise _StopJudging(not_answered())
        return result

    return guarded


def compare(
    result: Any, wanted: Tensor, *, mistakes: Mapping[str, Tensor], tolerance: float = 1e-4
) -> Diagnosis:
    """Judge numbers: equal to what is wanted, equal to what a known mistake gives, or how far off.

    Distances are relative to the largest number wanted. Choose random, asymmetric input, or two mistakes
    look alike.

    Args:
        result: the reader's numbers; anything ``torch.as_tensor`` takes.
        wanted: the right numbers.
        mistakes: what to say about a mistake -> the numbers that mistake gives, the likeliest first.
        tolerance: largest relative difference that still counts as equal.

    >>> right = torch.tensor([1.0, 2.0, 3.0])
    >>> print(compare([3.0, 2.0, 1.0], right, mistakes={"your kernel is flipped": right.flip(0)}))
    not yet: your kernel is flipped
    >>> print(compare([1.0, 2.0], right, mistakes={}))
    not yet: your answer has shape (2,); wanted (3,)
    """
    try:
        given = torch.as_tensor(result).detach().to("cpu", torch.float64)
    except (TypeError, ValueError, RuntimeError):
        return Diagnosis(False, f"your answer is {_kind(result)}; wanted numbers, best as a torch tensor")
    if given.shape != wanted.shape:
        return Diagnosis(False, f"your answer has shape {tuple(given.shape)}; wanted {tuple(wanted.shape)}")
    if not bool(torch.isfinite(given).all()):
        return Diagnosis(False, "your answer holds NaN or infinity; look for a division by zero")
    if _distance(given, wanted) <= tolerance:
        return Diagnosis(True, _agreement(given.numel()))
    for what, mistaken in mistakes.items():
        if mistaken.shape == given.shape and _distance(given, mistaken) <= tolerance:
            return Diagnosis(False, what)
    return Diagnosis(False, _largest(given, wanted.detach().to("cpu", torch.float64)))


def _agreement(count: int) -> str:
    return {1: "the number agrees", 2: "both numbers agree"}.get(count, f"all {count:,} numbers agree")


def _distance(given: Tensor, other: Tensor) -> float:
    other = other.detach().to("cpu", torch.float64)
    if not other.numel():
        return 0.0
    return float((given - other).abs().max() / other.abs().max().clamp_min(1e-30))


def _largest(given: Tensor, wanted: Tensor) -> str:
    place = int((given - wanted).abs().argmax())
    index = tuple(int(i) for i in torch.unravel_index(torch.tensor(place), given.shape))
    where = f" at index {index[0] if len(index) == 1 else index}" if index else ""
    yours, right = given.flatten()[place], wanted.flatten()[place]
    return f"the largest difference is{where}: yours {yours:.6g}, wanted {right:.6g}"
