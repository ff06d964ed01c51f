"""What chapter 0's widget shows if nothing else is given: the running objects and the filter bank."""

import math

import torch
from torch import Tensor

from ktnlib import alignment
from ktnlib.alignment.commutation import LETTER_W, letter

W_AND_M = ["W and M, half a turn", {"picture": 1, "filter": 7, "transformation": "rotate", "amount": math.pi}]


def letter_page() -> Tensor:
    """A W off the middle of a picture, so that turning moves it too.

    Example:
        >>> letter_page().shape
        torch.Size([13, 13])
    """
    page = torch.zeros(13, 13)
    page[2:7, 6:11] = torch.from_numpy(letter(LETTER_W))
    return page


def pictures() -> dict[str, Tensor]:
    """The book's digit, and its W."""
    from ktnlib.data import running_digit  # only the default picture needs the data

    return {"the digit 5": running_digit(), "the letter W": letter_page()}


def filters(size: int = 5) -> dict[str, Tensor | dict[str, Tensor]]:
    """The bank of `ktnlib.alignment.filters`, small enough for its arithmetic; W and M are one layer.

    Example:
        >>> list(filters())[-1], list(filters()["W and M"])
        ('W and M', ['W', 'M'])
    """
    bank = alignment.filters(size)
    letters = {name: bank.pop(name) for name in ("W", "M")}
    return {**bank, "W and M": letters}
