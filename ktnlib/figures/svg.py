"""matplotlib's SVG made fit for a page: themed, described, without foreign styles, the same every time."""

import hashlib
import re
import xml.etree.ElementTree as ElementTree

from .palette import TEXT, TOKENS, variable

_SVG = "{http://www.w3.org/2000/svg}"
_HREF = "{http://www.w3.org/1999/xlink}href"
_THEMED = {
    "#ffffff": "var(--pst-color-background, #fff)",
    TEXT.light.lower(): "currentColor",
    "#000000": "currentColor",
    "black": "currentColor",
} | {shades.light.lower(): variable(token) for token, shades in TOKENS.items()}
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}\b|\bblack\b")
_FONT = re.compile(r"font: ?(?P<how>[^;'\"]*?)(?P<size>[\d.]+)px[^;]*")
_FAMILY = re.compile(r"font-family:[^;]*;? ?")
_LONG = re.compile(r"(\d\.\d\d)\d+")
_REFERENCE = re.compile(r"url\(#([^)]+)\)")


def themed(source: str, *, alt: str, title: str) -> str:
    """Turn a stand-alone SVG of matplotlib into one that lives inside a page.

    Colours of the palette become CSS variables and black the page's text colour; fonts become the page's; a
    style sheet that would reach the whole page becomes attributes; identifiers become unique by a hash of the
    content.

    Args:
        source: what matplotlib wrote, with its text as text.
        alt: what is to be seen.
        title: the drawing's own title, shown on hovering; empty for none.
    """
    root = ElementTree.fromstring(source)
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in (_SVG + "metadata", _SVG + "style"):
                parent.remove(child)
    _rename(root, "k" + hashlib.sha256(source.encode()).hexdigest()[:8])
    for element in root.iter():
        _restyle(element)
    root.attrib.pop("version", None)
    root.attrib.pop("height", None)
    width = float(root.attrib.pop("width").removesuffix("pt")) * 96 / 72
    root.attrib |= {
        "role": "img",
        "aria-label": alt,
        "fill": "currentColor",
        "stroke-linejoin": "round",
        "style": f"display:block;width:100%;min-width:{min(480, width):g}px;max-width:{width:g}px;"
        "height:auto;margin:0 auto;font-family:inherit",
    }
    if title:
        first = ElementTree.Element(_SVG + "title")
        first.text = title
        root.insert(0, first)
    return _text(root)


def _rename(root: ElementTree.Element, prefix: str) -> None:
    values = (value for element in root.iter() for value in element.attrib.values())
    wanted = {name for value in values for name in _REFERENCE.findall(value)}
    wanted |= {element.attrib[_HREF][1:] for element in root.iter() if element.get(_HREF, "").startswith("#")}
    names = {name: f"{prefix}-{place}" for place, name in enumerate(sorted(wanted))}
    for element in root.iter():
        if "id" in element.attrib:
            old = element.attrib.pop("id")
            if old in names:
                element.set("id", names[old])
        if _HREF in element.attrib:
            target = element.attrib.pop(_HREF)
            element.set("href", "#" + names[target[1:]] if target.startswith("#") else target)
        for key, value in element.attrib.items():
            element.set(key, _REFERENCE.sub(lambda match: f"url(#{names[match[1]]})", value))


def _restyle(element: ElementTree.Element) -> None:
    for key in ("style", "fill", "stroke"):
        if key in element.attrib:
            value = _FAMILY.sub("", _FONT.sub(_font, element.attrib[key]))
            element.set(key, _COLOUR.sub(lambda match: _THEMED.get(match[0].lower(), match[0]), value))
    for key in ("d", "x", "y", "points"):
        if key in element.attrib:  # a hundredth of a point is finer than any screen
            element.set(key, _LONG.sub(r"\1", " ".join(element.attrib[key].split())))
    if element.get("transform", "").startswith("rotate(-0 "):
        del element.attrib["transform"]
    if element.tag == _SVG + "image":
        element.set("style", element.get("style", "") + ";image-rendering:pixelated")


def _font(match: re.Match) -> str:
    # the shorthand that matplotlib wrote before 3.11: "font: oblique 700 12px 'DejaVu Sans', ..."
    how = match["how"].split()
    weight = [f"font-weight:{part};" for part in how if part.isdigit() or part == "bold"]
    slant = [f"font-style:{part};" for part in how if part in ("italic", "oblique")]
    return "".join([*weight, *slant, f"font-size:{match['size']}px"])


def _text(root: ElementTree.Element) -> str:
    ElementTree.register_namespace("", _SVG[1:-1])
    written = ElementTree.tostring(root, encoding="unicode")
    written = written.replace(f' xmlns="{_SVG[1:-1]}"', "", 1)
    return re.sub(r">\s+<", "><", written).replace("\n", " ").strip()
