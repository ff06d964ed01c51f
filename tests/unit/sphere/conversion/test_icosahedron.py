"""Triangles of an icosphere cover the sphere once, and each picture covers its triangle."""

import math

import numpy as np
import pytest
import torch

from ktnlib.sphere.conversion.icosahedron import tangent_images, triangles

from .. import rays
from ..images import assert_close, noise


@pytest.mark.parametrize("subdivisions", [0, 1, 2])
def test_the_triangles_are_as_many_as_they_should_be_and_their_areas_make_a_sphere(subdivisions):
    corners = triangles(subdivisions).numpy()
    assert corners.shape == (20 * 4**subdivisions, 3, 3)
    assert_close(np.linalg.norm(corners, axis=-1), np.ones(corners.shape[:2]), 1e-12)
    a, b, c = np.moveaxis(corners, 1, 0)
    # Van Oosterom and Strackee's solid angle, positive for corners that run counter-clockwise from outside
    volume = np.einsum("td,td->t", a, np.cross(b, c))
    dots = [np.einsum("td,td->t", *pair) for pair in ((a, b), (b, c), (c, a))]
    areas = 2 * np.arctan2(volume, 1 + sum(dots))
    assert (areas > 0).all()
    assert_close(areas.sum(), np.float64(4 * math.pi), 1e-9)


def test_the_icosahedron_has_edges_of_one_length():
    corners = triangles(0)
    edges = (corners - corners.roll(1, dims=1)).norm(dim=-1)
    assert_close(edges, torch.full((20, 3), 4 / math.sqrt(10 + 2 * math.sqrt(5))).double(), 1e-6)
    assert len(corners.flatten(0, 1).round(decimals=9).unique(dim=0)) == 12


@pytest.mark.parametrize("subdivisions", [0, 1])
def test_a_direction_belongs_to_the_triangle_it_lies_in(subdivisions):
    """By barycentric coordinates: a direction is a sum of its triangle's corners with weights above 0."""
    directions = rays.pixel_directions(12, 24)
    corners = triangles(subdivisions).numpy()
    weights = np.einsum("hwd,tdc->hwtc", directions, np.linalg.inv(corners))
    owners = tangent_images(0.1, 1, subdivisions).owners(torch.as_tensor(directions)).numpy()
    mine = np.take_along_axis(weights, owners[..., None, None], axis=2)
    assert mine.min() > -1e-12


def test_pictures_cover_their_triangles_with_no_multiple_to_spare():
    views, corners = tangent_images(0.02, 8, 1), triangles(1)
    assert (views.side % 8, views.spacing) == (0, 0.02)
    forward, right, down = torch.einsum("vad,vcd->avc", views.axes, corners)
    reach = torch.maximum(right.abs(), down.abs()) / forward
    assert reach.max() <= views.side / 2 * 0.02 < reach.max() + 8 / 2 * 0.02


def test_pictures_are_what_cameras_at_the_triangles_middles_see_north_up():
    panorama = noise(1, 2, 8, 16)
    views = tangent_images(0.3, 2, 0)
    pictures = views.render(panorama)
    for number in (0, 6, 13, 19):
        x, y, z = triangles(0)[number].mean(dim=0).tolist()
        view = {"yaw": math.atan2(y, x), "pitch": math.atan2(z, math.hypot(x, y)), "roll": 0.0}
        fov = 2 * math.atan(views.side * 0.3 / 2)
        wanted = rays.render(panorama.numpy(), **view, fov=fov, size=(views.side,) * 2)
        assert_close(pictures[number], wanted[0], 1e-9)
