"""The manifest of data sets, parsed once into frozen records."""

import functools
import tomllib
from dataclasses import dataclass
from pathlib import Path

from ktnlib.shipped import shipped

RAW = "https://raw.githubusercontent.com"


@dataclass(frozen=True)
class Upstream:
    """A file as its authors publish it. `sha256` is None where only what becomes of the file is known."""

    address: str
    bytes: int
    sha256: str | None


@dataclass(frozen=True)
class DataFile:
    """One file of a set: what lies below `KTNLIB_DATA`, and what a download keeps in the cache.

    `content` is the sha256 of what the loader keeps of `path`, not of its packing (see content.py); `kept`
    and `kept_content` say the same of the cached file, which may have another form.
    """

    path: str
    content: str
    upstream: tuple[Upstream, ...]
    kept: str
    kept_content: str


@dataclass(frozen=True)
class DataSet:
    """A set: its files, how to get them, and what its authors allow. `size` is in bytes."""

    name: str
    title: str
    licence: str
    citation: str
    source: str
    checked: str
    convert: str
    by_hand: str
    ships: bool
    size: int
    files: tuple[DataFile, ...]

    @property
    def downloadable(self) -> bool:
        return not self.ships and not self.by_hand

    def file(self, path: str) -> DataFile:
        """The file of this set with this path below `KTNLIB_DATA`."""
        for entry in self.files:
            if entry.path == path:
                return entry
        listed = ", ".join(repr(entry.path) for entry in self.files)
        raise ValueError(f"`path` is {path!r}; the set {self.name!r} holds {listed}")


def load_manifest(path: Path | None = None) -> dict[str, DataSet]:
    """The sets by name, in the manifest's order. `path` None: the manifest that ships."""
    return _load(path or shipped("manifest.toml"))


def find_set(name: str) -> DataSet:
    """The set of this name; an unknown name lists the known."""
    sets = load_manifest()
    if name not in sets:
        raise ValueError(f"`name` is {name!r}; wanted one of {', '.join(map(repr, sets))}")
    return sets[name]


@functools.cache
def _load(path: Path) -> dict[str, DataSet]:
    tables = tomllib.loads(path.read_text(encoding="utf-8"))["set"]
    return {table["name"]: _parse_set(table) for table in tables}


def _parse_set(table: dict) -> DataSet:
    repositories = table.get("repositories", {})
    return DataSet(
        name=table["name"],
        title=table["title"],
        licence=table["licence"],
        citation=table["citation"],
        source=table["source"],
        checked=table.get("checked", ""),
        convert=table.get("convert", "keep"),
        by_hand=table.get("by_hand", ""),
        ships=table.get("ships", False),
        size=table["size"],
        files=tuple(_parse_file(entry, repositories) for entry in table["files"]),
    )


def _parse_file(entry: dict, repositories: dict[str, str]) -> DataFile:
    return DataFile(
        path=entry["path"],
        content=entry["content"],
        upstream=tuple(_parse_upstream(row, repositories) for row in entry.get("upstream", ())),
        kept=entry.get("kept", entry["path"]),
        kept_content=entry.get("kept_content", entry["content"]),
    )


def _parse_upstream(row: list, repositories: dict[str, str]) -> Upstream:
    """A row is [repository's short name, path, bytes, sha256 or ""]; "" with an address as path."""
    short, path, size, sha256 = row
    address = path
    if short:
        repository, commit = repositories[short].split("@")
        address = f"{RAW}/{repository}/{commit}/{path}"
    return Upstream(address=address, bytes=size, sha256=sha256 or None)
