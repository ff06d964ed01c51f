import pathlib

import chromium
import pytest
import serve
from playwright.sync_api import sync_playwright
from serve import HTML

SIZES = {"desktop": {"width": 1280, "height": 720}, "phone": {"width": 375, "height": 740}}
THEMES = ("light", "dark")


@pytest.fixture(scope="session")
def site():
    if not (HTML / "index.html").exists():
        raise FileNotFoundError(f"no built book at {HTML}; run `make book` first")
    with serve.quietly() as address:
        yield address


@pytest.fixture(scope="session")
def browser():
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium.require(), args=chromium.FLAGS)
        yield opened
        opened.close()


@pytest.fixture
def open_page(browser, site):
    """Open a page in a fresh profile that reaches nothing but the site; its faults are kept on the page."""
    contexts = []

    def open_one(name, *, size="desktop", theme="light", address=None, **options):
        context = browser.new_context(
            viewport=SIZES[size], color_scheme=theme, has_touch=size == "phone", **options
        )
        contexts.append(context)
        page = context.new_page()
        page.outside, page.faults = [], []

        def guard(route):
            url = route.request.url
            if url.startswith((site, "data:", "blob:", "file:")):
                route.continue_()
            else:
                page.outside.append(url)
                route.abort()

        context.route("**/*", guard)
        page.on("pageerror", lambda error: page.faults.append(str(error)))
        # a violation of the page's policy is reported here too
        page.on("console", lambda m: page.faults.append(m.text) if m.type == "error" else None)
        page.goto(address or f"{site}/{name}")
        return page

    yield open_one
    for context in contexts:
        context.close()


def book_pages() -> list[str]:
    """All pages of the built book but the index of names."""
    pages = sorted(path.relative_to(HTML).as_posix() for path in HTML.glob("book/**/*.html"))
    return [*pages, "search.html"]


def built_pages() -> list[pathlib.Path]:
    """Every page that is built, the theme's own templates under _static left out."""
    return [path for path in sorted(HTML.rglob("*.html")) if "_static" not in path.relative_to(HTML).parts]


def pages_with_widgets() -> list[str]:
    return [page for page in book_pages() if 'class="ktn-place"' in (HTML / page).read_text(encoding="utf-8")]
