"""Reading a class map of a panorama where an object stands, on the plane that touches the sphere there."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ktnlib.sphere import EquirectGrid, tangent_points
from ktnlib.sphere.sampling import Neighbours, fold_poles, neighbours, sample

READINGS = ("bilinear", "nearest", "bicubic", "centre")  # the last: bilinear, the 3 × 3 places in the middle


def reading_places(
    latitude: float, longitude: float, *, side: int, spacing: float
) -> tuple[Float[Tensor, "places"], Float[Tensor, "places"]]:
    """(latitude, longitude) of a square of side × side places about an object's centre, row by row.

    Args:
        latitude, longitude: of the centre, radians.
        side: places along each side.
        spacing: from one to the next on the plane that touches the sphere at the centre, sphere radii.

    >>> latitudes, longitudes = reading_places(0.0, 1.0, side=3, spacing=0.1)
    >>> latitudes[4].item(), longitudes[4].item(), bool(latitudes[0] > 0), bool(longitudes[0] < 1)
    (0.0, 1.0, True, True)
    """
    steps = (torch.arange(side, dtype=torch.float64) - (side - 1) / 2) * spacing
    latitudes, longitudes = tangent_points(latitude, longitude, steps[None, :], steps[:, None])
    return latitudes.flatten(), longitudes.broadcast_to(side, side).flatten()


def read_map(
    features: Float[Tensor, "1 channel height width"],
    latitudes: Float[Tensor, "places"],
    longitudes: Float[Tensor, "places"],
    interpolation: str = "bilinear",
) -> Float[Tensor, "places channel"]:
    """The map's values in these directions: "bilinear", "bicubic", or those of the "nearest" pixel."""
    grid = EquirectGrid(*features.shape[-2:])
    rows, columns = grid.latitude_to_row(latitudes), grid.longitude_to_column(longitudes)
    if interpolation == "nearest":
        plan = Neighbours(
            rows.round().long().clamp(0, grid.height - 1)[:, None],
            columns.round().long()[:, None],
            torch.ones(len(rows), 1, dtype=torch.float64),
        )
    else:
        plan = neighbours(rows, columns, interpolation)
    return sample(features, fold_poles(plan, grid.height, grid.width))[0].T


def scores(
    values: Float[Tensor, "places channel"], head: nn.Module | None, *, centre: bool = False
) -> Float[Tensor, "classes"]:
    """Class scores: the mean over the places, or those of the 3 × 3 in the middle, through the head."""
    if centre:
        side = round(len(values) ** 0.5)
        low = (side - 3) // 2
        values = values.unflatten(0, (side, side))[low : low + 3, low : low + 3].flatten(0, 1)
    mean = values.mean(0)
    return mean if head is None else head(mean)


def rank(found: Float[Tensor, "classes"], label: int) -> int:
    """How many classes have a higher score than the right one: 0 is a right answer.

    >>> rank(torch.tensor([0.1, 0.7, 0.2]), 2)
    1
    """
    return int((found > found[label]).sum())
