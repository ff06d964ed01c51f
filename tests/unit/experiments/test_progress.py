import itertools
import sys
from types import SimpleNamespace

from ktnlib.experiments import progress as module
from ktnlib.experiments.progress import progress, watched


class Terminal:
    def __init__(self):
        self.text = ""

    def write(self, text):
        self.text += text

    def flush(self):
        pass

    def isatty(self):
        return True


def test_a_watched_run_shows_a_bar_and_an_unwatched_one_nothing(monkeypatch, capsys):
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    assert list(progress(range(3), "seeds")) == [0, 1, 2]
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    assert list(progress(range(3), "seeds")) == [0, 1, 2]
    assert "seeds" in terminal.text


def test_a_setting_keeps_built_pages_silent(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert watched()
    monkeypatch.setenv("TQDM_DISABLE", "1")
    assert not watched()


def test_a_notebook_watches(monkeypatch):
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    monkeypatch.setitem(
        sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: SimpleNamespace(kernel=1))
    )
    assert watched()
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: None))
    assert not watched()


def test_without_tqdm_there_are_plain_lines(monkeypatch):
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    monkeypatch.setattr(module.time, "monotonic", itertools.count(0, 4).__next__)
    assert list(progress(range(4), "seeds")) == [0, 1, 2, 3]
    assert terminal.text == "seeds: 2 of 4, about 8 s left\nseeds: 4 of 4, about 0 s left\n"
