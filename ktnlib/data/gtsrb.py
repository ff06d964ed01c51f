"""German traffic signs."""

from pathlib import Path

from .labelled import LabelledImages, read_packed
from .obtain import obtain


def gtsrb(*, path: Path | None = None) -> LabelledImages:
    """Load traffic signs in 43 classes: 7,740 to train on, 1,290 to test, from below KTNLIB_DATA.

    Args:
        path: your own .npz instead, with x_train, y_train, x_test, y_test (uint8, number × 32 × 32 × 3): the
            packed choice the book used can't be downloaded.

    Returns:
        Images (number, 3, 32, 32) RGB; labels 0 … 42.

    Raises:
        FileNotFoundError: the file is nowhere; the message says how to get it.
        ValueError: it is truncated or altered, or `path` holds something else.

    Source: J. Stallkamp et al., Man vs. computer, Neural Networks 32, 2012.
    """
    return read_packed(obtain("gtsrb") if path is None else path)
