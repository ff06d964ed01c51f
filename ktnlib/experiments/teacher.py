"""A network that recipes are fitted on, so that they can be used with another network's kernels."""

import functools
from typing import Any

import torch
from torch import Tensor

from ktnlib.sphere import EquirectGrid, RowKernels
from ktnlib.sphere.fitting import ConvLayer
from ktnlib.sphere.fitting.equations import RowEquations
from ktnlib.sphere.fitting.gradient import fit_published
from ktnlib.sphere.published import PublishedHead
from ktnlib.sphere.sampling import Neighbours
from ktnlib.sphere.tap_filters import spline_basis, spline_filters

from .engine import Checkpoint
from .feature_heads import Kernels, one_set_heads, setting_table
from .feature_study import Setting, not_held_out
from .low_rank import LowRank, fit_low_rank
from .published_head import MAX_TAPS, TIES, FilterProduct
from .transfer_fits import Fit, fits

EVERY = 4  # columns, as in `published-head`


class Teacher:
    """Recipes fitted on one network's exact features of a split; trained heads stay in the run's state."""

    def __init__(
        self, setting: Setting, seed: int, steps: int, state: dict[str, Any], checkpoint: Checkpoint
    ) -> None:
        self.setting, self.seed, self.steps = setting, seed, steps
        self.state, self.checkpoint = state, checkpoint

    @property
    def fit(self) -> Fit:
        """The closed forms of this split."""
        return fits((self.setting,))[self.setting.network][self.seed]

    def kernels(self, recipe: str, pupil: Setting) -> Kernels:
        """The pupil's layers under a recipe, each by what was learned on the teacher's layer at its place."""
        if recipe == "one-set":
            return one_set_heads(pupil, self.fit.one_set)
        make = {"layers": self.filtered, "low-rank": self.mixed, "published": self.banded}[recipe]
        places = zip(self.setting.layers, pupil.layers, strict=True)
        return {theirs: make(own, pupil.trunk.layers[theirs]) for own, theirs in places}

    def filtered(self, name: str, layer: ConvLayer) -> RowKernels:
        """A layer's kernel through the filters learned on one of the teacher's."""
        return self._of_taps(layer.weight.flatten(2), self.filters(name))

    def mixed(self, name: str, layer: ConvLayer) -> RowKernels:
        """The same, with the outputs mixed as the teacher's want it."""
        kernel = self.low_rank(name).kernels(layer.weight.flatten(2), self.splines())
        return self._of_taps(kernel, self.filters(name))

    def banded(self, name: str, layer: ConvLayer) -> RowKernels:
        """What the published head, trained on the teacher's layer, makes of another kernel."""
        head, height = self.head(name), self.setting.height
        with torch.no_grad():
            return RowKernels.from_bands(head(layer.weight), height=height, width=2 * height)

    def filters(self, name: str) -> Neighbours:
        """Of the layer's own smooth set."""
        return spline_filters(self.fit.layers[name], setting_table(self.setting))

    def splines(self) -> Tensor:
        """(rows, 16) splines over the polar angle, for the shares of a mixing."""
        return spline_basis(EquirectGrid(self.setting.height).polar_angles, 16)

    @functools.cache  # noqa: B019 (lives as long as a seed)
    def low_rank(self, name: str) -> LowRank:
        """Two matrices, by least squares on the layer's filtered taps."""
        layer, (x, target) = self.setting.trunk.layers[name], self.seen(name)
        equations = RowEquations.of_kernels(x, target, layer.bias, self.filters(name), every=EVERY)
        return fit_low_rank(equations, layer.weight.flatten(2), self.splines(), seed=self.seed)

    @functools.cache  # noqa: B019
    def head(self, name: str) -> PublishedHead:
        """The head of a layer, trained, or as an interrupted run had trained it."""
        layer, key = self.setting.trunk.layers[name], f"{self.setting.network} {name}"
        made = PublishedHead(
            layer.weight.shape[1],
            self.setting.height,
            ties=TIES["published"],
            max_taps=MAX_TAPS,
            generator=torch.Generator().manual_seed(self.seed),
        )
        if key not in self.state["heads"]:
            for place, narrow in enumerate(made.filters):
                made.filters[place] = FilterProduct(narrow)
            fit_published(made, layer.weight, layer.bias, *self.seen(name), steps=self.steps, every=EVERY)
            self.state["heads"][key] = made.state_dict()
            self.checkpoint.save(self.state)
        stored = self.state["heads"][key]
        made.load_state_dict({part: torch.as_tensor(value) for part, value in stored.items()})
        return made

    def seen(self, name: str) -> tuple[Tensor, Tensor]:
        """Exact inputs and answers of a layer on the panoramas that are not tested."""
        return self.inputs()[name], self.batch()[1][name]

    @functools.cache  # noqa: B019
    def batch(self) -> tuple[Tensor, dict[str, Tensor]]:
        return self.setting.batch(not_held_out(self.seed, self.setting.count))

    @functools.cache  # noqa: B019
    def inputs(self) -> dict[str, Tensor]:
        return self.setting.trunk.inputs(*self.batch())

    def _of_taps(self, kernel: Tensor, read: Neighbours) -> RowKernels:
        height = self.setting.height
        return RowKernels.from_taps(kernel, read, height=height, width=2 * height)
