"""Panoramas: our own painted room, and photographs where they are at hand."""

from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from torch import Tensor

from ktnlib.check import choice, positive_int
from ktnlib.shipped import shipped

from .location import cache_folder, data_folder
from .manifest import DataFile, DataSet, find_set
from .obtain import obtain_file
from .pictures import read_picture, shrink

SETS = ("painted-room", "panoramas", "panoramas-highres", "panoramas-lefteye")


class Panoramas(Sequence):
    """A list of (name, panorama); a picture is read, and its content checked, when it is asked for."""

    def __init__(self, files: Iterable[tuple[DataSet, DataFile]], height: int):
        self._files = tuple(files)
        self.height = height

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(PurePosixPath(file.path).stem for _, file in self._files)

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, index: int | slice) -> "tuple[str, Tensor] | Panoramas":
        if isinstance(index, slice):
            return Panoramas(self._files[index], self.height)
        name = self.names[index]
        picture = read_picture(obtain_file(*self._files[index]))
        return name, shrink(picture, height=self.height, name=name)

    def __repr__(self) -> str:
        return f"<{len(self)} panoramas of height {self.height}: {', '.join(self.names)}>"


def panoramas(*, height: int = 512, sets: Sequence[str] = SETS[:2], download: bool = False) -> Panoramas:
    """List the panoramas at hand: the painted room first, then photographs from KTNLIB_DATA or the cache.

    Nothing is downloaded unless asked for: `panoramas(download=True)`, or `python -m ktnlib.data get
    panoramas` once (48 MB). Without them the list holds the painted room alone.

    Args:
        height: rows of the pictures; it must divide theirs (512), and whole blocks of pixels are averaged.
        sets: which sets of the manifest; "panoramas-highres" and "panoramas-lefteye" have more rows.
        download: list all pictures of the sets, and download each when it is first read.

    Returns:
        A lazy sequence of (name, picture), the picture (1, 3, height, 2·height) float32 RGB in [0, 1].

    Raises:
        ValueError: an unknown set; a `height` that doesn't divide a picture's (when it is read), or a
            damaged file.

    Example:
        >>> from ktnlib.data import panoramas
        >>> name, room = panoramas(height=64)[0]
        >>> name, tuple(room.shape)
        ('painted_room', (1, 3, 64, 128))
    """
    positive_int("height", height)
    listed = [(find_set(choice("sets", name, SETS)), name) for name in sets]
    files = [(dataset, file) for dataset, _ in listed for file in dataset.files]
    return Panoramas(
        [(dataset, file) for dataset, file in files if download or _at_hand(dataset, file)], height
    )


def _at_hand(dataset: DataSet, file: DataFile) -> bool:
    folder = data_folder()
    places: list[Path] = [shipped(file.path)] if dataset.ships else [cache_folder() / file.kept]
    if folder is not None and not dataset.ships:
        places.append(folder / file.path)
    return any(place.is_file() for place in places)
