"""Every widget of every page answers to mouse, keyboard and touch, and computes what Python computes."""

import io
import re

import numpy as np
import pytest
from conftest import HTML, SIZES, pages_with_widgets
from parity import PARITY, largest_difference
from parity_globe import PARITY as PARITY_GLOBE
from parity_microscope import PARITY as PARITY_MICROSCOPE
from parity_morph import PARITY as PARITY_MORPH
from parity_rows import PARITY as PARITY_ROWS
from parity_sphere import PARITY as PARITY_SPHERE
from PIL import Image

CHANGED_PIXELS = 200


def all_widgets() -> list:
    found = []
    for name in pages_with_widgets():
        count = (HTML / name).read_text(encoding="utf-8").count('class="ktn-place"')
        stem = name.rsplit("/", 1)[-1].removesuffix(".html")
        found += [pytest.param(name, index, id=f"{stem}-{index}") for index in range(count)]
    return found


def open_widget(open_page, name, index, **options):
    """The page, and the widget's root once its first frame is drawn."""
    page = open_page(name, **options)
    # higher than any widget: a picture of what does not fit the window makes the browser scroll
    page.set_viewport_size({"width": page.viewport_size["width"], "height": 2000})
    place = page.query_selector_all(".ktn-place")[index]
    place.scroll_into_view_if_needed()
    root = page.wait_for_selector(f'.ktn-place >> nth={index} >> [data-ready="true"]', timeout=15_000)
    page.wait_for_timeout(300)
    return page, root


def picture(root) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(root.screenshot())).convert("RGB"), dtype=np.int16)


def changed_pixels(before: np.ndarray, after: np.ndarray) -> int:
    if before.shape != after.shape:
        return before.size
    return int((np.abs(before - after).max(axis=-1) > 8).sum())


def dragged_canvas(root):
    return root.query_selector("canvas.ktn-drag")


def middle(element) -> tuple[float, float]:
    box = element.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def soon(page, holds) -> bool:
    """Whether something holds within three seconds: a busy machine draws late."""
    for _ in range(10):
        page.wait_for_timeout(300)
        if holds():
            return True
    return False


@pytest.mark.parametrize(("name", "index"), all_widgets())
def test_a_widget_moves_by_keyboard_and_escape_brings_it_back(open_page, name, index):
    page, root = open_widget(open_page, name, index)
    first = picture(root)
    control = root.query_selector("input[type=range], input[type=radio]")
    control.focus()
    for _ in range(6):
        page.keyboard.press("Shift+ArrowRight" if control.get_attribute("type") == "range" else "ArrowRight")
    assert soon(page, lambda: changed_pixels(first, picture(root)) > CHANGED_PIXELS)
    page.keyboard.press("Escape")
    page.evaluate("document.activeElement.blur()")
    assert soon(page, lambda: changed_pixels(first, picture(root)) < CHANGED_PIXELS)
    assert page.faults == []


@pytest.mark.parametrize(("name", "index"), all_widgets())
def test_quick_presses_within_one_frame_all_count(open_page, name, index):
    _, root = open_widget(open_page, name, index)
    for control in root.query_selector_all("input[type=range]"):
        steps = control.evaluate(
            """input => [1, 2, 3].map(() => {
                const now = +input.value, up = now < (+input.min + +input.max) / 2;
                const key = up ? "ArrowRight" : "ArrowLeft";
                input.dispatchEvent(new KeyboardEvent("keydown", { key, shiftKey: true, cancelable: true }));
                return Math.abs(+input.value - now);
            })"""
        )
        assert min(steps) > 0, steps


@pytest.mark.parametrize(("name", "index"), all_widgets())
def test_a_widget_moves_by_mouse(open_page, name, index):
    page, root = open_widget(open_page, name, index)
    before = picture(root)
    target = dragged_canvas(root) or root.query_selector("input[type=range], input[type=radio] >> nth=-1")
    target.scroll_into_view_if_needed()
    x, y = middle(target)
    if target.get_attribute("type") is None:
        page.mouse.move(x, y - 30)
    else:
        page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 45, y + 10, steps=6)
    page.mouse.up()
    assert soon(page, lambda: changed_pixels(before, picture(root)) > CHANGED_PIXELS)
    assert page.faults == []


@pytest.mark.parametrize(("name", "index"), all_widgets())
def test_a_widget_moves_by_touch_and_the_page_stays(open_page, name, index):
    page, root = open_widget(open_page, name, index, size="phone")
    target = dragged_canvas(root)
    before = picture(root)
    (target or root.query_selector("input[type=range], input[type=radio]")).scroll_into_view_if_needed()
    scrolled = page.evaluate("scrollY")
    if target is None:
        root.query_selector_all("input[type=range], input[type=radio]")[-1].tap(position={"x": 8, "y": 8})
    else:
        swipe(page, *middle(target), 40, 30)
        assert page.evaluate("scrollY") == scrolled
    assert soon(page, lambda: changed_pixels(before, picture(root)) > CHANGED_PIXELS)
    assert page.faults == []


