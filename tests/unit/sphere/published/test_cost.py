"""Counts of the published VGG-16, held against the tables of its layout and against modules."""

import pytest

from ktnlib.sphere.published import VGG16, PublishedHead, band_shapes, head_cost, vgg16_costs

PARAMETERS = {
    "conv1_1": 45_036,
    "conv1_2": 56_508,
    "conv2_1": 63_348,
    "conv2_2": 88_052,
    "conv3_1": 136_436,
    "conv3_2": 234_996,
    "conv3_3": 234_996,
    "conv4_1": 318_948,
    "conv4_2": 712_676,
    "conv4_3": 712_676,
    "conv5_1": 726_572,
    "conv5_2": 726_572,
    "conv5_3": 726_572,
    "total": 4_783_388,
}


def test_parameters_of_every_published_layer_come_out_to_the_last_digit():
    assert {name: cost.parameters for name, cost in vgg16_costs().items()} == PARAMETERS


def test_other_readings_of_the_camera_have_other_counts():
    assert vgg16_costs(rule="true-division")["total"].parameters == 4_191_512
    assert vgg16_costs(rule="pinhole")["total"].parameters == 4_290_044


def test_kernels_cost_more_to_make_and_to_use_than_to_learn():
    total = vgg16_costs()["total"]
    assert total.source_parameters == 14_714_688
    assert round(total.application / 1e12, 1) == 35.8
    assert round(total.generation / 1e12, 1) == 18.6
    assert round(total.parameters * 4 / 2**20, 1) == 18.2
    assert round((total.parameters + total.source_parameters) * 4 / 2**20, 1) == 74.4


@pytest.mark.parametrize("layer", [VGG16[0], VGG16[1]], ids=lambda layer: layer.name)
def test_a_published_layer_as_a_module_has_the_counted_numbers(layer):
    head = PublishedHead(layer.in_channels, 320, **layer.head_options())
    assert sum(parameter.numel() for parameter in head.parameters()) == PARAMETERS[layer.name]


@pytest.mark.parametrize("residual", [True, False])
def test_any_head_as_a_module_has_the_counted_numbers(residual):
    options = {"ties": 3, "dilation": 2, "max_taps": 9, "kernel_size": (3, 5)}
    head = PublishedHead(5, 20, width=44, residual=residual, **options)
    cost = head_cost(band_shapes(20, width=44, **options), 5, 7, width=44, taps=15, residual=residual)
    assert sum(parameter.numel() for parameter in head.parameters()) == cost.parameters
    assert cost.source_parameters == 7 * 5 * 15 + 7


def test_one_band_counted_by_hand():
    # a 3×3 window: 81 and 7²·9 numbers in the matrices, two mixes of 2×2 + 2, two filters of 9 + 1
    [shape] = band_shapes(2, width=2, spacing=0.01)
    assert shape.size == (3, 3)
    cost = head_cost([shape], 2, 1, width=2)
    assert cost.parameters == 81 + 441 + 12 + 20
    # per slice: 81 + 441, mixes over 49 and 25 positions of 2 channels, filters of 9 onto 25 and 9
    assert cost.generation == 2 * (81 + 441 + 2 * (49 + 25) + 9 * (25 + 9))
    assert (cost.application, cost.stored) == (2 * 9 * 4, 18)
