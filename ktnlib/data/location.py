"""Where data may lie (KTNLIB_DATA, then the user's cache), and what to do with what is found there."""

import functools
import os
import sys
from pathlib import Path
from typing import Literal

from .content import content_sha256

State = Literal["have", "stale", "missing"]
Action = Literal["use data", "use cache", "download", "refuse data", "refuse cache", "report missing"]


def judge(found: str | None, wanted: str) -> State:
    """What a file is worth whose content hash is `found` (None: no file)."""
    if found is None:
        return "missing"
    return "have" if found == wanted else "stale"


def choose(data: State | None, cache: State, *, may_download: bool) -> Action:
    """What to do, given the file below KTNLIB_DATA (None: the variable is not set) and the one in the cache.

    A damaged file below KTNLIB_DATA is refused, never replaced: the folder belongs to the reader. A damaged
    file in the cache is downloaded again where that is possible. Nothing is downloaded while KTNLIB_DATA is
    set.
    """
    if data in ("have", "stale"):
        return "use data" if data == "have" else "refuse data"
    if cache == "have":
        return "use cache"
    if may_download and data is None:
        return "download"
    return "refuse cache" if cache == "stale" else "report missing"


def data_folder() -> Path | None:
    """The folder that KTNLIB_DATA names, or None.

    Raises:
        ValueError: the variable holds a relative path or names no folder.
    """
    named = os.environ.get("KTNLIB_DATA", "")
    if not named:
        return None
    folder = Path(named)
    if not folder.is_absolute():
        raise ValueError(
            f"`KTNLIB_DATA` is {named!r}, a relative path; wanted an absolute one, because notebooks run "
            f"in their own folders; try KTNLIB_DATA={Path.cwd() / folder}"
        )
    if not folder.is_dir():
        raise ValueError(
            f"`KTNLIB_DATA` is {named!r}, and there is no such folder; create it or unset the variable"
        )
    return folder


def cache_folder() -> Path:
    """The user's cache: KTNLIB_CACHE (absolute) where set, else the platform's place for caches.

    Raises:
        ValueError: the variable holds a relative path.
    """
    named = os.environ.get("KTNLIB_CACHE", "")
    if named and not Path(named).is_absolute():
        raise ValueError(f"`KTNLIB_CACHE` is {named!r}, a relative path; wanted an absolute one")
    return Path(named) if named else _platform_cache() / "ktnlib"


def networks_folder() -> Path:
    """Where networks trained on this machine are kept."""
    return cache_folder() / "networks"


def parts_folder() -> Path:
    """Where finished parts of long measurements are kept; they can be measured again."""
    return cache_folder() / "parts"


def targets_folder() -> Path:
    """Where exact features are kept that fits have asked for; they can be computed again."""
    return cache_folder() / "targets"


def _platform_cache() -> Path:
    home = Path(os.path.expanduser("~"))
    if sys.platform == "darwin":
        return home / "Library" / "Caches"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    return Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")


def inspect(path: Path, wanted: str) -> State:
    """The state of the file at `path`; one that can't be read as what its name says is stale."""
    if not path.exists():
        return judge(None, wanted)
    try:
        return judge(_known_sha256(path, *_stamp(path)), wanted)
    except ValueError:
        return "stale"


def _stamp(path: Path) -> tuple[int, int, int]:
    """What changes when a file does; of a folder, the newest of its files counts."""
    entries = [path, *path.iterdir()] if path.is_dir() else [path]
    found = [entry.stat() for entry in entries]
    return len(found), sum(entry.st_size for entry in found), max(entry.st_mtime_ns for entry in found)


@functools.lru_cache(maxsize=512)
def _known_sha256(path: Path, count: int, size: int, changed: int) -> str:
    # a loader asks again and again: one process hashes a file once for each size and time of change
    return content_sha256(path)
