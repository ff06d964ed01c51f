"""Take the networks that ship over from the cache, where their commands keep them.

    python -m ktnlib.experiments run train-digit-net --scale laptop
    python -m ktnlib.experiments run train-globe-net --scale laptop
    python -m ktnlib.experiments run train-room-net --scale laptop
    python data/ship_networks.py digit-net globe-net room-net

copies the weights to data/networks, writes a model card beside each from what the file says of itself, and
prints the lines of data/manifest.toml that change: size and content.
"""

import argparse
import hashlib
from pathlib import Path

import numpy as np
from safetensors import safe_open

from ktnlib.data.own_networks import kept_at, read_card

SHIP = ("digit-net", "globe-net", "room-net")
FOLDER = Path(__file__).with_name("networks")
UNITS = {"accuracy": "%", "psnr": "dB", "gain": "dB"}


def model_card(path: Path) -> str:
    """The card of a .safetensors file of ours, as Markdown."""
    card = read_card(path)
    with safe_open(path, framework="np") as file:
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
    measured = "\n".join(f"| {name} | {value:.2f} {unit(name)} |" for name, value in card["measured"].items())
    layers = "\n".join(f"| `{name}` | {shape(array)} |" for name, array in arrays.items())
    number = sum(array.size for array in arrays.values())
    return f"""# {card["title"]}

`ktnlib.data.source_network("{card["network"]}")`: {number:,} numbers, float32, {path.stat().st_size:,} bytes.

- **Reads** {card["input"]}.
- **Answers with** {card["output"]}.
- **Trained on** {card["trained on"]}.
- **Held out**: {card["held out"]}.
- **Licence**: {card["licence"]}.
- **Made by** `{card["command"]}`, seed {card["seed"]}.

| measured | |
|---|---|
{measured}

| weights | shape |
|---|---|
{layers}
"""


def unit(metric: str) -> str:
    return UNITS[metric.partition(".")[0]]


def shape(array: np.ndarray) -> str:
    return " × ".join(map(str, array.shape))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="+", choices=SHIP, help="the others' images may not be passed on")
    for name in parser.parse_args().names:
        content, target = kept_at(name).read_bytes(), FOLDER / f"{name}.safetensors"
        target.write_bytes(content)
        target.with_suffix(".md").write_text(model_card(target), encoding="utf-8")
        sha256 = hashlib.sha256(content).hexdigest()
        print(f'{name}: size = {len(content)}, path = "networks/{target.name}", content = "{sha256}"')


if __name__ == "__main__":
    main()
