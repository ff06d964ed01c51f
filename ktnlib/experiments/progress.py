"""A bar while somebody is watching, silence in logs and built pages."""

import os
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any


def progress(items: Sequence[Any], label: str) -> Iterator[Any]:
    """Yield the items and show how far they are: a bar with tqdm, a line every few seconds without it.

    Nothing is shown where standard error is no terminal and no notebook listens, or `TQDM_DISABLE` is set.

    >>> list(progress(range(3), "seeds"))
    [0, 1, 2]
    """
    if not watched():
        yield from items
        return
    try:
        from tqdm.auto import tqdm
    except ImportError:
        yield from _lines(items, label)
        return
    yield from tqdm(items, desc=label, leave=False)


def watched() -> bool:
    """Whether somebody can see a bar."""
    if os.environ.get("TQDM_DISABLE"):
        return False
    ipython = sys.modules.get("IPython")
    notebook = ipython is not None and hasattr(ipython.get_ipython(), "kernel")
    return notebook or sys.stderr.isatty()


def _lines(items: Sequence[Any], label: str) -> Iterator[Any]:
    begun = said = time.monotonic()
    for done, item in enumerate(items):
        yield item
        now = time.monotonic()
        if now - said > 5:
            said, left = now, (now - begun) / (done + 1) * (len(items) - done - 1)
            print(f"{label}: {done + 1} of {len(items)}, about {left:.0f} s left", file=sys.stderr)
