"""The source network without its paddings: which pixels one value sees, and the run on just those."""

import copy
import operator
from typing import NamedTuple

import torch
from torch import Tensor, fx, nn
from torch.nn import functional

from ..fitting import graph
from .stencils import convolution, stencil

GLOBAL = (nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d, nn.Flatten, nn.Linear)
GLOBAL_CALLS = (functional.adaptive_avg_pool2d, functional.adaptive_max_pool2d, functional.linear)
GLOBAL_CALLS += (torch.flatten, torch.mean, torch.amax, "mean", "amax", "flatten")
BETWEEN = (nn.Upsample, nn.ConvTranspose2d)
BETWEEN_CALLS = (functional.interpolate, functional.conv_transpose2d)


class Window(NamedTuple):
    """Unit i of a map reads the units i·step + first … i·step + last of the map before it, both ways."""

    step: int = 1
    first: int = 0
    last: int = 0

    def of(self, first: int, last: int) -> tuple[int, int]:
        """What the units from `first` to `last` read together."""
        return first * self.step + self.first, last * self.step + self.last


class Unpadded(fx.Interpreter):
    """A traced network whose every map holds only what one value of the last one sees.

    Called with patches of `side` source pixels, (batch, channel, side, side), `run` answers that value,
    (batch, out_channel, 1, 1): the padded network's wherever its paddings do not reach. What no later value
    reads is not computed. Batch norms are folded into copies of the convolutions' weights: make a new one
    when weights change.

    Args:
        traced: the network in eval mode, in-place operations rewired, cut behind the map that is wanted.

    Raises:
        ValueError: an operation that a patch can't answer (a global mean, squeeze and excitation,
            upsampling), or whose rows and columns differ, named with its place.

    >>> from torch import nn
    >>> layers = nn.Conv2d(3, 4, 3, padding=1), nn.MaxPool2d(2), nn.Conv2d(4, 2, 3, padding=1)
    >>> Unpadded(graph.trace(nn.Sequential(*layers).eval())).side
    8
    """

    side: int

    def __init__(self, traced: fx.GraphModule):
        traced = fx.GraphModule(traced, copy.deepcopy(traced.graph))
        graph.simplify(traced)
        folded = _fold(traced)
        super().__init__(traced)
        self.extra_traceback = False  # or every message of ours would end with the interpreter's own lines
        self.stencils = {node: stencil(node, self.submodules) for node in traced.graph.nodes}
        for node in traced.graph.nodes:
            if node.target in folded:
                self.stencils[node] = convolution(self.submodules[node.target], *folded[node.target])
        self.windows = {node: self._window(node) for node in traced.graph.nodes}
        self.needed = self._needed()
        first, last = next(self.needed[node] for node in traced.graph.nodes if node.op == "placeholder")
        self.side = last - first + 1

    def largest(self, in_channels: int) -> int:
        """Numbers in the largest map on the way from a patch to the value."""
        sizes = [in_channels * self.side**2]
        for node, (first, last) in self.needed.items():
            module = self.submodules.get(node.target) if node.op == "call_module" else None
            if isinstance(module, nn.Conv2d):
                sizes.append(module.out_channels * (last - first + 1) ** 2)
        return max(sizes)

    def run_node(self, node: fx.Node) -> Tensor:
        """As the network's own, on the part of its inputs that is needed here, and without padding."""
        if self.stencils[node] is not None:
            return self.stencils[node].run(self._read(node, node.all_input_nodes[0]))
        if node.target is functional.pad:
            channels = _paddings(node)[4:]
            x = self._read(node, node.all_input_nodes[0])
            return functional.pad(x, (0, 0, 0, 0, *channels)) if any(channels) else x
        if node.target is operator.getitem:
            parts = [
                part if axis < 2 else slice(None, None, part.step) for axis, part in enumerate(_parts(node))
            ]
            return self._read(node, node.args[0])[tuple(parts)]
        if node.op in ("placeholder", "get_attr", "output"):
            return super().run_node(node)
        args, kwargs = fx.node.map_arg((node.args, node.kwargs), lambda value: self._read(node, value))
        return getattr(self, node.op)(node.target, args, kwargs)

    def _read(self, node: fx.Node, value: fx.Node) -> Tensor:
        """What a node reads of a map before it."""
        x = self.env[value]
        if value not in self.needed:
            return x
        first, last = self.windows[node].of(*self.needed[node])
        part = slice(first - self.needed[value][0], last + 1 - self.needed[value][0])
        return x[..., part, part]

    def _needed(self) -> dict[fx.Node, tuple[int, int]]:
        """The units of each map that the last map's unit 0 sees, as numbered in the padded network."""
        needed: dict[fx.Node, tuple[int, int]] = {}
        for node in reversed(self.module.graph.nodes):
            if node.op == "output":
                needed[node] = 0, 0
            if node in needed and node.op != "get_attr":
                first, last = self.windows[node].of(*needed[node])
                for value in node.all_input_nodes:
                    before = needed.get(value, (first, last))
                    needed[value] = min(first, before[0]), max(last, before[1])
        return {node: units for node, units in needed.items() if node.op != "get_attr"}

    def _window(self, node: fx.Node) -> Window:
        module = self.submodules.get(node.target) if node.op == "call_module" else None
        if isinstance(module, GLOBAL) or node.target in GLOBAL_CALLS:
            raise ValueError(_refusal(node, module, "reads the whole picture, of which a patch shows a part"))
        if isinstance(module, BETWEEN) or node.target in BETWEEN_CALLS:
            raise ValueError(_refusal(node, module, "makes values between those of a coarser map"))
        if (found := self.stencils[node]) is not None:
            return Window(found.stride, -found.padding, found.reach - 1 - found.padding)
        if node.target is functional.pad:
            return Window(1, -_paddings(node)[2], -_paddings(node)[2])
        if node.target is operator.getitem:
            part = _parts(node)[2]
            return Window(part.step or 1, part.start or 0, part.start or 0)
        return Window()


