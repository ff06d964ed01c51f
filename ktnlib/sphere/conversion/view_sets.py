"""Square pictures that together show the sphere: how they are cut out, and how maps of them are put back."""

import functools
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ..grid import EquirectGrid, snap
from ..sampling import Neighbours, bilinear_neighbours, clamp_edges, fold_poles, sample


# eq=False: hashed as itself, so that plans can be kept
@dataclass(frozen=True, eq=False)
class ViewSet:
    """Cameras inside the sphere; every direction belongs to one of them.

    `axes` are each camera's forward, right and down. `edges` are the normals of the planes through the centre
    of the sphere that bound what belongs to it: there all products with a direction are positive. A picture
    has side × side pixels, `spacing` sphere radii apart on the plane that touches the sphere ahead.
    """

    axes: Float[Tensor, "views 3 3"]
    edges: Float[Tensor, "views edges 3"]
    side: int
    spacing: float

    def __len__(self) -> int:
        return len(self.axes)

    def render(
        self, panorama: Float[Tensor, "batch channel height width"]
    ) -> Float[Tensor, "pictures channel side side"]:
        """The pictures of a batch, all of the first panorama, then of the next; bilinear."""
        read = _reading(self, panorama.shape[-2])
        return sample(panorama, read).movedim(2, 1).flatten(0, 1)

    def put_back(
        self,
        maps: Float[Tensor, "pictures channel rows rows"],
        *,
        height: int,
        first: tuple[float, float],
        stride: float,
    ) -> Float[Tensor, "batch channel height width"]:
        """A panorama of `height` rows, each pixel read bilinearly in the map of the view that it belongs to.

        Args:
            first: (down, across), where unit 0 of a map lies in its picture; pixel 0 is at 0.
            stride: pixels from one unit to the next.
        """
        side = maps.shape[-1]
        tall = maps.unflatten(0, (-1, len(self))).transpose(1, 2).flatten(2, 3)
        return sample(tall, _writing(self, height, side, first, stride))

    def owners(self, directions: Float[Tensor, "*points 3"]) -> Int[Tensor, "*points"]:
        """The view that each direction belongs to."""
        inside = torch.einsum("...d,ved->...ve", directions, self.edges).amin(dim=-1)
        return inside.argmax(dim=-1)


def frames(centres: Float[Tensor, "views 3"]) -> Float[Tensor, "views 3 3"]:
    """Forward, east and south at each of some directions of length 1, none of them a pole."""
    x, y, z = centres.unbind(-1)
    across = torch.hypot(x, y)
    east = torch.stack([-y / across, x / across, torch.zeros_like(x)], dim=-1)
    south = torch.stack([z * x / across, z * y / across, -across], dim=-1)
    return torch.stack([centres, east, south], dim=1)


def pixel_directions(latitudes: Tensor, longitudes: Tensor) -> Float[Tensor, "height width 3"]:
    """The unit vectors of a grid's pixels."""
    latitude, longitude = torch.broadcast_tensors(latitudes[:, None], longitudes[None, :])
    return torch.stack(
        [latitude.cos() * longitude.cos(), latitude.cos() * longitude.sin(), latitude.sin()], dim=-1
    )


@functools.lru_cache(maxsize=4)
def _reading(views: ViewSet, height: int) -> Neighbours:
    """What the pictures' pixels read of a panorama: (views, side, side, 4) each."""
    along = (torch.arange(views.side, dtype=torch.float64) - (views.side - 1) / 2) * views.spacing
    forward, right, down = (axis[:, None, None] for axis in views.axes.unbind(1))
    x, y, z = (forward + along[None, None, :, None] * right + along[None, :, None, None] * down).unbind(-1)
    grid = EquirectGrid(height)
    rows = grid.latitude_to_row(torch.atan2(z, torch.hypot(x, y)))
    columns = grid.longitude_to_column(torch.atan2(y, x))
    return fold_poles(bilinear_neighbours(rows, columns), grid.height, grid.width)


@functools.lru_cache(maxsize=8)
def _writing(views: ViewSet, height: int, side: int, first: tuple[float, float], stride: float) -> Neighbours:
    """What a panorama's pixels read of the views' maps, laid one below the other."""
    grid = EquirectGrid(height)
    owner, right, down = (torch.cat(part) for part in zip(*_owned(views, grid), strict=True))
    rows, columns = (
        snap((plane / views.spacing + (views.side - 1) / 2 - start) / stride)
        for plane, start in zip((down, right), first, strict=True)
    )
    read = clamp_edges(bilinear_neighbours(rows, columns), side, side)
    return read._replace(rows=read.rows + side * owner[..., None])


def _owned(views: ViewSet, grid: EquirectGrid) -> list[tuple[Tensor, Tensor, Tensor]]:
    """The owner of each pixel and the place on its plane, some rows at a time: it takes 2 kB a pixel."""
    found = []
    for latitudes in grid.latitudes.split(max(1, (1 << 17) // (grid.width * len(views)))):
        directions = pixel_directions(latitudes, grid.longitudes)
        owner = views.owners(directions)
        depth, right, down = torch.einsum("ijd,ijad->aij", directions, views.axes[owner])
        found.append((owner, right / depth, down / depth))
    return found
