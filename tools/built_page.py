"""What a built page shows and loads: pictures with their words, widgets, scripts, and what it all weighs."""

import functools
import gzip
import html.parser
import json
import pathlib
import re
import urllib.parse

ALT, PICTURE_BYTES = 40, 60_000
OURS = ("widgets.js", "book.js")
# of MathJax's fonts, those that ordinary formulas load
MATHJAX_FONTS = (
    "Main-Regular",
    "Main-Bold",
    "Math-Italic",
    "AMS-Regular",
    "Size1-Regular",
    "Size2-Regular",
    "Zero",
)
PACKED = (".woff", ".woff2", ".webp", ".png", ".jpg", ".gif")
VOID = ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr")


class Page(html.parser.HTMLParser):
    """One built page, read."""

    def __init__(self, path: pathlib.Path):
        super().__init__()
        self.path, self.text = path, path.read_text(encoding="utf-8")
        self.open, self.pictures, self.widgets, self.loads = [], [], [], []
        self.inline, self.state, self.caption, self.figure = [], "", [], None
        self.feed(self.text)

    def within(self, key: str, value: str) -> bool:
        return any(value in (attrs.get(key) or "").split() for _, attrs in self.open)

    def handle_starttag(self, tag, given):
        attrs = {key: value or "" for key, value in given}
        if tag == "figure":
            self.figure, self.caption = len(self.pictures), []
        if "ktn-place" in attrs.get("class", "").split():
            self.widgets.append(attrs.get("data-description", ""))
        self._load(tag, attrs)
        if tag in ("img", "svg") or attrs.get("role") == "img":
            self._picture(tag, attrs)
        if tag not in VOID:
            self.open.append((tag, attrs))

    def _load(self, tag, attrs):
        if tag == "script" and "src" in attrs:
            self.loads.append(("script", attrs["src"]))
        elif tag == "link" and {"stylesheet", "preload", "icon"} & set(attrs.get("rel", "").split()):
            self.loads.append(("link", attrs.get("href", "")))
        # a still inside <noscript> is loaded instead of the scripts, not beside them
        elif tag == "img" and not attrs.get("src", "").startswith("data:") and not self._noscript():
            self.loads.append(("picture", attrs.get("src", "")))

    def _noscript(self) -> bool:
        return any(tag == "noscript" for tag, _ in self.open)

    def _picture(self, tag, attrs):
        if self.within("class", "bd-article") and not self.within("aria-hidden", "true"):
            if attrs.get("aria-hidden") == "true":
                return
            picture = {"tag": tag, "src": attrs.get("src", ""), "lazy": attrs.get("loading") == "lazy"}
            picture["alt"] = attrs.get("alt" if tag == "img" else "aria-label", "").strip()
            picture["inside"] = self.within("role", "img") or self.within("class", "ktn-place")
            picture["recurs"] = self.within("class", "ktn-arrows")
            self.pictures.append(picture | {"caption": ""})

    def handle_endtag(self, tag):
        if tag == "figure" and self.figure is not None:
            for picture in self.pictures[self.figure :]:
                picture["caption"] = "".join(self.caption).strip()
            self.figure = None
        if any(name == tag for name, _ in self.open):
            while self.open.pop()[0] != tag:
                pass

    def handle_data(self, data):
        tag, attrs = self.open[-1] if self.open else ("", {})
        if any(name == "figcaption" for name, _ in self.open):
            self.caption.append(data)
        if tag == "script" and "widget-state" in attrs.get("type", ""):
            self.state += data
        elif tag == "script" and "src" not in attrs:
            self.inline.append(data)


def check_words(page: Page, seen: dict[str, str]):
    """Alternative texts and descriptions of one page; `seen` holds the texts of the book so far."""
    for picture in page.pictures:
        alt, short = picture["alt"], f"{picture['tag']} {picture['alt'][:30]!r}"
        if not picture["inside"]:
            if len(alt) < ALT:
                yield f"{short} has {len(alt)} characters of alternative text, wanted at least {ALT}"
            elif alt == picture["caption"]:
                yield f"{short} has its caption as alternative text, wanted what is to be seen"
            elif alt in seen and not picture["recurs"]:
                yield f"{short} has an alternative text that {seen[alt]} has too, wanted it unique"
            seen.setdefault(alt, page.path.stem)
        if picture["tag"] == "img":
            if not re.search(r"^data:image/(webp|svg)|\.(webp|svg)(\?|$)", picture["src"]):
                yield f"{short} is {picture['src'][:40]!r}, wanted SVG or WebP"
            if not picture["lazy"]:
                yield f'{short} is not loaded lazily, wanted loading="lazy"'
    for words in page.widgets:
        if len(words) < ALT:
            yield f"a widget's description has {len(words)} characters, wanted at least {ALT}"


def check_transfer(page: Page, limits: dict[str, int]):
    """Bytes on the wire with a cold cache, in kB by kind, and what exceeds its limit."""
    found, total, script = [], zipped(page.text.encode()), zipped("".join(page.inline).encode())
    models = json.loads(page.state)["state"].values() if page.state else ()
    modules = sorted({model["state"]["_esm"] for model in models if "_esm" in model.get("state", {})})
    ours = zipped("".join(modules).encode()) if modules else 0
    script += ours
    for kind, address in dict.fromkeys(page.loads):
        parts = urllib.parse.urlsplit(address)
        path = (page.path.parent / urllib.parse.unquote(parts.path)).resolve()
        if parts.scheme or parts.netloc or not path.is_file():
            found.append(f"loads {address!r}, wanted a file of the site")
            continue
        total += weight(path)
        script += weight(path) if kind == "script" else 0
        ours += weight(path) if path.name in OURS else 0
        if kind == "picture" and path.stat().st_size > PICTURE_BYTES:
            found.append(f"{path.name} has {path.stat().st_size} bytes, wanted at most {PICTURE_BYTES}")
        if kind == "script" and "mathjax" in path.parts:
            fonts = (path.parent / "output" / "chtml" / "fonts" / "woff-v2").glob("MathJax_*.woff")
            total += sum(
                weight(font) for font in fonts if font.stem.removeprefix("MathJax_") in MATHJAX_FONTS
            )
    row = {"page kB": total / 1000, "script kB": script / 1000, "ours kB": ours / 1000}
    found += [
        f"{key.removesuffix(' kB')} transfers {row[key]:.0f} kB, wanted at most {limits[key]}"
        for key in row
        if row[key] > limits[key]
    ]
    return row, found


@functools.cache
def weight(path: pathlib.Path) -> int:
    """A file on the wire: text compressed, fonts and pictures as they are."""
    return path.stat().st_size if path.suffix in PACKED else zipped(path.read_bytes())


def zipped(data: bytes) -> int:
    return len(gzip.compress(data, 6))
