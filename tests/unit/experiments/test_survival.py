"""Real processes, killed by a real signal 9: the same command ends with the numbers of an undisturbed run."""

import json
import os
import random
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import ktnlib

HERE = Path(__file__).parent
KILLED = -9


def command(toy, root, scale):
    run = [sys.executable, "-m", "ktnlib.experiments", "run", str(HERE / toy)]
    return [*run, "--scale", scale, "--device", "cpu", "--root", str(root)]


@pytest.fixture(scope="module", autouse=True)
def library(tmp_path_factory):
    """A copy, so that the library may be edited while this runs: the engine would rightly refuse to go on."""
    folder = tmp_path_factory.mktemp("library")
    shutil.copytree(
        Path(ktnlib.__file__).parent, folder / "ktnlib", ignore=shutil.ignore_patterns("__pycache__")
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(folder))
        patch.chdir(folder)
        yield


def start(root, *, toy="toy.py", scale="smoke", fault=""):
    environment = os.environ | {"KTNLIB_FAULT": fault}
    return subprocess.Popen(
        command(toy, root, scale), env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def run(root, **options):
    process = start(root, **options)
    _, errors = process.communicate(timeout=300)
    return process.returncode, errors


def metrics(root, name="toy-smoke"):
    result = json.loads((root / "data" / "results" / f"{name}.json").read_bytes())
    return result["seeds"], result["metrics"]


def files(root):
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def finished_like(root, expected, name="toy-smoke", **options):
    """What is wrong after the same command was given again; empty where nothing is."""
    code, errors = run(root, **options)
    if code != 0:
        return f"the restart failed: {errors}"
    if metrics(root, name) != expected:
        return "the numbers differ"
    return "" if files(root) == [f"data/results/{name}.json"] else f"files are left: {files(root)}"


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    root = tmp_path_factory.mktemp("undisturbed")
    log = root.parent / "points"
    log.unlink(missing_ok=True)
    code, errors = run(root, fault=f"LOG:{log}")
    assert code == 0, errors
    return metrics(root), log.read_text().splitlines()


@pytest.mark.slow
def test_a_run_killed_at_every_boundary_and_inside_every_write_ends_with_the_same_bits(undisturbed, tmp_path):
    expected, points = undisturbed

    def killed_at(number):
        root = tmp_path / str(number)
        code, errors = run(root, fault=f"KILL:{number}")
        if code != KILLED:
            return f"point {number} ({points[number - 1]}): it was not killed: {code} {errors}"
        problem = finished_like(root, expected)
        return problem and f"point {number} ({points[number - 1]}): {problem}"

    with ThreadPoolExecutor(2) as pool:
        problems = [problem for problem in pool.map(killed_at, range(1, len(points) + 1)) if problem]
    print(f"kill -9 at named points: {len(points) - len(problems)} of {len(points)} survived")
    assert not problems
    assert len(points) >= 40
    assert {"open", "write", "fsync", "rename", "fsync of the folder", "written", "remove"} == set(points)


@pytest.mark.slow
def test_a_run_killed_at_random_times_ends_with_the_same_bits(tmp_path):
    begun = time.monotonic()
    code, errors = run(tmp_path / "whole", scale="slow")
    assert code == 0, errors
    expected, length = metrics(tmp_path / "whole", "toy-slow"), time.monotonic() - begun
    times = random.Random(7)

    def killed_once(number):
        for attempt in range(9):
            root = tmp_path / f"{number}-{attempt}"
            process = start(root, scale="slow")
            time.sleep(times.uniform(0.2, 0.9) * length)
            process.kill()
            process.communicate()
            if process.returncode == KILLED:
                return finished_like(root, expected, "toy-slow", scale="slow")
        return "it was always finished before the kill"

    with ThreadPoolExecutor(2) as pool:
        problems = [problem for problem in pool.map(killed_once, range(20)) if problem]
    print(f"kill -9 at random times: {20 - len(problems)} of 20 survived")
    assert not problems


@pytest.mark.slow
def test_a_torch_training_killed_five_times_ends_with_the_same_bits(tmp_path):
    training = {"toy": "toy_training.py"}
    code, errors = run(tmp_path / "whole", **training)
    assert code == 0, errors
    expected, root = metrics(tmp_path / "whole", "toy-training-smoke"), tmp_path / "killed"
    # inside the first checkpoint, before and inside later ones, after a rename, and as the seed is recorded
    for number in (11, 34, 18, 12, 30):
        code, errors = run(root, fault=f"KILL:{number}", **training)
        assert code == KILLED, errors
    assert finished_like(root, expected, "toy-training-smoke", **training) == ""
    print("kill -9 of a torch training: 5 of 5 survived")


def test_six_processes_that_start_the_same_run_at_once_all_end_well(undisturbed, tmp_path):
    processes = [start(tmp_path) for _ in range(6)]
    for process in processes:
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors
    assert metrics(tmp_path) == undisturbed[0]
    assert finished_like(tmp_path, undisturbed[0]) == ""


def test_an_interrupted_run_of_other_code_or_configuration_is_refused_with_the_difference(tmp_path):
    toy = tmp_path / "toy.py"
    toy.write_text((HERE / "toy.py").read_text())
    code, _ = run(tmp_path, toy=toy, fault="KILL:20")
    assert code == KILLED
    toy.write_text(toy.read_text().replace('"steps": 6', '"steps": 12'))
    code, errors = run(tmp_path, toy=toy)
    assert code == 2
    assert "interrupted run of something else" in errors
    assert "parameters.steps: 6 -> 12" in errors
    assert "code: '" in errors
    assert "--restart" in errors
    again = subprocess.run([*command(toy, tmp_path, "smoke"), "--restart"], capture_output=True, text=True)
    assert again.returncode == 0, again.stderr


def test_the_engine_and_the_package_import_no_torch():
    code = (
        "import sys, ktnlib, ktnlib.experiments, ktnlib.experiments.__main__ as m; m.main(['list']);"
        "assert not {'torch', 'numpy'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "commutation" in done.stdout


def test_nothing_is_drawn_where_nobody_watches(tmp_path):
    code, errors = run(tmp_path)
    assert (code, errors) == (0, "")
