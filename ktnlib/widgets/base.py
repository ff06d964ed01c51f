"""What the book's widgets share: words for readers without script, and one module made of several files."""

import pathlib

try:
    import anywidget
    import traitlets
except ImportError as error:  # an extra: the library's subjects do without it
    raise ImportError(
        "`ktnlib.widgets` needs anywidget; install it with `pip install 'ktnlib[widgets]'`"
    ) from error

_HERE = pathlib.Path(__file__).parent

PARTS = ("controls.js", "motion.js", "palette.js")  # what every widget is built on


def assemble(*parts: str) -> str:
    """Join the texts of `shared/<part>` or `<part>`: an ES module without imports, or a style sheet.

    Example:
        >>> "export function frame" in assemble("controls.js", "palette.js")
        True

    Raises:
        ValueError: a part is neither in `ktnlib/widgets/shared` nor beside the widgets.
    """
    texts = []
    for part in parts:
        path = next((place for place in (_HERE / "shared" / part, _HERE / part) if place.is_file()), None)
        if path is None:
            known = sorted(file.name for file in (_HERE / "shared").iterdir())
            raise ValueError(
                f"`parts` names {part!r}; wanted a file beside the widgets or one of {', '.join(known)}"
            )
        texts.append(path.read_text(encoding="utf-8").rstrip())
    return "\n\n".join(texts) + "\n"


class BookWidget(anywidget.AnyWidget):
    """A widget that computes in the browser and says in words what it shows.

    Subclasses give defaults for the traits below and set `_esm` and `_css` to what `assemble` returns.
    """

    task = traitlets.Unicode().tag(sync=True)  # one line, ends with a question mark or an aim
    description = traitlets.Unicode().tag(sync=True)  # what it shows and what the reader would have found
    still = traitlets.Unicode().tag(sync=True)  # file in book/_static/stills shown without script
    reserve = traitlets.Int(480).tag(sync=True)  # height to keep free in a column 720 px wide, in px
    reserve_narrow = traitlets.Int(760).tag(sync=True)  # the same in a column 343 px wide

    @traitlets.validate("task")
    def _one_line(self, proposal):
        if "\n" in proposal["value"] or not proposal["value"].strip():
            raise ValueError(
                f"`task` is {proposal['value']!r}; wanted one line of text that gives the reader an aim"
            )
        return proposal["value"]

    @traitlets.validate("description")
    def _says_enough(self, proposal):
        if len(proposal["value"]) < 40:
            raise ValueError(
                f"`description` has {len(proposal['value'])} characters; wanted at least 40: what "
                "the widget shows, and what a reader who cannot see or run it would have found"
            )
        return proposal["value"]
