"""The table of the data appendix."""

import data_table
import pytest

from ktnlib.data.manifest import find_set


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (45_354, "45\N{NO-BREAK SPACE}kB"),
        (427_577, "0.4\N{NO-BREAK SPACE}MB"),
        (11_594_722, "11.6\N{NO-BREAK SPACE}MB"),
    ],
)
def test_a_size_reads_well(size, words):
    assert data_table.size_in_words(size) == words


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("digits", "Comes with the library"),
        ("mnist", "python -m ktnlib.data get mnist"),
        ("gtsrb", "By hand: it is a packed"),
    ],
)
def test_every_kind_of_set_says_how_to_get_it(name, start):
    assert data_table.way(find_set(name)).startswith(start)


def test_credit_names_licence_and_authors():
    assert data_table.credit(find_set("digits")).startswith(
        "CC BY 4.0; the packing is scikit-learn’s (BSD-3-Clause). E. Alpaydin"
    )


def test_a_row_links_the_source_and_keeps_the_command_as_code():
    (name, title), _, (size,), (way, note) = data_table._cells(find_set("mnist"))
    assert name.astext() == "mnist"
    assert title[0].attributes["refuri"] == find_set("mnist").source
    assert size.astext() == "11.6\N{NO-BREAK SPACE}MB"
    assert way[0].tagname == "literal"
    assert note.astext().startswith("The addresses were not tried")