def swipe(page, x, y, dx, dy):
    fingers = page.context.new_cdp_session(page)

    def touch(kind, points):
        fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", [{"x": x, "y": y - 20}])
    for step in range(1, 7):
        touch("touchMove", [{"x": x + dx * step / 6, "y": y - 20 + dy * step / 6}])
    touch("touchEnd", [])


@pytest.mark.parametrize(("name", "index"), all_widgets())
def test_every_control_is_large_enough_for_a_finger(open_page, name, index):
    _, root = open_widget(open_page, name, index, size="phone")
    for control in root.query_selector_all("button, select, input:not([type=radio]):not([type=file])"):
        box = control.bounding_box()
        if box is not None:
            assert box["height"] >= 43.5, control.evaluate("node => node.outerHTML")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("name", "index"), all_widgets())
def test_the_page_does_not_jump_when_a_widget_is_drawn(open_page, name, index, size):
    page, _ = open_widget(open_page, name, index, size=size)
    place = page.query_selector_all(".ktn-place")[index]
    reserved = float(place.evaluate("place => parseFloat(getComputedStyle(place).minHeight)"))
    drawn = place.bounding_box()["height"]
    assert abs(drawn - reserved) <= 24, (drawn, reserved)


@pytest.mark.parametrize(("name", "index"), all_widgets())
def test_a_widget_says_what_it_shows(open_page, name, index):
    page, root = open_widget(open_page, name, index)
    page.wait_for_timeout(700)
    spoken = root.query_selector("[role=status]").inner_text()
    assert re.search(r"\w+ \w+", spoken)


def test_the_first_screen_of_every_chapter_is_alive(open_page):
    for name in pages_with_widgets():
        if "/appendices/" in name:
            continue
        for size in ("desktop", "phone"):
            page = open_page(name, size=size)
            page.wait_for_selector('.ktn-place [data-ready="true"]', timeout=15_000)
            top = page.query_selector(".ktn-place canvas").bounding_box()["y"]
            assert top < page.viewport_size["height"], (name, size, top)


def parity_cases() -> list:
    return [
        pytest.param(case, id=f"{case[0].__name__}-{case[1]}-{i}")
        for i, case in enumerate(
            [*PARITY, *PARITY_GLOBE, *PARITY_MICROSCOPE, *PARITY_MORPH, *PARITY_ROWS, *PARITY_SPHERE]
        )
    ]


@pytest.fixture(scope="module")
def compute(browser, site):
    """Call an exported function of a widget's module in the page, under the page's policy."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{site}/book/intro.html")

    def call(widget, function, arguments):
        return page.evaluate(
            """async ([text, name, given]) => {
                const url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
                const each = (v) => Object.fromEntries(Object.entries(v).map(([k, x]) => [k, plain(x)]));
                const plain = (v) => ArrayBuffer.isView(v) ? [...v] : Array.isArray(v) ? v.map(plain)
                    : v && typeof v === "object" ? each(v) : v;
                return plain((await import(url))[name](...given));
            }""",
            [widget._esm, function, arguments],
        )

    yield call
    context.close()


@pytest.mark.parametrize("case", parity_cases())
def test_the_page_computes_what_python_computes(compute, case):
    widget, function, arguments, expected, tolerance = case
    assert largest_difference(compute(widget, function, arguments), expected) <= tolerance


WITHOUT_WEBGL = """
const own = HTMLCanvasElement.prototype.getContext;
HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
  return kind.startsWith("webgl") ? null : own.call(this, kind, ...rest);
};
"""


def test_without_webgl2_the_panorama_is_drawn_on_a_plain_canvas_and_moves(browser, site):
    context = browser.new_context(viewport={"width": 1280, "height": 1200})
    page = context.new_page()
    page.add_init_script(WITHOUT_WEBGL)
    page.goto(f"{site}/book/sphere/equirectangular_grid.html")
    root = page.wait_for_selector('.ktn-place [data-backend="2d"][data-ready="true"]', timeout=15_000)
    before = picture(root)
    root.query_selector("input[type=range]").focus()
    page.keyboard.press("Shift+ArrowRight")
    page.wait_for_timeout(500)
    assert changed_pixels(before, picture(root)) > CHANGED_PIXELS
    context.close()


def test_a_browser_that_cannot_run_a_widget_shows_its_still_and_says_so(browser, site):
    context = browser.new_context()
    page = context.new_page()
    page.add_init_script("URL.createObjectURL = () => { throw new Error('no blobs here'); };")
    page.goto(f"{site}/book/intro.html")
    place = page.wait_for_selector(".ktn-place[data-failed]")
    assert len(place.query_selector("img").get_attribute("alt")) >= 40
    assert (
        place.query_selector("img").evaluate("image => image.decode().then(() => image.naturalWidth)") > 300
    )
    assert "needs a newer browser" in place.inner_text()
    context.close()
