import chromium
import pytest


def test_a_browser_named_by_the_reader_comes_first(monkeypatch, tmp_path):
    mine = tmp_path / "chrome"
    mine.touch()
    monkeypatch.setenv("CHROMIUM", str(mine))
    assert chromium.find() == str(mine)


def test_without_any_browser_one_line_says_what_to_do(monkeypatch):
    monkeypatch.setattr(chromium, "find", lambda: None)
    monkeypatch.setattr(chromium, "install", lambda: None)
    with pytest.raises(SystemExit, match=r"apt-get install chromium.*CHROMIUM=/path/to/chrome make test"):
        chromium.require()
