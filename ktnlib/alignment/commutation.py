"""Does a layer commute with a transformation? ‖Γ(Tx) − TΓ(x)‖ / ‖Γ(x)‖, and the filters to try it with.

The region that counts. Near the border a moved image has lost content, so errors are taken over a disc only:
the pixels whose centre lies at most r = n/2 − margin − reach from the image centre and whose pre-image, under
the transformation that was applied last, does too. n is the width of the image; reach is half of the filter's
width less one.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64
from torch import Tensor, nn

from ktnlib import check

from .affine import Matrix, invert
from .warp import affine_warp, sample_points

LETTER_W = ("#...#", "#...#", "#.#.#", "##.##", "#...#")
LETTER_M = LETTER_W[::-1]


# eq=False: it holds a tensor, which compares element by element
@dataclass(frozen=True, eq=False)
class FilterLayer:
    """Γ(x) = relu(correlate(x, weight)), zero padding, same size.

    Args:
        weight: (out, in, k, k) with k odd; it is taken to the type and device of the images.

    Raises:
        TypeError: a weight, or images, that are not floating point.
        ValueError: a weight that is not square or of even width; images without four axes.

    >>> FilterLayer(filters()["gaussian"])(torch.ones(1, 1, 28, 28)).shape
    torch.Size([1, 1, 28, 28])
    """

    weight: Float[Tensor, "out in k k"]

    def __post_init__(self) -> None:
        shape = tuple(check.floating("weight", self.weight).shape)
        if len(shape) != 4 or shape[2] != shape[3]:
            raise ValueError(f"`weight` has shape {shape}; wanted (out, in, k, k), square; pad it with zeros")
        if shape[3] % 2 == 0:
            raise ValueError(
                f"`weight` is {shape[3]} pixels wide; wanted an odd width: a tap lies "
                "on the pixel itself; pad it by a row and a column of zeros"
            )

    @property
    def reach(self) -> float:
        """How far from its pixel the filter reads, along an axis, in pixels."""
        return (self.weight.shape[-1] - 1) / 2

    def __call__(
        self, images: Float[Tensor, "batch in height width"]
    ) -> Float[Tensor, "batch out height width"]:
        check.image_batch("images", images)
        return nn.functional.relu(
            nn.functional.conv2d(images, self.weight.to(images), padding=self.weight.shape[-1] // 2)
        )


def commutation_error(
    layer: Callable[[Tensor], Tensor],
    images: Float[Tensor, "batch channel n n"],
    matrix: Matrix,
    *,
    margin: float | int,
) -> Float[Tensor, " batch"]:
    """How far `layer` and the transformation are from commuting: ‖Γ(Tx) − TΓ(x)‖ / ‖Γ(x)‖ per image.

    Both norms run over the channels and over a disc: the pixels whose centre lies at most
    n/2 − margin − reach from the centre of the n × n image and whose pre-image under T does too. Near the
    border a moved image has lost content.

    Args:
        layer: Γ, whose maps are as large as the images. Where it has a `reach` (as `FilterLayer` does) that
            many pixels are added to `margin`; of any other function put the reach into `margin` yourself.
        images: square, floating point.
        matrix: T, as for `affine_warp`.
        margin: pixels to stay away from the border.

    Returns:
        One number an image; 0 where both norms vanish.

    Raises:
        TypeError: images that are not floating point.
        ValueError: images without four axes, or not square; a matrix that is no invertible (2, 3) float64; a
            margin that leaves no pixel; a layer that changes the size.

    >>> from ktnlib.alignment import shift
    >>> layer = FilterLayer(filters()["vertical edge"])
    >>> commutation_error(layer, torch.rand(1, 1, 56, 56), shift(7, 0), margin=2)
    tensor([0.])
    """
    region = counted_region(_width(images), matrix, margin=margin + getattr(layer, "reach", 0.0))
    features = layer(images)
    if features.shape[-2:] != images.shape[-2:]:
        raise ValueError(
            f"`layer` makes {tuple(images.shape[-2:])} pixels into {tuple(features.shape[-2:])}; wanted maps "
            "as large as the images; pad the convolution to the same size"
        )
    difference = layer(affine_warp(images, matrix)) - affine_warp(features, matrix)
    return _relative(difference, features, region)


def there_and_back_error(
    images: Float[Tensor, "batch channel n n"], matrix: Matrix, *, margin: float | int
) -> Float[Tensor, " batch"]:
    """What interpolation alone costs: ‖T⁻¹Tx − x‖ / ‖x‖ per image, over the same kind of region.

    T⁻¹ is applied last, so the pre-image that must lie in the disc is the place under T. Arguments, result
    and errors are those of `commutation_error`.

    >>> from ktnlib.alignment import rotation
    >>> there_and_back_error(torch.rand(1, 1, 56, 56), rotation(math.pi / 2), margin=2).item() < 1e-6
    True
    """
    back = invert(matrix)
    region = counted_region(_width(images), back, margin=margin)
    return _relative(affine_warp(affine_warp(images, matrix), back) - images, images, region)


def counted_region(n: int, matrix: Matrix, *, margin: float | int) -> Bool[Tensor, "n n"]:
    """The pixels that count in an n x n image: within n/2 − margin of the centre, and their pre-image too.

    >>> int(counted_region(4, torch.eye(2, 3, dtype=torch.float64), margin=1).sum())
    4
    """
    radius = n / 2 - margin
    centre = (n - 1) / 2
    here = sample_points((n, n), torch.eye(2, 3, dtype=torch.float64))
    there = sample_points((n, n), matrix.cpu())
    # a rotated corner of the disc must not drop out by the last bit of a cosine
    region = torch.ones(n, n, dtype=torch.bool)
    for columns, rows in (here, there):
        region &= torch.hypot(columns - centre, rows - centre) <= radius + 1e-9
    if not region.any():
        raise ValueError(
            f"`margin` leaves no pixel: a disc of radius {radius:g} in {n} x {n} pixels, less "
            "what comes from outside it; wanted a smaller margin, a smaller filter or a larger image"
        )
    return region


def filters(size: int = 9) -> dict[str, Float64[Tensor, "1 1 k k"]]:
    """The filter bank of chapter 0 by name: float64, unit norm, and, but for `gaussian`, sum 0.

    All are `size` x `size` but the letters, which are 5 x 5 always. `gaussian`, `laplacian` and `ring` are
    isotropic; `oriented` is a Gabor filter at 30°, off every axis.

    Raises:
        TypeError: a size that is no whole number.
        ValueError: an even size, or one below 3.

    >>> {name: tuple(kernel.shape[-2:]) for name, kernel in filters(7).items() if "edge" in name}
    {'vertical edge': (7, 7), 'horizontal edge': (7, 7)}
    """
    check.positive_int("size", size)
    if size < 3 or size % 2 == 0:
        raise ValueError(
            f"`size` is {size}; wanted an odd number of at least 3, so that a tap lies on the pixel"
        )
    axis = np.arange(size) - (size - 1) / 2
    x, y = np.meshgrid(axis, axis)
    sigma = size / 6  # the window falls to 1 % at the filter's edge
    radius, window = np.hypot(x, y), np.exp(-(x**2 + y**2) / (2 * sigma**2))
    across = x * math.cos(math.pi / 6) - y * math.sin(math.pi / 6)
    bank = {
        "vertical edge": x * window,
        "horizontal edge": y * window,
        "oriented": _balanced(np.cos(1.2 * across / sigma) * window, window),
        "gaussian": window,
        "laplacian": _balanced((2 - radius**2 / sigma**2) * window, window),
        "ring": _balanced(np.exp(-((radius - size / 3) ** 2) / (2 * (size / 12) ** 2)), window),
        "random": _centred(np.random.default_rng(0).standard_normal((size, size))),
        "W": _centred(letter(LETTER_W)),
        "M": _centred(letter(LETTER_M)),
    }
    return {
        name: torch.from_numpy(kernel / np.linalg.norm(kernel))[None, None] for name, kernel in bank.items()
    }


def letter(rows: tuple[str, ...]) -> np.ndarray:
    """A drawing of `#` and `.` as an array of ones and zeros.

    >>> letter(("#.", "##")).tolist()
    [[1.0, 0.0], [1.0, 1.0]]
    """
    return np.array([[float(mark == "#") for mark in row] for row in rows])


def _centred(kernel: np.ndarray) -> np.ndarray:
    return kernel - kernel.mean()


def _balanced(kernel: np.ndarray, window: np.ndarray) -> np.ndarray:
    # taking away a share of the window, not a constant, keeps a radial filter radial up to its corners
    return kernel - window * kernel.sum() / window.sum()


def _relative(
    difference: Float[Tensor, "batch channel n n"],
    reference: Float[Tensor, "batch channel n n"],
    region: Bool[Tensor, "n n"],
) -> Float[Tensor, " batch"]:
    region = region.to(difference.device)
    above = torch.linalg.vector_norm(difference[:, :, region], dim=(1, 2))
    below = torch.linalg.vector_norm(reference[:, :, region], dim=(1, 2))
    return torch.where(above == 0, torch.zeros_like(above), above / below)


def _width(images: Tensor) -> int:
    check.image_batch("images", images)
    height, width = images.shape[-2:]
    if height != width:
        raise ValueError(
            f"`images` are {height} x {width} pixels; wanted square ones, the region is a disc; pad them"
        )
    return width
