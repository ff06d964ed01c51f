"""Costs are counted as torch counts them in a run, and measured in the process that is asked."""

import math
import subprocess
import sys

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from ktnlib.experiments import cost, cost_probe
from ktnlib.experiments.cost_counts import layers, multiply_adds, sphconv_learnt, sphconv_windows
from ktnlib.experiments.cost_networks import network, vgg16
from ktnlib.sphere.conversion import Options, plan
from ktnlib.sphere.conversion.patches import exact_at
from ktnlib.sphere.conversion.views import cubemap_network, tangent_image_network
from ktnlib.sphere.published import vgg16_costs


def products(run):
    """Multiply-adds of a run's convolutions and matrix products, as torch counts them."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        run()
    return counter.get_total_flops() // 2


@pytest.mark.parametrize("name", ["digit-net", "tinydarknet", "resnet18"])
def test_direct_takes_the_products_of_the_planar_network(name):
    model = network(name)
    channels = layers(plan(model))[0].in_channels
    wanted = products(lambda: model(torch.zeros(1, channels, 64, 128)))
    assert multiply_adds(plan(model), "direct", 64) == wanted


def test_vgg16_on_320_rows_takes_what_is_known_of_it():
    """14.7 million weights at every one of 204,800 pixels, 62.6 G with pools; 4.78 M learnt as published."""
    with torch.device("meta"):
        planned = plan(vgg16().eval())
    weights = sum(parameter.numel() for parameter in planned.model.parameters() if parameter.ndim == 4)
    assert weights == 14_710_464
    assert multiply_adds(planned, "direct", 320, "full") == weights * 320 * 640
    assert [layer.jump for layer in layers(planned)].count(1) == 2
    found = cost.counts(planned, "vgg16-full", 320, "full")
    assert found["learnt.vgg16-full.320.ktn"] == 9 * 8 * 16
    assert found["learnt.vgg16-full.320.published"] == vgg16_costs()["total"].parameters == 4_783_388
    assert found["learnt.vgg16-full.320.sphconv-least"] == 320 * weights
    assert found["learnt.vgg16-full.320.sphconv-most"] == 320 * weights * 49 / 9
    assert found["stored.vgg16-full.320.direct"] == pytest.approx((weights + 4224) / 2**18)
    assert found["multiply_adds.vgg16-full.320.direct"] == pytest.approx(3012.7, abs=0.1)


def test_taps_cost_their_readings_beside_the_planar_products():
    """By hand for a net of five 3 × 3 layers of 16 to 48 channels and pools: 4 pixels for each value read."""
    planned = plan(network("digit-net"))
    read = [(32, 9 * (1 + 16)), (16, 4 * 16 + 9 * (16 + 32)), (8, 4 * 32 + 9 * (32 + 48))]
    gathered = sum(2 * rows**2 * values for rows, values in read)
    planar = multiply_adds(planned, "direct", 32)
    assert multiply_adds(planned, "spherenet", 32) == planar + 4 * gathered
    assert multiply_adds(planned, "ktn-bicubic", 32) == planar + 16 * gathered
    full = sum(2 * 32**2 * values for _, values in read)
    assert (
        multiply_adds(planned, "spherenet", 32, "full")
        == multiply_adds(planned, "direct", 32, "full") + 4 * full
    )


@pytest.mark.parametrize("method", ["cubemap", "tangent-images"])
def test_views_take_the_products_of_their_pictures(method):
    model = network("digit-net")
    build = {"cubemap": cubemap_network, "tangent-images": tangent_image_network}[method]
    run = build(plan(model), Options(method))
    run(torch.zeros(1, 1, 32, 64))  # where pixels lie is reckoned once
    convolved = products(lambda: run(torch.zeros(1, 1, 32, 64)))
    views = run.views(math.pi / 32, 4)
    sampled = 4 * len(views) * views.side**2 + 4 * 48 * 8 * 16
    assert multiply_adds(plan(model), method, 32) == convolved + sampled


def test_exact_takes_a_patch_for_every_pixel_of_its_answer_and_interpolated_for_every_knot():
    model = network("digit-net")
    points = {"latitudes": torch.zeros(3), "longitudes": torch.zeros(3)}
    patch = products(lambda: exact_at(model, torch.zeros(1, 1, 64, 128), **points)) // 3
    assert multiply_adds(plan(model), "exact", 64) == 16 * 32 * patch
    assert multiply_adds(plan(model), "exact", 64, "full") == 64 * 128 * patch
    assert multiply_adds(plan(model), "interpolate", 64) == 2 * patch
    assert multiply_adds(plan(model), "exact", 16) is None


def test_sphconv_learns_a_window_for_each_row_and_pair_of_channels():
    assert sphconv_windows(4) == [(5, 15), (5, 9), (5, 9), (5, 15)]
    planned = plan(network("digit-net"))
    pairs = [(32, 16 + 16 * 16), (16, 16 * 32 + 32 * 32), (8, 32 * 48 + 48 * 48)]
    reads = [sum(down * across for down, across in sphconv_windows(rows)) for rows, _ in pairs]
    wanted = sum(read * many for read, (_, many) in zip(reads, pairs, strict=True))
    assert sphconv_learnt(planned, 32) == wanted
    weights = cost_probe.random_rows(network("digit-net"), 32)
    assert sum(rows.num_stored for rows in weights.values()) == wanted


def test_networks_are_the_same_each_time_and_leave_the_callers_draws_alone():
    torch.manual_seed(5)
    one = network("digit-net").state_dict()
    drawn = torch.rand(())
    torch.manual_seed(5)
    assert torch.rand(()) == drawn
    other = network("digit-net").state_dict()
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("method", ["direct", "ktn-bicubic", "sphconv", "exact", "interpolate", "cubemap"])
def test_a_measurement_says_memory_and_a_ratio(method):
    found = cost_probe.measure("digit-net", 64, method, "pyramid", 1)
    assert found["memory"] >= 0
    assert math.isfinite(found["time"])
    assert found["time"] > 0


def test_the_peak_is_of_what_was_taken_since_it_was_restarted():
    # in a process of its own: where a peak can't be restarted, an earlier one would hide this
    lines = (
        "import torch",
        "from ktnlib.experiments import cost_probe",
        "before = cost_probe.restart_peak()",
        "torch.ones(400, 2**18)",
        "assert cost_probe.peak() - before > 300 * 2**20",
    )
    subprocess.run([sys.executable, "-c", "; ".join(lines)], check=True)
