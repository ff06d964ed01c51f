"""Predict before you run: the reader commits to a guess, then sees the measurement."""

import math
from collections.abc import Sequence

import traitlets

from .base import PARTS, BookWidget, assemble


class Predict(BookWidget):
    """A question, a guess on a scale or from a list, and the measured answer behind a button.

    Args:
        question: what to predict, one line.
        measured: the value found, in `unit`; with `options`, the index of the right one.
        bounds: ends of the scale; the first guess lies in their middle.
        options: answers to choose from, instead of a scale.
        explanation: one sentence shown with the answer.

    Example:
        >>> why = "A cap's share of the sphere is (1 - cos 30°) / 2."
        >>> Predict("Share within 30° of a pole?", 6.7, bounds=(0, 50), unit="%", explanation=why).guess
        25.0

    Raises:
        ValueError: bounds that hold no scale; a measured value outside them; an index that is no option.
    """

    _esm = assemble(*PARTS, "predict.js")
    _css = assemble("widget.css", "predict.css")

    guess = traitlets.Float(0.0).tag(sync=True)  # in `unit`
    measured = traitlets.Float(0.0).tag(sync=True)  # in `unit`
    unit = traitlets.Unicode("").tag(sync=True)
    bounds = traitlets.List([0.0, 100.0]).tag(sync=True)  # ends of the scale, in `unit`
    step = traitlets.Float(1.0).tag(sync=True)  # of the scale, in `unit`
    decimals = traitlets.Int(0).tag(sync=True)  # shown behind the point
    tolerance = traitlets.Float(0.0).tag(sync=True)  # a guess within it counts as close, in `unit`
    options = traitlets.List(traitlets.Unicode()).tag(sync=True)
    choice = traitlets.Int(-1).tag(sync=True)  # index of the chosen option; -1: none yet
    answer = traitlets.Int(-1).tag(sync=True)  # index of the right option
    revealed = traitlets.Bool(False).tag(sync=True)
    explanation = traitlets.Unicode("").tag(sync=True)
    still = traitlets.Unicode("").tag(sync=True)  # the description says it all
    reserve = traitlets.Int(296).tag(sync=True)
    reserve_narrow = traitlets.Int(338).tag(sync=True)

    def __init__(
        self,
        question: str,
        measured: float | int,
        *,
        bounds: Sequence[float | int] = (0.0, 100.0),
        options: Sequence[str] = (),
        explanation: str,
        **traits,
    ):
        low, high = map(float, bounds)
        if options and measured not in range(len(options)):
            raise ValueError(
                f"`measured` is {measured!r}; wanted the index of the right one of {len(options)} options"
            )
        if not options and not (math.isfinite(high - low) and low < high and low <= measured <= high):
            raise ValueError(
                f"`measured` is {measured!r} on a scale from {low:g} to {high:g}; wanted a value between two "
                "growing bounds; give `bounds=(low, high)`"
            )
        number = f"{measured:.{traits.get('decimals', 0)}f} {traits.get('unit', '')}".rstrip()
        right = options[measured] if options else number
        traits.setdefault("description", f"{question} The measurement says: {right}. {explanation}")
        where = {"answer": measured} if options else {"measured": measured, "guess": (low + high) / 2}
        super().__init__(
            task=question,
            bounds=[low, high],
            options=list(options),
            explanation=explanation,
            **{**where, **traits},
        )
