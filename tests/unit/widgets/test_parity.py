import json
import shutil
import subprocess

import pytest
from parity import PARITY, largest_difference
from parity_globe import PARITY as PARITY_GLOBE
from parity_microscope import PARITY as PARITY_MICROSCOPE
from parity_morph import PARITY as PARITY_MORPH
from parity_rows import PARITY as PARITY_ROWS
from parity_sphere import PARITY as PARITY_SPHERE

CASES = [*PARITY, *PARITY_GLOBE, *PARITY_MICROSCOPE, *PARITY_MORPH, *PARITY_ROWS, *PARITY_SPHERE]
NODE = shutil.which("node")

# typed arrays come as lists; what is no number in JSON must not come as null unseen
CALLS = """
const plain = (key, value) => ArrayBuffer.isView(value) ? Array.from(value)
  : typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
const calls = %s, own = { %s };
console.log(JSON.stringify(calls.map(([name, given]) => own[name](...given)), plain));
"""


@pytest.fixture(scope="module")
def answers():
    """What Node makes of each case: one run of the very text that the page carries for each widget."""
    if NODE is None:
        pytest.skip("no Node here; the browser test calls the same functions with the same numbers")
    found = {}
    for widget in {case[0] for case in CASES}:
        own = [i for i, case in enumerate(CASES) if case[0] is widget]
        calls = json.dumps([[CASES[i][1], CASES[i][2]] for i in own])
        text = widget._esm + CALLS % (calls, ", ".join(sorted({CASES[i][1] for i in own})))
        run = subprocess.run(
            [NODE, "--input-type=module"], input=text, capture_output=True, text=True, check=False
        )
        assert run.returncode == 0, run.stderr[-2000:]
        found |= dict(zip(own, json.loads(run.stdout), strict=True))
    return found


@pytest.mark.parametrize("i", range(len(CASES)), ids=[f"{w.__name__}-{name}" for w, name, *_ in CASES])
def test_the_module_computes_what_python_computes(answers, i):
    *_, expected, tolerance = CASES[i]
    assert largest_difference(answers[i], expected) <= tolerance


@pytest.mark.parametrize(
    ("got", "expected"),
    [([1.0], [1.0, 2.0]), ({"a": 1}, {"b": 1}), ("1", 1), (None, 0.5), ("NaN", 0.5), ([[1, 2]], [[1, 3]])],
)
def test_the_comparison_sees_a_different_form_or_number(got, expected):
    assert largest_difference(got, expected) >= 1
