import gzip
import importlib.util
import inspect
import pathlib
import re
import shutil
import subprocess
import sys

import pytest
import torch

from ktnlib import widgets
from ktnlib.widgets import BookWidget, assemble
from ktnlib.widgets.arrays import float_bytes, layer_weights, odd_square, square

HERE = pathlib.Path(widgets.__file__).parent
CLASSES = [value for value in vars(widgets).values() if inspect.isclass(value) and value is not BookWidget]
FILES = sorted([*HERE.glob("*.js"), *HERE.glob("shared/*.js")])


def names(files) -> list[str]:
    return [file.name for file in files]


@pytest.mark.parametrize("widget", CLASSES)
def test_a_module_imports_nothing_and_never_writes_markup(widget):
    assert not re.search(
        r"^\s*import\b|\bimport\s*\(|innerHTML|outerHTML|insertAdjacentHTML", widget._esm, re.M
    )
    assert widget._esm.count("export default") == 1


@pytest.mark.parametrize("widget", CLASSES)
def test_a_module_fetches_nothing_and_keeps_the_console_clean(widget):
    assert not re.search(r"console\.|fetch\(|https?://|@import|url\(", widget._esm + widget._css)


@pytest.mark.parametrize("widget", CLASSES)
def test_a_module_is_one_that_a_browser_can_read(widget):
    node = shutil.which("node")
    if node is None:
        pytest.skip("no Node here; the browser tests load every module")
    run = subprocess.run(
        [node, "--input-type=module", "--check"],
        input=widget._esm,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("widget", CLASSES)
def test_no_two_parts_of_a_module_share_a_name(widget):
    found = re.findall(r"^(?:export )?(?:const|let|function|class) (\w+)", widget._esm, re.M)
    assert len(found) == len(set(found))


@pytest.mark.parametrize("file", FILES, ids=names(FILES))
def test_a_file_of_script_stays_short(file):
    limit = 150 if file.parent.name == "shared" else 300
    assert len(file.read_text(encoding="utf-8").splitlines()) <= limit


def test_all_our_script_together_is_light():
    packed = sum(len(gzip.compress(file.read_bytes())) for file in FILES)
    assert packed < 80_000


@pytest.mark.parametrize("widget", CLASSES)
def test_a_widget_reserves_its_place(widget):
    assert widget.reserve.default_value >= 100
    assert widget.reserve_narrow.default_value >= widget.reserve.default_value


@pytest.mark.parametrize("text", ["", " ", "two\nlines"])
def test_a_task_is_one_line(text):
    with pytest.raises(
        ValueError, match=r"`task` is .* wanted one line of text that gives the reader an aim"
    ):
        BookWidget(task=text)


def test_a_description_says_enough():
    with pytest.raises(ValueError, match="`description` has 9 characters; wanted at least 40"):
        BookWidget(description="a picture")
    assert BookWidget(description="x" * 40).description == "x" * 40


def test_an_unknown_part_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"`parts` names 'utils.js'; wanted .* controls.js"):
        assemble("utils.js")


def test_parts_are_joined_in_the_order_given():
    both = assemble("motion.js", "controls.js")
    assert both.index("function drag") < both.index("function frame")


def test_without_anywidget_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "anywidget", None)
    spec = importlib.util.spec_from_file_location("base_alone", HERE / "base.py")
    with pytest.raises(ImportError, match=r"pip install 'ktnlib\[widgets\]'"):
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


def test_numbers_travel_as_little_endian_float32_row_by_row():
    values = torch.tensor([[1.0, 2.0], [3.0, -4.5]], dtype=torch.float64).T
    assert float_bytes(values) == bytes.fromhex("0000803f0000404000000040000090c0")


@pytest.mark.parametrize("shape", [(3, 4), (2, 1, 5, 5), (5,)])
def test_a_picture_that_is_no_single_square_is_refused(shape):
    with pytest.raises(ValueError, match=r"`image` has shape .* wanted one square plane"):
        square("image", torch.zeros(shape))


def test_a_picture_of_whole_numbers_is_refused():
    with pytest.raises(TypeError, match=r"`image` has dtype torch.int64"):
        square("image", torch.zeros(4, 4, dtype=torch.int64))


def test_a_kernel_without_a_middle_is_refused():
    with pytest.raises(ValueError, match="`kernel` is 4 pixels wide; wanted an odd width"):
        odd_square("kernel", torch.zeros(4, 4))


def test_channels_of_different_widths_are_refused():
    with pytest.raises(ValueError, match=r"`pair` has 2 channels of widths \[3, 5\]; wanted one or two"):
        layer_weights("pair", {"a": torch.zeros(3, 3), "b": torch.zeros(5, 5)})
