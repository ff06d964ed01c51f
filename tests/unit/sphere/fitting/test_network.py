"""Fitting networks with pools and strides: what every layer reads and answers, and what is made of it."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional

from ktnlib.sphere import EquirectGrid, row_conv2d, tangent_conv2d
from ktnlib.sphere.conversion.patches import exact_at
from ktnlib.sphere.fitting import (
    TargetCache,
    Trunk,
    converted,
    exact_features,
    fit_network_taps,
    fit_row_kernels,
    fit_sphconv,
    fit_taps,
)
from ktnlib.sphere.fitting.converted import fit_converted

from ..images import assert_close, noise

PANORAMAS = noise(2, 2, 16, 32)


def pooled() -> nn.Sequential:
    torch.manual_seed(0)
    layers = [nn.Conv2d(2, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4)]
    layers += [nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 6, 1), nn.ReLU(), nn.Conv2d(6, 3, 3, padding=1)]
    layers += [nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2)]
    net = nn.Sequential(*layers).double().eval()
    net[3].running_mean.add_(0.3)
    return net


def plain() -> nn.Sequential:
    torch.manual_seed(1)
    layers = nn.Conv2d(2, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.ReLU(), nn.Conv2d(4, 3, 3)
    return nn.Sequential(*layers).double().eval()


def seen(model, **options):
    """What `fit` is given, by layer."""
    return fit_converted(model, PANORAMAS, lambda layer, x, target: (layer, x, target), **options)


@pytest.mark.parametrize("resolution", ["pyramid", "full"])
def test_inputs_and_answers_are_the_networks_own_on_patches_about_each_pixel(resolution):
    net = pooled()
    found = seen(net, resolution=resolution, spacing=0.15)
    assert list(found) == ["0", "2", "8"]
    height = 8 if resolution == "pyramid" else 16
    rows, columns = torch.tensor([0, 3, height - 1]), torch.tensor([5, 0, 2 * height - 1])
    grid = EquirectGrid(height)
    points = {"latitudes": grid.latitudes[rows], "longitudes": grid.longitudes[columns]}
    _, x, target = found["8"]
    assert x.shape[-2] == height
    for values, until in ((x, "7"), (target, "8")):
        wanted = exact_at(net, PANORAMAS, until=until, spacing=0.15, **points)
        assert_close(values[:, :, rows, columns], wanted, 1e-10)


def test_a_layer_is_told_its_taps_distance_and_whether_it_reads_the_picture():
    net = nn.Sequential(nn.Conv2d(2, 4, 3), nn.AvgPool2d(2), nn.Conv2d(4, 4, 3, dilation=2)).double().eval()
    layers = {name: layer for name, (layer, *_) in seen(net).items()}
    assert [layer.first for layer in layers.values()] == [True, False]
    assert layers["0"].spacing == pytest.approx(2 * math.pi / 32)
    assert layers["2"].spacing == pytest.approx(2 * math.pi / 32 * 2 * 2)


def test_without_pools_the_fits_are_those_of_a_trunk():
    net = plain()
    trunk = Trunk(net, until="4")
    exact = exact_features(trunk, PANORAMAS)
    read = trunk.inputs(PANORAMAS, exact)
    rows = fit_sphconv(net, PANORAMAS)
    for name in ("2", "4"):
        layer = trunk.layers[name]
        wanted = fit_row_kernels(layer.weight, layer.bias, read[name], exact[name], every=1)
        for one, other in zip(rows[name].bands, wanted.bands, strict=True):
            assert_close(one.weight, other.weight, 1e-8)
    taps = fit_network_taps(net, PANORAMAS, knots=4, shared=False)
    for name, wanted in fit_taps(trunk, PANORAMAS, exact, knots=4).items():
        assert_close(taps[name].coefficients, wanted.coefficients, 1e-6)
    one, other = fit_network_taps(net, PANORAMAS, knots=4).values()
    assert torch.equal(one.coefficients, other.coefficients)
    assert not torch.equal(one.coefficients, taps["4"].coefficients)


def test_the_first_layer_is_exact_and_fitted_rows_come_nearer_than_the_tangent_kernel():
    net = pooled()
    given, kernels = seen(net), fit_sphconv(net, PANORAMAS)
    assert list(kernels) == list(given)
    for name, (layer, x, target) in given.items():
        ours = row_conv2d(x, kernels[name], layer.bias)
        if layer.first:
            assert_close(ours, target, 1e-10)
            continue
        theirs = tangent_conv2d(x, layer.weight, layer.bias)
        assert (ours - target).norm() < 0.9 * (theirs - target).norm()


def test_windows_are_spread_where_taps_lie_pixels_apart():
    kernels = fit_sphconv(pooled(), PANORAMAS, resolution="full", spacing=0.25)
    middle = kernels["8"].bands[8]
    assert kernels["8"].height == 16
    assert middle.dilation == (3, 3)  # two source pixels of 0.25 are 2.5 of the panorama's 0.196
    assert kernels["2"].bands[8].dilation == (1, 1)


def test_panoramas_are_left_as_they_were_by_a_network_that_begins_in_place():
    given = PANORAMAS - 0.5
    net = nn.Sequential(nn.ReLU(inplace=True), nn.Conv2d(2, 2, 3), nn.Conv2d(2, 2, 3)).double().eval()
    before = given.clone()
    fit_sphconv(net, given)
    assert torch.equal(given, before)


def test_the_model_is_left_as_it_was_and_until_ends_the_walk():
    net = pooled()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    assert list(fit_sphconv(net, PANORAMAS, until="4")) == ["0", "2"]
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert all(parameter.requires_grad for parameter in net.parameters())


def test_answers_are_kept_and_found_again_by_weights_panorama_and_resolution(tmp_path, monkeypatch):
    net, cache = pooled(), TargetCache(tmp_path)
    wanted = seen(net, cache=cache)
    files = len(list(tmp_path.glob("*.safetensors")))
    assert files == 4 * len(PANORAMAS)  # three convolutions and a pool

    class Unwilling(nn.Module):
        def forward(self, x):
            raise AssertionError("computed again")

    with monkeypatch.context() as patch:
        patch.setattr(converted, "exact_network", lambda plan, options: Unwilling())
        for name, (_, x, target) in seen(net, cache=cache).items():
            assert torch.equal(x, wanted[name][1])
            assert torch.equal(target, wanted[name][2])
        with pytest.raises(AssertionError, match="computed again"):
            seen(net, cache=cache, resolution="full")
        with torch.no_grad():
            net[0].weight[0, 0, 0, 0] += 1
        with pytest.raises(AssertionError, match="computed again"):
            seen(net, cache=cache)


def test_a_constant_of_the_network_counts_among_its_numbers(tmp_path):
    class Shifted(nn.Module):
        def __init__(self, shift):
            super().__init__()
            torch.manual_seed(0)
            self.shift, self.layer = torch.tensor(shift, dtype=torch.float64), nn.Conv2d(2, 2, 3).double()

        def forward(self, x):
            return self.layer(x * self.shift)

    cache = TargetCache(tmp_path)
    one, other = (seen(Shifted(shift).eval(), cache=cache)["layer"][2] for shift in (1.0, 2.0))
    assert (one - other).abs().max() > 0.1
    assert len(list(tmp_path.glob("*.safetensors"))) == 2 * len(PANORAMAS)


def test_paddings_of_the_plane_are_nothing_on_the_sphere():
    torch.manual_seed(2)
    convs = [nn.Conv2d(2, 4, 3), nn.Conv2d(4, 4, 1), nn.Conv2d(4, 3, 3)]
    padded = nn.Sequential(nn.ReflectionPad2d(1), *convs[:1], nn.ZeroPad2d(2), convs[1], convs[2])
    without = nn.Sequential(*convs).double().eval()
    wanted = seen(without)["2"]
    found = seen(padded.double().eval())["4"]
    for one, other in zip(found[1:], wanted[1:], strict=True):
        assert_close(one, other, 1e-12)
    convs[1].padding = (1, 1)
    _, x, target = seen(without)["2"]
    assert_close(x, wanted[1], 1e-12)
    assert_close(target, wanted[2], 1e-12)


def test_shortcuts_that_take_every_second_pixel_are_exact_too():
    class Shortcut(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.two = nn.Conv2d(2, 2, 3, 2, 1), nn.Conv2d(2, 2, 3, 1, 1)

        def forward(self, x):
            return self.two(functional.relu(self.one(x) + x[:, :, ::2, ::2]))

    net = Shortcut().double().eval()
    found = fit_network_taps(net, PANORAMAS, knots=4)
    assert list(found) == ["two"]  # the strided one learns nothing
    grid = EquirectGrid(8)
    points = {"latitudes": grid.latitudes[[2]], "longitudes": grid.longitudes[[4]]}
    answer = exact_at(net, PANORAMAS, **points)
    assert_close(seen(net)["two"][2][:, :, [2], [4]], answer, 1e-10)


class Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(2, 2, 3)

    def forward(self, x):
        return self.conv(self.conv(x))


@pytest.mark.parametrize(
    ("net", "message"),
    [
        (nn.Sequential(nn.Conv2d(2, 4, 3, stride=2)), "has a stride of 2 at '0'; wanted, for row kernels"),
        (nn.Sequential(nn.Conv2d(2, 4, 3, groups=2)), "has 2 groups at '0'"),
        (nn.Sequential(nn.Conv2d(2, 4, (3, 2))), r"has a kernel of \(3, 2\) at '0'"),
        (Twice(), "runs the convolution 'conv' twice; wanted each once"),
        (nn.Sequential(nn.Conv2d(2, 4, 3, dilation=(1, 2))), r"dilation of \(1, 2\) at '0'; wanted the same"),
        (nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(2, 4, 3)), "wanted"),
    ],
)
def test_layers_without_row_kernels_are_refused_by_name(net, message):
    with pytest.raises(ValueError, match=message):
        fit_sphconv(net.double().eval(), PANORAMAS)


def test_an_unknown_resolution_and_panoramas_of_another_shape_are_refused(as_a_user):
    with pytest.raises(ValueError, match="`resolution` is 'half'; wanted"):
        fit_sphconv(plain(), PANORAMAS, resolution="half")
    with pytest.raises(ValueError, match="wanted a whole panorama"):
        fit_sphconv(plain(), PANORAMAS[..., :30])
    with pytest.raises(ValueError, match="`panoramas`"):
        fit_sphconv(plain(), PANORAMAS / 0)
    with pytest.raises(ValueError, match=r"`panoramas` has shape .* wanted at least one to learn from"):
        fit_sphconv(plain(), PANORAMAS[:0])
