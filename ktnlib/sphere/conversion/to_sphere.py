"""A planar network becomes a spherical one with the same weights."""

import math

from torch import nn

from ktnlib import check

from .methods import METHODS
from .network import SphereNetwork, check_height
from .options import Options
from .plan import plan

RESOLUTIONS = ("pyramid", "full")
TRANSFORMED = ("ktn", "sphconv")


def to_sphere(
    model: nn.Module,
    *,
    method: str = "ktn",
    spacing: float | int | None = None,
    resolution: str = "pyramid",
    transformer: object = None,
    height: int | None = None,
    until: str | None = None,
    **method_options: object,
) -> SphereNetwork:
    """A network that answers on panoramas what the model answers on pictures, with the same weights.

    The model may hold convolutions, transposed ones, pools, nearest and bilinear upsampling, batch norms,
    activations, sums, products, concatenations of channels, means over all places and linear layers after
    them. Every layer is symmetrical about its output pixel's own centre, so that the plane's paddings are
    gone; a mean over all places weighs pixels by their solid angle. The model stays as it is.

    Args:
        model: in eval mode; takes one batch of pictures.
        method: "ktn", row kernels by a kernel transformer; "spherenet", "equiconv", bilinear taps on tangent
            planes; "direct", "direct-wrap", "direct-zero", the planar network on the panorama's pixels;
            "sphconv", row kernels fitted for this model; "projected", kernels drawn on the panorama;
            "cubemap", "cubemap-zero", "tangent-images", the planar network on pictures of parts; "exact", the
            unpadded planar network on a tangent patch at every pixel; "interpolate", that at some pixels.
        spacing: distance of neighbouring source pixels on the tangent plane, sphere radii: what
            `camera_spacing` says of the source's camera. None is a panorama's pixel, 2π/width.
        resolution: "pyramid", the grid shrinks with the strides; "full", every map is as large as the
            panorama, and a layer's taps lie as far apart as its strided input's units.
        transformer: of method "ktn": None is the set of taps that ships; or a `KernelTransformer` for the
            kernels of its size; a head, "bilinear", "bicubic" or "taps"; or a dictionary from layers' names
            to transformers or `RowKernels`. Taps lie where the layer's do, whatever spacing a transformer
            has; a "published" head keeps its own. "sphconv" wants a dictionary to `RowKernels`. The sets that
            ship amplify some waves a little (the middle tap by up to 1.11 a layer): deep stacks without pools
            on noisy pictures, as a denoiser of 17 layers, are better served by "bicubic" (chapter 5 measures
            it).
        height: of the panoramas, to make now what is else made at the first call.
        until: name of the module whose output is the answer; None is the model's own answer. "exact" and
            "interpolate" need one before the first mean over all places.
        method_options: "ktn" and "sphconv" take `pooling`, "bilinear" or "bicubic"; "tangent-images"
            `subdivisions`; "exact" `interpolation`; "interpolate" that and `every`.

    Returns:
        A module in eval mode for panoramas (batch, channel, height, 2·height), float, on its device; its
        state dict has the model's names. `.save(path)` keeps it, `conversion.load` brings it back.

    Raises:
        ValueError: a model in train mode; an operation that has no place on the sphere, named with its place
            in the model; an unknown method, head, layer or module; an option that the method has not; a
            transformer for kernels of another size; a height the network's stride does not divide. When
            called: what is no 2:1 panorama, or one that the stride does not divide.
        TypeError: what is no module; a transformer of another type, or for a method that takes none.

    >>> import torch
    >>> from ktnlib.data import source_network
    >>> net = to_sphere(source_network("digit-net"))
    >>> net(torch.rand(1, 1, 32, 64)).shape
    torch.Size([1, 10])
    """
    check.choice("method", method, METHODS)
    check.choice("resolution", resolution, RESOLUTIONS)
    if spacing is not None:
        spacing = check.between("spacing", spacing, 0, math.inf, "radii")
    if transformer is not None and method not in TRANSFORMED:
        raise TypeError(
            f"`transformer` given to method {method!r}, which has no use for it; wanted it only with "
            f"{' or '.join(map(repr, TRANSFORMED))}"
        )
    read = plan(model, until)
    if height is not None:
        check_height("height", check.positive_int("height", height), read.stride)
    options = Options(method, spacing, resolution, transformer, height, dict(method_options))
    return METHODS[method](read, options)
