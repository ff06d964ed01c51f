"""Exact features are the network run on what cameras at every pixel see."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from ktnlib.sphere import tangent_conv2d
from ktnlib.sphere.fitting import Trunk, exact_features

from .. import rays
from ..images import assert_close, noise

HEIGHT, WIDTH = 6, 14
NAMES = ["0", "2", "4"]


def network(seed=0):
    torch.manual_seed(seed)
    layers = [nn.Conv2d(2, 3, 3), nn.ReLU(), nn.Conv2d(3, 4, 3, dilation=2), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Conv2d(4, 3, 3)).double().eval()


@pytest.fixture(scope="module")
def trunk():
    return Trunk(network(), until="4")


@pytest.fixture(scope="module")
def panorama():
    return noise(2, 2, HEIGHT, WIDTH)


@pytest.fixture(scope="module")
def features(trunk, panorama):
    return exact_features(trunk, panorama)


def test_every_layer_at_every_pixel_is_the_network_on_what_the_rays_of_a_patch_read(panorama, features):
    """Patches by rotation matrices; each layer on the smallest patch that it sees."""
    model = network()
    for name, depth, side in (("0", 1, 3), ("2", 3, 7), ("4", 5, 9)):
        patches = rays.tangent_rays(HEIGHT, WIDTH, side, side, 2 * math.pi / WIDTH, 1)
        read = torch.as_tensor(rays.read(panorama.numpy(), patches))  # batch channel height width v u
        with torch.no_grad():
            answer = model[:depth](read.movedim(1, 3).flatten(0, 2))
        wanted = answer[:, :, 0, 0].unflatten(0, (2, HEIGHT, WIDTH)).movedim(-1, 1)
        assert_close(features[name], wanted, 1e-10)


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("spacing", [None, 0.3])
def test_the_first_layer_is_the_tangent_convolution(trunk, panorama, spacing, interpolation):
    options = {"spacing": spacing, "interpolation": interpolation}
    layer = trunk.layers["0"]
    wanted = tangent_conv2d(panorama, layer.weight, layer.bias, **options)
    assert_close(exact_features(trunk, panorama, layers=["0"], **options)["0"], wanted, 1e-12)


def test_a_constant_panorama_gives_the_networks_answer_to_a_constant_picture(trunk):
    colour = torch.tensor([0.3, 0.7], dtype=torch.float64)[:, None, None]
    wanted = trunk.run(colour.expand(1, 2, 9, 9))
    for name, feature in exact_features(trunk, colour.expand(1, 2, 4, 8)).items():
        assert_close(feature, wanted[name][:, :, :1, :1].expand(1, -1, 4, 8), 1e-12)


@pytest.mark.parametrize("axis", [2, 3])
def test_a_mirrored_network_sees_a_mirrored_panorama_as_its_mirror_image(panorama, features, axis):
    mirrored = network()
    for layer in mirrored[::2]:
        layer.weight.data = layer.weight.data.flip(axis)
    seen = exact_features(Trunk(mirrored, until="4"), panorama.flip(axis))
    for name in NAMES:
        assert_close(seen[name].flip(axis), features[name], 1e-12)


def test_a_turn_about_the_axis_turns_the_features(trunk, panorama, features):
    turned = exact_features(trunk, panorama.roll(5, dims=-1))
    for name in NAMES:
        assert_close(turned[name], features[name].roll(5, dims=-1), 1e-12)


@pytest.mark.parametrize("columns", [range(0, WIDTH, 4), [13, 0, 0, 6], [*range(1, WIDTH), 0]])
def test_columns_are_those_of_the_whole_in_the_order_asked_for(trunk, panorama, features, columns):
    some = exact_features(trunk, panorama, columns=columns, layers=["2", "4"])
    assert list(some) == ["2", "4"]
    for name, feature in some.items():
        assert_close(feature, features[name][..., list(columns)], 1e-12)


@pytest.mark.parametrize("chunk", [1, 13, 14, 15, 29, 10_000])
def test_the_number_of_patches_at_a_time_changes_nothing(trunk, panorama, features, chunk):
    for name, feature in exact_features(trunk, panorama, chunk=chunk).items():
        assert_close(feature, features[name], 1e-12)


def test_float32_stays_close_and_no_gradient_is_kept(trunk, panorama, features):
    single = exact_features(Trunk(network().float(), until="4"), panorama.float().requires_grad_())
    for name in NAMES:
        assert single[name].dtype == torch.float32
        assert not single[name].requires_grad
        assert_close(single[name].double(), features[name], 2e-5)


def test_an_empty_batch_has_empty_features(trunk):
    assert exact_features(trunk, torch.zeros(0, 2, 4, 8).double())["4"].shape == (0, 3, 4, 8)


def test_features_that_are_not_finite_are_refused_with_layer_and_panorama(trunk, panorama):
    broken = panorama.clone()
    broken[1, 0, 3, 3] = np.nan
    with pytest.raises(ValueError, match=r"layer '0' has \d+ .* not finite, in panorama 1 of a batch of 2"):
        exact_features(trunk, broken)


def test_a_panorama_of_another_type_or_device_than_the_trunk_is_refused(trunk, panorama):
    with pytest.raises(
        TypeError, match=r"has dtype torch.float32 and the trunk torch.float64; wanted the same"
    ):
        exact_features(trunk, panorama.float())
    with pytest.raises(ValueError, match="`panorama` on meta, `model` on cpu; wanted all on one device"):
        exact_features(trunk, panorama.to("meta"))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"columns": [0, WIDTH]}, "`columns` is .*from 0 to 13"),
        ({"columns": [-1]}, "`columns` is .*from 0 to 13"),
        ({"columns": []}, "`columns` is .*one or more"),
        ({"layers": ["1"]}, "`layers` is '1'; wanted one of '0', '2', '4'"),
        ({"chunk": 0}, "`chunk` is 0"),
        ({"spacing": 0.0}, "`spacing` is 0; wanted more than 0"),
        ({"interpolation": "nearest"}, "`interpolation` is 'nearest'"),
    ],
)
def test_bad_wishes_are_refused(trunk, panorama, options, words):
    with pytest.raises(ValueError, match=words):
        exact_features(trunk, panorama, **options)
