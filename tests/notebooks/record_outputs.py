"""nbval runs every notebook once; this plugin keeps what it saw, so that the build needs no second run."""

import contextlib
import copy
import os
import pathlib
import sys

import nbformat
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionComplete
from nbval.plugin import IPyNbCell, IPyNbFile

from ktnlib.atomic import write_atomically

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "book" / "_ext"), str(ROOT / "tools")]
from build_book import KERNEL_ENVIRONMENT  # noqa: E402
from library_cache import cache_folder  # noqa: E402

os.environ.update(KERNEL_ENVIRONMENT)


class Recording:
    """What one notebook's kernel sent: nbclient turns the messages into outputs and widget state."""

    def __init__(self, file: IPyNbFile):
        self.path = file.path
        self.notebook = copy.deepcopy(file.nb)
        self.notebook.metadata.language_info = {
            "name": "python",
            "pygments_lexer": "ipython3",
            "file_extension": ".py",
        }
        self.client = NotebookClient(self.notebook, record_timing=False)
        # what `execute` would set up before the first cell
        self.client.reset_execution_trackers()
        self.client.clear_before_next_output = False
        self.current = None
        self.complete = True
        kernel = file.kernel
        listen = kernel.get_message

        def get_message(stream, timeout=None):
            message = listen(stream, timeout=timeout)
            if stream == "iopub" and self.current is not None:
                self.keep(message)
            return message

        kernel.get_message = get_message

    def keep(self, message: dict) -> None:
        with contextlib.suppress(CellExecutionComplete):
            self.client.process_message(message, self.notebook.cells[self.current], self.current)

    def start(self, item: IPyNbCell) -> None:
        self.current = next(i for i, cell in enumerate(item.parent.nb.cells) if cell is item.cell)

    def save(self) -> None:
        self.client.set_widgets_metadata()
        for number, cell in enumerate((c for c in self.notebook.cells if c.cell_type == "code"), start=1):
            cell.execution_count = number
        get_cache(str(cache_folder())).cache_notebook_bundle(
            CacheBundleIn(self.notebook, str(self.path)), check_validity=False, overwrite=True
        )
        target = ROOT / "_build" / "executed" / self.path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(target, nbformat.writes(self.notebook).encode())


recordings: dict[pathlib.Path, Recording] = {}


def pytest_runtest_call(item):
    if isinstance(item, IPyNbCell):
        if item.parent.path not in recordings:
            recordings[item.parent.path] = Recording(item.parent)
        recordings[item.parent.path].start(item)


def pytest_runtest_makereport(item, call):
    if isinstance(item, IPyNbCell) and call.excinfo is not None and item.parent.path in recordings:
        recordings[item.parent.path].complete = False


def pytest_sessionfinish():
    for recording in recordings.values():
        if recording.complete:
            recording.save()
