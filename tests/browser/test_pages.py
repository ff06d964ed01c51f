"""Every page, in both themes and at both widths, with the network cut."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from conftest import HTML, SIZES, THEMES, book_pages, pages_with_widgets
from screens import show_all

# the theme's sidebar lies outside every landmark; docutils gives bibliographies roles that ARIA has given up
NOT_OURS = {"region", "aria-allowed-role", "aria-deprecated-role", "aria-required-children"}


# every theme at every width where there is a widget; elsewhere each theme and each width once
LOOKS = [
    (name, size, theme)
    for name in book_pages()
    for size in SIZES
    for theme in THEMES
    if name in pages_with_widgets() or (size, theme) in (("desktop", "light"), ("phone", "dark"))
]


@pytest.mark.parametrize(("name", "size", "theme"), LOOKS)
def test_a_page_is_complete_quiet_and_accessible(open_page, name, size, theme):
    page = open_page(name, size=size, theme=theme)
    show_all(page)
    assert page.outside == []
    assert page.faults == []
    assert page.evaluate("document.documentElement.dataset.theme") == theme
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 4
    found = Axe().run(page).response["violations"]
    ours = [v for v in found if v["id"] not in NOT_OURS]
    assert [(v["id"], node["html"][:200]) for v in ours for node in v["nodes"]] == []
    if name in pages_with_widgets():  # our widgets break no rule at all
        assert Axe().run(page, context=".ktn-place").response["violations"] == []


@pytest.mark.parametrize("name", pages_with_widgets())
def test_the_page_works_when_opened_as_a_file(open_page, name):
    page = open_page(name, address=(HTML / name).as_uri())
    show_all(page)
    assert page.faults == []
    assert page.outside == []


@pytest.mark.parametrize("name", pages_with_widgets())
def test_without_scripts_each_widget_leaves_a_picture_and_its_description(open_page, name):
    page = open_page(name, java_script_enabled=False)
    for place in page.query_selector_all(".ktn-place"):
        picture = place.query_selector("noscript img")
        assert (picture is not None) == bool(place.get_attribute("data-still"))
        told = picture.get_attribute("alt") if picture else place.query_selector("noscript p").inner_text()
        assert len(told) >= 40


def test_formulas_are_set_and_can_be_read_aloud(open_page):
    page = open_page("book/opening/three_things.html")
    page.wait_for_selector("mjx-container")
    assert page.query_selector("mjx-assistive-mml") is not None


def test_search_finds_a_word_of_the_book(open_page):
    page = open_page("search.html?q=equirectangular")
    page.wait_for_selector("#search-results a")
    assert page.faults == []


def test_the_theme_button_changes_the_page(open_page):
    page = open_page("book/intro.html")
    before = page.evaluate("getComputedStyle(document.body).backgroundColor")
    for _ in range(3):
        page.click(".theme-switch-button")
    after = page.evaluate("getComputedStyle(document.body).backgroundColor")
    for _ in range(1):
        page.click(".theme-switch-button")
    assert {before, after, page.evaluate("getComputedStyle(document.body).backgroundColor")} != {before}
