import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ktnlib.sphere import camera_spacing, sphere_to_plane, tangent_points

from . import rays

LATITUDES = st.floats(-math.pi / 2, math.pi / 2)
LONGITUDES = st.floats(-math.pi, math.pi)
OFFSETS = st.floats(-20, 20)


def unit(latitude, longitude):
    return np.array(
        [
            math.cos(latitude) * math.cos(longitude),
            math.cos(latitude) * math.sin(longitude),
            math.sin(latitude),
        ]
    )


@given(LATITUDES, LONGITUDES, OFFSETS, OFFSETS)
def test_points_of_the_plane_lie_on_the_rays_through_it(latitude, longitude, east, south):
    axes = rays.camera(longitude, latitude)
    ray = rays.plane_rays(axes, np.array(east), np.array(south))
    found = unit(*(angle.item() for angle in tangent_points(latitude, longitude, east, south)))
    assert np.abs(found - ray / np.linalg.norm(ray)).max() < 1e-14


@given(LATITUDES, LONGITUDES, OFFSETS, OFFSETS)
def test_from_plane_to_sphere_and_back_is_the_same_point(latitude, longitude, east, south):
    there = tangent_points(latitude, longitude, east, south)
    back = sphere_to_plane(*there, centre_latitude=latitude, centre_longitude=longitude)
    scale = 1 + east**2 + south**2
    assert back[2].item()
    assert abs(back[0].item() - east) < 1e-14 * scale
    assert abs(back[1].item() - south) < 1e-14 * scale


@given(LATITUDES, LONGITUDES, LATITUDES, LONGITUDES)
def test_only_directions_in_front_of_the_plane_meet_it(
    latitude, longitude, centre_latitude, centre_longitude
):
    cosine = unit(latitude, longitude) @ unit(centre_latitude, centre_longitude)
    east, south, in_front = sphere_to_plane(
        latitude, longitude, centre_latitude=centre_latitude, centre_longitude=centre_longitude
    )
    if abs(cosine) > 1e-12:
        assert in_front.item() == (cosine > 0)
    assert east.isfinite().item() == south.isfinite().item() == in_front.item()


def test_a_point_beyond_the_pole_is_half_a_revolution_away():
    latitude, longitude = tangent_points(math.radians(80), 0.3, 0.0, -math.tan(math.radians(25)))
    assert math.degrees(latitude.item()) == pytest.approx(75, abs=1e-12)
    assert abs(longitude.item() - 0.3) == pytest.approx(math.pi, abs=1e-12)


def test_arguments_broadcast():
    latitude, longitude = tangent_points(torch.zeros(3, 1), 0.0, torch.zeros(4), 0.1)
    assert latitude.shape == longitude.shape == (3, 4)
    assert latitude.dtype == torch.float64


def test_a_camera_of_ninety_degrees_sees_two_radii_of_the_plane():
    assert camera_spacing(math.pi / 2, 8) == pytest.approx(0.25, rel=1e-15)
    # 65.5 degrees over 640 pixels is a focal length of 497.5 pixels
    assert 1 / camera_spacing(math.radians(65.5), 640) == pytest.approx(497.5, abs=0.05)


@pytest.mark.parametrize("fov", [0.0, -1.0, math.pi, 4])
@pytest.mark.usefixtures("as_a_user")
def test_a_field_of_view_must_lie_between_nothing_and_half_a_turn(fov):
    with pytest.raises(
        ValueError, match=r"`fov` is .*less than 3\.14159 radians, the horizontal field of view"
    ):
        camera_spacing(fov, 64)


@pytest.mark.usefixtures("as_a_user")
def test_a_camera_without_pixels_is_refused():
    with pytest.raises(ValueError, match="`width` is 0; wanted a whole number"):
        camera_spacing(1.0, 0)


@pytest.mark.parametrize("name", ["centre_latitude", "centre_longitude"])
@pytest.mark.usefixtures("as_a_user")
def test_a_plane_must_touch_somewhere(name):
    centre = {"centre_latitude": 0.0, "centre_longitude": 0.0, name: math.nan}
    with pytest.raises(ValueError, match=f"`{name}` is nan; wanted a finite number"):
        sphere_to_plane(0.0, 0.0, **centre)
