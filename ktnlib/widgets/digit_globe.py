"""A digit anywhere on the sphere, read by one small network in four ways, in the browser."""

import math

import torch
import traitlets
from jaxtyping import Float, Int
from torch import Tensor, nn

from ktnlib import data
from ktnlib.data.architectures import classifier
from ktnlib.sphere import KernelTransformer, camera_spacing

from .arrays import float_bytes
from .base import PARTS, BookWidget, assemble

COPIES = 2  # digits of each class


class DigitGlobe(BookWidget):
    """Drag a digit over the sphere: who still reads it, and at which latitudes, of four transfers of a net.

    The grid has 80 × 160 pixels, the digit's camera 65.5°; maps shrink with the pools. The last map is read
    bilinearly at 4 × 4 places on the digit's tangent plane. Longitudes go in the network's own steps.

    Args:
        network: a `Sequential` of unpadded 3 x 3 convolutions with ReLUs in stages, a 2 x 2 maximum between
            stages, mean and a linear head, such as the globe net, which is taken if left out.
        digits, labels: pictures in [0, 1] and what they show; of those that ship if left out.

    Raises:
        ValueError: a network of another form, pictures that are not square, labels of another number.

    Example:
        >>> DigitGlobe(latitude_deg=-60).stages
        [[12, 12], [24, 24], [32, 32]]
    """

    _esm = assemble(
        *(*PARTS, "meter.js", "sphere.js", "map.js", "grid.js", "kernel_morph_arithmetic.js"),
        *("digit_globe_network.js", "digit_globe_worker.js", "digit_globe_drawing.js", "digit_globe.js"),
    )
    _css = assemble("widget.css", "digit_globe.css")

    weights = traitlets.Bytes().tag(sync=True)  # float32, all of the network's, in the order of its layers
    stages = traitlets.List(traitlets.List(traitlets.Int(min=1))).tag(sync=True)  # output channels
    coefficients = traitlets.Bytes().tag(sync=True)  # float32; taps, basis kernels, knots
    digits = traitlets.Bytes().tag(sync=True)  # 8 bits a pixel, picture by picture
    labels = traitlets.List(traitlets.Int(min=0, max=9)).tag(sync=True)
    grid_height = traitlets.Int(80, min=16).tag(sync=True)  # pixels; the grid is twice as wide
    fov_deg = traitlets.Float(65.5, min=1, max=120).tag(sync=True)  # of the camera that took the digit
    spacing = traitlets.Float().tag(sync=True)  # of its pixels on the tangent plane, sphere radii
    latitude_deg = traitlets.Int(54, min=-90, max=90).tag(sync=True)  # of the digit's middle, in steps of 3
    longitude_deg = traitlets.Float(0.0, min=-180, max=180).tag(sync=True)
    digit = traitlets.Int(16, min=0).tag(sync=True)  # which one
    visited = traitlets.Dict().tag(sync=True)  # "digit latitude" -> whose answer was right, one bit a reader

    task = traitlets.Unicode(
        "Drag the digit towards a pole: in which order do the four readers lose it?"
    ).tag(sync=True)
    description = traitlets.Unicode(
        "A handwritten digit on a black sphere, and four readers with the weights of one small network that "
        "was trained on flat digits. Up to 36 degrees from the equator all four read every digit. Direct "
        "convolution of the grid loses them from about 48 degrees on. SphereNet and the kernel transformer "
        "follow at about 60, where a digit of 65 degrees reaches the pole; the exact reader holds on to "
        "most up to about 75 degrees."
    ).tag(sync=True)
    still = traitlets.Unicode("digit_globe.webp").tag(sync=True)
    reserve = traitlets.Int(760).tag(sync=True)
    reserve_narrow = traitlets.Int(1230).tag(sync=True)

    def __init__(
        self,
        network: nn.Module | None = None,
        *,
        digits: Float[Tensor, "number 1 side side"] | None = None,
        labels: Int[Tensor, "number"] | None = None,
        **traits,
    ):
        super().__init__(**traits)
        network = data.source_network("globe-net") if network is None else network
        self.stages, self.weights = _stages(network), float_bytes(_numbers(network))
        self.coefficients = float_bytes(KernelTransformer(3).coefficients)
        images, names = _own_digits() if digits is None else _checked(digits, labels)
        self.digits, self.labels = _levels(images), names.tolist()
        self.spacing = camera_spacing(math.radians(self.fov_deg), images.shape[-1])


def _own_digits() -> tuple[Tensor, Tensor]:
    """The first `COPIES` test digits of each class, drawn at 28 × 28 pixels as the net has learned them."""
    shipped = data.digits()
    first = [(shipped.test_labels == name).nonzero().flatten()[:COPIES] for name in range(10)]
    chosen = torch.stack(first, dim=1).flatten()
    return _drawn(shipped.test_images[chosen]), shipped.test_labels[chosen]


def _drawn(images: Tensor) -> Tensor:
    return nn.functional.interpolate(images, size=28, mode="bilinear", align_corners=False)


def _levels(images: Tensor) -> bytes:
    return images.clamp(0, 1).mul(255).round().to(torch.uint8).numpy().tobytes()


def _checked(digits: Tensor, labels: Tensor | None) -> tuple[Tensor, Tensor]:
    number = None if labels is None else len(labels)
    if (
        digits.ndim != 4
        or digits.shape[1] != 1
        or digits.shape[2] != digits.shape[3]
        or len(digits) != number
    ):
        raise ValueError(
            f"`digits` has shape {tuple(digits.shape)} with {number} labels; wanted (number, 1, side, side), "
            "square grey pictures, and a label for each"
        )
    return digits, labels


def _numbers(network: nn.Module) -> Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in network.parameters()])


def _stages(network: nn.Module) -> list[list[int]]:
    """Output channels of its convolutions, stage by stage, if it has the form that the page's code runs."""
    stages: list[list[int]] = [[]]
    for layer in network.modules():
        if isinstance(layer, nn.MaxPool2d):
            stages.append([])
        elif isinstance(layer, nn.Conv2d):
            stages[-1].append(layer.out_channels)
    own = classifier(1, tuple(map(tuple, stages)), 10, padding=0, mean=0.0, std=1.0)
    alike = str(own) == str(network) and all(map(torch.equal, own.buffers(), network.buffers()))
    if not alike:
        raise ValueError(
            f"`network` is {' '.join(str(network).split())}; wanted a `ktnlib.data.architectures.classifier` "
            "of one channel, without padding, with black at 0 (mean 0, std 1) and ten classes: the widget's "
            "own code runs no other form"
        )
    return stages
