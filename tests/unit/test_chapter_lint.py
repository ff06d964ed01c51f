"""A tiny book that keeps every rule; each test breaks one and wants the message."""

import json
import pathlib
import random
import re
import shutil

import built_page
import chapter_lint
import nbformat
import pytest
from formulas import labels, plain, symbols
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

ALT = "A small picture of a five that leans to the left, said at some length."
WIDGET = "A dial that turns an image; the two feature maps drift apart as it turns."

TITLE = r"""# A chapter

We turn $x$ by $\theta$, and see 13.4 % of it.

$$
x = \hat{x}
$$ (eq-same)

See {eq}`eq-same`."""
EXERCISE = "```{{exercise}} Turn it\n:label: {0}\n\nWhat comes out?\n```"
START = "```{{solution-start}} {0}\n:class: dropdown\n```\n\nThis."
END = "```{solution-end}\n```"
QUIZ = "## Five questions\n\n" + "\n".join(
    f"{n}. Why?\n\n:::{{dropdown}} Answer\nSo.\n:::\n" for n in range(1, 6)
)


def cells():
    yield new_markdown_cell(TITLE, id="title")
    yield new_code_cell("share = 0.134\nassert share == 0.134", id="share")
    for name in "abcd":
        yield new_markdown_cell(EXERCISE.format(f"ex-{name}"), id=f"ask-{name}")
        yield new_code_cell("answer = ...", id=f"skeleton-{name}")
        yield new_markdown_cell(START.format(f"ex-{name}"), id=f"start-{name}")
        yield new_code_cell("answer = 1", id=f"solution-{name}")
        yield new_markdown_cell(END, id=f"end-{name}")
    yield new_markdown_cell(QUIZ, id="quiz")


def page(article, *, head="", state=None):
    holder = (
        f'<script type="application/vnd.jupyter.widget-state+json">{json.dumps(state)}</script>'
        if state
        else ""
    )
    body = f'<article class="bd-article">{article}</article>{holder}'
    return f"<html><head>{head}</head><body>{body}</body></html>"


DRAWING = f'<svg role="img" aria-label="{ALT}"><path d=""/></svg>'
PICTURE = f'<figure class="ktn-figure">{DRAWING}<figcaption>Read.</figcaption></figure>'
STILL = f'<noscript><img alt="{WIDGET}" src="s.webp" loading="lazy"></noscript>'
PLACE = f'<div class="ktn-place" data-description="{WIDGET}">{STILL}</div>'


class Book:
    """A book on disk whose one chapter can be broken before it is linted."""

    def __init__(self, root: pathlib.Path):
        self.root, self.html, self.executed = root, root / "_build" / "html", root / "_build" / "executed"
        self.notebook = new_notebook(cells=list(cells()))
        self.article, self.head, self.state, self.other = PICTURE + PLACE, "", None, "<p>Words.</p>"
        self.run = None
        self.notation = (
            "| symbol | meaning |\n|---|---|\n| $x$, $\\hat{x}$ | image |\n| $\\theta$ | angle |\n"
        )

    def cell(self, where):
        return next(cell for cell in self.notebook.cells if cell.id == where)

    def ran(self):
        self.run = nbformat.from_dict(json.loads(json.dumps(self.notebook)))
        for number, cell in enumerate((c for c in self.run.cells if c.cell_type == "code"), 1):
            cell.execution_count = number
        return {cell.id: cell for cell in self.run.cells}

    def lint(self):
        if not self.run:
            self.ran()
        for folder in ("book/part", "book/appendices"):
            for base in (self.root, self.html, self.executed):
                (base / folder).mkdir(parents=True, exist_ok=True)
        (self.root / "_toc.yml").write_text(
            "root: book/appendices/notation\nchapters:\n  - file: book/part/one\n"
        )
        (self.root / "book/appendices/notation.md").write_text(self.notation)
        nbformat.write(self.notebook, self.root / "book/part/one.ipynb")
        nbformat.write(self.run, self.executed / "book/part/one.ipynb")
        (self.html / "book/part/one.html").write_text(page(self.article, head=self.head, state=self.state))
        (self.html / "book/appendices/notation.html").write_text(page(self.other))
        return chapter_lint.lint(self.root, self.html, self.executed)

    def findings(self):
        return self.lint()[1]


@pytest.fixture
def book(tmp_path):
    return Book(tmp_path)


def only(findings, where, what):
    assert len(findings) == 1, findings
    assert findings[0].startswith(f"{where}: ")
    assert what in findings[0]


def test_a_chapter_that_keeps_every_rule_passes_and_fills_its_row(book):
    rows, findings = book.lint()
    assert findings == []
    row = rows["part/one"]
    assert {key: row[key] for key in ("exercises", "headings", "cells", "lines", "longest", "median")} == {
        "exercises": 4, "headings": 1, "cells": 9, "lines": 10, "longest": 2, "median": 1}  # fmt: skip
    assert (row["pictures"], row["widgets"]) == (1, 1)


