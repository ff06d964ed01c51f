"""The experiments themselves: pure, and measuring what they say."""

import math

import pytest
import torch

from ktnlib import data
from ktnlib.alignment import FilterLayer, affine_warp, filters
from ktnlib.experiments import Checkpoint, commutation, equirect_areas
from ktnlib.sphere import render_perspective


def test_a_seed_of_commutation_is_pure_and_another_draws_anew(tmp_path, monkeypatch):
    some = {name: commutation.TRANSFORMATIONS[name] for name in ("rotate-45", "rotate-180")}
    monkeypatch.setattr(commutation, "TRANSFORMATIONS", some)

    def run(seed):
        checkpoint = Checkpoint(tmp_path / "seed.npz", "cpu")
        return commutation.run_seed(seed, device="cpu", checkpoint=checkpoint, digits=2, source="digits")

    first = run(3)
    assert run(3) == first
    assert run(4)["error.rotate-45.random"] != first["error.rotate-45.random"]
    assert len(first) == 1 + 2 * 7 + 8
    assert first["peer.grid-sample"] < 1e-12


def test_digits_lie_in_the_middle_of_a_black_canvas():
    images = commutation.drawn_digits("digits", 3, torch.Generator().manual_seed(0))
    assert images.shape == (3, 1, 56, 56)
    assert images[..., 14:42, 14:42].sum() == images.sum() > 0


def test_turned_edges_begin_with_the_edge_and_pass_the_other_a_quarter_later():
    edges = commutation.turned_edges(16)
    torch.testing.assert_close(edges[:1], filters()["vertical edge"])
    torch.testing.assert_close(edges[4:5], filters()["horizontal edge"])
    torch.testing.assert_close(edges[8:9], -filters()["vertical edge"])


def test_layers_are_measured_under_one_margin():
    layers = commutation.filter_layers(torch.Generator().manual_seed(0))
    assert not any(hasattr(layer, "reach") for layer in layers.values())
    image = torch.rand(1, 1, 56, 56, dtype=torch.float64)
    edge = FilterLayer(filters()["vertical edge"])
    torch.testing.assert_close(layers["vertical-edge"](image), edge(image))


def test_the_caps_are_a_third_of_the_pixels_and_the_closed_form_of_the_area():
    areas = equirect_areas.areas(600)
    share = 1 - math.cos(math.pi / 6)
    assert areas["share.pixels.caps"] == pytest.approx(100 / 3, abs=1e-9)
    assert areas["share.area.caps"] == pytest.approx(100 * share, abs=1e-9)
    assert areas["average.plain"] == pytest.approx(0.1, abs=1e-12)
    assert areas["average.area-weighted"] == pytest.approx(0.3 * share, abs=1e-12)


def test_without_its_slip_each_wrong_reading_is_the_right_one():
    room = data.panoramas(height=512)[0][1].double()
    for pitch, fov in ((math.radians(75), math.pi / 2), (0.0, 2 * math.atan(0.5))):
        view = render_perspective(room, yaw=1.0, pitch=pitch, fov=fov, size=32)
        ours = equirect_areas.read(room, *equirect_areas.rays(1.0, pitch, fov, 32))
        torch.testing.assert_close(ours, view, atol=1e-9, rtol=0)


def test_a_tap_over_the_pole_lies_half_a_revolution_away_and_a_clamped_one_stays_in_row_0():
    height, width, reach = 96, 192, equirect_areas.REACH
    room = torch.rand(1, 1, height, width, generator=torch.Generator().manual_seed(0)).double()
    folded, clamped = torch.empty_like(room), torch.empty_like(room)
    for row in range(height):
        north = row - reach
        across = [(column + width // 2) % width for column in range(width)]
        folded[..., row, :] = room[..., north, :] if north >= 0 else room[..., -1 - north, across]
        clamped[..., row, :] = room[..., max(north, 0), :]
    found = equirect_areas.clamped_rows(room, 0.3, 16)
    up = {"yaw": 0.3, "pitch": math.pi / 2, "fov": 2 * math.atan(0.5), "size": 16}
    for view, tap in zip(found, (folded, clamped), strict=True):
        torch.testing.assert_close(view, render_perspective(tap, **up), atol=1e-12, rtol=0)


def test_one_pixel_of_one_move_that_differs_from_torchs_sampler_is_seen(monkeypatch):
    def off(images, matrix):
        out = affine_warp(images, matrix)
        if torch.equal(matrix, commutation.TRANSFORMATIONS["zoom-2"]):
            out[0, 0, 20, 30] += 0.25
        return out

    monkeypatch.setattr(commutation, "affine_warp", off)
    images = commutation.drawn_digits("digits", 2, torch.Generator().manual_seed(0))
    assert commutation.difference_from_grid_sample(images) == pytest.approx(0.25, abs=1e-9)


def test_a_slip_is_measured_in_the_right_pictures_contrast():
    right = torch.tensor([[[[0.0, 2.0]]]])
    assert equirect_areas.contrast_error(right, right + 1) == pytest.approx(1.0)
    assert equirect_areas.contrast_error(right, right) == 0
