"""The cube's faces are cameras of 90°; beyond an edge lies the neighbour, as on a paper cube unfolded."""

import itertools
import math

import numpy as np
import pytest
import torch

from ktnlib.sphere.conversion.cube import cube, pad_cube

from .. import rays
from ..images import assert_close, noise

LOOKS = [(0, 0), (90, 0), (180, 0), (-90, 0), (0, 90), (0, -90)]  # yaw, pitch


def surface(side):
    """(6, 3, side, side): where on a cube of half-side 1 each face's pixels lie."""
    along = (np.arange(side) + 0.5) * 2 / side - 1
    right, down = np.meshgrid(along, along)
    faces = [rays.plane_rays(rays.camera(*np.radians(look)), right, down) for look in LOOKS]
    return torch.as_tensor(np.stack(faces)).movedim(-1, 1)


@pytest.mark.parametrize(
    ("spacing", "multiple", "side"), [(0.1, 1, 20), (0.1, 8, 24), (0.099, 4, 24), (0.6, 1, 4), (3.0, 2, 2)]
)
def test_a_face_is_the_smallest_multiple_that_is_as_fine_as_asked(spacing, multiple, side):
    views = cube(spacing, multiple)
    assert (len(views), views.side, views.spacing) == (6, side, 2 / side)


def test_faces_show_what_cameras_of_90_degrees_see():
    panorama = noise(2, 3, 8, 16)
    pictures = cube(0.4, 1).render(panorama)
    for number, (yaw, pitch) in enumerate(LOOKS):
        angles = {"yaw": math.radians(yaw), "pitch": math.radians(pitch), "roll": 0.0}
        wanted = rays.render(panorama.numpy(), **angles, fov=math.pi / 2, size=(5, 5))
        assert_close(pictures[number::6], wanted, 1e-9)


def test_a_direction_belongs_to_the_face_it_meets():
    directions = torch.as_tensor(rays.pixel_directions(16, 32))
    forwards = torch.tensor(np.stack([rays.camera(*np.radians(look))[0] for look in LOOKS]))
    assert_close(cube(0.4, 1).owners(directions), (directions @ forwards.T).argmax(dim=-1), 0)


@pytest.mark.parametrize(
    ("side", "border"), [(1, 1), (2, 1), (5, 1), (5, 3), (4, 4), (2, 3), (1, 3), (3, 13)]
)
def test_beyond_an_edge_lies_the_pixel_that_follows_on_the_paper(side, border):
    """Pixel k beyond an edge is k + ½ pixels from it on the faces that are folded back there."""
    padded = pad_cube(surface(side), border, border)
    step = 2 / side
    inside = (np.arange(side) + 0.5) * step - 1
    for number, look in enumerate(LOOKS):
        forward, right, down = rays.camera(*np.radians(look))
        for beyond, (place, along) in itertools.product(range(border), enumerate(inside)):
            way = (beyond + 0.5) * step % 8
            deeper = forward * np.interp(way, [0, 2, 4, 6, 8], [1, -1, -1, 1, 1])
            aside = np.interp(way, [0, 2, 4, 6, 8], [1, 1, -1, -1, 1])
            behind, before, at = border + side + beyond, border - 1 - beyond, border + place
            for (row, column), point in (
                ((before, at), deeper + right * along - down * aside),
                ((behind, at), deeper + right * along + down * aside),
                ((at, before), deeper + down * along - right * aside),
                ((at, behind), deeper + down * along + right * aside),
            ):
                assert_close(padded[number, :, row, column], point, 1e-12)


def test_inside_nothing_changes_and_corners_are_the_mean_of_the_nearest_two():
    faces = noise(12, 2, 4, 4)
    padded = pad_cube(faces, 2, 1)
    assert padded.shape == (12, 2, 7, 7)
    assert_close(padded[:, :, 2:6, 2:6], faces, 0)
    for row, column, one, other in (
        (0, 1, (0, 2), (2, 1)),
        (1, 6, (1, 5), (2, 6)),
        (6, 0, (6, 2), (5, 0)),
        (6, 6, (6, 5), (5, 6)),
    ):
        mean = (padded[..., one[0], one[1]] + padded[..., other[0], other[1]]) / 2
        assert_close(padded[..., row, column], mean, 1e-15)


def test_each_cube_of_a_batch_is_folded_by_itself():
    one, other = noise(6, 2, 3, 3), noise(6, 2, 3, 3, seed=1)
    both = pad_cube(torch.cat([one, other]), 1, 2)
    assert_close(both, torch.cat([pad_cube(one, 1, 2), pad_cube(other, 1, 2)]), 0)
    assert pad_cube(one, 0, 0) is one


def test_gradients_go_through_the_border():
    faces = noise(6, 1, 2, 2).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: pad_cube(x, 1, 1), faces, fast_mode=True)
