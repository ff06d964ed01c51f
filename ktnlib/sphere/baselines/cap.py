"""Cap kernel: a kernel with a polar grid of its own on a spherical cap, as the Spherical U-Net has it."""

import functools
import itertools
import math

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import pad

from ktnlib import check

from ..bag_layers import mix_taps
from ..gnomonic import sphere_to_plane
from ..grid import EquirectGrid
from ..row_kernels import RowKernels
from ..sampling import Neighbours, accumulator


class CapConv2d(nn.Module):
    """Correlate a panorama with a kernel that lives on a spherical cap: its centre, and rings of sectors.

        y(p) = bias + Σ_t weight[t] · Σ_q h_t(q) A_q x(q) / Σ_q h_t(q) A_q

    over the kernel's points t and the pixels q of the cap around p. A_q is a pixel's solid angle, h_t(q) the
    share of point t in the pixel's distance and azimuth (clockwise from north) as seen from p, linear in
    both. It is the same kernel on the ground at every latitude, and none that a planar network has: it is
    trained on the sphere.

    Args:
        in_channels, out_channels: channels of the panorama and of the result.
        rings, sectors: of the kernel; ring a = 1 … rings lies at a · radius/(rings + ½) from the centre.
        radius: of the cap, radians, below π/2.
        generator: of the first weights; None is torch's own.

    Raises:
        ValueError: numbers below one, a radius outside (0, π/2); in `forward` a kernel finer than the
            panorama, some of whose points meet no pixel.

    Source: Zhang, Xu, Yu, Gao, Saliency Detection in 360° Videos, ECCV 2018, section 3.1. There the kernel is
    resampled at the pixels and summed; the means over pixels here keep a constant at all latitudes.

    >>> CapConv2d(1, 4, rings=1, sectors=8, radius=0.7)(torch.rand(1, 1, 8, 16)).shape
    torch.Size([1, 4, 8, 16])
    """

    weight: Float[Tensor, "out_channel in_channel taps"]
    bias: Float[Tensor, "out_channel"]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        rings: int,
        sectors: int,
        radius: float,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        check.positive_int("in_channels", in_channels)
        check.positive_int("out_channels", out_channels)
        self.rings = check.positive_int("rings", rings)
        self.sectors = check.positive_int("sectors", sectors)
        self.radius = check.between("radius", radius, 0, math.pi / 2, "radians")
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels, 1 + rings * sectors))
        self.bias = nn.Parameter(torch.empty(out_channels))
        reach = 1 / math.sqrt(self.weight[0].numel())
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -reach, reach, generator=generator)

    def forward(
        self, x: Float[Tensor, "batch in_channel height width"]
    ) -> Float[Tensor, "batch out_channel height width"]:
        check.panorama("x", x)
        wide = accumulator(x.dtype)
        x, kernel, bias = x.to(wide), self.weight.to(wide), self.bias.to(wide)
        plans = cap_bands(*x.shape[-2:], self.rings, self.sectors, self.radius)
        return torch.cat([mix_taps(x, kernel, bias, plan, 1) for plan in plans], dim=2)

    def row_kernels(self, height: int, width: int) -> RowKernels:
        """The same layer, without its bias, as kernels that `row_conv2d` runs."""
        plan = cap_taps(height, width, self.rings, self.sectors, self.radius)
        return RowKernels.from_taps(self.weight, plan, height=height, width=width)

    def extra_repr(self) -> str:
        out_channels, in_channels = self.weight.shape[:2]
        grid = f"rings={self.rings}, sectors={self.sectors}, radius={self.radius:.4g}"
        return f"{in_channels}, {out_channels}, {grid}"


def cap_taps(height: int, width: int, rings: int, sectors: int, radius: float) -> Neighbours:
    """What each point of a cap kernel reads, for every row of a panorama.

    Returns:
        Three tensors (rows, 1 + rings · sectors, pixels), columns for output column 0, rows inside the
        panorama; where a point has fewer pixels than another, the rest weigh 0.

    Raises:
        ValueError: a kernel finer than the panorama.
    """
    grid = EquirectGrid(height, width)
    packed = [_packed(*_shares(grid, row, rings, sectors, radius)) for row in range(height)]
    if not all(bool((shares.sum(-1) > 0).all()) for _, shares in packed):
        raise ValueError(
            f"`radius` is {radius:g} radians with {rings} rings of {sectors} sectors on {height} x {width} "
            "pixels, and some of these points meet no pixel; wanted a larger cap or fewer points"
        )
    pixels = max(shares.shape[-1] for _, shares in packed)
    index, shares = (
        torch.stack([pad(row, (0, pixels - row.shape[-1])) for row in rows])
        for rows in zip(*packed, strict=True)
    )
    return Neighbours(index // width, index % width, shares / shares.sum(-1, keepdim=True))


@functools.lru_cache(maxsize=16)
def cap_bands(height: int, width: int, rings: int, sectors: int, radius: float) -> tuple[Neighbours, ...]:
    """The same from north to south in bands, each with no more pixels a point than its own rows need.

    Near a pole a kernel reaches many times as many pixels as at the equator.
    """
    plan = cap_taps(height, width, rings, sectors, radius)
    needed = (plan.weights != 0).sum(-1).amax(-1)
    edges = [0, *(needed.log2().ceil().diff().nonzero().flatten() + 1).tolist(), height]
    return tuple(
        Neighbours(*(part[start:stop, :, : int(needed[start:stop].max())] for part in plan))
        for start, stop in itertools.pairwise(edges)
    )


def _shares(
    grid: EquirectGrid, row: int, rings: int, sectors: int, radius: float
) -> tuple[int, Float[Tensor, "points pixels"]]:
    """Of the pixels of all rows within the cap's reach, and the first of them; for the output column 0."""
    reach = math.ceil(radius / math.pi * grid.height)
    near = slice(max(row - reach, 0), row + reach + 1)
    east, south, in_front = sphere_to_plane(
        grid.latitudes[near, None],
        grid.longitudes - grid.longitudes[0],
        centre_latitude=grid.latitudes[row].item(),
        centre_longitude=0.0,
    )
    distance, azimuth = torch.atan(torch.hypot(east, south)), torch.atan2(east, -south)
    inside = in_front & (distance < radius)
    # behind the plane there are no numbers
    ring = distance.where(inside, 0.0) * ((rings + 0.5) / radius)
    sector = azimuth.where(inside, 0.0) * (sectors / (2 * math.pi))
    areas = (inside * grid.solid_angles[near, None]).flatten()
    out = torch.zeros(1 + rings * sectors, len(areas), dtype=torch.float64)
    for a in (ring.floor(), ring.floor() + 1):
        for b in (sector.floor(), sector.floor() + 1):
            share = (1 - (ring - a).abs()) * (1 - (sector - b).abs())
            # what reaches beyond the outermost ring stays on it; ring 0 is the centre alone
            point = 1 + (a.clamp(max=rings) - 1) * sectors + b.remainder(sectors)
            point = point.where(a > 0, 0.0).long().flatten()
            out.scatter_add_(0, point[None], (share.flatten() * areas)[None])
    return near.start * grid.width, out


def _packed(
    first: int, shares: Float[Tensor, "points pixels"]
) -> tuple[Int[Tensor, "points most"], Float[Tensor, "points most"]]:
    """The pixels that count, each point's in their own order, and their shares; then any that weigh 0."""
    most = int((shares != 0).sum(-1).max())
    order = (shares != 0).to(torch.uint8).argsort(dim=-1, descending=True, stable=True)[:, :most]
    return order + first, shares.gather(-1, order)
