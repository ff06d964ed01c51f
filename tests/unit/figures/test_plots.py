import math
import re
from types import SimpleNamespace

import numpy as np
import pytest

from ktnlib.figures import area_per_row, bars, cap_shares, error_by_latitude, lines, new

WORDS = {"alt": "Curves and bars that this test describes at sufficient length.", "caption": "c"}
AXES = {"xlabel": "place (pixels)", "ylabel": "error (%)", "title": "They differ"}


def texts(shown):
    return re.findall(r"<text[^>]*>([^<]*)</text>", shown.html)


def test_curves_carry_their_names_at_their_ends_instead_of_a_legend():
    shown = lines([0, 1], {"exact": [0, 1], "bilinear": [1, 3]}, **AXES, **WORDS)
    assert {"exact", "bilinear", "They differ"} <= set(texts(shown))
    assert "var(--ktn-bilinear," in shown.html


def test_labels_of_curves_that_meet_are_moved_apart():
    figure, axes = new()
    lines([0, 1], {"one": [0, 1], "two": [0, 1.001], "three": [0, 1.002]}, **AXES, ax=axes)
    heights = sorted(text.xyann[1] for text in axes.texts)
    assert min(np.diff(heights)) > 10
    figure.clear()


def test_seeds_become_a_mean_and_a_band():
    figure, axes = new()
    lines([0, 1], {"a": [[0, 1], [2, 3], [4, 5]]}, **AXES, ax=axes)
    assert axes.lines[0].get_ydata().tolist() == [2, 3]
    band = axes.collections[0].get_paths()[0].vertices
    assert (band[:, 1].min(), band[:, 1].max()) == (0, 5)  # one standard deviation, 2, either side
    figure.clear()


@pytest.mark.parametrize(
    ("xlabel", "wanted"),
    [("tilt (°)", [0, 30, 60, 90, 120, 150, 180]), ("rows", [0, 25, 50, 75, 100, 125, 150, 175])],
)
def test_degrees_are_ticked_in_parts_of_a_revolution(xlabel, wanted):
    _, axes = new()
    lines([0, 90, 180], {"one": [0, 1, 2]}, xlabel=xlabel, ylabel="y", title="t", ax=axes)
    low, high = axes.get_xlim()
    assert [tick for tick in axes.get_xticks() if low <= tick <= high] == wanted


def test_a_curve_of_another_length_is_refused():
    with pytest.raises(ValueError, match="`curves` has 3 points in 'a'; wanted 2"):
        lines([0, 1], {"a": [1, 2, 3]}, **AXES, **WORDS)


def test_latitudes_run_from_south_to_north_with_a_tick_every_thirty_degrees():
    figure, axes = new()
    north_first = np.radians(np.linspace(89, -89, 90))
    error_by_latitude(north_first, {"direct": np.arange(90.0)}, ylabel="error", title="t", ax=axes)
    drawn = axes.lines[0]
    assert drawn.get_xdata()[0] == pytest.approx(-89)
    assert drawn.get_ydata()[0] == 89
    assert [tick.get_text() for tick in axes.get_xticklabels()] == [
        "90 S",
        "60 S",
        "30 S",
        "0",
        "30 N",
        "60 N",
        "90 N",
    ]
    figure.clear()


def test_bars_take_numbers_pairs_and_records_and_show_the_spread():
    record = SimpleNamespace(mean=3.0, std=0.5)
    figure, axes = new()
    bars({"45°": {"a": 1.0, "b": (2.0, 0.2)}, "zoom": {"a": record, "b": 4}}, **AXES, ax=axes)
    assert sorted(patch.get_height() for patch in axes.patches) == [1, 2, 3, 4]
    assert len({patch.get_hatch() for patch in axes.patches}) == 2
    whiskers = [segment for lines_ in axes.collections for segment in lines_.get_segments()]
    assert sorted(float(np.ptp(segment[:, 1])) for segment in whiskers) == pytest.approx([0.4, 1.0])
    figure.clear()


def test_bars_of_different_series_are_refused():
    with pytest.raises(ValueError, match=r"`groups` has \['b'\] in 'y'; wanted \['a'\]"):
        bars({"x": {"a": 1}, "y": {"b": 1}}, **AXES, **WORDS)


@pytest.mark.parametrize("draw", [lines, bars])
def test_a_logarithmic_axis_can_be_asked_for(draw):
    figure, axes = new()
    given = ({"a": {"s": 1.0}},) if draw is bars else ([0, 1], {"a": [1, 10]})
    assert draw(*given, **AXES, log=True, ax=axes).get_yscale() == "log"
    figure.clear()


def test_the_caps_of_thirty_degrees_hold_a_third_of_the_pixels_and_an_eighth_of_the_sphere():
    said = texts(cap_shares(math.pi / 6, **WORDS))
    assert "33.3 % of the pixels" in said
    assert "13.4 % of the sphere" in said
    with pytest.raises(ValueError, match="`angle` is 2"):
        cap_shares(2.0, **WORDS)


def test_the_area_of_a_pixel_is_drawn_relative_to_the_equator():
    latitudes = np.radians(np.linspace(88, -88, 45))
    shown = area_per_row(latitudes, 3 * np.cos(latitudes), **WORDS)
    assert "relative to a pixel at the equator" in texts(shown)
