"""The layers of a network that `to_sphere` converts, each with its exact inputs and answers on panoramas.

A `Trunk` keeps every pixel; networks have pools and strides too. Here every map lies on the grid its
converted layer has: of height H/stride ("pyramid") or H ("full"). What a convolution or a pool answers there
exactly is the unpadded network on a tangent patch; between them a network works place by place, so that exact
answers give exact inputs.
"""

import copy
import dataclasses
import hashlib
import math
import operator
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, fx, nn

from ktnlib import check

from ..conversion.interpolate import exact_network
from ..conversion.network import check_panorama
from ..conversion.options import Options
from ..conversion.plan import Plan, plan
from ..conversion.steps import Border, Step, Window
from ..taps import TapTable, tangent_taps
from .cache import TargetCache, TargetKey, hash_of

RESOLUTIONS = ("pyramid", "full")


@dataclass(frozen=True, eq=False)
class ConvertedLayer:
    """One convolution with a kernel larger than 1×1, as it stands in a converted network.

    Fields: `name` as in `model.named_modules()`; the source's `weight` and `bias`, batch norms not folded in;
    `stride` on the panorama, 1 at full resolution, and `groups`; `spacing` of its taps, sphere radii;
    `first`, whether it reads the picture itself, where the bilinear tangent kernel is exact.
    """

    name: str
    weight: Float[Tensor, "out_channel in_channel kernel_height kernel_width"]
    bias: Float[Tensor, "out_channel"] | None
    stride: int
    groups: int
    spacing: float
    first: bool

    @property
    def kernel_size(self) -> tuple[int, int]:
        """Rows and columns."""
        return tuple(self.weight.shape[-2:])

    @property
    def unusual(self) -> str:
        """What keeps its output from lying on its input's grid, or its channels apart; else nothing."""
        strange = {
            f"a stride of {self.stride}": self.stride > 1,
            f"{self.groups} groups": self.groups > 1,
            f"a kernel of {self.kernel_size}": any(side % 2 == 0 for side in self.kernel_size),
        }
        return " and ".join(what for what, is_so in strange.items() if is_so)

    def table(self, x: Float[Tensor, "batch channel height width"]) -> TapTable:
        """Where its taps fall on the map it reads."""
        return tangent_taps(*x.shape[-2:], self.kernel_size, spacing=self.spacing)


FitConverted = Callable[[ConvertedLayer, Tensor, Tensor], object]


@torch.no_grad()
def fit_converted(
    model: nn.Module,
    panoramas: Float[Tensor, "batch in_channel height width"],
    fit: FitConverted,
    *,
    spacing: float | int | None = None,
    resolution: str = "pyramid",
    until: str | None = None,
    cache: TargetCache | None = None,
) -> dict[str, object]:
    """Call `fit(layer, exact input, exact answer)` for every convolution larger than 1×1, in order.

    Args:
        model: in eval mode, as for `to_sphere`; it is not changed.
        panoramas: height × 2·height, as the model wants its pictures.
        fit: what it returns is kept under the layer's name.
        spacing: of neighbouring source pixels, sphere radii; None is 2π/width. As `to_sphere` will have it.
        resolution: "pyramid" or "full".
        until: the name of the module after which nothing is wanted; None is the whole model.
        cache: where exact answers are kept; None keeps none, and a second call computes them again.

    Raises:
        ValueError: what `to_sphere` refuses in a model or panoramas, no panorama, an unknown resolution, a
            convolution whose exact answer no patch gives (behind a global mean or an upsampling), one that
            runs twice or whose dilations down and across differ, patches of 120° and more.
    """
    check.choice("resolution", resolution, RESOLUTIONS)
    check.finite_values("panoramas", check.panorama("panoramas", panoramas))
    planned = plan(copy.deepcopy(model), until)
    check_panorama(panoramas, planned.stride)
    if not len(panoramas):
        raise ValueError(
            f"`panoramas` has shape {tuple(panoramas.shape)}; wanted at least one to learn from; "
            "`ktnlib.data.panoramas()` has some"
        )
    s = 2 * math.pi / panoramas.shape[-1] if spacing is None else spacing
    walk = _ExactWalk(planned, panoramas, fit, s, resolution, cache)
    walk.run(panoramas.clone())  # a network may begin in place
    return walk.found


