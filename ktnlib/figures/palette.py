"""The colours that mean something, once for both themes, and how each method is drawn."""

from typing import NamedTuple

from ktnlib import check


class Shades(NamedTuple):
    """One colour on the light page and on the dark one."""

    light: str
    dark: str


TOKENS = {
    "image": Shades("#0072B2", "#56B4E9"),
    "map": Shades("#B84F00", "#FF8F4A"),
    "kernel": Shades("#00805C", "#2FD6A3"),
    "error": Shades("#B0004E", "#FF6FA3"),
    "direct": Shades("#6B6B6B", "#A0A0A0"),
    "bilinear": Shades("#A87000", "#E69F00"),
    "bicubic": Shades("#2B7FB8", "#56B4E9"),
    "sphconv": Shades("#A5457E", "#E79AC6"),
}
# the page's own text and ground; figures take them as currentColor and transparency
TEXT = Shades("#222832", "#CED6DD")
GROUND = Shades("#FFFFFF", "#121212")
# signs of numbers: baked into pixels, so one shade each that stands 3:1 above both grounds
POSITIVE, NEGATIVE = "#C4622D", "#6B76D6"


class Style(NamedTuple):
    """How one method is drawn in every plot: token ("text": the page's text), dashes, width in points."""

    token: str
    dashes: str
    width: float


METHODS = {
    "exact": Style("text", "solid", 2.6),
    "direct": Style("direct", "dotted", 1.8),
    "bilinear": Style("bilinear", "dashed", 1.8),
    "bicubic": Style("bicubic", "dashdot", 1.8),
    "ktn": Style("kernel", "solid", 1.8),
    "sphconv": Style("sphconv", "solid", 1.8),
    "cubemap": Style("direct", "solid", 0.9),
    "tangent-images": Style("direct", "dashed", 0.9),
}


def palette(token: str, *, theme: str = "light") -> str:
    """The colour of a thing, as #RRGGBB; :func:`show` makes it follow the reader's theme.

    Args:
        token: "image", "map", "kernel", "error", a method's name such as "bilinear", or "text".
        theme: "light" or "dark". Draw with the light shade, always: it is what :func:`show` recognises.

    Raises:
        ValueError: an unknown token or theme.

    >>> palette("kernel"), palette("kernel", theme="dark")
    ('#00805C', '#2FD6A3')
    """
    shades = {**TOKENS, "text": TEXT}
    check.choice("token", token, shades)
    check.choice("theme", theme, Shades._fields)
    return getattr(shades[token], theme)


def variable(token: str) -> str:
    """The token as CSS: the page's variable, or the light shade where none is defined (a bare notebook)."""
    return "currentColor" if token == "text" else f"var(--ktn-{token}, {TOKENS[token].light})"
