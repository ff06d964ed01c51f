"""A map is put back by reading, for each pixel, the map of the view that the pixel belongs to."""

import numpy as np
import pytest
import torch

from ktnlib.sphere.conversion.cube import cube
from ktnlib.sphere.conversion.icosahedron import tangent_images

from .. import rays
from ..images import assert_close, noise, smooth_panorama

SETS = {"cube": lambda: cube(0.25, 4), "tangent images": lambda: tangent_images(0.1, 4, 1)}


def put_back(views, maps, height, first, stride):
    """Pixel by pixel: its owner, its place on the owner's plane, the four units about it, edges continued."""
    directions = rays.pixel_directions(height, 2 * height)
    owners = views.owners(torch.as_tensor(directions)).numpy()
    per_panorama = maps.unflatten(0, (-1, len(views))).numpy()
    side = maps.shape[-1]
    out = np.zeros((len(per_panorama), maps.shape[1], height, 2 * height))
    for i, j in np.ndindex(height, 2 * height):
        forward, right, down = views.axes[owners[i, j]].numpy()
        depth = directions[i, j] @ forward
        edged = np.pad(per_panorama[:, owners[i, j]], ((0, 0), (0, 0), (0, 1), (0, 1)), mode="edge")
        place = [
            directions[i, j] @ axis / depth / views.spacing + (views.side - 1) / 2 for axis in (down, right)
        ]
        row, column = (
            np.clip((pixel - start) / stride, 0, side - 1) for pixel, start in zip(place, first, strict=True)
        )
        out[:, :, i, j] = rays.between(edged, row, column, "bilinear")
    return out


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize(("stride", "first"), [(1.0, (0.0, 0.0)), (2.0, (0.5, 0.0)), (4.0, (-2.5, 3.0))])
def test_maps_are_read_bilinearly_at_their_units_places(name, stride, first):
    views = SETS[name]()
    side = int(views.side / stride)
    maps = noise(2 * len(views), 3, side, side)
    found = views.put_back(maps, height=8, first=first, stride=stride)
    assert_close(found, put_back(views, maps, 8, first, stride), 1e-9)


@pytest.mark.parametrize("name", SETS)
def test_pictures_put_back_show_the_panorama(name):
    views, panorama = SETS[name](), smooth_panorama(32)
    found = views.put_back(views.render(panorama), height=32, first=(0.0, 0.0), stride=1.0)
    assert_close(found, panorama, 0.03)


def test_single_precision_stays_single():
    views = cube(0.25, 4)
    pictures = views.render(torch.ones(1, 1, 8, 16))
    assert pictures.dtype == torch.float32
    assert views.put_back(pictures, height=4, first=(0.0, 0.0), stride=1.0).dtype == torch.float32
