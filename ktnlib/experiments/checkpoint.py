"""A torch training that can be interrupted: everything that decides its next step, kept and put back."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from .engine import Checkpoint


@dataclass
class Training:
    """Model, optimiser and every source of chance of one training, as one state.

    `epoch` and `batch` say where in the data the training stands, `order` is the epoch's shuffled order: a
    resumed training sees the batches that it has not seen, in the same order. What else the loop remembers
    (losses so far, the best score) goes into `log`.

    >>> import tempfile, pathlib
    >>> net = nn.Linear(2, 1)
    >>> training = Training(net, torch.optim.Adam(net.parameters()), torch.Generator().manual_seed(0))
    >>> for epoch, batch, samples in training.batches(epochs=2, samples=6, batch_size=3):
    ...     print(epoch, batch, sorted(samples.shape))
    0 0 [3]
    0 1 [3]
    1 0 [3]
    1 1 [3]
    """

    model: nn.Module
    optimiser: torch.optim.Optimizer
    generator: torch.Generator
    scheduler: Any = None

    def __post_init__(self) -> None:
        self.epoch, self.batch = 0, 0
        self.order: torch.Tensor | None = None
        self.log: dict[str, Any] = {}

    def batches(
        self, *, epochs: int, samples: int, batch_size: int
    ) -> Iterator[tuple[int, int, torch.Tensor]]:
        """Yield (epoch, batch, indices) from where the training stands; each epoch is shuffled anew."""
        while self.epoch < epochs:
            if self.order is None:
                self.order = torch.randperm(samples, generator=self.generator)
            pieces = self.order.split(batch_size)
            while self.batch < len(pieces):
                # counted before the step: a state saved inside the loop's body is the state after this batch
                self.batch += 1
                yield self.epoch, self.batch - 1, pieces[self.batch - 1]
            self.epoch, self.batch, self.order = self.epoch + 1, 0, None

    def save(self, checkpoint: Checkpoint) -> None:
        """Keep all of it; call it after a step's update, inside or outside the loop over the batches."""
        checkpoint.save(
            {
                "model": self.model.state_dict(),
                "optimiser": self.optimiser.state_dict(),
                "scheduler": None if self.scheduler is None else self.scheduler.state_dict(),
                "place": (self.epoch, self.batch, self.order),
                "log": self.log,
                "generator": self.generator.get_state(),
                "chance": _chance(),
            }
        )

    def restore(self, checkpoint: Checkpoint) -> bool:
        """Put everything back as it was saved last; False for a training that begins."""
        saved = checkpoint.load()
        if saved is None:
            return False
        self.model.load_state_dict(_tensors(saved["model"]))
        self.optimiser.load_state_dict(_tensors(saved["optimiser"]))
        if self.scheduler is not None:
            self.scheduler.load_state_dict(saved["scheduler"])
        self.epoch, self.batch, order = saved["place"]
        self.order = None if order is None else torch.from_numpy(order)
        self.log = saved["log"]
        self.generator.set_state(torch.from_numpy(saved["generator"]))
        _set_chance(saved["chance"])
        return True


def _chance() -> dict[str, Any]:
    """The global generators, for code that draws from them unasked (dropout does)."""
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    return {
        "python": random.getstate(),
        "numpy": np.random.get_state(),  # noqa: NPY002 (other libraries draw from it)
        "torch": torch.get_rng_state(),
        "cuda": cuda,
    }


def _set_chance(saved: dict[str, Any]) -> None:
    random.setstate(saved["python"])
    np.random.set_state(saved["numpy"])  # noqa: NPY002
    torch.set_rng_state(torch.from_numpy(saved["torch"]))
    if saved["cuda"]:
        torch.cuda.set_rng_state_all([torch.from_numpy(one) for one in saved["cuda"]])


def _tensors(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {key: _tensors(item) for key, item in tree.items()}
    if isinstance(tree, (list, tuple)):
        return type(tree)(_tensors(item) for item in tree)
    return torch.from_numpy(tree) if isinstance(tree, np.ndarray) else tree
