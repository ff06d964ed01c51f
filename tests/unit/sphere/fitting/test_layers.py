"""Fitting a whole trunk: which inputs a layer is fitted on, what is left alone, what comes out."""

import pytest
import torch
from torch import nn

from ktnlib.sphere import KernelTransformer, RowKernels, tangent_conv2d
from ktnlib.sphere.fitting import Trunk, exact_features
from ktnlib.sphere.fitting.layers import (
    fit_layers,
    fit_taps,
    refine_taps,
    tangent_kernels,
    transformed_features,
)

HEIGHT, WIDTH = 8, 16


@pytest.fixture(scope="module")
def trunk():
    torch.manual_seed(0)
    layers = [nn.Conv2d(2, 3, 3), nn.ReLU(), nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 3, dilation=2), nn.ReLU()]
    return Trunk(nn.Sequential(*layers, nn.Conv2d(3, 3, 3)).eval(), until="5")


@pytest.fixture(scope="module")
def panoramas():
    smooth = nn.functional.interpolate(torch.rand(4, 2, 4, 8), size=(HEIGHT, WIDTH), mode="bilinear")
    return smooth + 0.1 * torch.rand(4, 2, HEIGHT, WIDTH)


@pytest.fixture(scope="module")
def targets(trunk, panoramas):
    return exact_features(trunk, panoramas)


def error(found, targets, name="5"):
    return ((found[name] - targets[name]).norm() / targets[name].norm()).item()


def test_without_kernels_every_layer_is_a_tangent_convolution(trunk, panoramas):
    found = transformed_features(trunk, panoramas, {})
    first, _, dilated, last = trunk.layers.values()
    torch.testing.assert_close(found["0"], tangent_conv2d(panoramas, first.weight, first.bias))
    wide = {"spacing": 2 * 2 * torch.pi / WIDTH}
    read = found["2"]
    torch.testing.assert_close(found["3"], tangent_conv2d(read, dilated.weight, dilated.bias, **wide))
    answer = tangent_conv2d(found["3"].relu(), last.weight, last.bias)
    torch.testing.assert_close(found["5"], answer)


def test_fitted_taps_are_nearer_to_the_exact_features_than_the_tangent_convolution(trunk, panoramas, targets):
    start = error(transformed_features(trunk, panoramas, {}), targets)
    for options in ({}, {"chained": True}, {"weighting": "solid-angle"}):
        fitted = fit_taps(trunk, panoramas, targets, knots=5, every=1, **options)
        assert set(fitted) == {"3", "5"}  # neither the first layer nor the 1 x 1
        assert error(transformed_features(trunk, panoramas, fitted), targets) < 0.9 * start


def test_a_shared_set_is_one_for_all_layers(trunk, panoramas, targets):
    fitted = fit_taps(trunk, panoramas, targets, knots=5, every=1, shared=True)
    torch.testing.assert_close(fitted["3"].coefficients, fitted["5"].coefficients)
    own = fit_taps(trunk, panoramas, targets, knots=5, every=1)
    assert (own["3"].coefficients - own["5"].coefficients).abs().max() > 1e-3


def test_refined_kernels_are_nearer_still_and_keep_their_pixel_filters(trunk, panoramas, targets):
    start = {
        name: tangent_kernels(trunk.layers[name], panoramas, interpolation="bicubic") for name in ("3", "5")
    }
    for chained in (False, True):
        refined = refine_taps(trunk, panoramas, targets, start, every=1, chained=chained)
        torch.testing.assert_close(refined["5"].neighbours.weights, start["5"].neighbours.weights)
        before, after = (
            error(transformed_features(trunk, panoramas, one), targets) for one in (start, refined)
        )
        assert after < 0.9 * before


def test_a_layer_is_fitted_on_exact_inputs_or_on_what_the_fitted_layers_answer(trunk, panoramas, targets):
    read = {False: {}, True: {}}
    for chained, seen in read.items():

        def fit(name, layer, x, target, seen=seen):
            seen[name] = x
            torch.testing.assert_close(target, targets[name])
            return tangent_kernels(layer, x)

        found = fit_layers(trunk, panoramas, targets, fit, chained=chained)
        assert all(isinstance(one, RowKernels) for one in found.values())
        assert list(found) == list(trunk.layers)
    torch.testing.assert_close(read[False]["5"], targets["3"].relu())
    own = transformed_features(trunk, panoramas, {})["3"].relu()
    torch.testing.assert_close(read[True]["5"], own)
    assert (own - targets["3"].relu()).abs().max() > 1e-3


def test_a_transformer_in_place_of_row_kernels_is_asked_for_them(trunk, panoramas):
    asked = transformed_features(trunk, panoramas, {"5": KernelTransformer(3, head="bicubic")})
    kernels = tangent_kernels(trunk.layers["5"], panoramas, interpolation="bicubic")
    torch.testing.assert_close(asked["5"], transformed_features(trunk, panoramas, {"5": kernels})["5"])


def test_targets_of_other_size_and_choices_that_contradict_are_refused(trunk, panoramas, targets):
    with pytest.raises(ValueError, match=r"`targets` for layer '5' have shape none; wanted \(4, 3, 8, 16\)"):
        fit_taps(trunk, panoramas, {name: one for name, one in targets.items() if name != "5"})
    with pytest.raises(ValueError, match=r"layer '0' have shape \(4, 3, 8, 16\); wanted \(3, 3, 8, 16\)"):
        refine_taps(trunk, panoramas[:3], targets, {})
    with pytest.raises(ValueError, match="`shared` and `chained` are both True; wanted one"):
        fit_taps(trunk, panoramas, targets, shared=True, chained=True)
