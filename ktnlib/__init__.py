"""Kernels on the Move: the library behind the book."""

import importlib

__version__ = "0.1.0"

_SUBJECTS = ("alignment", "data", "exercises", "experiments", "figures", "sphere", "widgets")


def __getattr__(name: str):
    # on first access, so that `import ktnlib` alone brings no torch and the experiment engine starts at once
    if name in _SUBJECTS:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has {', '.join(_SUBJECTS)}")


def __dir__() -> list[str]:
    return [*_SUBJECTS, "__version__"]
