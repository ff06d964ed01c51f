"""The command line: python -m ktnlib.data list | get NAME | verify [NAME] | where [NAME] | clear [NAME]."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from ktnlib.shipped import shipped

from .location import Action, cache_folder, data_folder, networks_folder, parts_folder, targets_folder
from .manifest import DataSet, find_set, load_manifest
from .obtain import locate, obtain_file


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 where all went well, 1 where a file is missing, damaged or could not be had."""
    parser = argparse.ArgumentParser(
        prog="python -m ktnlib.data", description="Look for, download and check the book's data."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name, (_, purpose, wanted) in COMMANDS.items():
        command = commands.add_parser(name, help=purpose, description=purpose)
        if wanted:
            command.add_argument("name", nargs=wanted, default=None, help="a set; python -m ktnlib.data list")
    given = parser.parse_args(arguments)
    named = getattr(given, "name", None)
    named = named[0] if isinstance(named, list) else named
    try:
        sets = [find_set(named)] if named else list(load_manifest().values())
        return COMMANDS[given.command][0](sets)
    except (ValueError, OSError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def show_list(sets: Sequence[DataSet]) -> int:
    for dataset in sets:
        print(f"{dataset.name:18} {state(dataset):11} {megabytes(dataset.size):>7} MB  {dataset.title}")
    return 0


def get(sets: Sequence[DataSet]) -> int:
    for dataset in sets:
        for file in dataset.files:
            print(obtain_file(dataset, file))
    return 0


def verify(sets: Sequence[DataSet]) -> int:
    """Read every file that is there; one that isn't there is said, but only a damaged one is a failure."""
    damaged = 0
    for dataset in sets:
        for file in dataset.files:
            place, action = locate(dataset, file, may_download=False)
            word = word_for(action)
            damaged += word == "DAMAGED"
            print(f"{word:8} {dataset.name:18} {file.path if word == 'absent' else place}")
    return 1 if damaged else 0


def where(sets: Sequence[DataSet]) -> int:
    if len(sets) > 1:
        print(f"ships        {shipped()}")
        print(f"KTNLIB_DATA  {data_folder() or 'not set'}")
        print(f"cache        {cache_folder()}")
        for place, size, content in made_here():
            print(f"made here    {place}, {size} MB of {content}")
        return 0
    for dataset in sets:
        for file in dataset.files:
            place, action = locate(dataset, file, may_download=False)
            print(place if action.startswith("use") else f"{word_for(action)}: {place}")
    return 0


def clear(sets: Sequence[DataSet]) -> int:
    """Remove the sets' files from the cache, and nothing else from nowhere else; say what else is there."""
    cache, folder = cache_folder().resolve(), data_folder()
    own = folder.resolve() if folder else None
    if own is not None and (own == cache or own in cache.parents or cache in own.parents):
        raise ValueError(f"the cache {cache} and KTNLIB_DATA={folder} overlap; nothing was removed")
    for dataset in sets:
        if not dataset.ships:
            for file in dataset.files:
                remove(cache, cache / file.kept)
    for place, size, content in made_here() if len(sets) > 1 else ():
        print(f"left {place}, {size} MB of {content}; no download brings it back, so remove it by hand")
    return 0


def made_here() -> Iterator[tuple[Path, str, str]]:
    """Folders of the cache that hold what this machine computed: place, megabytes, what it is."""
    folders = {
        targets_folder(): "exact features",
        networks_folder(): "trained networks",
        parts_folder(): "parts of measurements",
    }
    for place, content in folders.items():
        if size := sum(file.stat().st_size for file in place.glob("*") if file.is_file()):
            yield place, megabytes(size), content


def remove(cache: Path, place: Path) -> None:
    """Remove one cached file, unless a link leads out of the cache, and the folders it leaves empty."""
    if cache not in place.parent.resolve().parents and place.parent.resolve() != cache:
        raise ValueError(f"{place} lies outside the cache {cache}; nothing was removed there")
    orphans = list(place.parent.glob(f".part-{place.stem}-*")) if place.parent.is_dir() else []
    for file in (place, *orphans):
        if file.is_file() or file.is_symlink():
            file.unlink()
            print(f"removed {file}")
    for parent in place.parents:
        if parent == cache or not parent.is_dir() or any(parent.iterdir()):
            break
        parent.rmdir()


def word_for(action: Action) -> str:
    """What `locate` found, in one word."""
    return "DAMAGED" if action.startswith("refuse") else "good" if action.startswith("use") else "absent"


def megabytes(size: int) -> str:
    """Bytes in millions, to a tenth; small ones to their first digit.

    >>> megabytes(11594722), megabytes(45354)
    ('11.6', '0.05')
    """
    return f"{size / 1e6:.1f}" if size >= 1e5 else f"{size / 1e6:.1g}"


def state(dataset: DataSet) -> str:
    """In one word, whether the set is here, without reading its files."""
    if dataset.ships:
        return "ships"
    folder, cache = data_folder(), cache_folder()
    places = [[cache / file.kept, *([folder / file.path] if folder else [])] for file in dataset.files]
    if all(any(place.exists() for place in choices) for choices in places):
        return "here"
    return "by hand" if dataset.by_hand else "to download"


# command: what runs it, what it is for, how many names it takes
COMMANDS = {
    "list": (show_list, "the sets, whether they are on this machine, and their size", None),
    "get": (get, "download a set where it isn't here, and print where its files lie", 1),
    "verify": (verify, "read and check every file that is here", "?"),
    "where": (where, "where data are looked for, or where a set's files lie", "?"),
    "clear": (clear, "remove downloaded files from the cache; what was computed here stays", "?"),
}

if __name__ == "__main__":
    sys.exit(main())
