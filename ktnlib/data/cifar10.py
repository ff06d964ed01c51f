"""A choice of CIFAR-10, on which the small residual networks were trained."""

from pathlib import Path

from .labelled import LabelledImages, read_packed
from .obtain import obtain


def cifar10(*, path: Path | None = None) -> LabelledImages:
    """Load small photographs in 10 classes: 8,000 to train on, 500 to test, from below KTNLIB_DATA.

    Args:
        path: your own .npz instead, in the same form as for `gtsrb`.

    Returns:
        Images (number, 3, 32, 32) RGB; labels 0 … 9.

    Raises:
        FileNotFoundError: the file is nowhere; the message says how to get it.
        ValueError: it is truncated or altered, or `path` holds something else.

    Source: A. Krizhevsky, Learning multiple layers of features from tiny images, 2009.
    """
    return read_packed(obtain("cifar10") if path is None else path)
