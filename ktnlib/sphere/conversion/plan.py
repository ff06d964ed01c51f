"""The plan of a conversion: which operations a network runs, and where each value lies on the plane."""

import math
from dataclasses import dataclass
from fractions import Fraction

from torch import fx, nn

from ktnlib import check

from ..fitting.graph import rewire_in_place, trace
from .places import Place as Place
from .places import after as after
from .reading import POOLED, POOLED_MODULES, function_step, module_step
from .steps import Resize, Step

SIZES = ("shape", "ndim", "dtype", "device")  # attributes that hold none of a map's values


@dataclass(frozen=True, eq=False)
class Plan:
    """A model traced and read: `traced` runs it, cut after `until`, with nothing left that is not needed.

    Fields: the `model` itself, whose modules `traced` runs; `places` of the nodes that hold maps or pooled
    values, `steps` of those that look beyond their own place; `stride`, which must divide a panorama's
    height; `output`, the place of the answer.
    """

    model: nn.Module
    traced: fx.GraphModule
    until: str | None
    places: dict[fx.Node, Place]
    steps: dict[fx.Node, Step]
    stride: int
    output: Place

    def __deepcopy__(self, memo: dict) -> "Plan":
        # nothing in it changes, and a graph's nodes are known by identity
        return self

    def name(self, node: fx.Node) -> str:
        """The module a node belongs to, as in `model.named_modules()`."""
        return _where(node)

    def answer(self) -> fx.Node:
        """The node whose value is the answer.

        Raises:
            ValueError: a model that answers with several values, or with one in a dictionary.
        """
        given = next(node for node in reversed(self.traced.graph.nodes) if node.op == "output").args[0]
        if not isinstance(given, fx.Node):
            kind = "dictionary" if isinstance(given, dict) else "tuple or list"
            raise ValueError(
                f"`model` answers with a {kind}; wanted, for this method, one tensor: give `until`, the name "
                "of the module that makes it"
            )
        return given


