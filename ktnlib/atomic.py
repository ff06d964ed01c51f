"""Files that are whole or absent, whatever happens while they are written.

A private temporary file in the same folder is written, flushed to the disk, renamed over the target, and the
folder flushed too. Nothing is ever locked: two processes that write the same file both succeed, the last one
stays. What a killed process left behind is swept at the next start.
"""

import contextlib
import errno
import os
import re
import secrets
import signal
import socket
import time
from pathlib import Path

_PIECE = 4096  # bytes a write call; small, so that a kill can also fall between two of one file
_DAY = 86400.0
_ORPHAN = re.compile(r"\..+\.(?P<host>[^.]+)\.(?P<process>\d+)\.[0-9a-f]{8}\.part")
_FAULT = os.environ.get("KTNLIB_FAULT", "")
_points_passed = 0


def write_atomically(path: Path, content: bytes) -> None:
    """Put `content` at `path`, all of it or nothing; a file that was there stays until the new one is safe.

    Raises:
        OSError: of the kind that occurred (no space, read-only, not permitted), naming path and bytes.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_atomically(Path(folder, "note"), b"whole")
    ...     [file.name for file in Path(folder).iterdir()]
    ['note']
    """
    temporary = path.with_name(f".{path.name}.{_host()}.{os.getpid()}.{secrets.token_hex(4)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_through(temporary, content)
        fault_point("rename")
        os.replace(temporary, path)
        _flush_folder(path.parent)
    except OSError as error:
        _discard(temporary)
        raise OSError(
            error.errno,
            f"could not write {path} ({len(content)} bytes): {error.strerror or error}; nothing is half "
            "written, what lay there is whole; make room or choose another folder, and run the command again",
        ) from error
    except BaseException:
        _discard(temporary)
        raise


def sweep(folder: Path) -> None:
    """Remove the temporary files that killed processes left in `folder`; those of living ones stay."""
    for path in folder.glob(".*.part"):
        match = _ORPHAN.fullmatch(path.name)
        with contextlib.suppress(FileNotFoundError):
            if match and (_dead(**match.groupdict()) or time.time() - path.stat().st_mtime > _DAY):
                path.unlink()


def remove(path: Path) -> None:
    """Remove a file that may already be gone."""
    fault_point("remove")
    path.unlink(missing_ok=True)


def fault_point(name: str) -> None:
    """Where a test breaks the engine, and nobody else: the one place that reads `KTNLIB_FAULT`.

    `KILL:7` kills the process at the seventh point that it passes, `ENOSPC:7` raises that error there, and
    `LOG:<file>` appends the name of each point to a file.
    """
    if not _FAULT:
        return
    global _points_passed
    _points_passed += 1
    kind, _, value = _FAULT.partition(":")
    if kind == "LOG":
        with open(value, "a", encoding="utf-8") as log:
            log.write(f"{name}\n")
    elif int(value) == _points_passed:
        if kind == "KILL":
            os.kill(os.getpid(), signal.SIGKILL)
        number = getattr(errno, kind)
        raise OSError(number, os.strerror(number))


def _write_through(temporary: Path, content: bytes) -> None:
    fault_point("open")
    with open(temporary, "xb", buffering=0) as file:
        view = memoryview(content)
        while view:
            fault_point("write")
            view = view[file.write(view[:_PIECE]) :]
        fault_point("fsync")
        os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    fault_point("fsync of the folder")
    if os.name == "posix":  # elsewhere a folder cannot be opened
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    fault_point("written")


def _host() -> str:
    return socket.gethostname().replace(".", "-")


def _dead(host: str, process: str) -> bool:
    """Whether the process that wrote a temporary file is gone for certain; unknown of another machine's."""
    if host != _host() or os.name != "posix":  # elsewhere, asking a process by signal 0 would end it
        return False
    if int(process) == os.getpid():
        return True  # an old life under this number: a process sweeps before it writes
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _discard(temporary: Path) -> None:
    with contextlib.suppress(OSError):
        temporary.unlink()
