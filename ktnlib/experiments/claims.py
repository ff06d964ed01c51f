"""What the book says, held against what was measured: data/claims.toml and data/results.

A claim quotes one metric of one result and bounds it. Its bound may lie no further from the mean than two
standard deviations or a tenth of the mean, whichever is more: a bound that nothing can break says nothing.
"""

import functools
import json
import math
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ktnlib.shipped import shipped

# Metrics that are exactly 0 in the mathematics come out as sums of float64 roundings, far below this.
ROUNDING = 1e-9

_WANTED = {"id", "chapter", "text", "experiment", "scale", "metric"}
_ALLOWED = _WANTED | {"at_least", "at_most", "paper", "source", "verified"}


@dataclass(frozen=True)
class Claim:
    """One quantitative statement of the book; `mean` is None while it is not measured.

    `paper` is the published figure where there is one, `source` where it stands, `verified` whether somebody
    read it there.
    """

    id: str
    chapter: int
    text: str
    experiment: str
    scale: str
    metric: str
    at_least: float | int | None = None
    at_most: float | int | None = None
    paper: float | int | str | None = None
    source: str | None = None
    verified: bool | None = None
    mean: float | None = None
    std: float | None = None
    unit: str = ""
    n: int = 0
    date: str = ""

    def __str__(self) -> str:
        return "not measured" if self.mean is None else quantity(self.mean, self.std, self.unit)

    @property
    def slack(self) -> float:
        """How far the mean is inside the nearer bound; negative where the claim is broken."""
        room = [] if self.at_least is None else [self.mean - self.at_least]
        return min(room if self.at_most is None else [*room, self.at_most - self.mean])

    @property
    def verdict(self) -> str:
        """`holds`, `not measured`, `broken`, or `too loose`."""
        if self.mean is None:
            return "not measured"
        if self.slack < 0:
            return "broken"
        allowed = max(2 * (self.std or 0.0), 0.1 * abs(self.mean), ROUNDING)
        bounds = [bound for bound in (self.at_least, self.at_most) if bound is not None]
        far = any(abs(self.mean - bound) > allowed * (1 + 1e-9) for bound in bounds)
        return "too loose" if far else "holds"


def claim(id: str) -> Claim:
    """The claim of this name, with its measured value: `str()` of it is what the book prints.

    Raises:
        ValueError: a name that data/claims.toml does not have; a claim that is not measured yet.

    >>> print(claim("w-becomes-m"))
    0.304
    """
    found = claims()
    if id not in found:
        near = ", ".join(sorted(found))
        raise ValueError(f"there is no claim {id!r} in data/claims.toml; it has {near or 'none'}")
    if found[id].mean is None:
        raise ValueError(f"claim {id!r} is not measured; run {_command(found[id])}")
    return found[id]


@functools.cache
def claims(folder: Path | None = None) -> dict[str, Claim]:
    """All claims by name, in the order of the file.

    Args:
        folder: what holds `claims.toml` and `results/`; None: what ships.

    Raises:
        ValueError: an entry that says too little, too much, the same name twice, or bounds nothing.
    """
    folder = shipped() if folder is None else folder
    entries = tomllib.loads((folder / "claims.toml").read_text(encoding="utf-8")).get("claim", [])
    found: dict[str, Claim] = {}
    for entry in entries:
        _well_formed(entry, found)
        found[entry["id"]] = Claim(**entry, **_measured(entry, folder / "results"))
    return found


def check(folder: Path | None = None) -> tuple[str, bool]:
    """A line for each claim (verdict, name, value, bounds, slack), and whether all hold."""
    claims.cache_clear()
    found = claims(folder)
    lines = [_line(one) for one in found.values()]
    bad = [one for one in found.values() if one.verdict != "holds"]
    for one in bad:
        lines.append(f"{one.verdict}: {one.id} ({one.text}); {_advice(one)}")
    lines.append(f"{len(found) - len(bad)} of {len(found)} claims hold")
    return "\n".join(lines), not bad


def results(folder: Path | None = None) -> dict[str, dict[str, Any]]:
    """All recorded results by the name of their file."""
    folder = shipped("results") if folder is None else folder
    return {path.stem: json.loads(path.read_bytes()) for path in sorted(folder.glob("*.json"))}


def quantity(mean: float, std: float | None, unit: str) -> str:
    """Value ± spread and unit: the spread to one or two digits, the value to the same place.

    >>> quantity(0.67831, 0.01234, ""), quantity(97.26, 0.4, "%"), quantity(3e-16, 1e-16, "")
    ('0.678 ± 0.012', '97.3 ± 0.4 %', '0')
    """
    if abs(mean) < ROUNDING:
        text = "0"
    elif not std or std < ROUNDING:
        text = f"{mean:.{max(0, 2 - _exponent(mean))}f}"
    else:
        # two digits where the first is a 1, else one
        places = -_exponent(std) + (round(std / 10 ** _exponent(std), 1) < 2)
        text = f"{mean:.{max(0, places)}f} ± {std:.{max(0, places)}f}"
    return f"{text} {unit}".strip()


def bounds(one: Claim) -> str:
    """The bounds of a claim in words."""
    words = [] if one.at_least is None else [f"at least {one.at_least:g}"]
    return " and ".join(words if one.at_most is None else [*words, f"at most {one.at_most:g}"])


def _exponent(value: float) -> int:
    return math.floor(math.log10(abs(value)))


def _well_formed(entry: dict[str, Any], found: dict[str, Claim]) -> None:
    name = entry.get("id", "without an id")
    if missing := _WANTED - entry.keys():
        raise ValueError(f"claim {name!r} lacks {', '.join(sorted(missing))}")
    if unknown := entry.keys() - _ALLOWED:
        raise ValueError(
            f"claim {name!r} has {', '.join(sorted(unknown))}; wanted {', '.join(sorted(_ALLOWED))}"
        )
    stated = [entry[key] for key in ("at_least", "at_most") if key in entry]
    if not stated:
        raise ValueError(f"claim {name!r} bounds nothing; give `at_least`, `at_most` or both")
    if not all(type(bound) in (int, float) and math.isfinite(bound) for bound in stated):
        raise ValueError(f"claim {name!r} is bounded by {stated}; wanted finite numbers")
    if "paper" in entry and not {"source", "verified"} <= entry.keys():
        raise ValueError(f"claim {name!r} quotes a paper; give `source` and `verified` (true or false) too")
    if name in found:
        raise ValueError(f"claim {name!r} stands twice in data/claims.toml; a statement is listed once")


def _measured(entry: dict[str, Any], folder: Path) -> dict[str, Any]:
    path = folder / f"{entry['experiment']}-{entry['scale']}.json"
    if not path.exists():
        return {}
    result = json.loads(path.read_bytes())
    metric = result["metrics"].get(entry["metric"])
    if metric is None:
        return {}
    values = {key: metric[key] for key in ("mean", "std", "unit")}
    return values | {"n": len(metric["values"]), "date": result["date"][:10]}


def _line(one: Claim) -> str:
    slack = "" if one.mean is None else f"slack {one.slack:.3g}"
    return f"{one.verdict:<13} {one.id:<34} {one!s:<18} {bounds(one):<34} {slack}".rstrip()


def _advice(one: Claim) -> str:
    if one.verdict == "not measured":
        return f"run {_command(one)}, or mend its metric, {one.metric!r}"
    if one.verdict == "broken":
        return "say in the text and in CHANGELOG what is true now"
    return f"bring its bounds closer to {one.mean:.6g}"


def _command(one: Claim) -> str:
    return f"`python -m ktnlib.experiments run {one.experiment} --scale {one.scale}`"
