"""The result of a run: metrics over its seeds, and where they come from."""

import datetime
import json
import math
import statistics
from typing import Any

from . import provenance


def summary(finished: list[dict[str, Any]], units: dict[str, str]) -> dict[str, Any]:
    """What a result file says besides the experiment, the scale, the command and the device."""
    commit, dirty = provenance.commit()
    return {
        "commit": commit,
        "dirty": dirty,
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "versions": provenance.versions(),
        "seeds": [seed["seed"] for seed in finished],
        "wall_seconds": round(sum(seed["wall_seconds"] for seed in finished), 3),
        "peak_memory_bytes": max(seed["peak_memory_bytes"] for seed in finished),
        "metrics": {name: _metric(name, finished, units) for name in _names(finished)},
    }


def finite(metrics: dict[str, Any], seed: int) -> None:
    """Refuse metrics that are no finite Python numbers."""
    for name, value in metrics.items():
        if not isinstance(value, (int, float)) or not math.isfinite(value):
            raise ValueError(f"metric {name!r} of seed {seed} is {value!r}; wanted a finite Python number")


def _names(finished: list[dict[str, Any]]) -> list[str]:
    names = list(finished[0]["metrics"])
    for seed in finished:
        if other := set(names) ^ set(seed["metrics"]):
            raise ValueError(
                f"seeds 0 and {seed['seed']} do not report the same metrics: {', '.join(sorted(other))}"
            )
    return names


def _metric(name: str, finished: list[dict[str, Any]], units: dict[str, str]) -> dict[str, Any]:
    values = [seed["metrics"][name] for seed in finished]
    parts = name.split(".")
    beginnings = [".".join(parts[:length]) for length in range(len(parts), 0, -1)]
    unit = next((units[beginning] for beginning in beginnings if beginning in units), None)
    if unit is None:
        raise ValueError(f"metric {name!r} has no unit; add {parts[0]!r} to UNITS ('' for a pure number)")
    spread = statistics.stdev(values) if len(values) > 1 else None
    return {"values": values, "mean": statistics.fmean(values), "std": spread, "unit": unit}


def flat(tree: Any, prefix: str = "") -> dict[str, Any]:
    """Nested dictionaries as one, with dotted names.

    >>> flat({"a": {"b": 1}, "c": 2})
    {'a.b': 1, 'c': 2}
    """
    if not isinstance(tree, dict):
        return {prefix: tree}
    leaves = {}
    for name, item in tree.items():
        leaves |= flat(item, f"{prefix}.{name}".strip("."))
    return leaves


def as_json(tree: Any) -> bytes:
    """The bytes of a readable JSON file; floats keep every bit."""
    return (json.dumps(tree, indent=1, allow_nan=False, ensure_ascii=False) + "\n").encode()
