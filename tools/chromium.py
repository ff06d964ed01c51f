"""Find Chromium or Chrome, or install it: from the system's packages where we may, else Playwright's own."""

import os
import pathlib
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
MAC = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
# WebGL in software, no traffic of the browser's own, and no name but this machine's can be looked up
FLAGS = [
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
]


def find() -> str | None:
    """The browser's path, or None."""
    asked = os.environ.get("CHROMIUM")
    candidates = [asked] if asked else [*map(shutil.which, NAMES), *MAC]
    for candidate in candidates:
        if candidate and pathlib.Path(candidate).exists():
            return candidate
    return playwrights_own()


def playwrights_own() -> str | None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if path and pathlib.Path(path).exists() else None


def install() -> None:
    if shutil.which("apt-get"):
        may = [] if os.geteuid() == 0 else ["sudo", "-n"]
        for arguments in (["update", "-qq"], ["install", "-y", "-qq", "chromium"]):
            if subprocess.run([*may, "apt-get", *arguments], stdout=subprocess.DEVNULL).returncode:
                break
        if find():
            return
    subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)


def require() -> str:
    """The browser's path; installs one if there is none, and says in one line what to do if that fails."""
    path = find()
    if path is None:
        print("No Chromium or Chrome here; installing one", flush=True)
        install()
        path = find()
    if path is None:
        raise SystemExit(
            "chromium: the browser tests need Chromium or Chrome; install it (Debian: `apt-get install "
            "chromium`) or name it: `CHROMIUM=/path/to/chrome make test`"
        )
    return path


if __name__ == "__main__":
    print(require())
