"""Hold the chapters of _toc.yml against the house rules: print a table of them, and what breaks a rule.

A *chapter* is a notebook in a folder of book/, such as book/sphere/equirectangular_grid.ipynb. The intro
and the Markdown pages are none: of the intro the cells are checked, and of every page the pictures and the
weight.

* Exercises, four or more: below each `{exercise}`, before the next, a folded solution (`{solution-start}
  its-label` with `:class: dropdown`) around a code cell, which ran without an error. One section with
  "questions" in its heading holds five answers in `{dropdown}`s.
* Sizes: LIMITS below. A line of code is neither blank nor a comment; words are prose without formulas.
* Equations that carry a label are referenced somewhere in the book: `{eq}`.
* Symbols in formulas (letters, Greek, decorated letters such as \\hat{x}) stand in the first column of the
  notation page. Words in \\mathrm, \\text, \\operatorname and names such as \\sin are no symbols, nor is
  \\pi.
* Measured numbers in Markdown, those with a unit (%, dB, °, ms, px and the like), come from the claim role;
  or their value stands in an `assert` of the chapter, 13.4 % as 13.4 or as 0.134; or they are exact or
  given, and a comment in the same cell says so: `% exact: 30 %, 29.4°`. Whole degrees and whole pixels are
  settings and need nothing.
* Figures come from ktnlib.figures, whose `show` refuses axes with data and no label: no other picture is an
  output.
* Pictures have an alternative text of 40 characters, unique in the book (the head diagram recurs) and not
  the caption; widgets have a description. Images are SVG or WebP, at most 60 kB, loaded lazily.
* Transfer with a cold cache, text compressed by gzip: all that a page loads, with the fonts of MathJax.
"""

import argparse
import ast
import pathlib
import re
import statistics
import sys

import nbformat
from built_page import Page, check_transfer, check_words
from formulas import formulas, labels, plain, references, symbols, without_formulas

LIMITS = {"words": 4000, "headings": 12, "lines": 200, "longest": 15, "median": 6}
LIMITS |= {"page kB": 1500, "script kB": 400, "ours kB": 60}
COLUMNS = ("words", "headings", "cells", "lines", "longest", "median", "exercises", "pictures", "widgets")
COLUMNS += ("page kB", "script kB", "ours kB")

MARKS = {
    "exercise": r"^[`:]{3,}\{exercise(?:-start)?\}.*\n(?:\s*:(?!label)[\w-]+:.*\n)*\s*:label:\s*(\S+)",
    "solution": r"^[`:]{3,}\{solution-start\}\s*(\S+)((?:\s*\n\s*:[\w-]+:.*)*)",
    "end": r"^[`:]{3,}\{solution-end\}",
    "heading": r"^##+ (.*)",
    "answer": r"^[`:]{3,}\{dropdown\}",
}
MEASURED = re.compile(
    r"(?<![\w.,^])(\d[\d,]*(?:\.\d+)?)[\s\u00a0\u202f]*"
    r"(%|per cent\b|dB\b|°|degrees?\b|[mµ]?s\b|seconds?\b|minutes?\b|px\b|pixels?\b|[kMG]B\b|[GT]MACs?\b)"
)
SETTINGS = ("°", "degree", "degrees", "px", "pixel", "pixels")


def code_lines(source: str) -> int:
    return sum(bool(line.strip()) and not line.lstrip().startswith("#") for line in source.splitlines())


def check_cells(cells, is_chapter):
    """Stored outputs, sizes, headings: (row of the table, findings)."""
    code, text = ([cell for cell in cells if cell.cell_type == kind] for kind in ("code", "markdown"))
    sizes = [code_lines(cell.source) for cell in code]
    prose = {cell.id: plain(cell.source) for cell in text}
    heads = [
        (where, line) for where in prose for line in re.findall(r"^#{2,} .*", prose[where], re.MULTILINE)
    ]
    words = re.findall(r"[^\W\d_][\w'’-]*", without_formulas("\n".join(prose.values())))
    row = {"words": len(words), "headings": len(heads), "cells": len(code), "lines": sum(sizes)}
    row |= {"longest": max(sizes, default=0), "median": statistics.median(sizes or [0])}
    found = [
        (cell.id, "stored outputs, wanted none") for cell in code if cell.outputs or cell.execution_count
    ]
    for cell, size in zip(code, sizes, strict=True):
        if size > LIMITS["longest"]:
            found.append((cell.id, f"{size} lines of code, wanted at most {LIMITS['longest']}"))
    found += [
        (where, f"{line!r} is on a third level, wanted two") for where, line in heads if "####" in line[:4]
    ]
    limited = ("words", "headings", "lines", "median") if is_chapter else ("lines", "median")
    found += [
        ("-", f"{key}: {row[key]:g}, wanted at most {LIMITS[key]}")
        for key in limited
        if row[key] > LIMITS[key]
    ]
    return row, found


