"""Methods that never leave the plane: the network on pictures cut out of the panorama, its maps put back."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction
from functools import partial

import torch
from torch import Tensor, fx
from torch.nn import functional

from ktnlib import check

from .cube import cube, pad_cube
from .extras import own_options
from .icosahedron import tangent_images
from .network import SphereNetwork
from .options import Options
from .plan import Place, Plan, after
from .pooling import WholeSphere
from .steps import Border, Pair, Resize, Step, Transposed, Whole, Window
from .view_sets import ViewSet

Surround = Callable[[Tensor, int, int, float], Tensor]


class ViewNetwork(SphereNetwork):
    """The planar network on the pictures of a view set, all as one batch.

    Every layer keeps its map, 1/stride as many rows as it reads, by a border: the source's own where it has
    one. A map is put back on the panorama's grid of height/stride rows, or height rows at resolution "full",
    from the view that owns the pixel. A mean or maximum over the whole map is taken there too, by solid
    angle.

    Args:
        views: (spacing, stride) to the pictures; their sides are multiples of the stride.
        surround: (maps, before, behind, fill) to maps with so many more rows and columns on each side, which
            show what lies there, or are filled.
    """

    def __init__(
        self,
        plan: Plan,
        options: Options,
        views: Callable[[float, int], ViewSet],
        surround: Surround,
    ):
        super().__init__(plan, options)
        plan.answer()  # refuses several
        # past nn.Module, as the source may have modules of these names
        self.__dict__.update(views=views, surround=surround)

    def answer(self, x: Tensor) -> Tensor:
        height = x.shape[-2]
        spacing = math.pi / height if self.options.spacing is None else self.options.spacing
        views = self.views(float(spacing), self.stride)
        walk = _Walk(self, views, height)
        found = walk.run(views.render(x))
        if self.plan.output.kind == "pooled":
            return found[:: len(views)]
        return walk.put_back(self.plan.answer(), found, full=self.options.resolution == "full")


class _Walk(fx.Interpreter):
    """Runs the source's operations on pictures."""

    def __init__(self, network: ViewNetwork, views: ViewSet, height: int):
        super().__init__(network.root, graph=network.graph)
        self.extra_traceback = False
        self.views, self.height, self.surround = views, height, network.surround
        self.steps = {node: _kept(step) for node, step in network.plan.steps.items()}
        self.places = _places(network.plan, self.steps)

    def run_node(self, node: fx.Node) -> object:
        step = self.steps.get(node)
        if step is None:
            return super().run_node(node)
        before = next(value for value in node.all_input_nodes if value in self.places)
        x = self.env[before]
        if isinstance(step, Border):
            return x
        if isinstance(step, Whole):
            # for every picture of a panorama the same
            return WholeSphere(step)(self.put_back(before, x)).repeat_interleave(len(self.views), dim=0)
        if isinstance(step, Window):
            return self._look(node, x, step)
        return self._enlarge(node, x, step)

    def put_back(self, node: fx.Node, maps: Tensor, *, full: bool = False) -> Tensor:
        """The map of a node on the panorama's grid."""
        place = self.places[node]
        stride, first = float(place.stride), tuple(map(float, place.centre))
        if self.surround is pad_cube:
            maps, first = pad_cube(maps, 1, 1), tuple(start - stride for start in first)
        height = self.height if full else int(self.height / Fraction(place.stride))
        return self.views.put_back(maps, height=height, first=first, stride=stride)

    def _look(self, node: fx.Node, x: Tensor, step: Window) -> Tensor:
        """A convolution, a pool or a slice, with what surrounds each picture."""
        if step.what == "take":
            return x[:, :, :: step.stride, :: step.stride]
        wide = self._widen(x, step, -math.inf if step.what == "max" else 0.0)
        if step.what == "max":
            return functional.max_pool2d(wide, step.kernel_size, step.stride, 0, step.dilation)
        if step.what == "mean":
            sums = functional.avg_pool2d(wide, step.kernel_size, step.stride) * step.scale
            if step.count_padding:
                return sums
            there = self._widen(torch.ones_like(x[:, :1]), step, 0.0)
            return sums / functional.avg_pool2d(there, step.kernel_size, step.stride)
        module = self.submodules[node.target]
        options = step.stride, 0, step.dilation, module.groups
        return functional.conv2d(wide, module.weight, module.bias, *options)

    def _widen(self, x: Tensor, step: Window, fill: float) -> Tensor:
        """A map with the border that a step has here."""
        (down, across), (below, beside) = step.padding, _behind(step)
        before, behind = max(down, across), max(below, beside)
        x = self.surround(x, before, behind, fill)
        return _cut(x, before - down, behind - below, before - across, behind - beside)

    def _enlarge(self, node: fx.Node, x: Tensor, step: Resize | Transposed) -> Tensor:
        """Upsampling and transposed convolution: as many rows as the factor says, no more."""
        factor = step.factor if isinstance(step, Resize) else step.stride
        rows = x.shape[-1] * factor
        if isinstance(step, Transposed):
            border = math.ceil(max(step.kernel_size) / factor)
            x = self.surround(x, border, border, 0.0)
            wide = self.submodules[node.target](x)
        else:
            border = 1 if self.surround is pad_cube else 0
            x = self.surround(x, border, border, 0.0)
            options = {"align_corners": False} if step.mode == "bilinear" else {}
            wide = functional.interpolate(x, scale_factor=factor, mode=step.mode, **options)
        kept = slice(border * factor, border * factor + rows)
        return wide[:, :, kept, kept]


