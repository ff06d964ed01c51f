"""Run an experiment, survive a kill at any moment, record the result. No torch: experiments bring their own.

An experiment is one module of this package (or a file given by its path), with::

    SCALES    {"smoke": {"seeds": 5, "digits": 64}, ...}: arguments of `run_seed` by scale; `seeds`: how many
    UNITS     {"error": "", "accuracy": "%"}: the unit of each metric, by the dotted beginning of its name
    run_seed(seed, *, device, checkpoint, **scale) -> {"error.rotate-45.oriented": 0.68, ...}

`run_seed` is pure: its numbers follow from its arguments, so that seeds may run in any order, process or
machine. A long one calls `checkpoint.save(state)` now and then and begins with `checkpoint.load()`.

On the disk, below the repository (below the current folder for an installed package)::

    _runs/<run>/run.json       what this run is; other code, configuration, versions or machine are refused
    _runs/<run>/seed-3.npz     the latest checkpoint of a seed in progress
    _runs/<run>/seed-3.json    a finished seed
    data/results/<run>.json    the result; the folder above is emptied when it is written

Each file is whole or absent (ktnlib/atomic.py) and says enough by itself, so that no kill leaves anything to
repair: the same command finds what is finished and goes on from there.
"""

import ast
import contextlib
import importlib
import importlib.util
import json
import time
from pathlib import Path
from types import ModuleType
from typing import Any

from ktnlib.atomic import remove, sweep, write_atomically

from . import provenance, record, state
from .progress import progress
from .provenance import RefusedError

ROOM = Path(__file__).parent


class Checkpoint:
    """What a seed in progress leaves behind and finds again: one state, replaced whole at each `save`."""

    def __init__(self, path: Path, device: str) -> None:
        self.path, self.device = path, device
        self.before = {"wall_seconds": 0.0, "peak_memory_bytes": 0}
        self.begun = time.monotonic()

    def load(self) -> Any:
        """The state that was saved last, or None for a seed that begins."""
        try:
            saved = state.unpack(self.path.read_bytes())
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise ValueError(f"{self.path}: {error}; remove this file to begin its seed again") from error
        self.before = saved["cost"]
        return saved["state"]

    def save(self, tree: Any) -> None:
        """Keep a state: nested dictionaries, lists and tuples of numbers, strings, None, arrays, tensors."""
        write_atomically(self.path, state.pack({"cost": self.cost(), "state": tree}))

    def cost(self) -> dict[str, float]:
        """Seconds and bytes so far, those before an interruption included."""
        return {
            "wall_seconds": self.before["wall_seconds"] + time.monotonic() - self.begun,
            "peak_memory_bytes": max(self.before["peak_memory_bytes"], provenance.peak_memory(self.device)),
        }


def run(
    name: str,
    *,
    scale: str = "smoke",
    device: str = "auto",
    seeds: int | None = None,
    root: Path | None = None,
    restart: bool = False,
) -> Path:
    """Run all seeds that are not finished yet and write the result; returns its path.

    Args:
        name: an experiment of `list`, or the path of a .py file that is one.
        scale: "smoke", "laptop" or "paper", of those that the experiment has.
        device: "cpu", "cuda", or "auto" for the one that is there.
        seeds: how many, 0 to seeds − 1; None: as the scale says.
        root: the folder that holds `_runs` and `data/results`; None: the repository, else the current folder.
        restart: throw away what an interrupted run left, instead of going on with it.

    Raises:
        RefusedError: a ValueError: an unknown name, scale or device; an interrupted run of other code,
            configuration, versions or machine, with the difference.
        ValueError: metrics that are not finite, without a unit, or not the same for every seed.
        OSError: a file that cannot be written, with its path.
    """
    module = load(name)
    parameters = _parameters(module, scale)
    default = parameters.pop("seeds")
    count = default if seeds is None else seeds
    if count < 1:
        raise RefusedError(f"`seeds` is {count}; wanted at least 1")
    device = provenance.choose_device(device)
    title = Path(name).stem.replace("_", "-")
    stem = "-".join([title, scale] + [device] * (device != "cpu"))
    root = root or provenance.repository() or Path.cwd()
    folder, target = root / "_runs" / stem, root / "data" / "results" / f"{stem}.json"
    for place in (folder, target.parent):
        sweep(place)
    if restart:
        _clear(folder)
    identity = {"experiment": title, "scale": scale, "parameters": parameters, "device": device}
    identity |= {"versions": provenance.versions(), "machine": provenance.machine()}
    _same_run(folder, identity | {"code": provenance.code_hash(module.__file__)})
    finished = []
    for seed in progress(range(count), stem):
        finished.append(_finish_seed(module, seed, folder, device, parameters))
    command = f"python -m ktnlib.experiments run {name} --scale {scale} --device {device} --seeds {count}"
    result = {"experiment": title, "scale": scale, "command": command, "device": device}
    write_atomically(target, record.as_json(result | record.summary(finished, module.UNITS)))
    _clear(folder)
    return target