def test_an_exercise_without_a_solution_is_named(book):
    book.notebook.cells = [
        cell for cell in book.notebook.cells if not cell.id.endswith("-b") or cell.id == "ask-b"
    ]
    only(book.findings(), "part/one:ask-b", "exercise 'ex-b' has no solution with code below it")


def test_a_solution_below_the_next_exercise_is_too_late(book):
    book.cell("start-a").source = START.format("ex-b")
    findings = "\n".join(book.findings())
    assert "part/one:start-a: solution of 'ex-b' stands elsewhere, wanted it below its exercise" in findings
    assert "exercise 'ex-a' has no solution" in findings


def test_a_solution_in_plain_sight_is_to_be_folded(book):
    book.cell("start-c").source = START.format("ex-c").replace(":class: dropdown\n", "")
    only(book.findings(), "part/one:start-c", "is not folded, wanted `:class: dropdown`")


def test_code_after_the_end_of_a_solution_does_not_solve(book):
    book.cell("start-a").source += "\n\n" + END
    only(book.findings(), "part/one:ask-a", "exercise 'ex-a' has no solution with code below it")


def test_a_solution_that_did_not_run_is_caught(book):
    book.ran()["solution-a"].execution_count = None
    only(book.findings(), "part/one:solution-a", "the code of a solution did not run, wanted it executed")


def test_a_solution_that_failed_is_caught(book):
    book.ran()["solution-d"].outputs = [new_output("error", ename="E", evalue="", traceback=[])]
    only(book.findings(), "part/one:solution-d", "ended in an error, wanted none")


def test_three_exercises_are_too_few(book):
    book.notebook.cells = [cell for cell in book.notebook.cells if not cell.id.endswith("-b")]
    only(book.findings(), "part/one:-", "3 exercises, wanted four or more")


def test_a_quiz_has_five_folded_answers(book):
    book.cell("quiz").source = QUIZ.replace(":::{dropdown}", ":::{note}", 1)
    only(
        book.findings(), "part/one:-", "a quiz with 4 folded answers, wanted a section of questions with five"
    )


@pytest.mark.parametrize(
    "stored", [{"outputs": [new_output("stream", text="hello")]}, {"execution_count": 3}]
)
def test_stored_outputs_are_refused(book, stored):
    book.ran()
    book.cell("share").update(stored)
    only(book.findings(), "part/one:share", "stored outputs, wanted none")


def test_a_long_cell_is_refused_but_comments_and_blanks_are_free(book):
    book.cell("skeleton-a").source = "\n".join(["a = 1", "# why", ""] * 15)
    assert book.findings() == []
    book.run, book.cell("skeleton-a").source = None, "a = 1\n" * 16
    only(book.findings(), "part/one:skeleton-a", "16 lines of code, wanted at most 15")


def test_long_cells_on_the_whole_are_refused(book):
    for cell in book.notebook.cells:
        if cell.id.startswith(("skeleton", "solution")):
            cell.source = "a = 1\n" * 7
    only(book.findings(), "part/one:-", "median: 7, wanted at most 6")


def test_two_hundred_lines_are_enough_for_a_chapter(book):
    book.notebook.cells += [new_code_cell("a = 1\n" * 6, id=f"more-{n}") for n in range(32)]
    only(book.findings(), "part/one:-", "lines: 202, wanted at most 200")


def test_four_thousand_words_are_enough_and_code_and_formulas_are_no_words(book):
    book.cell("quiz").source += "```python\n" + "code " * 5000 + "\n```\n$$" + r"\theta " * 5000 + "$$\n"
    assert book.findings() == []
    book.run = None
    book.cell("quiz").source += "word " * 4000
    assert any(re.search(r"words: 40\d\d, wanted at most 4000", one) for one in book.findings())


def test_headings_are_few_and_on_two_levels(book):
    book.cell("title").source += "\n\n#### Too deep"
    only(book.findings(), "part/one:title", "'#### Too deep' is on a third level, wanted two")
    book.run, book.cell("title").source = None, TITLE + "\n\n### More" * 12
    only(book.findings(), "part/one:-", "headings: 13, wanted at most 12")


def test_a_numbered_equation_nobody_refers_to_is_named(book):
    book.cell("title").source = TITLE.replace("See {eq}`eq-same`.", "")
    only(book.findings(), "part/one:title", "equation 'eq-same' is never referenced, wanted {eq}`eq-same`")


def test_another_page_may_refer_to_an_equation(book):
    book.cell("title").source = TITLE.replace("See {eq}`eq-same`.", "")
    book.notation += "\nSee {eq}`the first <eq-same>`.\n"
    assert book.findings() == []


