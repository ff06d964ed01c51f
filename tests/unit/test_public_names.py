"""The library's face: every public name is documented and follows the same conventions."""

import importlib
import inspect
import subprocess
import sys

import pytest

SUBJECTS = ("sphere", "alignment")
ROOMS = (*SUBJECTS, "sphere.fitting", "data", "figures", "exercises", "widgets", "experiments")


def public(room: str) -> dict[str, object]:
    module = importlib.import_module(f"ktnlib.{room}")
    names = [name for name in dir(module) if not name.startswith("_")]
    found = {name: getattr(module, name) for name in names}
    return {name: value for name, value in found.items() if not inspect.ismodule(value)}


def functions() -> list:
    return [
        pytest.param(value, id=f"{room}.{name}")
        for room in ROOMS
        for name, value in public(room).items()
        if inspect.isfunction(value)
    ]


@pytest.mark.parametrize("room", ROOMS)
def test_every_public_name_has_a_docstring(room):
    for name, value in public(room).items():
        if callable(value):
            assert inspect.getdoc(value), f"ktnlib.{room}.{name}"


@pytest.mark.parametrize("room", [*SUBJECTS, "sphere.fitting"])
def test_a_subject_has_at_most_sixteen_public_names(room):
    assert len(public(room)) <= 16, sorted(public(room))


@pytest.mark.parametrize("function", functions())
def test_at_most_one_optional_argument_may_come_by_position(function):
    # the one that the call is about: a bias, a size, a file of a set
    optional = [
        name
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.default is not inspect.Parameter.empty
        and parameter.kind is not inspect.Parameter.KEYWORD_ONLY
    ]
    assert len(optional) <= 1, optional


@pytest.mark.parametrize("function", functions())
def test_arguments_and_results_are_typed(function):
    signature = inspect.signature(function)
    for name, parameter in signature.parameters.items():
        assert parameter.annotation is not inspect.Parameter.empty, name
    assert signature.return_annotation is not inspect.Signature.empty


@pytest.mark.parametrize("room", SUBJECTS)
def test_the_functions_of_a_subject_show_an_example(room):
    for name, value in public(room).items():
        if inspect.isfunction(value):
            assert ">>>" in inspect.getdoc(value), f"ktnlib.{room}.{name}"


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_the_library_brings_no_torch_and_prints_nothing():
    assert run("import sys, ktnlib; sys.exit('torch' in sys.modules)") == ""


def test_importing_every_part_prints_and_warns_of_nothing():
    assert (
        run("import torch, warnings; warnings.simplefilter('error'); import ktnlib.sphere, ktnlib.data") == ""
    )


def test_the_engine_and_its_command_line_start_without_torch():
    assert run("import sys, ktnlib.experiments.__main__; sys.exit('torch' in sys.modules)") == ""


def test_optional_packages_are_not_imported_before_they_are_used():
    unwanted = "{'matplotlib', 'pooch', 'anywidget'}"
    imports = "import sys, ktnlib.sphere, ktnlib.data, ktnlib.figures"
    assert run(f"{imports}; sys.exit(bool({unwanted} & set(sys.modules)))") == ""


def test_an_unknown_part_of_the_library_is_named_with_those_there_are():
    with pytest.raises(AttributeError, match="it has alignment, data, exercises"):
        importlib.import_module("ktnlib").spheer  # noqa: B018
