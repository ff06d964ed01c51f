"""Conversion layer by layer: the source's graph with modules of the sphere in place of those of the plane."""

import copy
from dataclasses import replace
from fractions import Fraction
from typing import Protocol, runtime_checkable

import torch
from torch import fx, nn

from .network import SphereNetwork, check_height
from .options import Options
from .plan import Plan
from .pooling import WholeSphere
from .samplers import Scale
from .steps import Border, Resize, Step, Transposed, Whole, Window


@runtime_checkable
class Layers(Protocol):
    """What a method makes of each layer; windows have the stride they have on the panorama's grid."""

    def convolution(self, name: str, source: nn.Conv2d, window: Window, scale: Scale) -> nn.Module:
        """Of more than one tap, or of a stride."""

    def pooling(self, window: Window, scale: Scale) -> nn.Module:
        """The largest or the mean of taps, or every s-th pixel ("take")."""

    def transposed(self, source: nn.ConvTranspose2d, step: Transposed, scale: Scale) -> nn.Module:
        """Of a stride above 1, or at full resolution."""

    def upsampling(self, step: Resize) -> nn.Module:
        """By a factor above 1."""


class LayerwiseNetwork(SphereNetwork):
    """The source's operations in their order; those that look beyond their own place are made anew."""

    def __init__(self, plan: Plan, options: Options, layers: Layers):
        super().__init__(plan, options)
        self._full = options.resolution == "full"
        copies: dict[fx.Node, fx.Node] = {}
        self.__dict__["graph"] = fx.Graph()
        self.graph.output(self.graph.graph_copy(plan.traced.graph, copies))
        self._sized: list[tuple[nn.Module, Fraction | int]] = []
        sources, used = dict(self.root.named_modules()), set()
        for node, step in plan.steps.items():
            name = node.target if node.op == "call_module" else None
            source = sources.get(name)
            if name in used and isinstance(source, (nn.Conv2d, nn.ConvTranspose2d)):
                continue  # the same weights at the same scale once more
            jump = plan.places[_read_map(node, plan)].stride
            scale = Scale(options.spacing, jump, 1 if self._full else jump)
            module = self._module(plan.name(node), source, step, scale, layers)
            copies[node] = self._put(
                copies[node], copies[_read_map(node, plan)], module, None if name in used else name
            )
            used.add(name)
            if hasattr(module, "prepare"):
                self._sized.append((module, scale.coarseness))
        # a graph without a module of its own can't say what has side effects
        self.graph.eliminate_dead_code(lambda node: node.op in ("placeholder", "output"))
        self.eval()
        if options.height is not None:
            self.prepare(options.height)

    def prepare(self, height: int) -> None:
        """Make what is kept for panoramas of this height now, and not at the first call."""
        check_height("height", height, self.stride)
        like = next(self.parameters(), torch.empty(0))
        for module, coarseness in self._sized:
            rows = int(height / Fraction(coarseness))
            module.prepare(rows, 2 * rows, like)

    def _module(
        self, name: str, source: nn.Module | None, step: Step, scale: Scale, layers: Layers
    ) -> nn.Module | None:
        """What stands in the place of a step; None where nothing is left of it on the sphere."""
        if isinstance(step, Whole):
            return WholeSphere(step)
        if isinstance(step, Border) or (isinstance(step, Resize) and (self._full or step.factor == 1)):
            return None
        if isinstance(step, Resize):
            return layers.upsampling(step)
        if isinstance(step, Transposed):
            return layers.transposed(source, step, scale)
        window = replace(step, stride=1) if self._full else step
        pointlike = window.kernel_size == (1, 1) and window.stride == 1
        if step.what == "conv":
            return _planar(source) if pointlike else layers.convolution(name, source, window, scale)
        return None if pointlike else layers.pooling(window, scale)

    def _put(self, node: fx.Node, before: fx.Node, module: nn.Module | None, name: str | None) -> fx.Node:
        """Let the module, or nothing, stand in the node's place; under `name`, or a name of its own.

        Returns the node whose value is now what the old node's was.
        """
        if module is not None and name is not None:
            self.root.set_submodule(name, module)
            node.args, node.kwargs = (before,), {}
            return node
        after = before
        if module is not None:
            self.root.add_module(f"{node.name}_on_sphere", module)
            with self.graph.inserting_after(node):
                after = self.graph.call_module(f"{node.name}_on_sphere", (before,))
        node.replace_all_uses_with(after)
        self.graph.erase_node(node)
        return after


def _planar(source: nn.Conv2d) -> nn.Conv2d:
    """One tap at stride 1, without padding: the plane and the sphere agree."""
    layer = copy.copy(source)
    layer.stride, layer.padding, layer._reversed_padding_repeated_twice = (1, 1), (0, 0), [0] * 4
    return layer


def _read_map(node: fx.Node, plan: Plan) -> fx.Node:
    return next(value for value in node.all_input_nodes if value in plan.places)