def check_exercises(cells, executed):
    """Each exercise has a folded solution that ran, before the next; a quiz of five: (count, findings)."""
    ran = {cell.id: cell for cell in executed.cells} if executed else None
    found, exercises, answers, quiz, solving = [], [], 0, False, False
    for cell in cells:
        if cell.cell_type == "code":
            if solving:
                exercises[-1]["solved"] = True
                found += [(cell.id, what) for what in _ran(cell, ran)]
            continue
        hits = [
            (hit.start(), kind, hit)
            for kind, mark in MARKS.items()
            for hit in re.finditer(mark, cell.source, re.M)
        ]
        for _, kind, hit in sorted(hits, key=lambda one: one[0]):
            if kind == "exercise":
                exercises.append({"cell": cell.id, "label": hit[1], "solved": False})
                solving = False
            elif kind == "solution":
                solving = bool(exercises) and exercises[-1]["label"] == hit[1]
                if not solving:
                    found.append(
                        (cell.id, f"solution of {hit[1]!r} stands elsewhere, wanted it below its exercise")
                    )
                if "dropdown" not in hit[2]:
                    found.append(
                        (cell.id, f"solution of {hit[1]!r} is not folded, wanted `:class: dropdown`")
                    )
            elif kind == "end":
                solving = False
            elif kind == "heading":
                quiz = bool(re.search(r"questions|quiz", hit[1], re.IGNORECASE))
            else:
                answers += quiz
    for one in exercises:
        if not one["solved"]:
            what = f"exercise {one['label']!r} has no solution with code below it, wanted one before the next"
            found.append((one["cell"], what))
    if len(exercises) < 4:
        found.append(("-", f"{len(exercises)} exercises, wanted four or more"))
    if answers != 5:
        found.append(("-", f"a quiz with {answers} folded answers, wanted a section of questions with five"))
    return len(exercises), found


def _ran(cell, ran):
    if ran is None:
        return
    if cell.id not in ran or not ran[cell.id].execution_count:
        yield "the code of a solution did not run, wanted it executed"
    elif any(output.output_type == "error" for output in ran[cell.id].outputs):
        yield "the code of a solution ended in an error, wanted none"


def check_symbols(text, known):
    unknown = set().union(*map(symbols, formulas(plain(text)))) - known
    if unknown:
        yield f"symbols {', '.join(sorted(unknown))} are not on the notation page, wanted a row each"


def asserted_numbers(cells) -> set[float]:
    """Every number that an `assert` of these cells holds."""
    code = (cell.source for cell in cells if cell.cell_type == "code")
    trees = (ast.parse(re.sub(r"^\s*[%!].*$", "", source, flags=re.MULTILINE)) for source in code)
    statements = (node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Assert))
    constants = (node.value for one in statements for node in ast.walk(one) if isinstance(node, ast.Constant))
    return {abs(float(value)) for value in constants if isinstance(value, int | float)}


def check_numbers(text, asserted):
    exact = re.findall(r"[\d.]*\d", " ".join(re.findall(r"^\s*% exact:(.*)", text, re.MULTILINE)))
    prose = plain(text)
    # in a formula a letter is no unit
    tex = [re.sub(r"\\?[A-Za-z]+", "?", re.sub(r"\^\{?\\circ\}?", "°", one)) for one in formulas(prose)]
    for number, unit in MEASURED.findall("\n".join([without_formulas(prose), *tex]).replace("\\", "")):
        value, scales = float(number.replace(",", "")), (1, 100) if unit in ("%", "per cent") else (1,)
        held = any(abs(value - scale * one) < 1e-9 for one in asserted for scale in scales)
        if not held and number not in exact and not (unit in SETTINGS and "." not in number):
            yield f"the number {number} {unit} is typed, wanted {{claim}}, an assert or `% exact: {number}`"


