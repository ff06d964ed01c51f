"""The networks that this project trains itself: what makes each, where it lies, how it is written and read.

Three come with the library. The others are trained on images that may not be passed on; their command puts
them into the user's cache. A file is a .safetensors whose one piece of metadata, `card`, says in JSON what
the network is, what it was trained on, with which seed and how well it does.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load, save
from torch import nn

from ktnlib.atomic import sweep, write_atomically

from .location import networks_folder
from .manifest import load_manifest
from .obtain import obtain

# network: the experiment that trains it
TRAINED_BY = {
    "digit-net": "train-digit-net",
    "globe-net": "train-globe-net",
    "mnist-net-0": "train-mnist-nets",
    "mnist-net-1": "train-mnist-nets",
    "mnist-net-2": "train-mnist-nets",
    "room-net": "train-room-net",
    "sign-net": "train-sign-net",
    "cifar-net-0": "train-cifar-nets",
    "cifar-net-1": "train-cifar-nets",
    "cifar-net-2": "train-cifar-nets",
    "finetuned-net-0": "train-finetuned",
    "finetuned-net-1": "train-finetuned",
}


def command(name: str) -> str:
    """The command that trains a network of ours and keeps it.

    >>> command("sign-net")
    'python -m ktnlib.experiments run train-sign-net --scale laptop'
    """
    return f"python -m ktnlib.experiments run {TRAINED_BY[name]} --scale laptop"


def kept_at(name: str) -> Path:
    """Where the command keeps the network: in the user's cache."""
    return networks_folder() / f"{name}.safetensors"


def write_network(name: str, network: nn.Module, card: dict[str, Any]) -> Path:
    """Keep a trained network in the user's cache, whole or not at all.

    Args:
        name: one of `TRAINED_BY`.
        network: its parameters and buffers are kept; counters of batches are not.
        card: what is to be said of it, as JSON takes it; the network's name, its command and the hash of its
            weights are added.

    Returns:
        The file.

    Raises:
        OSError: the cache can't be written.
    """
    state = {key: value.detach().cpu().numpy() for key, value in network.state_dict().items() if value.ndim}
    arrays = {key: np.ascontiguousarray(state[key]) for key in sorted(state)}
    card = {"network": name, "command": command(name)} | card | {"sha256": _sha256(arrays)}
    path = kept_at(name)
    sweep(path.parent)
    write_atomically(path, save(arrays, metadata={"card": json.dumps(card, ensure_ascii=False)}))
    return path


def read_network(name: str) -> dict[str, np.ndarray]:
    """The arrays of a network of ours by their names in the state dict, checked against the file's own hash.

    Raises:
        FileNotFoundError: it does not ship and has not been trained on this machine.
        ValueError: the file is truncated or altered, or holds another network.
    """
    path = own_network(name)
    try:
        arrays, card = load(path.read_bytes()), read_card(path)
    except (SafetensorError, ValueError) as cause:
        raise ValueError(f"{path} can't be read as a network ({cause}); {_again(name)}") from cause
    if (found := card.get("network")) != name:
        raise ValueError(f"{path} holds {found!r}; wanted {name!r}; {_again(name)}")
    if card.get("sha256") != _sha256(arrays):
        raise ValueError(f"the weights in {path} are not those that were written there; {_again(name)}")
    return arrays


def read_card(path: Path) -> dict[str, Any]:
    """What a file of ours says of its network.

    Raises:
        ValueError: the file holds weights without a card.
    """
    with safe_open(path, framework="np") as file:
        text = (file.metadata() or {}).get("card")
    if text is None:
        raise ValueError(f"{path} has no card in its metadata")
    return json.loads(text)


def own_network(name: str) -> Path:
    """The file of a network of ours: what ships, else what was trained on this machine.

    Raises:
        FileNotFoundError: it does not ship and has not been trained on this machine.
        ValueError: the shipped file is truncated or altered.
    """
    if name in load_manifest():
        return obtain(name)
    path = kept_at(name)
    if not path.is_file():
        raise FileNotFoundError(
            f"the network {name!r} is trained on images that may not be passed on, and {path} is not there; "
            f"train it: {command(name)}"
        )
    return path


def _again(name: str) -> str:
    return f"remove the file and train the network again: {command(name)}"


def _sha256(arrays: dict[str, np.ndarray]) -> str:
    digest = hashlib.sha256()
    for key in sorted(arrays):
        array = np.ascontiguousarray(arrays[key])
        digest.update(f"{key} {array.dtype.str} {array.shape}\n".encode() + array.tobytes())
    return digest.hexdigest()
