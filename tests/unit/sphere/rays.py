"""The sphere stated once more, independently: unit vectors, rotation matrices and rays, in float64 NumPy.

Nothing here comes from the library. Axes: x at longitude 0, y at longitude +90° (east), z north. A camera
looks along its `forward`, with `right` and `down` in its picture.
"""

import functools

import numpy as np


def turn_about(axis, angle):
    """Right-handed rotation matrix about an axis (Rodrigues)."""
    x, y, z = axis
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]], dtype=float)
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def camera(yaw, pitch, roll=0.0):
    """(forward, right, down) after turning, in this order, east by yaw, up by pitch, clockwise by roll."""
    axes = np.array([[1.0, 0, 0], [0, 1.0, 0], [0, 0, -1.0]])
    axes = axes @ turn_about([0, 0, 1], yaw).T
    # a right-handed turn about `right` carries up to forward, so looking up is a negative one
    axes = axes @ turn_about(axes[1], -pitch).T
    # and one about `forward` carries right to up, so a clockwise one is negative
    return axes @ turn_about(axes[0], -roll).T


@functools.cache
def pixel_directions(height, width):
    """Unit vectors (height, width, 3) of the pixel centres, each by turning x up and then east."""
    out = np.empty((height, width, 3))
    for i in range(height):
        up = turn_about([0, 1, 0], -(np.pi / 2 - (i + 0.5) * np.pi / height))
        for j in range(width):
            out[i, j] = turn_about([0, 0, 1], -np.pi + (j + 0.5) * 2 * np.pi / width) @ up @ [1, 0, 0]
    return out


def plane_rays(axes, right, down):
    """Rays from the centre through the points of the plane one radius ahead of a camera."""
    forward_axis, right_axis, down_axis = axes
    return forward_axis + right[..., None] * right_axis + down[..., None] * down_axis


def triangle(distance):
    """Bilinear reading: how much a sample takes of a pixel at this distance along rows or columns."""
    return np.maximum(0, 1 - np.abs(distance))


def keys(distance):
    """Bicubic reading, a = −½: Keys' two cubics, as he states them by distance."""
    s = np.abs(distance)
    near, far = 1.5 * s**3 - 2.5 * s**2 + 1, -0.5 * s**3 + 2.5 * s**2 - 4 * s + 2
    return np.where(s < 1, near, np.where(s < 2, far, 0.0))


SHARES = {"bilinear": (1, triangle), "bicubic": (2, keys)}  # how far a sample reads, and how much


def read(panorama, rays, interpolation="bilinear"):
    """Value (batch, channel, ...) of a panorama along rays (..., 3) of any length.

    Over a pole the image is continued by its own rows, turned by half its width, and around the seam by its
    columns.
    """
    height, width = panorama.shape[-2:]
    turned = np.roll(panorama, width // 2, axis=-1)[..., ::-1, :]
    tall = np.concatenate([panorama, turned, panorama, turned, panorama], axis=-2)
    around = np.concatenate([tall, tall, tall], axis=-1)
    x, y, z = np.moveaxis(rays, -1, 0)
    row = np.arctan2(np.hypot(x, y), z) * height / np.pi - 0.5
    column = (np.arctan2(y, x) + np.pi) * width / (2 * np.pi) - 0.5
    return between(around, row + 2 * height, column + width, interpolation)


def between(image, row, column, interpolation):
    """Value of an image at fractional positions around which it has all pixels that are read."""
    reach, share = SHARES[interpolation]
    i, j = np.floor(row).astype(int), np.floor(column).astype(int)
    out = 0.0
    for di, dj in np.ndindex(2 * reach, 2 * reach):
        m, n = i + di - reach + 1, j + dj - reach + 1
        out = out + share(row - m) * share(column - n) * image[..., m, n]
    return out


def view_rays(yaw, pitch, roll, fov, height, width):
    """Rays (height, width, 3) of a view's pixel centres."""
    spacing = 2 * np.tan(fov / 2) / width
    down, right = np.meshgrid(
        (np.arange(height) + 0.5 - height / 2) * spacing,
        (np.arange(width) + 0.5 - width / 2) * spacing,
        indexing="ij",
    )
    return plane_rays(camera(yaw, pitch, roll), right, down)


def render(panorama, *, yaw, pitch, roll, fov, size, interpolation="bilinear"):
    return read(panorama, view_rays(yaw, pitch, roll, fov, *size), interpolation)


def place(image, *, height, yaw, pitch, roll, fov, interpolation="bilinear"):
    """A picture put into a black panorama, and where the camera sees; pixel by pixel."""
    rows, columns = image.shape[-2:]
    spacing = 2 * np.tan(fov / 2) / columns
    forward, right, down = camera(yaw, pitch, roll)
    directions = pixel_directions(height, 2 * height)
    out = np.zeros((*image.shape[:2], height, 2 * height))
    seen = np.zeros((height, 2 * height), dtype=bool)
    edged = np.pad(image, ((0, 0), (0, 0), (2, 2), (2, 2)), mode="edge")
    for i, j in np.ndindex(height, 2 * height):
        depth = directions[i, j] @ forward
        if depth <= 0:
            continue
        r = directions[i, j] @ down / depth / spacing + rows / 2 - 0.5
        c = directions[i, j] @ right / depth / spacing + columns / 2 - 0.5
        if not (-0.5 <= r <= rows - 0.5 and -0.5 <= c <= columns - 0.5):
            continue
        seen[i, j] = True
        out[:, :, i, j] = between(edged, np.array(r + 2), np.array(c + 2), interpolation)
    return out, seen


def rotate(panorama, rotation, interpolation="bilinear"):
    """out(d) = in(Rᵀd): what was seen along d is afterwards seen along R d."""
    directions = pixel_directions(*panorama.shape[-2:])
    return read(panorama, np.einsum("ba,hwb->hwa", rotation, directions), interpolation)


@functools.cache
def tangent_rays(height, width, rows, columns, spacing, stride):
    """Rays (out_height, out_width, rows, columns, 3) of a kernel before a camera at every output pixel."""
    height, width = height // stride, width // stride
    down, right = np.meshgrid(
        *((np.arange(side) - (side - 1) / 2) * spacing for side in (rows, columns)), indexing="ij"
    )
    out = np.empty((height, width, rows, columns, 3))
    for i, j in np.ndindex(height, width):
        latitude = np.pi / 2 - (i + 0.5) * np.pi / height
        longitude = -np.pi + (j + 0.5) * 2 * np.pi / width
        out[i, j] = plane_rays(camera(longitude, latitude), right, down)
    return out


def tangent_conv(x, weight, bias=None, *, spacing=None, stride=1, interpolation="bilinear"):
    """Correlation on the planes in front of cameras that look at each output pixel."""
    spacing = 2 * np.pi / x.shape[-1] if spacing is None else spacing
    taps = read(x, tangent_rays(*x.shape[-2:], *weight.shape[-2:], spacing, stride), interpolation)
    out = np.einsum("bihwuv,oiuv->bohw", taps, weight, optimize=True)
    return out if bias is None else out + bias[:, None, None]
