"""The source network without its paddings: which pixels one value sees, and the run on just those."""

from typing import NamedTuple

from torch import Tensor, fx, nn
from torch.nn import functional

from ..fitting import graph
from .plan import Plan
from .steps import Border, Step, Whole, Window

Range = tuple[int, int]


class Units(NamedTuple):
    """A rectangle of a map's units as the padded network numbers them: (first, last) row and column."""

    rows: Range
    columns: Range


class Unpadded(fx.Interpreter):
    """A planned network whose every map holds only what one value of the last one sees.

    Called with patches of `size` source pixels, (batch, channel, rows, columns), `run` answers that value,
    (batch, out_channel, 1, 1): the padded network's wherever its paddings do not reach. What no later value
    reads is not computed. Batch norms are folded into copies of the convolutions' weights: make a new one
    when weights change.

    Args:
        plan: of the network up to the map that is wanted.
        root: holds the modules, by the model's names; None is the plan's model.

    Raises:
        ValueError: an operation that a patch can't answer (a global mean, squeeze and excitation,
            upsampling), named with its place; several answers.

    >>> from torch import nn
    >>> from .plan import plan
    >>> layers = nn.Conv2d(3, 4, 3, padding=1), nn.MaxPool2d(2), nn.Conv2d(4, 2, 3, padding=1)
    >>> Unpadded(plan(nn.Sequential(*layers).eval())).size
    (8, 8)
    """

    size: tuple[int, int]

    def __init__(self, plan: Plan, root: nn.Module | None = None):
        plan.answer()  # refuses several
        for node, step in plan.steps.items():
            _check(plan, node, step)
        copies: dict[fx.Node, fx.Node] = {}
        copied = fx.Graph()
        copied.output(copied.graph_copy(plan.traced.graph, copies))
        traced = fx.GraphModule(plan.traced if root is None else root, copied)
        folded = _fold(traced)
        super().__init__(traced)
        self.extra_traceback = False  # or every message of ours would end with the interpreter's own lines
        self.steps = {copies[node]: step for node, step in plan.steps.items()}
        self.weights = {node: folded.get(node.target) for node in traced.graph.nodes}
        self.units = self._units()
        rows, columns = next(self.units[node] for node in traced.graph.nodes if node.op == "placeholder")
        self.size = rows[1] - rows[0] + 1, columns[1] - columns[0] + 1

    def largest(self, in_channels: int) -> int:
        """Numbers in the largest map on the way from a patch to the value."""
        sizes = [in_channels * self.size[0] * self.size[1]]
        for node, (rows, columns) in self.units.items():
            module = self.submodules.get(node.target) if node.op == "call_module" else None
            if isinstance(module, nn.Conv2d):
                sizes.append(module.out_channels * (rows[1] - rows[0] + 1) * (columns[1] - columns[0] + 1))
        return max(sizes)

    def multiply_adds(self) -> int:
        """Products of the convolutions for one patch."""
        found = 0
        for node, (rows, columns) in self.units.items():
            module = self.submodules.get(node.target) if node.op == "call_module" else None
            if isinstance(module, nn.Conv2d):
                found += module.weight.numel() * (rows[1] - rows[0] + 1) * (columns[1] - columns[0] + 1)
        return found

    def run_node(self, node: fx.Node) -> Tensor:
        """As the network's own, on the part of its inputs that is needed here, and without padding."""
        step = self.steps.get(node)
        if isinstance(step, Window):
            return self._look(node, step, self._read(node, node.all_input_nodes[0]))
        if isinstance(step, Border):
            return self._read(node, node.all_input_nodes[0])
        if node not in self.units or node.op in ("placeholder", "output"):
            return super().run_node(node)
        args, kwargs = fx.node.map_arg((node.args, node.kwargs), lambda value: self._read(node, value))
        return getattr(self, node.op)(node.target, args, kwargs)

    def _look(self, node: fx.Node, step: Window, x: Tensor) -> Tensor:
        if step.what == "conv":
            module = self.submodules[node.target]
            weight, bias = self.weights[node] or (module.weight, module.bias)
            return functional.conv2d(x, weight, bias, step.stride, 0, step.dilation, module.groups)
        if step.what == "max":
            return functional.max_pool2d(x, step.kernel_size, step.stride, 0, step.dilation)
        if step.what == "mean":
            return functional.avg_pool2d(x, step.kernel_size, step.stride) * step.scale
        return x[:, :, :: step.stride, :: step.stride]

    def _read(self, node: fx.Node, value: fx.Node) -> Tensor:
        """What a node reads of a map before it."""
        if value not in self.units:
            return self.env[value]
        wanted, there = _seen(self.steps.get(node), self.units[node]), self.units[value]
        rows, columns = (slice(a - c, b + 1 - c) for (a, b), (c, _) in zip(wanted, there, strict=True))
        return self.env[value][:, :, rows, columns]

    def _units(self) -> dict[fx.Node, Units]:
        """The units of each map that unit 0 of the last one sees."""
        units: dict[fx.Node, Units] = {}
        for node in reversed(self.module.graph.nodes):
            if node.op == "output":
                units[node] = Units((0, 0), (0, 0))
            if node not in units or node.op == "get_attr":
                units.pop(node, None)
                continue
            wanted = _seen(self.steps.get(node), units[node])
            for value in node.all_input_nodes:
                units[value] = _both(wanted, units.get(value, wanted))
        return units


def _seen(step: Step | None, units: Units) -> Units:
    """What some units read together of the map before them."""
    padding = getattr(step, "padding", (0, 0))
    stride, extent = (step.stride, step.extent) if isinstance(step, Window) else (1, (0, 0))
    return Units(
        *(
            (first * stride - before, last * stride - before + wide)
            for (first, last), before, wide in zip(units, padding, extent, strict=True)
        )
    )


def _both(one: Units, other: Units) -> Units:
    return Units(*((min(a[0], b[0]), max(a[1], b[1])) for a, b in zip(one, other, strict=True)))


def _fold(traced: fx.GraphModule) -> dict[str, tuple[Tensor, Tensor]]:
    """Weight and bias of each convolution with its batch norm; none where two uses share a convolution."""
    found, calls = graph.convolutions(traced), [str(node.target) for node in traced.graph.nodes]
    return {} if any(calls.count(name) > 1 for name in found) else graph.fold_batch_norms(traced)


def _check(plan: Plan, node: fx.Node, step: Step) -> None:
    if isinstance(step, Window | Border):
        return
    if isinstance(step, Whole):
        why = "reads the whole picture, of which a patch shows a part"
    else:
        why = "makes values between those of a coarser map, on which no patch is centred"
    raise ValueError(
        f"`model` runs at {plan.name(node)!r} what {why}; wanted, for exact answers, what a patch about a "
        "pixel can answer: give `until`, the name of a module before it"
    )