class _ExactWalk(fx.Interpreter):
    """Runs a planned network; whatever looks beyond its own place answers exactly."""

    def __init__(
        self,
        plan: Plan,
        panoramas: Tensor,
        fit: FitConverted,
        spacing: float,
        resolution: str,
        cache: TargetCache | None,
    ):
        super().__init__(plan.traced)
        self.extra_traceback = False  # or every message of ours would end with the interpreter's own lines
        self.plan, self.panoramas, self.fit = plan, panoramas, fit
        self.spacing, self.resolution, self.cache = spacing, resolution, cache
        self.waiting = {node for node in plan.traced.graph.nodes if self._is_layer(node)}
        self.found: dict[str, object] = {}

    def run_node(self, node: fx.Node):
        """Exact for windows, the value itself for paddings, the network's own for the rest."""
        if not self.waiting:
            return None
        step = self.plan.steps.get(node)
        if isinstance(step, Border):
            return self.env[node.all_input_nodes[0]]
        if not _looks_around(step):
            return super().run_node(node)
        answer = self._exact(node)
        if node in self.waiting:
            self.waiting.remove(node)
            self._fit(node, answer)
        return answer

    def _fit(self, node: fx.Node, answer: Tensor) -> None:
        if node.target in self.found:
            raise ValueError(
                f"`model` runs the convolution {node.target!r} twice; wanted each once: its two uses would "
                "want kernels of their own"
            )
        step, before = self.plan.steps[node], node.all_input_nodes[0]
        if len(set(step.dilation)) > 1:
            raise ValueError(
                f"`model` has a dilation of {step.dilation} at {node.target!r}; wanted the same down and "
                "across, as a layer's taps have one distance; give `until`, a module before it"
            )
        module, place = self.submodules[node.target], self.plan.places[before]
        layer = ConvertedLayer(
            name=node.target,
            weight=module.weight.detach(),
            bias=None if module.bias is None else module.bias.detach(),
            stride=step.stride if self.resolution == "pyramid" else 1,
            groups=module.groups,
            spacing=self.spacing * float(place.stride) * step.dilation[0],
            first=place.reach == 1,
        )
        self.found[node.target] = self.fit(layer, self.env[before], answer)

    def _is_layer(self, node: fx.Node) -> bool:
        step = self.plan.steps.get(node)
        return _looks_around(step) and step.what == "conv" and max(step.kernel_size) > 1

    def _exact(self, node: fx.Node) -> Float[Tensor, "batch out_channel out_height out_width"]:
        """The network up to a node on a patch at every pixel of its map, panorama by panorama."""
        part = ending_at(self.plan, node)
        network = exact_network(part, Options("exact", self.spacing, self.resolution))
        return torch.cat([self._kept(part, network, image[None]) for image in self.panoramas])

    def _kept(self, part: Plan, network: nn.Module, image: Tensor) -> Tensor:
        """From the cache where it is there."""
        if self.cache is None:
            return network(image)
        names = "answer", self.resolution
        size = {"height": image.shape[-2], "width": image.shape[-1]}
        way = {"spacing": float(self.spacing), "columns": None, "interpolation": "bilinear", "layers": names}
        key = TargetKey(fingerprint(part), hash_of(image), **size, **way)
        found = self.cache.find(key)
        if found is None:
            found = {"answer": network(image).contiguous()}
            self.cache.keep(key, found)
        return found["answer"].to(image.device)


def ending_at(plan: Plan, node: fx.Node) -> Plan:
    """The plan of the network up to a node."""
    graph, copies = fx.Graph(), {}
    graph.graph_copy(plan.traced.graph, copies)
    graph.output(copies[node])
    traced = fx.GraphModule(plan.traced, graph)
    traced.graph.eliminate_dead_code()
    left = set(traced.graph.nodes)
    places, steps = (
        {copies[old]: value for old, value in kept.items() if copies.get(old) in left}
        for kept in (plan.places, plan.steps)
    )
    return dataclasses.replace(plan, traced=traced, places=places, steps=steps, output=plan.places[node])


def fingerprint(plan: Plan) -> str:
    """A hash of a planned network's operations and numbers."""
    digest, modules = hashlib.sha256(), dict(plan.traced.named_modules())
    for node in plan.traced.graph.nodes:
        digest.update(str(node.format_node()).encode())
        if node.op == "call_module":
            module = modules[node.target]
            digest.update(repr(module).encode())
            for name, value in (*module.named_parameters(), *module.named_buffers()):
                digest.update(f"{name} {hash_of(value)}".encode())
        elif node.op == "get_attr":
            digest.update(hash_of(operator.attrgetter(node.target)(plan.traced)).encode())
    return digest.hexdigest()


def _looks_around(step: Step | None) -> bool:
    """Whether a step is a window that reads more than a map's own place."""
    return isinstance(step, Window) and (step.stride > 1 or any(step.extent) or any(step.padding))
