"""Downloads: https only, a private temporary file in the same folder, size and hash checked, then renamed."""

import contextlib
import hashlib
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from .content import content_sha256
from .convert import convert
from .manifest import DataFile, DataSet, Upstream

SCHEMES = ("https",)
TIMEOUT = 20.0  # seconds without a byte
PAUSES = (1.0, 3.0)  # seconds before the second and third attempt, where the server or the line failed
ORPHAN = 24 * 3600.0  # seconds after which a temporary file can't belong to a download under way


class RefusedError(ConnectionError):
    """An answer that trying again won't change."""


def download(dataset: DataSet, file: DataFile, target: Path) -> Path:
    """Download what a file is made of, convert it, check its content, and only then put it in place.

    Two processes may do so at once: each has its own temporary file, and both renames give equal content.

    Raises:
        ImportError: pooch or tqdm is not installed.
        ConnectionError: no network, or the server's answer is not the file.
        ValueError: what came is not the published file, or the converted content is not the expected one.
        OSError: the cache can't be written (PermissionError where that is the reason).
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _sweep(target)
        parts = [_fetch(upstream, target.parent, dataset, file) for upstream in file.upstream]
        with _private(target) as private:
            private.write_bytes(convert(dataset.convert, parts))
            found = content_sha256(private)
            if found != file.kept_content:
                raise ValueError(
                    f"{file.path}, of the set {dataset.name!r}, came over whole, but after "
                    f"{dataset.convert!r} its content has sha256 {found}; wanted {file.kept_content}; "
                    "nothing was kept; please report this"
                )
            private.chmod(0o644)  # a cache may be shared
            os.replace(private, target)
    except ConnectionError:
        raise
    except OSError as cause:
        raise OSError(
            cause.errno,
            f"{file.kept}, of the set {dataset.name!r}, can't be written to the cache {target.parent} "
            f"({cause.strerror}); let KTNLIB_CACHE name an absolute folder that can be written, or "
            f"KTNLIB_DATA one that holds {file.path}",
        ) from cause
    return target


def _fetch(upstream: Upstream, folder: Path, dataset: DataSet, file: DataFile) -> bytes:
    """The bytes of one published file, checked; failures of line or server are tried again."""
    pauses = iter(PAUSES)
    while True:
        try:
            return _fetch_once(upstream)
        except ImportError as cause:
            raise ImportError(
                f"{file.path}, of the set {dataset.name!r}, would come from {upstream.address}, but {cause}; "
                f"or put the file at {file.path} below an absolute folder that KTNLIB_DATA names"
            ) from cause
        except ConnectionError as cause:
            pause = None if isinstance(cause, RefusedError) else next(pauses, None)
            if pause is None:
                raise ConnectionError(
                    f"could not download {file.path}, of the set {dataset.name!r}, from "
                    f"{upstream.address}: {cause}; look at the network and try again, or put the file at "
                    f"{file.path} below an absolute folder that KTNLIB_DATA names"
                ) from cause
            time.sleep(pause)


def _fetch_once(upstream: Upstream) -> bytes:
    pooch, requests = _optional()
    _refuse_scheme(upstream.address)
    answers = []
    sink = _Sink(upstream)

    def watch(answer, **_):
        answers.append(answer)
        if answer.is_redirect:
            _refuse_scheme(requests.compat.urljoin(answer.url, answer.headers["location"]))

    shown = sys.stderr.isatty() or "ipykernel" in sys.modules
    fetch = pooch.HTTPDownloader(progressbar=shown, timeout=TIMEOUT, hooks={"response": watch})
    try:
        fetch(upstream.address, sink, None)
    except requests.HTTPError as cause:
        status = cause.response.status_code
        kind = ConnectionError if status >= 500 or status == 429 else RefusedError
        raise kind(f"the server answered {status} {cause.response.reason}") from cause
    except (requests.exceptions.ChunkedEncodingError, requests.exceptions.Timeout) as cause:
        raise ConnectionError(
            f"the line broke after {len(sink.data):,} of {upstream.bytes:,} bytes"
        ) from cause
    except requests.RequestException as cause:
        raise RefusedError(f"no answer ({type(cause).__name__})") from cause
    finally:
        for answer in answers:
            answer.close()
    return sink.checked()


class _Sink:
    """Takes a download in memory (the largest file has 10 MB), and no more than was announced."""

    def __init__(self, upstream: Upstream):
        self.upstream = upstream
        self.data = bytearray()

    def write(self, chunk: bytes) -> None:
        self.data += chunk
        if len(self.data) > self.upstream.bytes:
            raise RefusedError(f"more came than the {self.upstream.bytes:,} bytes of the published file")

    def flush(self) -> None:
        pass

    def checked(self) -> bytes:
        if len(self.data) < self.upstream.bytes:
            raise ConnectionError(f"only {len(self.data):,} of {self.upstream.bytes:,} bytes came")
        found = hashlib.sha256(self.data).hexdigest()
        if self.upstream.sha256 not in (None, found):
            raise ValueError(
                f"what {self.upstream.address} sent has sha256 {found}; wanted {self.upstream.sha256}; "
                "nothing was kept: the file was changed at its source or on the way"
            )
        return bytes(self.data)


def _optional():
    try:
        import pooch
        import requests
        import tqdm  # noqa: F401
    except ImportError as cause:
        raise ImportError(f"downloads need {cause.name}: pip install 'ktnlib[data]'") from cause
    return pooch, requests


def _refuse_scheme(address: str) -> None:
    scheme = address.partition(":")[0]
    if scheme not in SCHEMES:
        raise RefusedError(f"the address {address} is {scheme}; only https is followed")


@contextlib.contextmanager
def _private(target: Path) -> Iterator[Path]:
    """A temporary file nobody else has, beside its target, with the target's ending; gone afterwards."""
    handle, name = tempfile.mkstemp(prefix=f".part-{target.stem}-", suffix=target.suffix, dir=target.parent)
    os.close(handle)
    private = Path(name)
    try:
        yield private
    finally:
        private.unlink(missing_ok=True)


def _sweep(target: Path) -> None:
    """Remove what downloads of this file left behind when they were killed."""
    for orphan in target.parent.glob(f".part-{target.stem}-*"):
        with contextlib.suppress(FileNotFoundError):
            if time.time() - orphan.stat().st_mtime > ORPHAN:
                orphan.unlink()
