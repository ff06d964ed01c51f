"""The diagram at the head of every chapter: image, kernel, feature map, and which of them moves."""

from ktnlib import check

from .display import Figure, framed
from .palette import variable

_FIVE = ("#####", "#....", "####.", "....#", "....#", "#...#", ".###.")
# the five's answer to the kernel below: + where ink begins, - where it ends, from left to right
_ANSWER = ("+...-", "+-...", "+..-.", "...+-", "...+-", "+-.+-", ".+.-.")
_KERNEL = ("-.+", "-.+", "-.+")

_BOXES = {  # what moves -> left edge of its box, its name, its formula when it moves
    "image": (18, "image x", "Γ(Tx)"),
    "kernel": (162, "kernel of Γ", "Γ turned by T"),
    "map": (306, "feature map Γ(x)", "TΓ(x)"),
}
_SAID = {
    "image": "The image's arrow is lit: T acts first, then Γ.",
    "map": "The feature map's arrow is lit: Γ acts first, then T.",
    "kernel": "The kernel's arrow is lit: the image stays and the layer itself is turned.",
    "all": "All three arrows are lit: the image, the kernel and the feature map can each be moved.",
}
_READ = {
    "image": "In question: move the image, then convolve. Γ(Tx)",
    "map": "In question: convolve, then move the feature map. TΓ(x)",
    "kernel": "In question: leave the image where it is and move the kernel.",
    "all": "Three things you can move. When do they agree?",
}


def three_arrows(lit: str) -> Figure:
    """The head diagram: image → Γ → feature map, with a turning arrow over each of the three that can move.

    Args:
        lit: whose arrow is thick, in its colour and labelled "moves": "image", "map", "kernel" or "all".

    Raises:
        ValueError: another word.

    >>> three_arrows("kernel").caption
    'In question: leave the image where it is and move the kernel.'
    """
    check.choice("lit", lit, _SAID)
    alt = f"Three boxes joined by arrows: an image of a five, a small kernel, a feature map. {_SAID[lit]}"
    boxes = "".join(_box(what, lit in (what, "all")) for what in _BOXES)
    flow = "".join(_arrow(f"M{x} 104H{x + 44}", "currentColor", 1.4, (x + 44, 104), 0) for x in (106, 250))
    drawing = (
        f'<svg viewBox="0 0 400 196" role="img" aria-label="{alt}" fill="none" font-size="15" '
        'text-anchor="middle" style="display:block;width:100%;max-width:480px;height:auto;'
        f'margin:0 auto;font-family:inherit">{flow}{boxes}</svg>'
    )
    return framed(drawing, alt, _READ[lit], kind="ktn-arrows")


def _box(what: str, lit: bool) -> str:
    left, name, formula = _BOXES[what]
    middle = left + 38
    colour = variable(what if lit else "direct")
    turn = f' transform="rotate(-18 {middle} 104)"' if lit else ""
    thick, edge = (3.2, 2.4) if lit else (1.3, 1.3)
    parts = [
        f'<rect x="{left}" y="66" width="76" height="76" rx="6" stroke="{colour}" stroke-width="{edge}"/>',
        f"<g{turn}>{_content(what, middle)}</g>",
        _arrow(f"M{middle + 27} 55Q{middle} 22 {middle - 24} 50", colour, thick, (middle - 28, 55), 128),
        f'<text x="{middle}" y="163" fill="currentColor">{name}</text>',
    ]
    if lit:
        parts.append(f'<text x="{middle}" y="26" fill="{colour}" font-weight="700">moves</text>')
        parts.append(f'<text x="{middle}" y="185" fill="{colour}">{formula}</text>')
    return "".join(parts)


def _arrow(path: str, colour: str, width: float, tip: tuple[int, int], angle: int) -> str:
    size = 5 + 1.6 * width
    head = f"M0 0L{-size:g} {-size / 2:g}L{-size:g} {size / 2:g}Z"
    return (
        f'<path d="{path}" stroke="{colour}" stroke-width="{width}"/>'
        f'<path d="{head}" fill="{colour}" transform="translate({tip[0]} {tip[1]}) rotate({angle})"/>'
    )


def _content(what: str, middle: int) -> str:
    rows, cell = {"image": (_FIVE, 7), "kernel": (_KERNEL, 15), "map": (_ANSWER, 7)}[what]
    left, top = middle - len(rows[0]) * cell / 2, 104 - len(rows) * cell / 2
    # ink and grey: colour is left to the arrow that is lit
    shade = {"#": "currentColor", "+": "currentColor", "-": variable("direct")}
    cells = "".join(
        f'<path d="M{left + j * cell:g} {top + i * cell:g}h{cell}v{cell}h-{cell}z" fill="{shade[mark]}"/>'
        for i, row in enumerate(rows)
        for j, mark in enumerate(row)
        if mark in shade
    )
    if what != "kernel":
        return cells
    size = 3 * cell
    return (
        f'{cells}<rect x="{left:g}" y="{top:g}" width="{size}" height="{size}" stroke="currentColor"/>'
        f'<circle cx="{middle:g}" cy="104" r="3" fill="currentColor"/>'
    )
