"""Hashes of what a file says, whatever its packing; packed arrays whose bytes follow from the arrays."""

import gzip
import hashlib
import io
import zipfile
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

_DAMAGED = (
    OSError,
    ValueError,
    EOFError,
    KeyError,
    SyntaxError,
    zlib.error,
    zipfile.BadZipFile,
    NotImplementedError,
)


def content_sha256(path: Path) -> str:
    """The sha256 of a file's content, by the ending of its name.

    `.gz`: of the uncompressed bytes. `.npz`: of the arrays' names, types, shapes and values, in the order of
    the names. `.png`: of mode, size and pixels. A folder: of the lines "sha256 name" of its files in the
    order of the names. Anything else: of the bytes.

    Raises:
        FileNotFoundError: there is nothing at `path`.
        OSError: the disk or its permissions keep the file from being read.
        ValueError: the file can't be read as what its name says (truncated or altered).
    """
    if not path.exists():
        raise FileNotFoundError(f"nothing lies at {path}")
    reader = _folder if path.is_dir() else _READERS.get(path.suffix, Path.read_bytes)
    try:
        return hashlib.sha256(reader(path)).hexdigest()
    except _DAMAGED as cause:
        if isinstance(cause, OSError) and cause.errno is not None:
            raise  # the disk's word on a file that may be whole; a decoder's has no number
        raise ValueError(
            f"{path} is damaged: it can't be read as {path.suffix or 'a file'} ({cause})"
        ) from cause


def arrays_to_npz(arrays: dict[str, np.ndarray]) -> bytes:
    """A compressed .npz without time stamps: equal arrays give equal bytes (for one version of zlib)."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as members:
        for name, array in arrays.items():
            member = io.BytesIO()
            np.lib.format.write_array(member, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False)
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            members.writestr(entry, member.getvalue())
    return archive.getvalue()


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """All arrays of an .npz; one that holds Python objects (a pickle) is refused."""
    # zipfile first: np.load would take a single array or a pickle for what the name says
    with zipfile.ZipFile(path) as members, np.load(members.fp, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def _npz(path: Path) -> bytes:
    total = hashlib.sha256()
    for name, array in sorted(read_npz(path).items()):
        total.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        total.update(np.ascontiguousarray(array).tobytes())
    return total.digest()


def _png(path: Path) -> bytes:
    with Image.open(path) as image:
        return f"{image.mode} {image.size}\n".encode() + image.tobytes()


def _gunzipped(path: Path) -> bytes:
    with gzip.open(path) as stream:
        return stream.read()


def _folder(path: Path) -> bytes:
    files = sorted(entry for entry in path.iterdir() if entry.is_file())
    lines = (f"{hashlib.sha256(entry.read_bytes()).hexdigest()} {entry.name}\n" for entry in files)
    return "".join(lines).encode()


_READERS = {".npz": _npz, ".png": _png, ".gz": _gunzipped}
