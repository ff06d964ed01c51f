"""After the build: still pictures for widgets, a content-security policy in every page, no idle script."""

import base64
import hashlib
import html
import json
import pathlib
import re
import subprocess
from collections.abc import Iterable

ROOT = pathlib.Path(__file__).resolve().parents[2]

# Font Awesome as a script weighs 542 kB gzip; the theme's style sheet brings the same icons as a font
SUPERFLUOUS = re.compile(r'<script[^>]*src="[^"]*fontawesome\.js[^"]*"[^>]*></script>\s*')
PRELOAD = re.compile(r'<link(?=[^>]*rel="preload")[^>]*fontawesome\.js[^>]*>\s*')
WIDGETS = re.compile(r'<script[^>]*src="[^"]*/widgets\.js[^"]*"[^>]*></script>\s*')
MATHJAX = re.compile(r'<script[^>]*src="[^"]*/tex-mml-chtml\.js[^"]*"[^>]*></script>')
INLINE_SCRIPT = re.compile(r"<script(?P<attributes>[^>]*)>(?P<body>.*?)</script>", re.DOTALL)
TAG = re.compile(r"<[a-zA-Z][^>]*>")
HANDLER = re.compile(r'\son[a-z]+="(?P<body>[^"]*)"')
STATE = re.compile(
    r'<script[^>]*type="application/vnd\.jupyter\.widget-state\+json"[^>]*>(.*?)</script>', re.DOTALL
)
VIEW = re.compile(
    r'<script[^>]*type="application/vnd\.jupyter\.widget-view\+json"[^>]*>(.*?)</script>', re.DOTALL
)


def sha256_source(body: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(body.encode()).digest()).decode() + "'"


def handlers(page: str) -> list[str]:
    return [html.unescape(match["body"]) for tag in TAG.findall(page) for match in HANDLER.finditer(tag)]


def policy(page: str, parsed_pages: Iterable[str] = ()) -> str:
    """The strictest policy under which this page works; inline code is named by its hash.

    `parsed_pages`: pages whose text this one's scripts parse. The browser holds their handlers, which never
    run, to the policy too, and would report them.
    """
    inline = []
    for match in INLINE_SCRIPT.finditer(page):
        attributes = match["attributes"]
        kind = re.search(r'type="([^"]*)"', attributes)
        if "src=" not in attributes and (kind is None or "javascript" in kind[1] or kind[1] == "module"):
            inline.append(match["body"])
    for text in (page, *parsed_pages):
        inline += handlers(text)
    hashes = map(sha256_source, dict.fromkeys(inline))
    scripts = " ".join(["'self'", "blob:", "'unsafe-hashes'", *hashes])
    return (
        f"default-src 'none'; script-src {scripts}; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; worker-src blob:; base-uri 'none'"
    )


def widget_place(model_id: str, values: dict, to_root: str) -> str:
    """The room kept for a widget, with its still picture for readers without scripts."""
    description = html.escape(values.get("description", ""), quote=True)
    still = values.get("still", "")
    picture = f"{to_root}_static/stills/{still}"
    shown = (
        f'<img src="{picture}" alt="{description}" loading="lazy">'
        if still and (ROOT / "book" / "_static" / "stills" / still).exists()
        else f"<p>{description}</p>"
    )
    wide, narrow = values.get("reserve", 0), values.get("reserve_narrow", 0)
    style = f"--ktn-reserve: {wide}px; --ktn-reserve-narrow: {narrow}px"
    return (
        f'<div class="ktn-place" data-model="{model_id}" data-still="{picture if still else ""}" '
        f'data-description="{description}" style="{style}"><noscript>{shown}'
        f"<p>{html.escape(values.get('task', ''))}</p></noscript></div>"
    )


def with_places(page: str, to_root: str) -> str:
    found = STATE.search(page)
    if not found:
        return page
    models = json.loads(found[1])["state"]

    def place(match: re.Match) -> str:
        model_id = json.loads(match[1])["model_id"]
        return widget_place(model_id, models[model_id]["state"], to_root)

    return VIEW.sub(place, page)


def widgets_before_formulas(page: str) -> str:
    """Deferred scripts run in their order on the page; MathJax alone takes a second of it."""
    widgets, mathjax = WIDGETS.search(page), MATHJAX.search(page)
    if not widgets or not mathjax or widgets.start() < mathjax.start():
        return page
    page = page.replace(widgets[0], "", 1)
    return page.replace(mathjax[0], widgets[0] + mathjax[0], 1)


def finish_page(page: str, to_root: str, parsed_pages: Iterable[str] = ()) -> str:
    page = PRELOAD.sub("", SUPERFLUOUS.sub("", page))
    page = widgets_before_formulas(with_places(page, to_root))
    named = html.escape(policy(page, parsed_pages), quote=True)
    return page.replace(
        "<head>", f'<head>\n    <meta http-equiv="Content-Security-Policy" content="{named}">', 1
    )


FIRST_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
    <title>{title}</title>
    <meta charset="utf-8">
    <meta http-equiv="refresh" content="0; url={first}">
</head>
<body><main><h1>{title}</h1><p><a href="{first}">To the first page</a></p></main></body>
</html>
"""


def finish_site(app, exception):
    if exception or app.builder.format != "html":
        return
    out = pathlib.Path(app.outdir)
    first_page = FIRST_PAGE.format(title=app.config.html_title, first=f"{app.config.root_doc}.html")
    (out / "index.html").write_text(first_page, encoding="utf-8")
    pages = {path: path.read_text(encoding="utf-8") for path in out.rglob("*.html")}
    for path, page in pages.items():
        where = path.relative_to(out)
        if "_static" in where.parts or "Content-Security-Policy" in page:
            continue
        parsed = pages.values() if where.name == "search.html" else ()
        path.write_text(finish_page(page, "../" * (len(where.parts) - 1), parsed), encoding="utf-8")


def edition() -> str:
    """Version and commit, for the foot of every page."""
    version = re.search(r'__version__ = "([^"]+)"', (ROOT / "ktnlib" / "__init__.py").read_text())[1]
    asked = subprocess.run(
        ["git", "rev-parse", "--short=10", "HEAD"], cwd=ROOT, capture_output=True, text=True
    )
    return f"version {version}" + (f", commit {asked.stdout.strip()}" if asked.returncode == 0 else "")


def choose_footer(app, config):
    config.html_theme_options["extra_footer"] = (
        f'<p class="ktn-edition">Edition: {edition()}. Text CC BY 4.0, code MIT.</p>'
    )


def setup(app):
    app.connect("config-inited", choose_footer, priority=900)
    app.connect("build-finished", finish_site, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
