"""Parts of a long measurement, kept in the user's cache: they outlive the run that made them.

Two scales of an experiment that share a part make it once. A part is found again only while the files that
can change it are the same to the byte, so that a recorded number never mixes two versions.
"""

import functools
import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from ktnlib.atomic import write_atomically
from ktnlib.data.location import parts_folder

from . import provenance, state


def kept(key: Mapping[str, Any], make: Callable[[], Any], *, code: tuple[str, ...]) -> Any:
    """What `make()` answers, from the cache if it was made before.

    Args:
        key: what the part depends on, JSON; the machine and the versions are added.
        make: answers what a checkpoint can hold.
        code: files and folders of the library, "sphere" or "experiments/engine.py", that can change it.

    Raises:
        OSError: the part could not be written.
    """
    known = {**key, "code": code_of(code), "versions": provenance.versions()} | provenance.machine()
    text = json.dumps(known, sort_keys=True)
    path = parts_folder() / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.npz"
    try:
        found = state.unpack(path.read_bytes())
        if found["key"] == text:
            return found["part"]
    except (FileNotFoundError, ValueError, KeyError):
        pass  # not there, or damaged: it is made again
    part = make()
    write_atomically(path, state.pack({"key": text, "part": part}))
    return part


@functools.cache
def code_of(parts: tuple[str, ...]) -> str:
    """One hash over the Python files of these parts of the library."""
    digest = hashlib.sha256()
    for part in parts:
        place = provenance.PACKAGE / part
        for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]
