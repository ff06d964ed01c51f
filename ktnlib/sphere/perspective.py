"""Perspective views: cut a camera's picture out of a panorama, and put one back."""

from jaxtyping import Bool, Float
from torch import Tensor

from ktnlib import check

from .gnomonic import Radians
from .grid import EquirectGrid
from .sampling import clamp_edges, fold_poles, neighbours, sample
from .view import View, height_and_width


def render_perspective(
    panorama: Float[Tensor, "batch channel height width"],
    *,
    yaw: Radians,
    pitch: Radians,
    roll: Radians = 0.0,
    fov: Radians,
    size: int | tuple[int, int],
    interpolation: str = "bilinear",
) -> Float[Tensor, "batch channel view_height view_width"]:
    """What a pinhole camera at the centre of a panorama sees.

    View pixel (r, c) of h × w looks through the plane one radius ahead at

        (right, down) = ((c + ½ − w/2)·s, (r + ½ − h/2)·s),   s = 2·tan(fov/2)/w,

    and reads the panorama there, interpolated in pixel space. Differentiable in the panorama.

    Args:
        panorama: any height, any even width; row 0 is north.
        yaw: longitude of the optical axis, radians, east positive.
        pitch: its latitude, radians, north positive; beyond ±π/2 the camera is upside down.
        roll: clockwise turn of the camera about its axis, radians.
        fov: horizontal field of view, radians, 0 < fov < π.
        size: (height, width) of the view in pixels, or one number for both.
        interpolation: "bilinear" or "bicubic".

    Raises:
        ValueError: a panorama without four axes or of odd width, an angle that is not finite, a field of
            view outside (0, π), a size below one, an unknown interpolation.
        TypeError: a panorama of whole numbers, an angle or a size that is no number.

    >>> import torch
    >>> view = render_perspective(torch.ones(1, 3, 8, 16), yaw=0.0, pitch=1.5, fov=1.0, size=(4, 6))
    >>> view.shape, bool(view.allclose(torch.ones(())))
    (torch.Size([1, 3, 4, 6]), True)
    """
    check.panorama("panorama", panorama)
    grid = EquirectGrid(*panorama.shape[-2:])
    latitude, longitude = View(yaw, pitch, roll, fov, *height_and_width(size)).directions()
    rows, columns = grid.latitude_to_row(latitude), grid.longitude_to_column(longitude)
    plan = neighbours(rows, columns, interpolation)
    return sample(panorama, fold_poles(plan, grid.height, grid.width))


def place_perspective(
    image: Float[Tensor, "batch channel view_height view_width"],
    *,
    height: int,
    yaw: Radians,
    pitch: Radians,
    roll: Radians = 0.0,
    fov: Radians,
    interpolation: str = "bilinear",
) -> tuple[Float[Tensor, "batch channel height width"], Bool[Tensor, "height width"]]:
    """The way back: paint a camera's picture into an otherwise black panorama of the given height.

    Every panorama pixel whose centre the camera sees reads the picture where its ray meets the plane;
    beyond the picture's edge the outermost pixels are continued. Differentiable in the image.

    Args:
        image: the camera's picture, any height and width.
        height: rows of the panorama; it is twice as wide.
        yaw, pitch, roll, fov: radians, as for `render_perspective`.
        interpolation: "bilinear" or "bicubic".

    Returns:
        The panorama, and a mask that is True where the camera sees the pixel's centre.

    Raises:
        ValueError: an image without four axes or without pixels, a height below one, an angle that is not
            finite, a field of view outside (0, π), an unknown interpolation.
        TypeError: an image of whole numbers, an angle or a height that is no number.

    >>> import torch
    >>> panorama, mask = place_perspective(torch.ones(1, 3, 4, 4), height=8, yaw=0.0, pitch=0.0, fov=1.6)
    >>> panorama.shape, mask[:, 8].tolist()
    (torch.Size([1, 3, 8, 16]), [False, False, True, True, True, True, False, False])
    """
    check.image_batch("image", image)
    view = View(yaw, pitch, roll, fov, *image.shape[-2:])
    grid = EquirectGrid(height)
    rows, columns, mask = view.positions(grid.latitudes[:, None], grid.longitudes[None, :])
    plan = clamp_edges(neighbours(rows, columns, interpolation), view.height, view.width)
    mask = mask.to(image.device)
    # where, not times: a NaN in the picture's corner stays out of what the camera does not see
    return sample(image, plan).where(mask, 0.0), mask
