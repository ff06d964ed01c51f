import re
from pathlib import Path

import pytest
from sphinx.application import Sphinx
from sphinx.errors import SphinxWarning
from sphinx.util.docutils import docutils_namespace

from ktnlib.experiments import claim

EXTENSIONS = str(Path(__file__).resolve().parents[3] / "book" / "_ext")


def build(folder, page):
    """The page and the appendix as a book builds them, warnings fatal; returns the page's HTML."""
    (folder / "index.md").write_text(f"# Page\n\n{page}\n\n```{{toctree}}\nappendix\n```\n")
    (folder / "appendix.md").write_text("# Appendix\n\n```{claims-table}\n```\n")
    (folder / "conf.py").write_text(
        f"import sys; sys.path.insert(0, {EXTENSIONS!r})\nextensions = ['myst_parser', 'claims']\n"
    )
    with docutils_namespace():
        app = Sphinx(
            folder,
            folder,
            folder / "out",
            folder / "trees",
            "html",
            warningiserror=True,
            status=None,
            warning=None,
        )
        app.build()
    return (folder / "out" / "index.html").read_text(), (folder / "out" / "appendix.html").read_text()


@pytest.mark.filterwarnings("ignore")
def test_a_quoted_claim_is_its_value_linked_to_its_row(tmp_path):
    page, appendix = build(tmp_path, "The error is {claim}`edge-turn-45`.")
    link = re.search(r'<a class="reference internal" href="appendix.html#claim-edge-turn-45">(.*?)</a>', page)
    assert str(claim("edge-turn-45")) in link[1]
    assert 'id="claim-edge-turn-45"' in appendix
    for text in ("5 seeds, commutation, smoke, ", "at least 0.58", "arXiv 2004.14716, abstract; read there"):
        assert text in appendix


@pytest.mark.filterwarnings("ignore")
def test_an_unknown_claim_stops_the_build(tmp_path):
    with pytest.raises(SphinxWarning, match=r"there is no claim 'nothing' in data/claims\.toml"):
        build(tmp_path, "The error is {claim}`nothing`.")
