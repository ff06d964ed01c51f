"""Pictures of the built book: every page in both themes and at both widths, or the widgets' stills."""

import argparse
import io
import pathlib

import chromium
from PIL import Image
from playwright.sync_api import Page, sync_playwright

ROOT = pathlib.Path(__file__).resolve().parents[1]
HTML = ROOT / "_build" / "html"
SCREENS = ROOT / "_screens"
STILLS = ROOT / "book" / "_static" / "stills"
WIDTHS = (1280, 375)
PIECE = 3000
LARGEST_STILL = 60_000


def show_all(page: Page) -> None:
    """Scroll through the page and stay at every widget until its first frame is drawn."""
    for place in page.query_selector_all(".ktn-place"):
        place.scroll_into_view_if_needed()
        drawn = "place => place.querySelector('[data-ready]') || place.dataset.failed"
        page.wait_for_function(drawn, arg=place)
    page.wait_for_load_state("networkidle")


def take_screens(browser, wanted: str) -> None:
    for path in sorted(HTML.glob("book/**/*.html")):
        if wanted not in path.as_posix():
            continue
        for theme in ("light", "dark"):
            for width in WIDTHS:
                context = browser.new_context(viewport={"width": width, "height": PIECE}, color_scheme=theme)
                page = context.new_page()
                page.goto(path.as_uri())
                show_all(page)
                take_pieces(page, f"{path.stem}-{theme}-{width}")
                context.close()


def take_pieces(page: Page, name: str) -> None:
    """One picture after the other down the page: a browser cannot draw a long one in one piece."""
    bottom = page.evaluate("document.documentElement.scrollHeight")
    for number, top in enumerate(range(0, bottom, PIECE)):
        page.evaluate("top => scrollTo({ top, behavior: 'instant' })", top)
        page.wait_for_timeout(250)
        target = SCREENS / f"{name}-{number}.png"
        page.screenshot(path=target)
        print(target.relative_to(ROOT), flush=True)


def take_stills(browser) -> None:
    """The first state of each widget where the book first shows it, for readers without scripts."""
    STILLS.mkdir(parents=True, exist_ok=True)
    taken = set()
    for path in sorted(HTML.glob("book/**/*.html")):
        page = browser.new_page(viewport={"width": 1280, "height": 900}, device_scale_factor=1.5)
        page.goto(path.as_uri())
        show_all(page)
        page.wait_for_timeout(400)
        for place in page.query_selector_all(".ktn-place[data-still]:not([data-still=''])"):
            name = pathlib.Path(place.get_attribute("data-still")).name
            if name not in taken:
                save_still(place.screenshot(), STILLS / name)
                taken.add(name)
        page.close()


def save_still(picture: bytes, target: pathlib.Path) -> None:
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    for quality in (85, 75, 65, 50, 35):
        image.save(target, quality=quality, method=6)
        if target.stat().st_size <= LARGEST_STILL:
            break
    print(f"{target.relative_to(ROOT)}  {target.stat().st_size} bytes", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stills", action="store_true", help="write book/_static/stills instead")
    parser.add_argument("--only", default="", help="pages whose path holds this text")
    arguments = parser.parse_args()
    SCREENS.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium.require(), args=chromium.FLAGS)
        if arguments.stills:
            take_stills(browser)
        else:
            take_screens(browser, arguments.only)


if __name__ == "__main__":
    main()