def load(name: str) -> ModuleType:
    """The module of an experiment, by its name or by the path of its file.

    Raises:
        RefusedError: an unknown name, no file, or a file that is no experiment.
    """
    if name.endswith(".py"):
        if not Path(name).is_file():
            raise RefusedError(f"there is no file {name}; wanted the path of a module that is an experiment")
        spec = importlib.util.spec_from_file_location(Path(name).stem, name)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        if lacking := [part for part in ("SCALES", "UNITS", "run_seed") if not hasattr(module, part)]:
            raise RefusedError(f"{name} is no experiment: it lacks {', '.join(lacking)}")
        return module
    if name not in experiments():
        raise RefusedError(
            f"there is no experiment {name!r}; wanted one of {', '.join(experiments())}, or a .py file"
        )
    return importlib.import_module(f"{__package__}.{name.replace('-', '_')}")


def experiments() -> dict[str, str]:
    """The names of the experiments and what each measures; the modules are read, not imported.

    >>> "commutation" in experiments()
    True
    """
    found = {}
    for path in sorted(ROOM.glob("*.py")):
        tree = ast.parse(path.read_bytes())
        if any(isinstance(node, ast.FunctionDef) and node.name == "run_seed" for node in tree.body):
            found[path.stem.replace("_", "-")] = (ast.get_docstring(tree) or "").partition("\n")[0]
    return found


def _parameters(module: ModuleType, scale: str) -> dict[str, Any]:
    if scale not in module.SCALES:
        raise RefusedError(f"`scale` is {scale!r}; wanted one of {', '.join(map(repr, module.SCALES))}")
    return dict(module.SCALES[scale])


def _same_run(folder: Path, identity: dict[str, Any]) -> None:
    """Refuse to join seeds of two different runs; the numbers would be of neither."""
    path = folder / "run.json"
    if not path.exists() or not any(folder.glob("seed-*")):
        _clear(folder)  # seeds without a run.json are of nobody knows what
        write_atomically(path, record.as_json(identity))
        return
    before = record.flat(json.loads(path.read_bytes()))
    now = record.flat(json.loads(record.as_json(identity)))
    changed = [key for key in sorted(before | now) if before.get(key) != now.get(key)]
    if changed:
        lines = "\n".join(f"  {key}: {before.get(key)!r} -> {now.get(key)!r}" for key in changed)
        raise RefusedError(
            f"{folder} holds an interrupted run of something else:\n{lines}\n"
            "put that back to finish it, or add --restart to throw it away and begin again"
        )


def _finish_seed(
    module: ModuleType, seed: int, folder: Path, device: str, parameters: dict[str, Any]
) -> dict[str, Any]:
    finished, unfinished = folder / f"seed-{seed}.json", folder / f"seed-{seed}.npz"
    # read, not asked for first: another process with the same run may be clearing the folder
    with contextlib.suppress(FileNotFoundError):
        return json.loads(finished.read_bytes())
    checkpoint = Checkpoint(unfinished, device)
    metrics = module.run_seed(seed, device=device, checkpoint=checkpoint, **parameters)
    record.finite(metrics, seed)
    outcome = {"seed": seed, "metrics": metrics} | checkpoint.cost()
    write_atomically(finished, record.as_json(outcome))
    remove(unfinished)
    return outcome


def _clear(folder: Path) -> None:
    """Empty a run's folder, run.json last, so that a kill in between leaves a run that goes on."""
    for path in [*sorted(folder.glob("seed-*")), folder / "run.json"]:
        remove(path)
