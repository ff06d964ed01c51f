"""Exact features kept on disk: computed once for every trunk, panorama and way of reading it."""

import contextlib
import dataclasses
import hashlib
import json
import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from ktnlib import check
from ktnlib.atomic import remove, sweep, write_atomically
from ktnlib.data.location import targets_folder

from .exact import exact_features
from .trunk import Trunk

LIMIT_BYTES = 8 << 30  # ResNet-20's first stage on 30 panoramas of 256 × 512 takes 1.8 GB


@dataclass(frozen=True)
class TargetKey:
    """What exact features depend on; `trunk` and `panorama` are hashes.

    Whoever changes what `exact_features` answers adds a field, so that files from before are not found again.
    """

    trunk: str
    panorama: str
    height: int
    width: int
    spacing: float
    columns: tuple[int, ...] | None
    interpolation: str
    layers: tuple[str, ...]

    @property
    def text(self) -> str:
        """The key in full, as the files state it."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True)

    @property
    def file_name(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()[:32] + ".safetensors"


@dataclass(frozen=True)
class TargetCache:
    """A folder of exact features, one file a panorama, bounded: what was not used for longest goes first.

    Files are whole or absent, whenever the work is stopped; several processes may share a folder. Each states
    its key and the hash of its numbers, and both are checked when it is read. A damaged file in the user's
    cache is computed again; one in a folder that was named is refused, as the folder belongs to whoever named
    it.

    Args:
        folder: None is "targets" in the user's cache (KTNLIB_CACHE where set).
        limit_bytes: of all files together; features larger than this are not kept at all.

    Raises:
        ValueError: a limit below one byte.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     TargetCache(folder, limit_bytes=10**6).size
    0
    """

    folder: str | Path | None = None
    limit_bytes: int = LIMIT_BYTES

    def __post_init__(self):
        check.positive_int("limit_bytes", self.limit_bytes)

    @property
    def place(self) -> Path:
        """Where the files are."""
        return targets_folder() if self.folder is None else Path(self.folder)

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(size for _, size, _ in self._files())

    def find(self, key: TargetKey) -> dict[str, Tensor] | None:
        """The features of a key, or None; a file that is found counts as just used.

        Raises:
            ValueError: a file in a named folder that was cut short or altered, or holds another key's
                features.
        """
        path = self.place / key.file_name
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        with contextlib.suppress(OSError):  # gone meanwhile, or a folder that may only be read
            os.utime(path)
        try:
            return _unpack(content, key)
        except ValueError as error:
            if self.folder is None:
                remove(path)
                return None
            raise ValueError(f"{path} {error}; remove it, and it is computed again") from error

    def keep(self, key: TargetKey, features: dict[str, Tensor]) -> None:
        """Store the features of a key, and remove the files longest unused beyond the limit.

        Raises:
            OSError: the file could not be written.
        """
        content = save(features, metadata={"key": key.text, "sha256": _numbers_sha256(features)})
        if len(content) > self.limit_bytes:
            return
        sweep(self.place)
        write_atomically(self.place / key.file_name, content)
        total = self.size
        for _, size, path in sorted(self._files()):
            if total > self.limit_bytes:
                remove(path)
                total -= size

    def _files(self) -> list[tuple[int, int, Path]]:
        """(last use, bytes, path); another process may remove what was listed."""
        found = []
        for path in self.place.glob("*.safetensors"):
            try:
                state = path.stat()
            except FileNotFoundError:
                continue
            found.append((state.st_mtime_ns, state.st_size, path))
        return found


def cached_features(
    trunk: Trunk,
    panorama: Float[Tensor, "batch in_channel height width"],
    *,
    cache: TargetCache | None = None,
    spacing: float | int | None = None,
    columns: Sequence[int] | None = None,
    interpolation: str = "bilinear",
    chunk: int | None = None,
    layers: Iterable[str] | None = None,
) -> dict[str, Tensor]:
    """`exact_features`, each panorama's from the cache where it is there, and kept there where not.

    Stopped and started again, it goes on with the first panorama that is not finished.

    Args:
        cache: None is `TargetCache()`, 8 GiB in the user's cache.
        trunk, panorama, spacing, columns, interpolation, chunk, layers: as for `exact_features`.

    Raises:
        ValueError: as `exact_features`, with the panorama's place in the batch; a damaged file in a cache
            whose folder was named.
        OSError: the features could not be written.
    """
    check.panorama("panorama", panorama)
    cache = TargetCache() if cache is None else cache
    width = panorama.shape[-1]
    names = tuple(trunk.layers if layers is None else layers)
    options = {
        "spacing": 2 * math.pi / width if spacing is None else float(spacing),
        "columns": None if columns is None else tuple(int(column) for column in columns),
        "interpolation": interpolation,
        "layers": names,
    }
    fingerprint, found = trunk.fingerprint(), []
    for index, image in enumerate(panorama):
        key = TargetKey(fingerprint, hash_of(image), *image.shape[-2:], **options)
        features = cache.find(key)
        if features is None:
            try:
                features = exact_features(trunk, image[None], chunk=chunk, **options)
            except ValueError as error:
                raise ValueError(f"of `panorama`, number {index} of {len(panorama)}: {error}") from error
            cache.keep(key, features)
        found.append({name: feature.to(panorama.device) for name, feature in features.items()})
    return {name: torch.cat([features[name] for features in found]) for name in names}


def _unpack(content: bytes, key: TargetKey) -> dict[str, Tensor]:
    """Features from a file's bytes; refuses what is not whole or not the key's."""
    try:
        features = load(content)
        stated = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])["__metadata__"]
    except (SafetensorError, KeyError) as error:
        raise ValueError(f"is damaged: cut short or altered ({error})") from error
    if stated.get("key") != key.text:
        raise ValueError(f"holds the features of {stated.get('key')}; wanted {key.text}")
    if stated.get("sha256") != _numbers_sha256(features):
        raise ValueError("is damaged: its numbers were altered")
    return features


def _numbers_sha256(features: dict[str, Tensor]) -> str:
    return hashlib.sha256("".join(hash_of(features[name]) for name in sorted(features)).encode()).hexdigest()


def hash_of(values: Tensor) -> str:
    """A hash of a tensor's type, shape and numbers."""
    values = values.detach().cpu().contiguous()
    digest = hashlib.sha256(f"{values.dtype} {tuple(values.shape)}".encode())
    digest.update(values.flatten().view(torch.uint8).numpy())  # NumPy has no bfloat16, but bytes
    return digest.hexdigest()
