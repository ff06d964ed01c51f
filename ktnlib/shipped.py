"""Where the files that ship with the library lie."""

from pathlib import Path

_WHEEL = Path(__file__).parent / "shipped_data"
_REPOSITORY = Path(__file__).parent.parent / "data"


def shipped(*parts: str) -> Path:
    """Path of a shipped file: beside this file in an installed wheel, else in the repository's `data/`.

    Args:
        parts: names below the folder, as in `shipped("results", "commutation-smoke.json")`; none: the folder.

    Returns:
        The path; the file need not exist, for the caller says better what is missing and why.

    Example:
        >>> from ktnlib.shipped import shipped
        >>> shipped("digits.npz").name
        'digits.npz'
    """
    root = _WHEEL if _WHEEL.is_dir() else _REPOSITORY
    return root.joinpath(*parts)
