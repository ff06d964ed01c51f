"""The published kernel transformer, trained: against its own start, narrower ties and SphConv's rows."""

from typing import Any

import torch

from ktnlib.sphere import RowKernels
from ktnlib.sphere.fitting.gradient import fit_published
from ktnlib.sphere.fitting.row_kernels import fit_row_kernels
from ktnlib.sphere.published import PublishedHead

from .engine import Checkpoint
from .feature_heads import Kernels, answer, tangent_heads
from .feature_study import Setting, held_out, metrics, squared_errors
from .progress import progress

SCALES = {
    "smoke": {
        "seeds": 1,
        "network": "room-net",
        "until": "conv3",
        "height": 32,
        "pictures": "painted-room",
        "steps": 20,
        "every": 4,
    },
    "laptop": {
        "seeds": 1,
        "network": "resnet20",
        "until": "layer1.2.conv2",
        "height": 128,
        "pictures": "photographs",
        "steps": 400,
        "every": 2,
    },
}
UNITS = {"error": "", "own": "", "parameters": "numbers", "worse_bands": "%"}

# rows tied together; the windows of 25 columns reach what the tangent kernel does beyond 12° from a pole
TIES = {"published": 5, "ties-3": 3, "ties-1": 1}
MAX_TAPS = 25


def run_seed(
    seed: int,
    *,
    device: str,
    checkpoint: Checkpoint,
    network: str,
    until: str,
    height: int,
    pictures: str,
    steps: int,
    every: int,
) -> dict[str, float]:
    """Relative RMSE chained, as in `feature-rmse`, of row kernels trained layer by layer on exact inputs.

    The seed is the split and the start of the heads' residual branches. "start" is the published head before
    its training: tied bilinear rows in bounded windows.
    """
    study = Trained(Setting(network, until, height, pictures), seed, steps, every, checkpoint)
    for head in progress(["bilinear", "bicubic", "start", "rows", *TIES], f"split {seed}"):
        study.measure(head)
    return study.state["found"]


class Trained:
    """Heads trained one after the other; what is finished, head or layer, is kept in the checkpoint."""

    def __init__(self, setting: Setting, seed: int, steps: int, every: int, checkpoint: Checkpoint) -> None:
        self.setting, self.seed, self.checkpoint = setting, seed, checkpoint
        self.options = {"steps": steps, "every": every}
        self.state: dict[str, Any] = checkpoint.load() or {"found": {}, "heads": {}}
        self.tests = held_out(seed, setting.count)
        self.batch: tuple | None = None

    def measure(self, head: str) -> None:
        """Errors of a head, unless they are there."""
        found = self.state["found"]
        if f"error.weighted.{head}.conv2" not in found:
            sums = squared_errors(self.setting, self.tests, answer(self.kernels(head)))
            found |= metrics(self.setting, head, sums)
            self.checkpoint.save(self.state)

    def kernels(self, head: str) -> Kernels:
        """Row kernels of all layers; the first stays bilinear."""
        if head in ("bilinear", "bicubic"):
            return tangent_heads(self.setting, head)
        if head == "rows":
            made = {name: self._rows(name) for name in self.setting.layers}
        else:
            made = {name: self._trained(head, name) for name in self.setting.layers}
        return tangent_heads(self.setting, "bilinear") | made

    def _rows(self, name: str) -> RowKernels:
        layer, (inputs, targets) = self.setting.trunk.layers[name], self._seen(name)
        return fit_row_kernels(layer.weight, layer.bias, inputs, targets, every=self.options["every"])

    @torch.no_grad()
    def _trained(self, head: str, name: str) -> RowKernels:
        layer, height = self.setting.trunk.layers[name], self.setting.height
        made = PublishedHead(
            layer.weight.shape[1],
            height,
            ties=TIES.get(head, 5),
            max_taps=MAX_TAPS,
            generator=torch.Generator().manual_seed(self.seed),
        )
        if head != "start":
            self._train(f"{head}.{name}", made, name)
            self.state["found"][f"parameters.{head}"] = sum(part.numel() for part in made.parameters())
        return RowKernels.from_bands(made(layer.weight), height=height, width=2 * height)

    def _train(self, key: str, made: PublishedHead, name: str) -> None:
        """Train a head for a layer, or put back what an interrupted run trained."""
        if key not in self.state["heads"]:
            layer = self.setting.trunk.layers[name]
            with torch.enable_grad():
                fit = fit_published(made, layer.weight, layer.bias, *self._seen(name), **self.options)
            number = self.setting.layers.index(name) + 2
            head = key.partition(".")[0]
            self.state["found"] |= {
                f"own.{head}.conv{number}.before": fit.history[0],
                f"own.{head}.conv{number}.after": fit.history[-1],
                f"worse_bands.{head}.conv{number}": 100 * (fit.after > fit.before).double().mean().item(),
            }
            self.state["heads"][key] = made.state_dict()
            self.checkpoint.save(self.state)
        stored = self.state["heads"][key]
        made.load_state_dict({part: torch.as_tensor(value) for part, value in stored.items()})

    def _seen(self, name: str) -> tuple[torch.Tensor, torch.Tensor]:
        """Exact inputs and answers of a layer on the panoramas that are not tested."""
        if self.batch is None:
            rest = [index for index in range(self.setting.count) if index not in self.tests]
            pictures, exact = self.setting.batch(rest)
            self.batch = self.setting.trunk.inputs(pictures, exact), exact
        inputs, exact = self.batch
        return inputs[name], exact[name]