def plan(model: nn.Module, until: str | None = None) -> Plan:
    """Read a network: every operation that looks beyond its own place, and where its values lie.

    Args:
        model: in eval mode; takes one (batch, channel, height, width).
        until: name of the module whose output is the answer; None is the model's own answer.

    Raises:
        TypeError: what is no module.
        ValueError: a model in train mode or one that can't be traced, an unknown `until`, an operation that
            has no place on the sphere, named with its place in the model.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(
            f"`model` is a {type(model).__name__}; wanted a torch.nn.Module in eval mode; "
            "`ktnlib.data.source_network(name)` loads one"
        )
    if training := [name for name, module in model.named_modules() if module.training]:
        raise ValueError(
            f"`model` is in train mode ({training[0] or 'itself'!r} is); wanted its statistics at rest: call "
            "model.eval() first"
        )
    traced = trace(model).eval()
    rewire_in_place(traced)
    if until is not None:
        _cut(traced, until)
    traced.graph.eliminate_dead_code()
    places, steps = _Reader(traced).read()
    traced.recompile()
    strides = [Fraction(place.stride).numerator for place in places.values()]
    answer = next(node for node in reversed(traced.graph.nodes) if node.op == "output")
    output = next((places[node] for node in answer.all_input_nodes if node in places), Place("pooled"))
    return Plan(model, traced, until, places, steps, math.lcm(*strides), output)


class _Reader:
    """Goes through the graph once, in order."""

    def __init__(self, traced: fx.GraphModule):
        self.nodes = traced.graph.nodes
        self.modules = dict(traced.named_modules())
        self.places: dict[fx.Node, Place] = {}
        self.steps: dict[fx.Node, Step] = {}
        self.sizes: dict[fx.Node, Place] = {}  # numbers that come from a map's shape
        self.seen: dict[str, Place] = {}  # convolutions, by the place they read

    def read(self) -> tuple[dict[fx.Node, Place], dict[fx.Node, Step]]:
        for node in self.nodes:
            try:
                self._read(node)
            except ValueError as error:
                raise ValueError(f"`model` runs {self._what(node)} at {_where(node)!r}: {error}") from None
        return self.places, self.steps

    def _read(self, node: fx.Node) -> None:
        if node.op == "placeholder":
            if self.places:
                raise ValueError("it is a second input; wanted a model of one picture")
            self.places[node] = Place()
        elif node.op in ("call_module", "call_function", "call_method"):
            met = [self.places[value] for value in node.all_input_nodes if value in self.places]
            if self._is_size(node, met):
                self.sizes[node] = met[0] if met else self.sizes[_first_size(node, self.sizes)]
            elif met:
                self._place(node, met)

    def _is_size(self, node: fx.Node, met: list[Place]) -> bool:
        if met:
            return node.target in ("size", "dim") or (node.target is getattr and node.args[1] in SIZES)
        return any(value in self.sizes for value in node.all_input_nodes)

    def _place(self, node: fx.Node, met: list[Place]) -> None:
        maps = [place for place in met if place.kind == "map"]
        if not maps:
            self._check_pooled(node)
            self.places[node] = met[0]
            return
        if len({place.stride for place in maps}) > 1:
            strides = " and ".join(str(place.stride) for place in maps)
            raise ValueError(f"it joins maps of strides {strides}; wanted maps of the same size")
        place = max(maps, key=lambda place: place.reach)
        module = self.modules[node.target] if node.op == "call_module" else None
        step = function_step(node) if module is None else module_step(module)
        if isinstance(step, Resize):
            step = self._sized(step, place)
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
            if "weight" not in module._parameters:
                raise ValueError(
                    "its weight is made from other numbers whenever it runs; wanted a plain one: take the "
                    "normalisation off by torch.nn.utils.parametrize.remove_parametrizations or "
                    "torch.nn.utils.remove_weight_norm"
                )
            before = self.seen.setdefault(node.target, place)
            if before.stride != place.stride:
                raise ValueError(
                    f"it reads maps of stride {before.stride} and of {place.stride} with the same weights; "
                    "wanted a layer of its own for each"
                )
        if step is not None:
            self.steps[node] = step
        self.places[node] = after(place, step)
        if self.places[node].stride < 1:
            raise ValueError("its map is finer than the source's picture; wanted one of its size at most")

    def _check_pooled(self, node: fx.Node) -> None:
        if node.op != "call_module":
            if node.target not in POOLED:
                function_step(node)
            return
        module = self.modules[node.target]
        pointlike = isinstance(module, nn.Conv2d) and set(module.kernel_size) == {1}
        if not pointlike and not isinstance(module, POOLED_MODULES):
            raise ValueError("its input is pooled already and has no places left")

    def _sized(self, step: Resize, place: Place) -> Resize:
        """The factor of an upsampling to another map's size."""
        if step.factor is not None:
            return step
        parts = step.size if isinstance(step.size, (tuple, list)) else (step.size,)
        wanted = {self.sizes[part].stride for part in parts if part in self.sizes}
        if len(wanted) != 1 or not all(part in self.sizes for part in parts):
            raise ValueError(f"its size is {step.size!r}; wanted a factor, or the size of another map")
        factor = Fraction(place.stride) / wanted.pop()
        if factor.denominator > 1:
            raise ValueError(f"it enlarges a map by {factor}; wanted a whole factor of at least 1")
        return Resize(step.mode, int(factor))

    def _what(self, node: fx.Node) -> str:
        if node.op == "call_module":
            return str(self.modules[node.target])
        if node.target is getattr:
            return f"`.{node.args[1]}`"
        return f"`{getattr(node.target, '__name__', node.target)}`"


def _cut(traced: fx.GraphModule, until: str) -> None:
    """End the graph with the last value that the module `until` makes."""
    inside = {}
    for node in traced.graph.nodes:
        for path in node.meta.get("nn_module_stack", {}):
            inside[path.partition("@")[0]] = node
    inside.pop("", None)
    last = inside[check.choice("until", until, inside)]
    output = next(node for node in traced.graph.nodes if node.op == "output")
    output.args = (last,)


def _where(node: fx.Node) -> str:
    if node.op == "call_module":
        return node.target
    return next(reversed(node.meta.get("nn_module_stack", {})), "").partition("@")[0]


def _first_size(node: fx.Node, sizes: dict[fx.Node, Place]) -> fx.Node:
    return next(value for value in node.all_input_nodes if value in sizes)