def cubemap_network(plan: Plan, options: Options) -> ViewNetwork:
    """Six faces of 90°, each surrounded by its neighbours at every layer (cube padding)."""
    own_options(options, {})
    return ViewNetwork(plan, options, cube, pad_cube)


def cubemap_zero_network(plan: Plan, options: Options) -> ViewNetwork:
    """Six faces of 90°, each a picture of its own with zeros around it."""
    own_options(options, {})
    return ViewNetwork(plan, options, cube, _fill)


def tangent_image_network(plan: Plan, options: Options) -> ViewNetwork:
    """A picture for each triangle of a subdivided icosahedron, with zeros around it.

    Option `subdivisions`: 20·4^b pictures, b = 1 if not given.
    """
    subdivisions = own_options(options, {"subdivisions": 1})["subdivisions"]
    if subdivisions != 0:
        check.positive_int("subdivisions", subdivisions)
    return ViewNetwork(plan, options, partial(tangent_images, subdivisions=subdivisions), _fill)


def _places(plan: Plan, steps: Mapping[fx.Node, Step]) -> dict[fx.Node, Place]:
    """The plan's places, for the borders that maps have here."""
    places: dict[fx.Node, Place] = {}
    for node in plan.traced.graph.nodes:
        met = [places[value] for value in node.all_input_nodes if value in places]
        if node in plan.places:
            maps = [place for place in met if place.kind == "map"] or met
            farthest = max(maps, key=lambda place: place.reach, default=Place())
            places[node] = farthest if not met else after(farthest, steps.get(node))
    return places


def _kept(step: Step) -> Step:
    """The step with a border before its map that keeps it: 1/stride as many units as it reads."""
    if isinstance(step, Border):
        return Border()
    if not isinstance(step, Window):
        return step
    return replace(step, padding=tuple(map(partial(_before, step.stride), step.extent, step.padding)))


def _before(stride: int, extent: int, padding: int) -> int:
    """The source's own border at strides above 1, where it has one; else what lies about the middle."""
    return padding if stride > 1 and padding else max(0, extent + 1 - stride) // 2


def _behind(step: Window) -> Pair:
    sides = zip(step.extent, step.padding, strict=True)
    return tuple(max(0, extent + 1 - step.stride - before) for extent, before in sides)


def _fill(x: Tensor, before: int, behind: int, fill: float) -> Tensor:
    return functional.pad(x, (before, behind, before, behind), value=fill)


def _cut(x: Tensor, top: int, bottom: int, left: int, right: int) -> Tensor:
    return x[:, :, top : x.shape[-2] - bottom, left : x.shape[-1] - right]
