"""From the name of a set to verified files on this machine."""

from pathlib import Path

from ktnlib.shipped import shipped

from .download import download
from .location import Action, State, cache_folder, choose, data_folder, inspect
from .manifest import DataFile, DataSet, find_set


def obtain(name: str, path: str | None = None, *, may_download: bool = True) -> Path:
    """Path of a file of the set `name`, its content verified; downloads it where it is nowhere.

    Args:
        name: the set, as `python -m ktnlib.data list` prints it.
        path: the file, as the manifest spells it; None where the set has one file.
        may_download: False: only look.

    Returns:
        The file, in the library's own data, below KTNLIB_DATA or in the user's cache, in this order.

    Raises:
        ValueError: an unknown set or file; a file that is truncated or altered.
        FileNotFoundError: the file is nowhere and can't or may not be downloaded.
        ConnectionError: the download failed.
    """
    dataset = find_set(name)
    if path is None and len(dataset.files) != 1:
        raise ValueError(f"`path` is None; the set {name!r} has {len(dataset.files)} files: name one of them")
    return obtain_file(
        dataset, dataset.files[0] if path is None else dataset.file(path), may_download=may_download
    )


def obtain_file(dataset: DataSet, file: DataFile, *, may_download: bool = True) -> Path:
    """As `obtain`, from the records."""
    place, action = locate(dataset, file, may_download=may_download)
    if action.startswith("use"):
        return place
    if action == "download":
        return download(dataset, file, place)
    raise _refusal(dataset, file, place, action)


def locate(dataset: DataSet, file: DataFile, *, may_download: bool = True) -> tuple[Path, Action]:
    """Where a file is or would be, and what to do about it. Touches nothing."""
    if dataset.ships:
        place = shipped(file.path)
        return place, choose(inspect(place, file.content), "missing", may_download=False)
    folder, cached = data_folder(), cache_folder() / file.kept
    own: State | None = None if folder is None else inspect(folder / file.path, file.content)
    # reading the cached file costs its hash: only where it may be needed
    kept = "missing" if own in ("have", "stale") else inspect(cached, file.kept_content)
    action = choose(own, kept, may_download=may_download and dataset.downloadable)
    return (folder / file.path if folder is not None and action.endswith("data") else cached), action


def _refusal(dataset: DataSet, file: DataFile, place: Path, action: Action) -> Exception:
    if action in ("refuse data", "refuse cache"):
        wanted = file.content if action == "refuse data" else file.kept_content
        return ValueError(
            f"{place}, of the set {dataset.name!r}, is truncated or altered: its content is not the one "
            f"with sha256 {wanted}; remove it and replace it: {_way(dataset, file)}"
        )
    folder = data_folder()
    looked = f"neither in KTNLIB_DATA={folder} nor in" if folder else "not in"
    return FileNotFoundError(
        f"{file.path}, of the set {dataset.name!r}, is {looked} the cache {cache_folder()}; "
        f"{_way(dataset, file)}"
    )


def _way(dataset: DataSet, file: DataFile) -> str:
    if dataset.ships:
        return "it comes with the library: install ktnlib again"
    put = f"put it at {file.path} below an absolute folder that KTNLIB_DATA names"
    if dataset.by_hand:
        return f"{put}; it can't be downloaded: {dataset.by_hand}"
    addresses = " and ".join(upstream.address for upstream in file.upstream)
    return (
        f"{put}, or run `python -m ktnlib.data get {dataset.name}` with KTNLIB_DATA unset, which downloads "
        f"{addresses}"
    )
