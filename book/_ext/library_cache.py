"""Forget the executed notebooks when the library, its data or its environment changes.

jupyter-cache compares the cells' source alone, so an edit of `ktnlib` would leave old outputs on the page.
"""

import hashlib
import importlib.metadata
import os
import pathlib
import shutil

ROOT = pathlib.Path(__file__).resolve().parents[2]


def cache_folder() -> pathlib.Path:
    """Where the outputs of the notebooks lie, for this state of the library and its data."""
    digest = hashlib.sha256()
    for folder in ("ktnlib", "data"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(path.relative_to(ROOT).as_posix().encode() + path.read_bytes())
    for package in ("torch", "numpy", "matplotlib", "ipykernel", "anywidget"):
        digest.update(importlib.metadata.version(package).encode())
    digest.update(os.environ.get("KTNLIB_DATA", "").encode())
    return ROOT / "_build" / f".jupyter_cache-{digest.hexdigest()[:12]}"


def choose_cache(app, config):
    chosen = cache_folder()
    for old in chosen.parent.glob(".jupyter_cache-*"):
        if old != chosen:
            shutil.rmtree(old, ignore_errors=True)
    config.nb_execution_cache_path = str(chosen)


def setup(app):
    app.connect("config-inited", choose_cache, priority=1)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
