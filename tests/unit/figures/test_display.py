import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from ktnlib.figures import new, palette, show
from ktnlib.figures.display import matplotlib

ALT = "A straight line that rises from zero at the left to one at the right."


def drawn(color="black", points=2):
    figure, axes = new()
    axes.plot(np.linspace(0, 1, points), np.linspace(0, 1, points), color=color)
    axes.set(xlabel="place (pixels)", ylabel="value", title="It rises")
    return figure, axes


def svg_of(shown):
    return ElementTree.fromstring(re.search(r"<svg.*</svg>", shown.html, re.DOTALL)[0])


def test_a_figure_is_an_image_with_its_words():
    root = svg_of(show(drawn()[0], alt=ALT, caption="Read it upwards."))
    assert root.get("role") == "img"
    assert root.get("aria-label") == ALT
    assert root.find("title").text == "It rises"


def test_text_stays_text_in_the_page_s_own_font():
    shown = show(drawn()[0], alt=ALT, caption="c")
    texts = [element.text for element in svg_of(shown).iter("text")]
    assert {"It rises", "place (pixels)", "value"} <= set(texts)
    assert "DejaVu" not in shown.html


def test_black_and_the_palette_follow_the_theme():
    figure, axes = drawn(palette("map"))
    axes.plot([0, 1], [1, 0], color="black")
    shown = show(figure, alt=ALT, caption="c").html
    assert "stroke: var(--ktn-map, #B84F00)" in shown
    assert "stroke: currentColor" in shown
    assert not re.search(r"#000000|(?<!, )#B84F00", shown, re.IGNORECASE)


def test_nothing_in_it_styles_the_rest_of_the_page():
    shown = show(drawn()[0], alt=ALT, caption="c").html
    assert "<style" not in shown
    assert "<metadata" not in shown


def test_the_ground_is_transparent():
    root = svg_of(show(drawn()[0], alt=ALT, caption="c"))
    assert not [e for e in root.iter("path") if "fill: var(--pst" in e.get("style", "")]


def test_the_same_drawing_gives_the_same_text_and_another_one_other_identifiers():
    first, second = (show(drawn()[0], alt=ALT, caption="c").html for _ in range(2))
    other = show(drawn(points=3)[0], alt=ALT, caption="c").html
    names = re.compile(r'\bid="([^"]+)"')
    assert first == second
    assert names.findall(first)
    assert not set(names.findall(first)) & set(names.findall(other))
    assert set(re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', first)) != set()


def test_every_reference_inside_the_drawing_resolves():
    shown = show(drawn()[0], alt=ALT, caption="c").html
    wanted = {one or two for one, two in re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', shown)}
    assert wanted
    assert wanted == set(re.findall(r'\bid="([^"]+)"', shown))


@pytest.mark.parametrize("side", ["x", "y"])
def test_an_axis_with_data_and_no_label_is_refused_by_name(side):
    figure, axes = drawn()
    getattr(axes, f"set_{side}label")("")
    with pytest.raises(ValueError, match=f"the {side} axis of 'It rises' carries data but no label"):
        show(figure, alt=ALT, caption="c")


def test_axes_that_are_off_or_share_a_label_need_none():
    figure, panels = new(2, share=True)
    for axes in panels:
        axes.plot([0, 1], [0, 1])
    panels[0].set(xlabel="place (pixels)", ylabel="value")
    show(figure, alt=ALT, caption="c")
    figure, axes = new()
    axes.imshow(np.eye(3))
    axes.axis("off")
    show(figure, alt=ALT, caption="c")


def test_a_text_alternative_says_enough_and_is_not_the_caption():
    with pytest.raises(ValueError, match="`alt` has 9 characters; wanted at least 40"):
        show(drawn()[0], alt="too short", caption="c")
    with pytest.raises(ValueError, match="`alt` is the caption again"):
        show(drawn()[0], alt=ALT, caption=ALT)


def test_words_are_escaped():
    shown = show(drawn()[0], alt=ALT + ' <b> "quoted"', caption="a < b")
    assert svg_of(shown).get("aria-label").endswith('<b> "quoted"')
    assert "<figcaption>a &lt; b</figcaption>" in shown.html


def test_a_heavy_figure_is_refused_with_a_way_out():
    figure, axes = drawn()
    axes.scatter(*np.random.default_rng(0).random((2, 3000)), label="cloud")
    with pytest.raises(ValueError, match=r"wanted at most 60 kB; .*rasterized=True"):
        show(figure, alt=ALT, caption="c")


def test_more_than_four_panels_are_refused():
    with pytest.raises(ValueError, match=r"is 6 panels; wanted at most 4"):
        new(3, rows=2)


def test_importing_the_figures_does_not_import_matplotlib():
    code = "import sys, ktnlib.figures; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_missing_matplotlib_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"pip install 'ktnlib\[figures\]'"):
        matplotlib()
    with pytest.raises(ImportError, match="needs matplotlib"):
        new()


def test_the_repr_is_what_is_to_be_seen():
    assert repr(show(drawn()[0], alt=ALT, caption="c")) == f"Figure({ALT!r})"
