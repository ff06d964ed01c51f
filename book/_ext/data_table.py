"""The directive {data-table}: the manifest of data sets as a table."""

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from ktnlib.data.manifest import DataSet, load_manifest
from ktnlib.shipped import shipped

HEAD = ("Set", "Licence and credit", "Size", "How to get it")
WIDTHS = (30, 28, 10, 32)


def size_in_words(size: int) -> str:
    """Bytes as the table shows them: kB below a tenth of a megabyte, else MB with one decimal."""
    return f"{size / 1e3:.0f}\N{NO-BREAK SPACE}kB" if size < 1e5 else f"{size / 1e6:.1f}\N{NO-BREAK SPACE}MB"


def way(dataset: DataSet) -> str:
    """How a reader comes by a set, in one sentence."""
    if dataset.ships:
        return "Comes with the library."
    if dataset.by_hand:
        return f"By hand: {dataset.by_hand}."
    return f"python -m ktnlib.data get {dataset.name}"


def credit(dataset: DataSet) -> str:
    return f"{dataset.licence}. {dataset.citation}."


class DataTable(SphinxDirective):
    """One row a set; the source's page is linked from the set's title."""

    has_content = False

    def run(self) -> list[nodes.Node]:
        self.env.note_dependency(str(shipped("manifest.toml")))
        group = nodes.tgroup(cols=len(HEAD))
        group += [nodes.colspec(colwidth=width) for width in WIDTHS]
        group += nodes.thead("", _row([[nodes.paragraph(text=text)] for text in HEAD]))
        body = nodes.tbody()
        body += [_row(_cells(dataset)) for dataset in load_manifest().values()]
        group += body
        table = nodes.table("", group, classes=["ktn-data-table"])
        return [table]


def _cells(dataset: DataSet) -> list[list[nodes.paragraph]]:
    command = nodes.literal if dataset.downloadable else nodes.inline
    getting = [nodes.paragraph("", "", command("", way(dataset)))]
    if dataset.checked:
        getting.append(nodes.paragraph(text=dataset.checked))
    return [
        [
            nodes.paragraph("", "", nodes.literal("", dataset.name)),
            nodes.paragraph("", "", nodes.reference("", dataset.title, refuri=dataset.source)),
        ],
        [nodes.paragraph(text=credit(dataset))],
        [nodes.paragraph(text=size_in_words(dataset.size))],
        getting,
    ]


def _row(cells: list[list[nodes.paragraph]]) -> nodes.row:
    return nodes.row("", *(nodes.entry("", *cell) for cell in cells))


def setup(app: Sphinx) -> dict:
    app.add_directive("data-table", DataTable)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
