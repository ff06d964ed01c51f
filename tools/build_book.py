"""Build the book: run what changed, write _build/html, say where it lies."""

import argparse
import os
import pathlib
import subprocess
import sys

import vendor_assets

ROOT = pathlib.Path(__file__).resolve().parents[1]
HTML = ROOT / "_build" / "html"
# no progress bar on a built page, and no debugger's warning about frozen modules in every kernel's log
KERNEL_ENVIRONMENT = {"TQDM_DISABLE": "1", "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
# one line a page, a kernel's note on its own sockets, settings in full
NOISE = ("reading sources", "writing output", "IPKernelApp", "ParserConfig(")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--expect-outputs", action="store_true", help="fail where a notebook would have to run"
    )
    wants_outputs = parser.parse_args().expect_outputs
    vendor_assets.main()
    # --all: a plain build would not copy a changed static file; -W: a failing notebook is else only a warning
    command = [
        str(pathlib.Path(sys.executable).parent / "jupyter-book"),
        "build",
        ".",
        "--all",
        "-W",
        "--keep-going",
    ]
    environment = os.environ | KERNEL_ENVIRONMENT | {"PYTHONWARNINGS": "ignore::DeprecationWarning"}
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    ran_notebook = False
    for line in process.stdout:
        ran_notebook |= "Executing notebook" in line
        if not any(noise in line for noise in NOISE):
            print(line, end="", flush=True)
    if process.wait():
        raise SystemExit(
            "The book did not build; the warnings above say why (tracebacks: _build/html/reports)"
        )
    if wants_outputs and ran_notebook:
        raise SystemExit("build_book: a notebook ran again though its outputs were recorded")
    print(f"\nThe book lies in {HTML}/index.html ; `make serve` shows it")


if __name__ == "__main__":
    main()
