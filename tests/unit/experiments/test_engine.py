import json
import math
import re
import subprocess
from pathlib import Path

import pytest

from ktnlib.experiments import claims, engine, provenance
from ktnlib.experiments.__main__ import main

TOY = str(Path(__file__).parent / "toy.py")


def experiment(folder, body, scales='{"smoke": {"seeds": 2}}', units='{"a": ""}'):
    path = folder / "short.py"
    path.write_text(
        f"SCALES = {scales}\nUNITS = {units}\ndef run_seed(seed, *, device, checkpoint):\n    {body}\n"
    )
    return str(path)


def test_a_result_says_what_was_measured_how_and_by_what(tmp_path):
    path = engine.run(TOY, device="cpu", seeds=3, root=tmp_path)
    assert path == tmp_path / "data" / "results" / "toy-smoke.json"
    result = json.loads(path.read_bytes())
    assert set(result) == {
        *("experiment", "scale", "command", "commit", "dirty", "date", "device", "versions", "seeds"),
        *("wall_seconds", "peak_memory_bytes", "metrics"),
    }
    assert result["command"].startswith("python -m ktnlib.experiments run ")
    assert result["command"].endswith("toy.py --scale smoke --device cpu --seeds 3")
    assert (result["experiment"], result["scale"], result["device"]) == ("toy", "smoke", "cpu")
    assert result["seeds"] == [0, 1, 2]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", result["date"])
    assert {"python", "numpy", "torch", "ktnlib"} == set(result["versions"])
    assert result["wall_seconds"] > 0
    assert result["peak_memory_bytes"] > 1e6
    walk = result["metrics"]["walk.sum"]
    assert set(walk) == {"values", "mean", "std", "unit"}
    assert walk["unit"] == "m"
    mean = sum(walk["values"]) / 3
    assert walk["mean"] == pytest.approx(mean)
    assert walk["std"] == pytest.approx(math.sqrt(sum((v - mean) ** 2 for v in walk["values"]) / 2))


def test_one_seed_has_no_spread(tmp_path):
    result = json.loads(engine.run(TOY, device="cpu", seeds=1, root=tmp_path).read_bytes())
    assert result["metrics"]["chance"]["std"] is None


def test_a_seed_gives_the_same_numbers_whatever_ran_before_it(tmp_path):
    many = json.loads(engine.run(TOY, device="cpu", seeds=3, root=tmp_path / "a").read_bytes())
    few = json.loads(engine.run(TOY, device="cpu", seeds=2, root=tmp_path / "b").read_bytes())
    assert many["metrics"]["walk.sum"]["values"][:2] == few["metrics"]["walk.sum"]["values"]


def test_nothing_but_the_result_stays(tmp_path):
    engine.run(TOY, device="cpu", root=tmp_path)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["toy-smoke.json"]


def test_a_run_stopped_while_it_clears_up_still_knows_what_it_was(monkeypatch, tmp_path):
    def stop(path):
        if path.name == "seed-1.json":
            raise KeyboardInterrupt
        path.unlink(missing_ok=True)

    monkeypatch.setattr(engine, "remove", stop)
    with pytest.raises(KeyboardInterrupt):
        engine.run(TOY, device="cpu", root=tmp_path)
    left = {path.name for path in (tmp_path / "_runs" / "toy-smoke").iterdir()}
    assert left == {"run.json", "seed-1.json"}


def test_a_damaged_checkpoint_is_named(tmp_path):
    folder = tmp_path / "_runs" / "toy-smoke"
    body = "raise KeyboardInterrupt"
    interrupted = experiment(tmp_path, body)
    with pytest.raises(KeyboardInterrupt):
        engine.run(interrupted, device="cpu", root=tmp_path)
    checkpoint = engine.Checkpoint(folder / "seed-0.npz", "cpu")
    folder.mkdir(exist_ok=True)
    checkpoint.path.write_bytes(b"PK damaged")
    with pytest.raises(ValueError, match=r"seed-0\.npz: no checkpoint, or a damaged one .* remove this file"):
        checkpoint.load()


def test_time_before_an_interruption_counts(tmp_path):
    first = engine.Checkpoint(tmp_path / "seed-0.npz", "cpu")
    first.begun -= 100
    first.save({"step": 1})
    second = engine.Checkpoint(tmp_path / "seed-0.npz", "cpu")
    assert second.load() == {"step": 1}
    assert 100 <= second.cost()["wall_seconds"] < 110


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "nothing"}, "there is no experiment 'nothing'; wanted one of camera-noise, commutation, "),
        ({"name": "nowhere/toy.py"}, r"there is no file nowhere/toy\.py; wanted the path of a module"),
        ({"name": __file__}, "test_engine.py is no experiment: it lacks SCALES, UNITS, run_seed"),
        ({"name": TOY, "scale": "huge"}, "`scale` is 'huge'; wanted one of 'smoke', 'slow'"),
        ({"name": TOY, "seeds": 0}, "`seeds` is 0; wanted at least 1"),
        ({"name": TOY, "device": "gpu"}, "`device` is 'gpu'; wanted one of 'auto', 'cpu', 'cuda'"),
    ],
)
def test_what_cannot_be_run_is_refused(tmp_path, options, message):
    with pytest.raises(engine.RefusedError, match=message):
        engine.run(**{"device": "cpu"} | options, root=tmp_path)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return {'a': float('nan')}", "metric 'a' of seed 0 is nan; wanted a finite Python number"),
        ("return {'a': 'much'}", "metric 'a' of seed 0 is 'much'"),
        ("return {'b.c': 1.0}", "metric 'b.c' has no unit; add 'b' to UNITS"),
        ("return {f'a.{seed}': 1.0}", "seeds 0 and 1 do not report the same metrics: a.0, a.1"),
    ],
)
def test_metrics_that_would_mislead_are_refused(tmp_path, body, message):
    with pytest.raises(ValueError, match=message):
        engine.run(experiment(tmp_path, body), device="cpu", root=tmp_path)
    assert not (tmp_path / "data").exists()


