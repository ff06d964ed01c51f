"""The experiments `sphere-imagenet`, `-costs` and `-full`: who reads, what a step costs, what is computed."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from ktnlib.experiments import (
    Checkpoint,
    photograph_costs,
    photograph_readers,
    sphere_imagenet,
    sphere_imagenet_costs,
    sphere_imagenet_full,
)
from ktnlib.experiments.placed_photographs import ANGLES, SUBJECTS, Placed, panorama_with
from ktnlib.experiments.sparse_full import sparse_chain, values_at
from ktnlib.sphere import (
    EquirectGrid,
    KernelTransformer,
    render_perspective,
    row_conv2d,
    sphere_to_plane,
    to_sphere,
)
from ktnlib.sphere.view import View

DIGITS = SUBJECTS["digit-net"]


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("KTNLIB_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


def run(experiment, folder, **parameters):
    checkpoint = Checkpoint(folder / "seed.npz", "cpu")
    return experiment.run_seed(0, device="cpu", checkpoint=checkpoint, **parameters)


def test_every_method_is_measured_and_blocks_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(sphere_imagenet, "OTHERS", ("flat", "cubemap", "interpolate", "direct-zero"))
    found = run(sphere_imagenet, tmp_path, subject="digit-net", first=2, others=1, methods=4, fitted=0)
    for method in (*sphere_imagenet.FIRST, *sphere_imagenet.OTHERS):
        assert found[f"accuracy.{method}.mean"] == np.mean(
            [found[f"accuracy.{method}.{a}deg"] for a in ANGLES]
        )
        assert found[f"accuracy.{method}.mean.low"] <= found[f"accuracy.{method}.mean.high"]
    assert found["accuracy.flat.18deg"] == found["accuracy.flat.90deg"] == 100
    assert found["share.exact.mean"] == 100
    ahead = found["accuracy.ktn.mean"] - found["accuracy.direct.mean"]
    assert found["ahead.ktn.of.direct.mean"] == pytest.approx(ahead)
    monkeypatch.delattr(sphere_imagenet, "panorama_with")  # nothing is read again
    assert (
        run(sphere_imagenet, tmp_path, subject="digit-net", first=2, others=1, methods=4, fitted=0) == found
    )


def test_exact_answers_are_those_of_a_camera_that_looks_at_the_place():
    panorama, placed = panorama_with(DIGITS, 36, 0)
    latitudes, longitudes = photograph_readers.places_of(DIGITS, placed[0])
    size = 68  # the ninth unit of 17 stands in the middle, and sees 32 pixels: none of the padding
    looking = {"yaw": longitudes[3].item(), "pitch": latitudes[3].item(), "size": size}
    seen = render_perspective(panorama, fov=2 * math.atan(size * DIGITS.spacing / 2), **looking)
    wanted = photograph_readers.upto(DIGITS)(seen)[0, :, 8, 8]
    values = photograph_readers.exact_values(DIGITS, panorama, latitudes[3:4], longitudes[3:4])
    torch.testing.assert_close(values[0], wanted, atol=1e-4, rtol=1e-4)


def test_object_frames_turn_north_to_the_objects_up():
    one = Placed(0, 0, 1.25, 0.4)
    latitudes, longitudes = photograph_readers.places_of(DIGITS, one)
    turns = photograph_costs.upright_with(one, latitudes, longitudes)
    assert turns.abs().max() > 0.5  # near the pole frames turn
    centre = {"centre_latitude": one.latitude, "centre_longitude": one.longitude}
    for place in (0, 3, 20, 24, 48):
        camera = View(longitudes[place].item(), latitudes[place].item(), turns[place].item(), 1.0, 2, 2)
        up = camera.plane_to_sphere(torch.tensor([0.0, 0.0]).double(), torch.tensor([0.0, -1e-3]).double())
        east, south, _ = sphere_to_plane(*up, **centre)
        assert (east[1] - east[0]).abs() < 1e-9
        assert south[1] < south[0]


def test_at_a_phase_every_picture_stands_alike_on_the_maps_grid():
    step = math.pi * DIGITS.step / DIGITS.height
    for phase in (0.0, 0.25, 0.5):
        _, placed = panorama_with(DIGITS, 54, 0, phase=phase)
        for one in placed:
            row, column = (math.pi / 2 - one.latitude) / step - 0.5, (one.longitude + math.pi) / step - 0.5
            assert (row - phase) % 1 == pytest.approx(0, abs=1e-9) or (row - phase) % 1 == pytest.approx(1)
            assert abs(column - phase - round(column - phase)) < 1e-9
            assert abs(90 - abs(math.degrees(one.latitude)) - 54) <= math.degrees(step) / 2


def test_pools_of_one_conversion_in_another():
    network = photograph_costs.mixed(DIGITS, "ktn-bicubic", "ktn-bilinear")
    x = torch.rand(1, 1, 32, 64)
    own = {
        head: to_sphere(
            photograph_readers.source(DIGITS),
            transformer=head,
            until=DIGITS.until,
            spacing=DIGITS.spacing,
        )
        for head in ("bilinear", "bicubic")
    }
    first = own["bicubic"].get_submodule("conv1_1")(x)
    torch.testing.assert_close(network.get_submodule("conv1_1")(x), first)
    pooled = own["bilinear"].get_submodule("pool1")(first)
    torch.testing.assert_close(network.get_submodule("pool1")(first), pooled)
    assert not torch.equal(pooled, own["bicubic"].get_submodule("pool1")(first))


def test_costs_are_differences_of_the_steps_they_stand_between(tmp_path, monkeypatch):
    monkeypatch.setattr(sphere_imagenet_costs, "PHASES", {"quarter": 0.25})
    found = run(sphere_imagenet_costs, tmp_path, subject="digit-net", pictures=1)
    frames = found["accuracy.object-frames.mean"] - found["accuracy.exact.mean"]
    assert found["cost.frames.mean"] == pytest.approx(frames)
    assert found["accuracy.flat.mean"] == 100
    assert {"accuracy.on-the-grid.quarter.mean", "reading.nearest.ktn+ktn-bicubic.quarter.mean"} <= set(found)


def chain_and_dense(pattern, head, interpolation):
    """A small net à trous, at some pixels and as whole maps."""
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(2, 3, 3), nn.LeakyReLU(0.1), nn.MaxPool2d(2), nn.Conv2d(3, 4, 3), nn.Conv2d(4, 2, 1)
    )
    grid, spacing = EquirectGrid(16), 0.15
    x = torch.rand(1, 2, 16, 32)
    pixels = torch.tensor([0, 5, 31, 200, 16 * 32 - 1])
    sparse = values_at(sparse_chain(net.eval(), pattern, grid, spacing), x, pixels)

    def convolved(layer, x, distance):
        kernels = KernelTransformer(3, head=head, spacing=distance)(layer.weight, grid.polar_angles)
        return row_conv2d(x, kernels, layer.bias)

    with torch.no_grad():
        x = torch.nn.functional.leaky_relu(convolved(net[0], x, spacing), 0.1)
        x = dense_pool(x, spacing, interpolation)
        x = net[4](convolved(net[3], x, 2 * spacing))
    return sparse, x[0].flatten(1).T[pixels]


def dense_pool(x, spacing, interpolation):
    from ktnlib.experiments.tangent_reading import read_map, reading_places

    grid = EquirectGrid(*x.shape[-2:])
    out = torch.empty_like(x)
    for row, latitude in enumerate(grid.latitudes.tolist()):
        for column, longitude in enumerate(grid.longitudes.tolist()):
            places = reading_places(latitude, longitude, side=2, spacing=spacing)
            out[0, :, row, column] = read_map(x, *places, interpolation).amax(0)
    return out


@pytest.mark.parametrize(
    ("pattern", "head", "interpolation"),
    [("ktn", "taps", "bicubic"), ("ktn-bilinear", "bilinear", "bilinear")],
)
def test_full_resolution_at_some_pixels_is_that_of_the_whole_maps(pattern, head, interpolation):
    torch.testing.assert_close(*chain_and_dense(pattern, head, interpolation), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("pattern", ["ktn", "ktn-bicubic", "ktn-bilinear", "spherenet", "direct"])
def test_full_resolution_is_that_of_to_sphere(pattern):
    options = photograph_readers.CONVERTED.get(pattern, {"method": pattern})
    net, grid = photograph_readers.upto(DIGITS).eval(), EquirectGrid(32)
    x = torch.rand(1, 1, 32, 64, generator=torch.Generator().manual_seed(0))
    whole = to_sphere(net, spacing=DIGITS.spacing, resolution="full", **options)(x)
    pixels = torch.tensor([0, 70, 700, 32 * 64 - 1])
    found = values_at(sparse_chain(net, pattern, grid, DIGITS.spacing), x, pixels)
    torch.testing.assert_close(found, whole[0].flatten(1).T[pixels], atol=1e-4, rtol=1e-4)


def test_full_resolution_is_measured_beside_pyramid(tmp_path, monkeypatch):
    monkeypatch.setattr(sphere_imagenet_full, "METHODS", ("ktn", "direct"))
    found = run(sphere_imagenet_full, tmp_path, subject="digit-net", pictures=1)
    assert found["share.ktn.mean"] == pytest.approx(
        100 * found["accuracy.ktn.mean"] / found["accuracy.exact.mean"]
    )
    assert "gained.direct.18deg.low" in found
    assert sphere_imagenet_full.shift_of(DIGITS) == 0.5
