"""How long until the first widget of each page can be used: cold profile, network cut, median of five loads.

    python benchmarks/page_load.py [--write]        # after `make book`

`--write` keeps the figures in benchmarks/results/page_load.json. Wall-clock times of one machine: compare
runs on the same machine only.
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
RESULT = ROOT / "benchmarks" / "results" / "page_load.json"
LOADS = 5
sys.path.insert(0, str(ROOT / "tools"))
import chromium  # noqa: E402
import serve  # noqa: E402
from playwright.sync_api import sync_playwright  # noqa: E402
from serve import HTML  # noqa: E402

from ktnlib.atomic import write_atomically  # noqa: E402


def seconds_to_first_widget(playwright, address: str) -> float:
    browser = playwright.chromium.launch(executable_path=chromium.require(), args=chromium.FLAGS)
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    started = time.monotonic()
    page.goto(address, wait_until="commit")
    page.wait_for_selector('.ktn-place [data-ready="true"]', timeout=30_000)
    elapsed = time.monotonic() - started
    browser.close()
    return elapsed


def measure(playwright, site: str) -> dict[str, dict]:
    rows = {}
    for path in sorted(HTML.glob("book/**/*.html")):
        if 'class="ktn-place"' not in path.read_text(encoding="utf-8"):
            continue
        name = path.relative_to(HTML).as_posix()
        loads = [seconds_to_first_widget(playwright, f"{site}/{name}") for _ in range(LOADS)]
        rows[name] = {"seconds": [round(s, 3) for s in loads], "median": round(statistics.median(loads), 3)}
        print(f"{rows[name]['median']:6.2f} s  {name}", flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--write", action="store_true", help=f"keep the figures in {RESULT.relative_to(ROOT)}"
    )
    write = parser.parse_args().write
    with serve.quietly() as site, sync_playwright() as playwright:
        rows = measure(playwright, site)
    if write:
        commit = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True
        ).stdout.strip()
        record = {
            "command": "python benchmarks/page_load.py --write",
            "commit": commit,
            "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "device": f"{os.cpu_count()} cores, {platform.machine()}, software WebGL",
            "loads": LOADS,
            "pages": rows,
        }
        RESULT.parent.mkdir(exist_ok=True)
        write_atomically(RESULT, (json.dumps(record, indent=2) + "\n").encode())


if __name__ == "__main__":
    main()