def test_a_symbol_that_is_not_on_the_notation_page_is_named(book):
    book.cell("quiz").source += "\n\nHere $\\hat{W} = \\phi + \\sin\\theta + \\mathrm{gain}\\,\\pi$."
    only(
        book.findings(),
        "part/one:quiz",
        "symbols \\hat{W}, \\phi are not on the notation page, wanted a row each",
    )


def test_a_typed_measurement_is_named(book):
    book.cell("quiz").source += "\n\nIt gains 3.2 dB."
    only(
        book.findings(),
        "part/one:quiz",
        "the number 3.2 dB is typed, wanted {claim}, an assert or `% exact: 3.2`",
    )


@pytest.mark.parametrize(
    "text",
    [
        "{claim}`gain`",
        "13.4 %",
        "We tilt by 45°, then 28 pixels.",
        "$13.4\\,\\%$",
        "3.2 dB.\n\n% exact: 3.2 dB",
        "`9.5 ms`",
    ],
)
def test_numbers_with_a_source_settings_and_code_are_free(book, text):
    book.cell("quiz").source += f"\n\nIt gains {text}"
    assert book.findings() == []


def test_a_formula_s_degrees_are_numbers_too_but_its_letters_are_no_units(book):
    book.notation += "| $s$ | spacing |\n"
    book.cell("quiz").source += "\n\nHere $x = 2s$."
    assert book.findings() == []
    book.run = None
    book.cell("quiz").source += " And $\\theta = 29.4^\\circ$."
    only(book.findings(), "part/one:quiz", "the number 29.4 °")


@pytest.mark.parametrize(
    "data", [{"image/png": "aaaa"}, {"text/html": "<img src='data:image/png;base64,aa'>"}]
)
def test_a_picture_from_elsewhere_is_refused(book, data):
    book.ran()["share"].outputs = [new_output("display_data", data)]
    only(book.findings(), "part/one:share", "an output holds a picture")


def test_a_figure_of_the_library_is_welcome(book):
    book.ran()["share"].outputs = [new_output("display_data", {"text/html": PICTURE})]
    assert book.findings() == []


def test_a_picture_says_what_is_to_be_seen(book):
    book.article = PICTURE.replace(ALT, "A five.")
    only(
        book.findings(),
        "part/one:-",
        "svg 'A five.' has 7 characters of alternative text, wanted at least 40",
    )


def test_a_drawing_without_words_is_caught_but_not_an_icon(book):
    book.article = '<svg aria-hidden="true"></svg>' + PICTURE
    assert book.findings() == []
    book.article = "<svg></svg>"
    only(book.findings(), "part/one:-", "svg '' has 0 characters")


def test_the_parts_of_a_described_picture_need_no_words_of_their_own(book):
    panels = '<img src="data:image/webp;base64,aa" alt="" loading="lazy">' * 2
    book.article = f'<div role="img" aria-label="{ALT}">{panels}</div>'
    assert book.findings() == []
    book.article = panels
    assert len(book.findings()) == 2


def test_an_alternative_text_is_not_the_caption(book):
    book.article = PICTURE.replace("Read.", ALT)
    only(book.findings(), "part/one:-", "has its caption as alternative text, wanted what is to be seen")


def test_an_alternative_text_is_unique_in_the_book(book):
    book.other = PICTURE
    only(book.findings(), "part/one:-", "has an alternative text that notation has too, wanted it unique")


def test_the_head_diagram_may_recur(book):
    book.article = book.other = PICTURE.replace("ktn-figure", "ktn-figure ktn-arrows")
    assert book.findings() == []


def test_a_widget_has_a_description(book):
    book.article = PLACE.replace(WIDGET, "A dial.")
    only(book.findings(), "part/one:-", "a widget's description has 7 characters, wanted at least 40")


def test_images_are_webp_or_svg_loaded_lazily_and_small(book):
    (book.html / "book/part").mkdir(parents=True)
    (book.html / "book/part/a.png").write_bytes(b"x" * 60_001)
    book.article = f'<img src="a.png" alt="{ALT}">'
    findings = "\n".join(book.findings())
    assert "'a.png', wanted SVG or WebP" in findings
    assert 'is not loaded lazily, wanted loading="lazy"' in findings
    assert "a.png has 60001 bytes, wanted at most 60000" in findings


def noise(size):
    return random.Random(0).randbytes(size).hex()[:size]


