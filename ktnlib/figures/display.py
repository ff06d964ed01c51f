"""Make, check and show figures: matplotlib in the house style, out as small SVG that follows the theme."""

import html
import io
from dataclasses import dataclass
from typing import Any

from .svg import themed

_COLUMN = 720 / 96  # inches: the text column, 720 px at 96 dpi
_LIMIT = 60_000  # bytes a figure may weigh
_HOUSE = {
    "font.size": 11,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.alpha": 0.15,
    "grid.linewidth": 0.8,
    "axes.linewidth": 0.8,
    "lines.linewidth": 1.8,
    "legend.frameon": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "ktn",
    "svg.image_inline": True,
    "image.interpolation": "none",
    "axes.unicode_minus": True,
    "savefig.facecolor": "none",
}


@dataclass(frozen=True)
class Figure:
    """A picture ready for the page: its HTML, what it shows in words, and how to read it."""

    html: str
    alt: str
    caption: str

    def _repr_html_(self) -> str:
        return self.html

    def __repr__(self) -> str:
        return f"Figure({self.alt!r})"


def matplotlib() -> Any:
    """matplotlib, imported when the first figure needs it.

    Raises:
        ImportError: it isn't installed.
    """
    try:
        import matplotlib
        import matplotlib.figure
    except ImportError as error:
        raise ImportError(
            "`ktnlib.figures` needs matplotlib; install it with `pip install 'ktnlib[figures]'`"
        ) from error
    return matplotlib


def new(
    columns: int = 1, *, rows: int = 1, height: float | int = 1 / 2, share: bool = False, **subplots: Any
) -> tuple:
    """An empty figure in the house style, as wide as the text column.

    Args:
        columns: panels side by side; at most four panels in all.
        rows: panels above one another.
        height: of the whole figure, as a part of the column's width; thirds and halves look best.
        share: let all panels share both axes.
        **subplots: passed on to matplotlib's ``Figure.subplots``, such as ``width_ratios``.

    Returns:
        the matplotlib figure, and its axes: one, or an array of them.

    Raises:
        ValueError: more than four panels.
        ImportError: matplotlib isn't installed.

    >>> figure, axes = new()
    >>> axes.plot([0, 1], [0, 1], color="#0072B2") and None
    """
    if columns * rows > 4:
        raise ValueError(f"`columns` x `rows` is {columns * rows} panels; wanted at most 4; make two figures")
    library = matplotlib()
    with library.rc_context(_HOUSE):
        figure = library.figure.Figure(figsize=(_COLUMN, _COLUMN * height), layout="constrained")
        return figure, figure.subplots(rows, columns, sharex=share, sharey=share, **subplots)


def show(figure: Any, *, alt: str, caption: str) -> Figure:
    """Check a matplotlib figure and turn it into inline SVG.

    Text, axes and everything drawn in black become ``currentColor`` on a transparent ground; the light shades
    of :func:`palette` become the page's variables; text stays text. The result depends on what is drawn
    alone: no date, no random identifier.

    Args:
        figure: from :func:`new`, or any matplotlib figure. Its drawing is released.
        alt: what is to be seen, for a reader who cannot see it; at least 40 characters, and not the caption.
        caption: how to read it.

    Raises:
        ValueError: an axis that carries data has no label, `alt` says too little, or the SVG is over 60 kB.

    >>> figure, axes = new()
    >>> _ = axes.plot([0, 90], [1, 0])
    >>> _ = axes.set(xlabel="latitude (°)", ylabel="area (relative)", title="Area shrinks")
    >>> show(figure, alt="A line falls from one at the equator to zero at the pole.", caption="cos φ").caption
    'cos φ'
    """
    words(alt, caption)
    for index, axes in enumerate(figure.axes):
        _labelled(figure, axes, index)
    library = matplotlib()
    text = io.StringIO()
    with library.rc_context(_HOUSE):
        _settle(figure)
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None})
    title = next((axes.get_title("left") for axes in figure.axes if axes.get_title("left")), "")
    drawing = themed(text.getvalue(), alt=alt, title=title)
    figure.clear()
    return framed(scrolling(drawing), alt, caption)


def framed(body: str, alt: str, caption: str, *, kind: str = "") -> Figure:
    """The `<figure>` around a body of HTML.

    Raises:
        ValueError: it weighs more than 60 kB.
    """
    weight = len(body.encode())
    if weight > _LIMIT:
        raise ValueError(
            f"the figure weighs {weight / 1000:.0f} kB; wanted at most {_LIMIT // 1000} kB; draw fewer "
            "points, rasterise the heavy part (`rasterized=True` in matplotlib), or use a smaller picture"
        )
    classes = f"ktn-figure {kind}".strip()
    shown = f"<figcaption>{html.escape(caption)}</figcaption>"
    return Figure(f'<figure class="{classes}">{body}{shown}</figure>', alt, caption)


def scrolling(drawing: str) -> str:
    # on a phone the text of a plot would shrink to 7 px; the plot scrolls sideways in its own box instead
    return (
        '<div class="ktn-scroll" role="group" tabindex="0" aria-label="Figure; it scrolls sideways where '
        f'the page is narrow" style="overflow-x:auto">{drawing}</div>'
    )


def words(alt: str, caption: str) -> None:
    """Refuse a text alternative that says too little.

    Raises:
        ValueError: fewer than 40 characters, or the caption again.
    """
    if len(alt.strip()) < 40:
        raise ValueError(
            f"`alt` has {len(alt.strip())} characters; wanted at least 40: say what is to be seen"
        )
    if alt.strip() == caption.strip():
        raise ValueError(
            "`alt` is the caption again; wanted what is to be seen; the caption says how to read it"
        )


def _labelled(figure: Any, axes: Any, index: int) -> None:
    if not axes.has_data() or not axes.axison:
        return
    for side, shared, common in (
        ("x", axes.get_shared_x_axes(), figure.get_supxlabel()),
        ("y", axes.get_shared_y_axes(), figure.get_supylabel()),
    ):
        family = [axes, *shared.get_siblings(axes)]
        if not common and not any(getattr(one, f"get_{side}label")().strip() for one in family):
            name = axes.get_title("left") or axes.get_title() or f"panel {index}"
            raise ValueError(
                f"the {side} axis of {name!r} carries data but no label; wanted the quantity and its unit: "
                f'`axes.set_{side}label("latitude (°)")`; switch the axis off where it measures nothing: '
                '`axes.axis("off")`'
            )


def _settle(figure: Any) -> None:
    # what was written outside the house style takes matplotlib's own defaults: titles, labels, legends
    for axes in figure.axes:
        text = axes.get_title("left") or axes.get_title()
        axes.set_title("")
        axes.set_title(text, loc="left", fontsize=12, fontweight="bold")
        for label in (axes.xaxis.label, axes.yaxis.label):
            label.set_fontsize(_HOUSE["font.size"])
        if axes.get_legend():
            axes.get_legend().set_frame_on(False)
