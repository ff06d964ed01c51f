"""Products of one pass over one panorama, and the numbers learnt for it, by method: counted, not measured."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import fx, nn

from ktnlib.sphere import EquirectGrid, KernelTransformer
from ktnlib.sphere.conversion.cube import cube
from ktnlib.sphere.conversion.icosahedron import tangent_images
from ktnlib.sphere.conversion.patches import patch_spacing
from ktnlib.sphere.conversion.plan import Plan
from ktnlib.sphere.conversion.steps import Window
from ktnlib.sphere.conversion.unpadded import Unpadded
from ktnlib.sphere.conversion.view_sets import ViewSet
from ktnlib.sphere.fitting.row_kernels import WINDOWS

# pixels that a tap reads; SphConv's pools read as bicubic ones do
READS = {"direct": 0, "spherenet": 4, "equiconv": 4, "ktn-bilinear": 4, "ktn-bicubic": 16, "sphconv": 16}
VIEWS = {"cubemap": cube, "cubemap-zero": cube, "tangent-images": tangent_images}
EVERY = 16  # pixels between the knots of "interpolate"


@dataclass(frozen=True)
class Layer:
    """A convolution or a pool: taps, channels, groups, source pixels from one output to the next.

    `place_by_place` says that it reads its own pixel alone.
    """

    taps: int
    in_channels: int
    out_channels: int
    groups: int
    jump: int
    products: bool
    place_by_place: bool

    def rows(self, height: int, resolution: str) -> int:
        """Of its output, on a panorama of so many rows."""
        return height if resolution == "full" else height // self.jump

    @property
    def mixed(self) -> int:
        """Products of an output pixel, its taps' values given; a maximum has none."""
        return self.taps * self.in_channels * self.out_channels // self.groups if self.products else 0


def layers(plan: Plan) -> list[Layer]:
    """The network's convolutions and pools in order."""
    modules, found = dict(plan.traced.named_modules()), []
    channels: dict[fx.Node, int] = {}
    for node in plan.traced.graph.nodes:
        module = modules.get(node.target) if node.op == "call_module" else None
        before = max((channels.get(value, 0) for value in node.all_input_nodes), default=0)
        channels[node] = before
        step = plan.steps.get(node)
        if isinstance(module, nn.Conv2d):
            channels[node], before = module.out_channels, module.in_channels
        if isinstance(step, Window) and step.what != "take":
            groups = module.groups if isinstance(module, nn.Conv2d) else 1
            taps = math.prod(step.kernel_size)
            alone = taps == 1 and step.stride == 1
            jump = int(plan.places[node].stride)
            convolution = step.what == "conv"
            found.append(Layer(taps, before, channels[node], groups, jump, convolution, alone))
    return found


def multiply_adds(plan: Plan, method: str, height: int, resolution: str = "pyramid") -> int | None:
    """Products of one panorama; None where the method is not defined, a patch of 120° or more."""
    if method in ("exact", "interpolate"):
        return _patches(plan, method, height, resolution)
    if method in VIEWS:
        return _views(VIEWS[method], plan, height)
    reads = _pixels_a_tap() if method == "ktn" else READS[method]
    total = 0
    for layer in layers(plan):
        rows = layer.rows(height, resolution)
        if method == "sphconv" and layer.products and layer.taps > 1:
            total += 2 * rows * layer.in_channels * layer.out_channels * sphconv_reads(rows)
        else:
            gathered = 0 if layer.place_by_place else layer.taps * layer.in_channels * reads
            total += 2 * rows**2 * (layer.mixed + gathered)
    return total


def sphconv_learnt(plan: Plan, height: int, resolution: str = "pyramid") -> int:
    """Numbers of SphConv's dense rows, a kernel a row and a pair of channels."""
    return sum(
        layer.in_channels * layer.out_channels * sphconv_reads(layer.rows(height, resolution))
        for layer in layers(plan)
        if layer.products and layer.taps > 1
    )


def sphconv_windows(rows: int) -> list[tuple[int, int]]:
    """Rows and columns that SphConv's kernel reads at each row, as `fit_row_kernels` lays its windows out."""
    angles = EquirectGrid(rows).polar_angles
    from_pole = torch.minimum(angles, math.pi - angles).tolist()
    return [next(size for limit, size in WINDOWS if angle <= limit) for angle in from_pole]


def sphconv_reads(rows: int) -> int:
    """Pixels that the kernels of all rows read together."""
    return sum(math.prod(size) for size in sphconv_windows(rows))


def _patches(plan: Plan, method: str, height: int, resolution: str) -> int | None:
    """The unpadded network at every pixel of the answer, or at the knots."""
    trunk = Unpadded(plan)
    try:
        patch_spacing(trunk.size, 2 * height, None)
    except ValueError:
        return None
    rows = height if resolution == "full" else height // int(plan.output.stride)
    every = min(EVERY, rows) if method == "interpolate" else 1
    knots = math.prod(len(range(every // 2, length, every)) for length in (rows, 2 * rows))
    return knots * trunk.multiply_adds()


def _views(make: Callable[[float, int], ViewSet], plan: Plan, height: int) -> int:
    """The source on the pictures, four products for each value rendered or put back."""
    views = make(math.pi / height, plan.stride)
    pixels = len(views) * views.side**2
    found = layers(plan)
    return (
        4 * pixels * found[0].in_channels
        + sum(pixels // layer.jump**2 * layer.mixed for layer in found)
        + 8 * found[-1].rows(height, "pyramid") ** 2 * found[-1].out_channels
    )


def _pixels_a_tap() -> int:
    transformer = KernelTransformer(3)
    kernels = transformer(torch.zeros(1, 1, 3, 3), EquirectGrid(8).polar_angles)
    return kernels.neighbours.weights.shape[-1]
