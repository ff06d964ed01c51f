"""What can be said of the built files without a browser."""

import pathlib
import re
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

import pytest
from conftest import HTML, book_pages, built_pages
from repository import links

ROOT = pathlib.Path(__file__).resolve().parents[2]
LOADED = {
    ("script", "src"),
    ("img", "src"),
    ("link", "href"),
    ("iframe", "src"),
    ("source", "src"),
    ("audio", "src"),
}


class Page(HTMLParser):
    def __init__(self, path: pathlib.Path):
        super().__init__()
        self.loaded, self.links, self.anchors = [], [], set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name in ("id", "name") and value:
                self.anchors.add(value)
            if (tag, name) in LOADED:
                self.loaded.append(value)
            if tag == "a" and name == "href":
                self.links.append(value)


@pytest.fixture(scope="module")
def pages():
    return {path: Page(path) for path in built_pages()}


def test_no_page_loads_anything_from_elsewhere(pages):
    foreign = [
        (p.name, url) for p, page in pages.items() for url in page.loaded if re.match(r"(https?:)?//", url)
    ]
    assert foreign == []


def test_every_file_and_anchor_that_a_page_points_to_exists(pages):
    broken = []
    for path, page in pages.items():
        for url in [*page.loaded, *page.links]:
            parts = urlsplit(url)
            if parts.scheme or parts.netloc or url.startswith(("data:", "#/")):
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            if not target.is_file():
                broken.append(f"{path.relative_to(HTML)} -> {url}")
            elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
                broken.append(f"{path.relative_to(HTML)} -> {url} (no such anchor)")
    assert broken == []


def test_every_page_carries_a_policy_that_allows_no_foreign_source():
    for path in built_pages():
        page = path.read_text(encoding="utf-8")
        policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
        assert policy, path
        assert "default-src &#x27;none&#x27;" in policy[1], path
        assert "http" not in policy[1], path
        assert "<script" not in page.partition("Content-Security-Policy")[0], path


def test_the_heavy_icon_script_and_the_widget_manager_are_left_out():
    for path in built_pages():
        page = path.read_text(encoding="utf-8")
        for unwanted in ("fontawesome.js", "require.js", "html-manager", "embed-amd"):
            assert unwanted not in page, (path, unwanted)


def test_every_chapter_can_be_downloaded_as_a_notebook():
    for source in sorted((ROOT / "book").rglob("*.ipynb")):
        if ".ipynb_checkpoints" in source.parts:
            continue
        name = source.relative_to(ROOT).with_suffix("").as_posix()
        assert (HTML / "_sources" / f"{name}.ipynb").exists(), name
        assert f"_sources/{name}.ipynb" in (HTML / f"{name}.html").read_text(encoding="utf-8"), name


def test_the_foot_of_every_page_names_version_and_commit():
    for name in book_pages():
        assert re.search(r"Edition: version \d+\.\d+\.\d+", (HTML / name).read_text(encoding="utf-8")), name


def test_without_a_repository_there_are_no_launch_or_report_links():
    for name in book_pages():
        page = (HTML / name).read_text(encoding="utf-8")
        for host in ("colab.research", "mybinder.org", "/issues/new"):
            assert host not in page, (name, host)


@pytest.mark.parametrize("source", sorted((ROOT / "book").rglob("*.ipynb")), ids=lambda path: path.stem)
def test_launch_links_point_to_files_of_the_repository(source):
    name = source.relative_to(ROOT).as_posix()
    found = links("https://github.com/owner/name", name, "A title", "1.2.3")
    assert set(found) == {"Report a problem", "Open in Colab", "Open in Binder"}
    assert found["Open in Colab"] == f"https://colab.research.google.com/github/owner/name/blob/main/{name}"
    assert (ROOT / found["Open in Colab"].partition("/blob/main/")[2]).exists()
    assert "A+title" in found["Report a problem"]
    assert "1.2.3" in found["Report a problem"]


def test_a_repository_elsewhere_is_refused_by_name():
    with pytest.raises(ValueError, match=r"wanted https://github\.com/owner/name or nothing"):
        links("https://example.org/x", "book/intro.ipynb", "Intro", "1")


def test_notebooks_are_kept_without_outputs():
    import nbformat

    for source in (ROOT / "book").rglob("*.ipynb"):
        if ".ipynb_checkpoints" in source.parts:
            continue
        notebook = nbformat.read(source, as_version=4)
        assert "widgets" not in notebook.metadata, source
        for cell in notebook.cells:
            if cell.cell_type == "code":
                assert (cell.outputs, cell.execution_count) == ([], None), (source, cell.id)
