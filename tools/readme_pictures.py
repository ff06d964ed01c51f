"""Run the examples of README.md and keep their pictures in book/_static/readme."""

import pathlib
import re

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

ROOT = pathlib.Path(__file__).resolve().parents[1]
PICTURES = ROOT / "book" / "_static" / "readme"


def run_examples() -> dict:
    """The names that the README's Python blocks leave behind, run one after the other."""
    names: dict = {}
    for block in re.findall(
        r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL
    ):
        exec(compile(block, "README.md", "exec"), names)  # our own file, as its readers would run it
    return names


def save(name: str, pixels: np.ndarray) -> None:
    image = Image.fromarray((pixels.clip(0, 1) * 255).round().astype(np.uint8))
    image.save(PICTURES / f"{name}.webp", quality=82, method=6)


def save_errors(errors: list[float]) -> None:
    figure, axis = plt.subplots(figsize=(6.4, 2.4), dpi=100)
    axis.plot(range(0, 181, 10), [100 * error for error in errors], color="#B0004E", marker="o", markersize=3)
    axis.set_xlabel("turn of the image (°)")
    axis.set_ylabel("‖Γ(Tx) − TΓ(x)‖ / ‖Γ(x)‖ (%)")
    axis.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(PICTURES / "errors.webp")
    plt.close(figure)


def main() -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    names = run_examples()
    save("room", names["room"][0].permute(1, 2, 0).numpy())
    save("ceiling", names["ceiling"][0].permute(1, 2, 0).numpy())
    save("edges", 0.5 + 1.5 * names["edges"][0, 0].numpy())
    save_errors(names["errors"])


if __name__ == "__main__":
    main()
