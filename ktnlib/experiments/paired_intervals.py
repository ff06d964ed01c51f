"""Intervals by the paired bootstrap: objects are drawn again, each with all its answers by every method."""

import functools
from collections.abc import Callable

import numpy as np
from jaxtyping import Float

DRAWS = 4000
Values = Float[np.ndarray, "object angle"]


def interval(
    statistic: Callable[..., Float[np.ndarray, "draw"]], *values: Values, seed: int = 0
) -> tuple[float, float]:
    """The middle 95 % of a statistic of means over objects drawn with replacement.

    Args:
        statistic: of the means of each of the values, (draw,) arrays, one an argument.
        values: what each method answered about each object, at each angle; the same objects in each.
        seed: of the draws.

    Source: B. Efron and R. Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13.

    >>> right = np.array([[1.0], [0.0], [1.0], [1.0]])
    >>> low, high = interval(lambda first, second: first - second, right, right)
    >>> low, high
    (0.0, 0.0)
    """
    shares = _shares(len(values[0]), seed)
    means = [shares @ value.mean(axis=1) for value in values]
    low, high = np.quantile(statistic(*means), (0.025, 0.975))
    return float(low), float(high)


def described(
    name: str, statistic: Callable[..., Float[np.ndarray, "draw"]], *values: Values
) -> dict[str, float]:
    """The statistic itself and the ends of its interval, as `name`, `name`.low and `name`.high."""
    low, high = interval(statistic, *values)
    own = statistic(*(np.array([value.mean()]) for value in values))
    return {name: float(own[0]), f"{name}.low": low, f"{name}.high": high}


@functools.lru_cache(maxsize=8)
def _shares(objects: int, seed: int) -> Float[np.ndarray, "draw object"]:
    """How much of each draw is each object."""
    even = np.full(objects, 1 / objects)
    return np.random.default_rng(seed).multinomial(objects, even, size=DRAWS) / objects
