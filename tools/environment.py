"""Make .venv and install what the book needs; a second call with nothing changed returns at once.

Runs on the system's Python with the standard library alone. torch goes first, so that no other package brings
a second one: without an NVIDIA driver the CPU build, with one the default build.
"""

import hashlib
import importlib.util
import os
import pathlib
import shutil
import socket
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
STAMP = VENV / ".installed"
CPU_INDEX_HOST = "download.pytorch.org"


def fail(message: str) -> None:
    raise SystemExit(f"environment: {message}")


def venv_python() -> pathlib.Path:
    return VENV / "bin" / "python"


def wanted() -> str:
    """What the stamp holds when the environment is complete: a hash of all that decides its contents."""
    digest = hashlib.sha256()
    for name in ("requirements.txt", "pyproject.toml"):
        digest.update((ROOT / name).read_bytes())
    # the editable install points at this folder, so a moved checkout needs a new one
    digest.update(f"{sys.version_info[:2]} {nvidia_driver()} {ROOT}".encode())
    return digest.hexdigest()


def nvidia_driver() -> bool:
    return pathlib.Path("/proc/driver/nvidia/version").exists() or shutil.which("nvidia-smi") is not None


def reachable(host: str) -> bool:
    try:
        socket.create_connection((host, 443), timeout=4).close()
    except OSError:
        return False
    return True


def torch_command(requirement: str) -> list[str]:
    if sys.platform == "darwin" or nvidia_driver() or not reachable(CPU_INDEX_HOST):
        return [requirement]
    return [requirement, "--extra-index-url", f"https://{CPU_INDEX_HOST}/whl/cpu"]


def pip(*arguments: str) -> None:
    command = [
        str(venv_python()),
        "-m",
        "pip",
        "--disable-pip-version-check",
        "install",
        "--quiet",
        *arguments,
    ]
    print("  pip install", *arguments, flush=True)
    if subprocess.run(command, cwd=ROOT).returncode:
        fail(
            f"installing {' '.join(arguments)} failed; the lines above say why; mend it and run `make` again"
        )


def main() -> None:
    if sys.version_info < (3, 11):
        fail(f"this is Python {sys.version.split()[0]}; wanted 3.11 or newer: `make book PYTHON=python3.12`")
    if STAMP.exists() and STAMP.read_text() == wanted():
        return
    if importlib.util.find_spec("ensurepip") is None or importlib.util.find_spec("venv") is None:
        fail("this Python lacks `venv`; on Debian and Ubuntu: `sudo apt-get install python3-venv`")
    print(f"Setting up {VENV.relative_to(ROOT)} (some minutes the first time)", flush=True)
    shutil.rmtree(VENV, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
    requirements = (ROOT / "requirements.txt").read_text().splitlines()
    pip(*torch_command(next(line for line in requirements if line.startswith("torch=="))))
    pip("-r", "requirements.txt")
    pip("--no-deps", "--no-build-isolation", "-e", ".")
    partial = STAMP.with_suffix(".new")
    partial.write_text(wanted())
    os.replace(partial, STAMP)


if __name__ == "__main__":
    main()