def test_scripts_have_a_budget_and_ours_a_smaller_one(book):
    (book.html / "_static").mkdir(parents=True)
    (book.html / "_static/widgets.js").write_text(noise(150_000))
    book.head = '<script src="../../_static/widgets.js?v=1"></script>'
    only(book.findings(), "part/one:-", "kB, wanted at most 60")
    (book.html / "_static/widgets.js").rename(book.html / "_static/theirs.js")
    book.head = '<script src="../../_static/theirs.js"></script>' * 2
    assert book.findings() == []
    (book.html / "_static/theirs.js").write_text(noise(800_000))
    built_page.weight.cache_clear()
    only(book.findings(), "part/one:-", "kB, wanted at most 400")


def test_the_code_of_a_widget_counts_once_however_often_it_stands_on_a_page(book):
    once = {"_esm": noise(80_000)}
    book.state = {"state": {"a": {"state": once}, "b": {"state": once}, "c": {"state": {}}}}
    row = book.lint()[0]["part/one"]
    assert 40 < row["ours kB"] < 50
    assert row["page kB"] > 80  # the page itself carries it twice


def test_a_page_has_a_budget_with_pictures_styles_and_mathjax_s_fonts(book):
    fonts = book.html / "_static/mathjax/output/chtml/fonts/woff-v2"
    fonts.mkdir(parents=True)
    (fonts / "MathJax_Zero.woff").write_bytes(b"x" * 1_600_000)
    (fonts / "MathJax_Fraktur-Bold.woff").write_bytes(b"x" * 9_000_000)
    (book.html / "_static/mathjax/tex.js").write_text("1")
    (book.html / "_static/theme.css").write_text("p {}")
    book.head = '<script src="../../_static/mathjax/tex.js"></script>'
    book.head += '<link rel="stylesheet" href="../../_static/theme.css">'
    only(book.findings(), "part/one:-", "page transfers 1600 kB, wanted at most 1500")


@pytest.mark.parametrize("address", ["gone.js", "https://cdn.example/x.js"])
def test_what_is_not_a_file_of_the_site_is_named(book, address):
    book.head = f'<script src="{address}"></script>'
    only(book.findings(), "part/one:-", f"loads '{address}', wanted a file of the site")


def test_parts_are_skipped_only_where_their_option_is_not_given(book):
    book.lint()
    rows, findings = chapter_lint.lint(book.root)
    assert findings == []
    assert "page kB" not in rows["part/one"]
    shutil.rmtree(book.html)
    shutil.rmtree(book.executed)
    findings = "\n".join(chapter_lint.lint(book.root, book.html, book.executed)[1])
    assert "part/one:-: no executed copy at" in findings
    assert "part/one:-: no page at" in findings


def test_a_page_of_the_contents_that_is_not_there_is_named(book):
    book.lint()
    (book.root / "_toc.yml").write_text(
        "root: book/appendices/notation\nchapters:\n  - file: book/part/two\n"
    )
    only(chapter_lint.lint(book.root)[1], "part/two:-", "no book/part/two.ipynb or .md")


def test_the_table_ends_with_the_limits(book):
    lines = chapter_lint.table(book.lint()[0]).splitlines()
    assert lines[0].split()[:2] == ["words", "headings"]
    assert lines[-1].startswith("at most")
    assert "4000" in lines[-1]


def test_findings_end_the_command_with_one(book, monkeypatch, capsys):
    monkeypatch.setattr(
        chapter_lint, "lint", lambda *given: ({"a": {"words": 1}}, ["a:b: this, wanted that"])
    )
    monkeypatch.setattr("sys.argv", ["chapter_lint.py"])
    with pytest.raises(SystemExit, match="a:b: this, wanted that"):
        chapter_lint.main()
    assert "at most" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("formula", "wanted"),
    [
        (r"\hat x_i + \mathbf{d}", {r"\hat{x}", "i", r"\mathbf{d}"}),
        (r"\bar\Gamma(Tx) \\[2pt] \dots s", {r"\bar{\Gamma}", "T", "x", "s"}),
        (r"\operatorname{atan2}(V, U) \le \tfrac12\,\mathrm d\varphi", {"V", "U", r"\varphi"}),
        (r"\begin{aligned} a &= \lVert b\rVert_{\text{max}} \end{aligned}", {"a", "b"}),
    ],
)
def test_the_symbols_of_a_formula(formula, wanted):
    assert symbols(formula) == wanted


def test_labels_of_all_three_kinds_are_found():
    text = "$$x$$ (one)\n\n```{math}\n:label: two\nx\n```\n\n\\begin{align}\\label{three} x\\end{align}"
    assert labels(text) == ["one", "two", "three"]


def test_plain_text_keeps_prose_in_directives_and_drops_code_comments_and_options():
    text = "```{exercise} Turn\n:label: a\n\nProse.\n```\n% comment\n```python\ncode\n```\n"
    text += "(target)=\nSee `x = 1`, {eq}`b`."
    assert plain(text).split() == ["Turn", "Prose.", "See", ",", "{eq}`b`."]
