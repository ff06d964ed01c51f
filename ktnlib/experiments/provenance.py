"""Where a number comes from: commit, versions, machine, memory."""

import hashlib
import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import ktnlib

PACKAGE = Path(ktnlib.__file__).parent
PEERS = {"e3nn": "e3nn", "torch-harmonics": "torch_harmonics"}


class RefusedError(ValueError):
    """What was asked for cannot be run; the message says what can."""


def versions() -> dict[str, str]:
    """Versions of what computes, read without importing it.

    >>> sorted(versions())
    ['ktnlib', 'numpy', 'python', 'torch']
    """
    found = {"python": platform.python_version(), "ktnlib": ktnlib.__version__}
    # a peer counts where a measurement has imported it
    peers = [name for name, module in PEERS.items() if module in sys.modules]
    return found | {name: importlib.metadata.version(name) for name in ("numpy", "torch", *peers)}


def code_hash(*files: str | None) -> str:
    """One hash over the given files and all of the library's Python files that a measurement can import."""
    digest = hashlib.sha256()
    for path in [*sorted(PACKAGE.rglob("*.py")), *(Path(file) for file in files if file)]:
        if path.parent.name not in ("widgets", "figures", "exercises"):
            digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def machine() -> dict[str, str | int]:
    """What decides the last bits of a sum besides the code: the processor and the number of threads."""
    threads = int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)
    return {"platform": f"{platform.system()} {platform.machine()}", "threads": threads}


def commit() -> tuple[str | None, bool | None]:
    """The commit that the library stands at, and whether anything but recorded results differs from it.

    Both are None for an installed package: a repository around its environment is somebody else's.
    """
    folder = repository()
    if folder is None:
        return None, None

    def git(*arguments: str) -> str | None:
        command = ["git", "-C", str(folder), *arguments]
        try:
            return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
        except (OSError, subprocess.CalledProcessError):
            return None

    head = git("rev-parse", "HEAD")
    changed = git("status", "--porcelain", "--", ".", ":(exclude)data/results", ":(exclude)data/claims.toml")
    return head, None if head is None else bool(changed)


def choose_device(device: str) -> str:
    """`cpu`, `cuda`, or for `auto` the one that is there; torch is only asked where a driver is.

    Raises:
        RefusedError: another name; `cuda` without a usable card.
    """
    if device not in ("auto", "cpu", "cuda"):
        raise RefusedError(f"`device` is {device!r}; wanted one of 'auto', 'cpu', 'cuda'")
    if device == "cpu" or (device == "auto" and shutil.which("nvidia-smi") is None):
        return "cpu"
    import torch

    if torch.cuda.is_available():
        return "cuda"
    if device == "cuda":
        raise RefusedError(
            "`device` is 'cuda', but torch sees no card; check the driver, or run with --device cpu"
        )
    return "cpu"


def peak_memory(device: str) -> int:
    """The most memory this process has held so far, in bytes: the card's on CUDA, else the resident set."""
    if device == "cuda" and "torch" in sys.modules:
        return int(sys.modules["torch"].cuda.max_memory_allocated())
    try:
        import resource
    except ImportError:  # Windows
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def repository() -> Path | None:
    """The repository that the library is used from; None for an installed package."""
    root = PACKAGE.parent
    return root if (root / "pyproject.toml").exists() and (root / "data").is_dir() else None
