"""Exact as a network: every pixel of the answer's grid, or the knots of one and bilinear guesses between."""

import pytest
import torch
from torch import nn

from ktnlib.sphere import EquirectGrid
from ktnlib.sphere.baselines.interpolated import interpolated_conv2d
from ktnlib.sphere.conversion.interpolate import exact_network, interpolated_network
from ktnlib.sphere.conversion.options import Options
from ktnlib.sphere.conversion.patches import exact_at
from ktnlib.sphere.conversion.plan import plan

from ..images import assert_close, noise


def strided():
    torch.manual_seed(0)
    layers = [
        nn.Conv2d(2, 3, 3, padding=1),
        nn.BatchNorm2d(3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(3, 2, 3),
    ]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1)).double().eval()


def exact(until="4", **options):
    return exact_network(plan(strided(), until), Options("exact", **options))


@pytest.mark.parametrize("resolution", ["pyramid", "full"])
def test_exact_answers_at_every_pixel_of_its_grid(resolution):
    panorama, height = noise(2, 2, 8, 16), 8 if resolution == "full" else 4
    found = exact(resolution=resolution, spacing=0.1)(panorama)
    assert found.shape == (2, 2, height, 2 * height)
    grid = EquirectGrid(height)
    for row, column in ((0, 0), (1, 5), (height - 1, 2 * height - 1)):
        at = {"latitudes": grid.latitudes[[row]], "longitudes": grid.longitudes[[column]]}
        wanted = exact_at(strided(), panorama, until="4", spacing=0.1, **at)
        assert_close(found[:, :, row, column], wanted[..., 0], 1e-12)


def test_interpolated_is_the_interpolated_convolution_where_that_is_defined():
    torch.manual_seed(0)
    layer, panorama = nn.Conv2d(2, 3, 3).double().eval(), noise(2, 2, 12, 24)
    network = interpolated_network(
        plan(nn.Sequential(layer).eval()), Options("interpolate", extra={"every": 4})
    )
    wanted = interpolated_conv2d(panorama, layer.weight.detach(), layer.bias.detach(), every=4)
    assert_close(network(panorama), wanted, 1e-12)


def test_it_is_exact_at_every_16th_pixel_unless_told_otherwise():
    network = interpolated_network(plan(strided(), "1"), Options("interpolate"))
    panorama = noise(1, 2, 32, 64)
    found, wanted = network(panorama), exact(until="1")(panorama)
    knots = torch.arange(8, 64, 16)
    assert_close(found[..., 8::16, knots], wanted[..., 8::16, knots], 1e-12)
    assert (found - wanted).abs().max() > 0.1


def test_weights_that_change_later_are_those_that_answer():
    network, panorama = exact(until="1"), noise(1, 2, 4, 8)
    before = network(panorama)
    network.get_parameter("0.weight").data.mul_(2)
    network.get_parameter("0.bias").data.mul_(2)
    mean = network.get_buffer("1.running_mean")
    assert_close(network(panorama) + mean[:, None, None], 2 * before, 1e-12)
    assert list(network.state_dict()) == list(strided().state_dict())
    assert_close(network.float()(panorama.float()), 2 * before.float(), 1e-5)


@pytest.mark.parametrize("build", [exact_network, interpolated_network])
def test_a_model_that_ends_in_a_mean_needs_an_end_before_it(build):
    with pytest.raises(ValueError, match=r"at '5' what reads the whole picture.*give `until`"):
        build(plan(strided()), Options("exact"))


def test_bad_wishes_are_refused():
    with pytest.raises(ValueError, match="`every` is no option of method 'exact'; wanted `interpolation`"):
        exact(extra={"every": 2})
    with pytest.raises(ValueError, match="`every` is 0"):
        interpolated_network(plan(strided(), "4"), Options("interpolate", extra={"every": 0}))
    network = interpolated_network(plan(strided(), "4"), Options("interpolate"))
    with pytest.raises(ValueError, match="`every` is 16 and the answer has 8 rows; wanted at most 8"):
        network(noise(1, 2, 16, 32))
    with pytest.raises(ValueError, match="`interpolation` is 'nearest'"):
        exact(extra={"interpolation": "nearest"})
    with pytest.raises(ValueError, match="less than 120"):
        exact(spacing=1.0)(noise(1, 2, 16, 32))
