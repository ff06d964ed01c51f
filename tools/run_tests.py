"""Run the checks one after another, each under its name, and say how long each took."""

import argparse
import os
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
BIN = pathlib.Path(sys.executable).parent
PYTEST = [sys.executable, "-m", "pytest", "-q"]
SHAPES = ["--jaxtyping-packages=ktnlib,beartype.beartype"]

STATIC = [
    ("ruff", [str(BIN / "ruff"), "check", "."]),
    ("format", [str(BIN / "ruff"), "format", "--check", "--exclude", "*.ipynb", "."]),
    ("spelling", [str(BIN / "codespell"), "."]),
    ("imports point one way", [str(BIN / "lint-imports"), "--no-cache"]),
]
UNIT = ("unit tests", [*PYTEST, *SHAPES, "tests/unit"])
QUICK_UNIT = ("unit tests, without the slow ones", [*PYTEST, *SHAPES, "-m", "not slow", "tests/unit"])
DOCTESTS = ("doctests", [*PYTEST, *SHAPES, "--doctest-modules", "ktnlib"])
BOOK = [
    (
        "notebooks",
        [
            *PYTEST,
            "-p",
            "tests.notebooks.record_outputs",
            *("-W", "default", "-p", "no:cacheprovider"),
            *("--nbval-lax", "--nbval-current-env", "--nbval-cell-timeout=300", "book"),
        ],
    ),
    ("build", [sys.executable, "tools/build_book.py", "--expect-outputs"]),
    (
        "chapter lint",
        [sys.executable, "tools/chapter_lint.py", "--html", "_build/html", "--executed", "_build/executed"],
    ),
    ("browser", [*PYTEST, "tests/browser"]),
]
# first of all, so that a missing browser is said at once and not after the other checks
BROWSER = ("a browser is here", [sys.executable, "tools/chromium.py"])
SUITES = {"all": [BROWSER, *STATIC, UNIT, DOCTESTS, *BOOK], "commit": [*STATIC, QUICK_UNIT]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("suite", choices=SUITES)
    suite = SUITES[parser.parse_args().suite]
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    failed, rows = [], []
    for name, command in suite:
        print(f"\n=== {name}", flush=True)
        started = time.monotonic()
        if subprocess.run(command, cwd=ROOT, env=environment).returncode:
            failed.append(name)
        rows.append(f"{time.monotonic() - started:7.1f} s  {name}{'  FAILED' if name in failed else ''}")
    print("\n" + "\n".join(rows))
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")
    print(f"all {len(rows)} checks passed")


if __name__ == "__main__":
    main()
