"""Converted networks in files: numbers in one, how they were made in another, both checked when read."""

import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load as read_tensors
from safetensors.torch import save as write_tensors
from torch import Tensor, nn

from ktnlib import __version__
from ktnlib.atomic import write_atomically

from .layers import SphereConv2d
from .network import SphereNetwork
from .plan import Plan, plan
from .row_records import read_rows, write_rows
from .to_sphere import to_sphere

SUFFIXES = (".safetensors", ".json")


def save(network: SphereNetwork, path: str | Path) -> None:
    """Write a converted network to path.safetensors and path.json, both whole or not at all.

    The first holds the network's weights and what its row kernels are made from; the second how the network
    was made, and of which architecture. A published head is kept as the row kernels that it makes.

    Raises:
        OSError: the files can't be written.
    """
    tensors = {f"network.{name}": value for name, value in network.state_dict().items()}
    layers, records = {}, {}
    for name, module in network.root.named_modules():
        if isinstance(module, SphereConv2d) and module.rows is not None:
            key = layers[name] = f"rows.{id(module.rows)}"
            if key not in records:
                records[key], mine = write_rows(module)
                tensors |= {f"{key}.{part}": value for part, value in mine.items()}
    # addresses differ from run to run, and the same network is to give the same file
    short = {key: f"rows.{number}" for number, key in enumerate(records)}
    tensors = {_renamed(name, short): value for name, value in tensors.items()}
    # copies, because layers may share a weight and the format knows no sharing
    whole = {"memory_format": torch.contiguous_format}
    content = write_tensors({name: value.detach().cpu().clone(**whole) for name, value in tensors.items()})
    options = network.options
    described = {
        "ktnlib": __version__,
        "method": options.method,
        "resolution": options.resolution,
        "spacing": options.spacing,
        "until": network.plan.until,
        "options": dict(options.extra),
        "architecture": fingerprint(network.plan),
        "rows": {short[key]: record for key, record in records.items()},
        "layers": {name: short[key] for name, key in layers.items()},
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    numbers, words = _files(path)
    write_atomically(numbers, content)
    write_atomically(words, (json.dumps(described, indent=1) + "\n").encode())


def load(model: nn.Module, path: str | Path) -> SphereNetwork:
    """The network that was saved, with its own weights, on the CPU.

    Args:
        model: of the source's architecture, in eval mode; its weights do not matter, and it stays as it is.
        path: as it was saved under.

    Raises:
        ValueError: files of another architecture, of a newer version of this library, that do not belong
            together or are damaged.
        FileNotFoundError: there are none.

    >>> import tempfile
    >>> from ktnlib.data import source_network
    >>> from ktnlib.sphere import to_sphere
    >>> model = source_network("digit-net")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     to_sphere(model, spacing=0.05).save(f"{folder}/digits")
    ...     load(model, f"{folder}/digits").options.spacing
    0.05
    """
    numbers, words = _files(path)
    described, content = _described(words), numbers.read_bytes()
    if hashlib.sha256(content).hexdigest() != described["sha256"]:
        raise ValueError(
            f"{numbers} is not the file that {words.name} was written with; wanted both from one save: save "
            "the network again"
        )
    if fingerprint(plan(model, described["until"])) != described["architecture"]:
        raise ValueError(
            f"{words} belongs to a network of another architecture than `model`; wanted a model that runs "
            "the same operations on weights of the same shapes"
        )
    tensors = read_tensors(content)
    rows = {key: read_rows(record, _below(key, tensors)) for key, record in described["rows"].items()}
    network = to_sphere(
        model,
        method=described["method"],
        resolution=described["resolution"],
        spacing=described["spacing"],
        until=described["until"],
        transformer={name: rows[key] for name, key in described["layers"].items()} or None,
        **described["options"],
    )
    state = _below("network", tensors)
    kept = next((value for value in state.values() if value.is_floating_point()), torch.empty(0))
    network.to(kept.dtype).load_state_dict(state)
    return network


def fingerprint(plan: Plan) -> str:
    """A hash of the operations and of the shapes of all weights, the same in any process."""
    digest = hashlib.sha256()
    modules = dict(plan.model.named_modules())
    numbers = {node: number for number, node in enumerate(plan.traced.graph.nodes)}
    for node in numbers:
        what = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", "")
        inputs = [numbers[value] for value in node.all_input_nodes]
        step = plan.steps.get(node)
        module = modules.get(what) if node.op == "call_module" and step is None else None
        digest.update(repr((node.op, what, inputs, step, repr(module))).encode())
    for name, value in plan.model.state_dict().items():
        digest.update(repr((name, tuple(value.shape))).encode())
    return digest.hexdigest()


def _described(words: Path) -> dict[str, Any]:
    try:
        described = json.loads(words.read_text(encoding="utf-8"))
        version, _ = described["ktnlib"], described["sha256"]
    except (ValueError, KeyError, TypeError) as cause:
        raise ValueError(
            f"{words} describes no converted network; wanted what `network.save(path)` wrote"
        ) from cause
    if _numbered(version) > _numbered(__version__):
        raise ValueError(
            f"{words} was written by ktnlib {version} and this is {__version__}; wanted the same or an older "
            "one: update ktnlib"
        )
    return described


def _numbered(version: str) -> tuple[int, ...]:
    """The leading numbers of a version, 0.3.1.dev0 is (0, 3, 1)."""
    parts = []
    for part in str(version).split("."):
        if not part.isdigit():
            break
        parts.append(int(part))
    return tuple(parts)


def _files(path: str | Path) -> tuple[Path, Path]:
    path = Path(path)
    base = path.with_suffix("") if path.suffix in SUFFIXES else path
    return tuple(base.with_name(base.name + suffix) for suffix in SUFFIXES)


def _below(key: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {
        name.removeprefix(f"{key}."): value for name, value in tensors.items() if name.startswith(f"{key}.")
    }


def _renamed(name: str, short: dict[str, str]) -> str:
    key, _, part = name.rpartition(".")
    return f"{short[key]}.{part}" if key in short else name