def test_the_most_special_unit_wins(tmp_path):
    name = experiment(tmp_path, "return {'a.b.c': 1.0, 'a.d': 2.0}", units='{"a": "m", "a.b": "%"}')
    metrics = json.loads(engine.run(name, device="cpu", root=tmp_path).read_bytes())["metrics"]
    assert (metrics["a.b.c"]["unit"], metrics["a.d"]["unit"]) == ("%", "m")


def test_cuda_without_a_card_is_refused(monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(provenance.shutil, "which", lambda name: "/usr/bin/nvidia-smi")
    assert provenance.choose_device("auto") == "cpu"
    with pytest.raises(engine.RefusedError, match="`device` is 'cuda', but torch sees no card"):
        provenance.choose_device("cuda")


def test_cuda_is_taken_where_there_is_a_card_and_named_in_the_file(monkeypatch, tmp_path):
    monkeypatch.setattr(provenance, "choose_device", lambda device: "cuda")
    monkeypatch.setattr(provenance, "peak_memory", lambda device: 1)
    assert engine.run(TOY, root=tmp_path).name == "toy-smoke-cuda.json"


def test_outside_a_repository_there_is_no_commit_and_results_go_to_the_current_folder(monkeypatch, tmp_path):
    # an environment may lie inside somebody's repository, whose commit says nothing of the library
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    who = ["-c", "user.name=ann", "-c", "user.email=ann@example.org"]
    subprocess.run(["git", "-C", tmp_path, *who, "commit", "-q", "--allow-empty", "-m", "x"], check=True)
    (tmp_path / "site-packages" / "ktnlib").mkdir(parents=True)
    monkeypatch.setattr(provenance, "PACKAGE", tmp_path / "site-packages" / "ktnlib")
    assert provenance.commit() == (None, None)
    monkeypatch.chdir(tmp_path)
    assert engine.run(TOY, device="cpu", seeds=1) == tmp_path / "data" / "results" / "toy-smoke.json"


def test_the_command_line_lists_runs_and_reports(capsys, tmp_path):
    assert main(["list"]) == 0
    assert re.search(r"commutation +smoke, laptop +How far convolution", capsys.readouterr().out)
    assert main(["run", TOY, "--device", "cpu", "--seeds", "1", "--root", str(tmp_path)]) == 0
    assert "recorded in" in capsys.readouterr().out
    assert main(["run", "nothing"]) == 2
    assert "there is no experiment 'nothing'" in capsys.readouterr().err


def test_in_a_repository_the_commit_and_whether_anything_differs_are_said(monkeypatch, tmp_path):
    (tmp_path / "data" / "results").mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text("")
    monkeypatch.setattr(provenance, "PACKAGE", tmp_path / "ktnlib")
    assert provenance.commit() == (None, None)
    git = ["git", "-C", tmp_path, "-c", "user.name=ann", "-c", "user.email=ann@example.org"]
    for command in (["init", "-q"], ["add", "pyproject.toml"], ["commit", "-q", "-m", "x"]):
        subprocess.run([*git, *command], check=True)
    head, dirty = provenance.commit()
    assert re.fullmatch("[0-9a-f]{40}", head)
    assert dirty is False
    (tmp_path / "data" / "results" / "a.json").write_text("{}")
    assert provenance.commit() == (head, False)
    (tmp_path / "pyproject.toml").write_text("#")
    assert provenance.commit() == (head, True)


def test_time_and_memory_of_an_interrupted_seed_are_kept(monkeypatch, tmp_path):
    monkeypatch.setattr(provenance, "peak_memory", lambda device: 500)
    engine.Checkpoint(tmp_path / "seed-0.npz", "cpu").save({})
    monkeypatch.setattr(provenance, "peak_memory", lambda device: 300)
    again = engine.Checkpoint(tmp_path / "seed-0.npz", "cpu")
    again.load()
    assert again.cost()["peak_memory_bytes"] == 500


def test_what_is_in_the_way_is_one_line(capsys, tmp_path):
    (tmp_path / "file").write_text("")
    assert main(["run", TOY, "--device", "cpu", "--root", str(tmp_path / "file")]) == 1
    assert re.fullmatch(r"error: .*/file/_runs/.*\n", capsys.readouterr().err)


def test_the_report_lists_results_and_open_scales(monkeypatch, capsys):
    some = {
        "seeds": [0, 1],
        "metrics": {"a": {}},
        "wall_seconds": 1.2,
        "date": "2026-01-01T10:20:30+00:00",
        "commit": "abc",
        "dirty": True,
    }
    monkeypatch.setattr(claims, "results", lambda: {"commutation-smoke": some})
    monkeypatch.setattr(claims, "claims", dict)
    assert main(["report"]) == 0
    report = capsys.readouterr().out
    assert re.search(r"recorded +seeds metrics seconds  on \(UTC\) +at commit", report)
    assert re.search(r"commutation-smoke +2 +1 +1  2026-01-01 10:20  abc \+ changes", report)
    assert "open: commutation at scale laptop is not recorded" in report
    assert "open: commutation at scale smoke" not in report
