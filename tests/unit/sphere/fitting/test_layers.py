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
    dilated = layers[3]
    with torch.no_grad():  # about zero, so that the last layer reads half of what it answers
        dilated.weight -= dilated.weight.mean((1, 2, 3), keepdim=True)
        dilated.bias.zero_()
    return Trunk(nn.Sequential(*layers, nn.Conv2d(3, 3, 3)).eval(), until="5")


@pytest.fixture(scope="module")
def panoramas():
    generator = torch.Generator().manual_seed(1)
    coarse = torch.rand(4, 2, 4, 8, generator=generator)
    smooth = nn.functional.interpolate(coarse, size=(HEIGHT, WIDTH), mode="bilinear")
    return smooth + 0.1 * torch.rand(4, 2, HEIGHT, WIDTH, generator=generator)


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


def test_transformers_are_refined_as_their_row_kernels_are(trunk, panoramas, targets):
    bicubic = {"5": KernelTransformer(3, head="bicubic")}
    kernels = {"5": tangent_kernels(trunk.layers["5"], panoramas, interpolation="bicubic")}
    ours, theirs = (refine_taps(trunk, panoramas, targets, one, every=1) for one in (bicubic, kernels))
    torch.testing.assert_close(ours["5"].kernel, theirs["5"].kernel)
    # nothing was given for this one: its bilinear taps are refined
    assert ours["3"].neighbours.weights.shape[-1] == 4
    assert ours["3"].kernel.shape == (HEIGHT, 3, 3, 9)


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


def test_features_that_are_not_finite_are_refused_by_layer(trunk, panoramas, targets):
    broken = targets["3"].clone()
    broken[2, 1, 4, 5] = torch.nan
    with pytest.raises(ValueError, match=r"`targets\['3'\]` holds 1 values that are NaN or infinite"):
        fit_taps(trunk, panoramas, targets | {"3": broken})
    with pytest.raises(ValueError, match=r"`panoramas` holds 1024 values that are NaN or infinite"):
        refine_taps(trunk, panoramas / 0 * 0, targets, {})


def test_kernels_that_no_layer_or_no_refinement_can_use_are_refused(trunk, panoramas, targets):
    taps = KernelTransformer(3, head="bicubic")
    with pytest.raises(ValueError, match="`kernels` is 'conv9'; wanted one of '0', '2', '3', '5'"):
        transformed_features(trunk, panoramas, {"conv9": taps})
    with pytest.raises(ValueError, match="`kernels` is 'conv9'; wanted one of"):
        refine_taps(trunk, panoramas, targets, {"conv9": taps})
    dense = KernelTransformer(3, head="published", in_channels=3, height=HEIGHT)
    with pytest.raises(ValueError, match="`kernels` of layer '5' are in bands; wanted taps"):
        refine_taps(trunk, panoramas, targets, {"5": dense})