def _fold(traced: fx.GraphModule) -> dict[str, tuple[Tensor, Tensor]]:
    """Weight and bias of each convolution with its batch norm; none where two uses share a convolution."""
    found, calls = graph.convolutions(traced), [str(node.target) for node in traced.graph.nodes]
    return {} if any(calls.count(name) > 1 for name in found) else graph.fold_batch_norms(traced)


def _parts(node: fx.Node) -> tuple[slice, ...]:
    """A slice's parts for all four axes; both of the map's alike."""
    parts = node.args[1] if isinstance(node.args[1], tuple) else (node.args[1],)
    parts += (slice(None),) * (4 - len(parts))
    rows, columns = ((part.start or 0, part.step or 1) for part in parts[2:])
    if rows != columns or rows[0] < 0:
        raise ValueError(
            _refusal(node, None, f"cuts rows and columns as {parts[2:]}, not both alike from the first on")
        )
    return parts


def _paddings(node: fx.Node) -> tuple[int, ...]:
    """(left, right, top, bottom, channels before, channels behind)."""
    given = tuple(node.args[1] if len(node.args) > 1 else node.kwargs["pad"])
    given += (0,) * (6 - len(given))
    if given[0] != given[2]:
        raise ValueError(_refusal(node, None, f"pads rows and columns unlike, {given[:4]}"))
    return given


def _refusal(node: fx.Node, module: nn.Module | None, what: str) -> str:
    place = node.target if module is not None else next(reversed(node.meta.get("nn_module_stack", {})), "")
    name = module if module is not None else getattr(node.target, "__name__", node.target)
    return (
        f"`model` runs {name} at {place!r}, which {what}; wanted only what a patch about a pixel can answer: "
        "give `until`, a module before it"
    )
