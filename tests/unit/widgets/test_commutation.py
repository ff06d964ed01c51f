import math

import numpy as np
import pytest
import torch
import traitlets

from ktnlib.widgets import Commutation, chapter_zero

PICTURES = {"a": torch.arange(9.0).reshape(3, 3), "b": torch.zeros(1, 1, 4, 4)}
FILTERS = {"one": torch.ones(3, 3), "two": {"W": torch.zeros(1, 1, 3, 3), "M": torch.ones(3, 3)}}


def test_pictures_and_filters_travel_with_their_sizes():
    widget = Commutation(PICTURES, FILTERS)
    assert widget.pictures == [["a", 3], ["b", 4]]
    assert widget.filters == [["one", 3, [""]], ["two", 3, ["W", "M"]]]
    np.testing.assert_array_equal(np.frombuffer(widget.pixels, "<f4"), [*range(9), *[0] * 16])
    np.testing.assert_array_equal(np.frombuffer(widget.weights, "<f4"), [1] * 9 + [0] * 9 + [1] * 9)


def test_the_preset_names_the_letters_it_speaks_of():
    name, traits = chapter_zero.W_AND_M
    assert list(chapter_zero.filters())[traits["filter"]] in name
    assert traits["amount"] == math.pi


def test_own_pictures_come_without_the_preset_of_the_book():
    assert Commutation(PICTURES, FILTERS).presets == []


def test_the_letter_stays_inside_the_region_that_counts():
    page = chapter_zero.letter_page()
    rows, columns = page.nonzero(as_tuple=True)
    middle = torch.tensor([(rows.min() + rows.max()) / 2, (columns.min() + columns.max()) / 2])
    distance = (middle - (len(page) - 1) / 2).norm().item()
    assert 0 < distance <= len(page) / 2 - 1 - 2  # margin 1, reach 2


def test_an_unknown_transformation_is_refused():
    with pytest.raises(traitlets.TraitError, match="rotate"):
        Commutation(PICTURES, FILTERS, transformation="warp")