def check_outputs(executed):
    for cell in executed.cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            foreign = [mime for mime in data if mime.startswith("image/")]
            markup = "".join(data.get("text/html", ""))
            if foreign or (re.search(r"<(img|svg)\b", markup) and '<figure class="ktn-figure' not in markup):
                kind = foreign[0] if foreign else "text/html"
                yield cell.id, f"an output holds a picture ({kind}), wanted one of `ktnlib.figures`"


def check_notebook(path, executed, name, known):
    """One notebook, source and executed copy: (row of the table, findings)."""
    cells, is_chapter = nbformat.read(path, 4).cells, "/" in name
    row, found = check_cells(cells, is_chapter)
    run = nbformat.read(executed, 4) if executed and executed.is_file() else None
    if executed and not run:
        found.append(("-", f"no executed copy at {executed}, wanted one"))
    if is_chapter:
        row["exercises"], more = check_exercises(cells, run)
        asserted = asserted_numbers(cells)
        found += more
        for cell in cells:
            if cell.cell_type == "markdown":
                both = (*check_symbols(cell.source, known), *check_numbers(cell.source, asserted))
                found += [(cell.id, what) for what in both]
    return row, [*found, *(check_outputs(run) if run else ())]


def check_labels(texts):
    """Labels of equations that nothing refers to; `texts` is (page, cell, Markdown)."""
    cited = set().union(*(references(text) for _, _, text in texts))
    for name, where, text in texts:
        for label in labels(text):
            if label not in cited:
                yield f"{name}:{where}: equation {label!r} is never referenced, wanted {{eq}}`{label}`"


def lint(root, html=None, executed=None):
    """Check the book below `root`: (rows of the table, findings as they are printed)."""
    notation = (root / "book" / "appendices" / "notation.md").read_text("utf-8")
    first_column = "\n".join(re.findall(r"^\|(.*?)(?<!\\)\|", notation, re.MULTILINE))
    known = set().union(*map(symbols, formulas(first_column))) | {"\\pi"}
    rows, findings, seen, texts = {}, [], {}, []
    for page in re.findall(r"(?:root|file): *(\S+)", (root / "_toc.yml").read_text("utf-8")):
        name, source = page.removeprefix("book/"), root / f"{page}.ipynb"
        row, found = {}, []
        if source.is_file():
            row, found = check_notebook(source, executed and executed / f"{page}.ipynb", name, known)
            cells = nbformat.read(source, 4).cells
            texts += [(name, cell.id, cell.source) for cell in cells if cell.cell_type == "markdown"]
        elif (root / f"{page}.md").is_file():
            texts.append((name, "-", (root / f"{page}.md").read_text("utf-8")))
        else:
            found.append(("-", f"no {page}.ipynb or .md, wanted what _toc.yml names"))
        built = html and html / f"{page}.html"
        if built and not built.is_file():
            found.append(("-", f"no page at {built}, wanted it built"))
        elif built:
            read = Page(built)
            weights, heavy = check_transfer(read, LIMITS)
            row |= {
                "pictures": sum(not one["inside"] for one in read.pictures),
                "widgets": len(read.widgets),
            } | weights
            found += [("-", what) for what in (*check_words(read, seen), *heavy)]
        rows[name] = row
        findings += [f"{name}:{where}: {what}" for where, what in found]
    return rows, [*findings, *check_labels(texts)]


def table(rows) -> str:
    keys = [key for key in COLUMNS if any(key in row for row in rows.values())]
    width = max(map(len, rows))
    lines = [" " * width + "".join(f"{key:>11}" for key in keys)]
    for name, row in (*rows.items(), ("at most", LIMITS)):
        lines.append(
            f"{name:{width}}" + "".join(f"{row[key]:>11.0f}" if key in row else " " * 11 for key in keys)
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description="Hold the chapters against the house rules.")
    parser.add_argument("--html", type=pathlib.Path, help="the built site; without it pages are not checked")
    parser.add_argument(
        "--executed", type=pathlib.Path, help="notebooks that ran; without it outputs are not checked"
    )
    given = parser.parse_args()
    rows, findings = lint(pathlib.Path(__file__).resolve().parents[1], given.html, given.executed)
    print(table(rows))
    if findings:
        sys.exit("\n".join(findings) + f"\nchapter lint: {len(findings)} findings")


if __name__ == "__main__":
    main()
