"""Checkers that diagnose: one module a chapter, one ``check_<name>(answer)`` for an exercise."""

import importlib

from .answer import Diagnosis as Diagnosis
from .answer import checker as checker
from .answer import compare as compare
from .answer import not_answered as not_answered

_CHAPTERS = (
    "three_things",
    "equirectangular_grid",
    "tangent_convolution",
    "kernel_transformer",
    "transfer",
    "real_network",
)


def __getattr__(name: str):
    # on first access, so that one chapter's checkers cost the others nothing
    if name in _CHAPTERS:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(
        f"module {__name__!r} has no attribute {name!r}; its chapters are {', '.join(_CHAPTERS)}"
    )


def __dir__() -> list[str]:
    return [*_CHAPTERS, "Diagnosis", "checker", "compare", "not_answered"]
