"""The published head against tangent convolution, sums written out, and the defect it was released with."""

import math

import numpy as np
import pytest
import torch

from ktnlib.sphere import tangent_conv2d, tangent_taps
from ktnlib.sphere.published import (
    VGG16,
    BandShape,
    PublishedHead,
    band_shapes,
    published_spacing,
    tap_projection,
)
from ktnlib.sphere.row_conv import row_conv2d
from ktnlib.sphere.row_kernels import RowKernels

from ..images import assert_close, noise

LAYERS = {layer.name: layer for layer in VGG16}


@pytest.fixture(autouse=True)
def double_precision():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(
    ("height", "width", "kernel", "spacing"),
    [(8, 16, 3, None), (9, 18, 3, 0.7), (5, 14, (3, 5), 0.4), (12, 24, 1, None)],
    ids=str,
)
@pytest.mark.parametrize("layout", ["full", "dilated"])
def test_an_untied_head_without_its_branch_is_the_tangent_convolution(height, width, kernel, spacing, layout):
    x = noise(2, 3, height, width)
    sides = kernel if isinstance(kernel, tuple) else (kernel, kernel)
    weight = noise(4, 3, *sides, seed=1)
    head = PublishedHead(
        3, height, width=width, kernel_size=kernel, spacing=spacing, ties=1, layout=layout, residual=False
    )
    kernels = RowKernels.from_bands(head(weight), height=height, width=width)
    assert_close(row_conv2d(x, kernels), tangent_conv2d(x, weight, spacing=spacing), 1e-12)


def test_the_middle_row_of_a_band_is_right_and_the_others_are_not():
    x, weight = noise(1, 2, 20, 40), noise(3, 2, 3, 3, seed=1)
    kernels = RowKernels.from_bands(PublishedHead(2, 20, residual=False)(weight), height=20, width=40)
    difference = (row_conv2d(x, kernels) - tangent_conv2d(x, weight)).abs().amax((0, 1, 3))
    middles = [2, 7, 12, 17]
    assert difference[middles].max() <= 1e-12
    assert difference[[row for row in range(20) if row not in middles]].min() > 1e-3


def test_at_the_start_the_branch_says_next_to_nothing():
    weight = noise(3, 4, 3, 3)
    start = PublishedHead(4, 16, generator=generator())(weight)
    geometry = PublishedHead(4, 16, residual=False)(weight)
    for band, wanted in zip(start, geometry, strict=True):
        assert_close(band.weight, wanted.weight, 1e-4)
        assert (band.weight - wanted.weight).abs().max() > 0


@pytest.mark.parametrize("name", ["conv2_2", "conv3_2", "conv4_2", "conv5_2"])
def test_a_dilated_window_keeps_every_tap_where_it_lies(name):
    # also where the window wraps: positions on the circle are averaged as unit vectors
    layer = LAYERS[name]
    table = tangent_taps(320, 640, 3, spacing=published_spacing(layer.camera_width))
    for shape in layer.shapes(320):
        matrix = tap_projection(table, shape)
        (high, wide), (down, across) = shape.size, shape.dilation
        assert_close(matrix.sum((0, 1)), torch.ones(9), 1e-12)
        south = (torch.arange(high) - high // 2) * down
        rows = torch.einsum("v,vuk->k", south.double(), matrix)
        assert_close(rows, table.rows[shape.middle] - shape.middle, 1e-9)
        east = (torch.arange(wide) - wide // 2) * across * math.tau / 640
        turn = torch.einsum("u,vuk->k", torch.exp(1j * east), matrix.to(torch.complex128)).angle()
        off = (turn - table.columns[shape.middle] * math.tau / 640 + math.pi).remainder(math.tau) - math.pi
        # the chord between two positions 64 pixels apart, the gap around the back, bends by this much
        assert off.abs().max() < 0.02


def released_projection(table, shape, margin=0):
    """The defect: shares of whole pixels, written as if the window were not spread out."""
    undilated = BandShape(shape.rows, shape.size, (1, 1))
    south = table.rows[shape.middle] - shape.middle
    east = table.columns[shape.middle]
    rows, columns = (
        (1 - (offsets - (torch.arange(side) - side // 2)[:, None]).abs()).clamp(min=0)
        for offsets, side in zip((south, east), (side + 2 * margin for side in undilated.size), strict=True)
    )
    return torch.einsum("vk,uk->vuk", rows, columns)


def taps_kept(name, project, margin=0):
    layer = LAYERS[name]
    table = tangent_taps(320, 640, 3, spacing=published_spacing(layer.camera_width))
    return [project(table, shape, margin=margin).sum().item() for shape in layer.shapes(320)]


def test_filled_as_released_a_dilated_window_loses_most_of_its_taps_and_ours_none():
    lost = taps_kept("conv5_2", released_projection)
    assert [round(kept, 2) for kept in lost[2:-2]] == [1.0] * 60
    branch = taps_kept("conv5_2", released_projection, margin=2)
    assert 2 <= min(branch[1:-1]) < 8.99
    assert max(branch) > 8.99
    assert min(taps_kept("conv3_2", released_projection)) == pytest.approx(5, abs=0.01)
    assert 3 <= min(taps_kept("conv4_2", released_projection)) < 7.01
    for name in ("conv3_2", "conv4_2", "conv5_2"):
        for margin in (0, 2):
            assert_close(torch.tensor(taps_kept(name, tap_projection, margin)), torch.full((64,), 9.0), 1e-9)


def test_constant_in_constant_out_where_windows_are_dilated_and_stop_short_of_half_a_turn():
    weight = noise(3, 2, 3, 3)
    head = PublishedHead(2, 40, spacing=0.2, dilation=2, max_taps=9, residual=False)
    assert any(shape.dilation[1] * 8 < 79 for shape in head.shapes if shape.size[1] == 9)
    kernels = RowKernels.from_bands(head(weight), height=40, width=80)
    out = row_conv2d(torch.ones(1, 2, 40, 80), kernels)
    assert_close(out, weight.sum((1, 2, 3))[None, :, None, None].expand(1, 3, 40, 80), 1e-12)


def written_out(head, weight, band):
    """One band's kernel by sums over single numbers, one output channel after the other."""
    activate = {"tanh": math.tanh, "relu": lambda value: max(value, 0.0)}[head.activation]
    return torch.stack([written_out_slice(head, kernel, band, activate) for kernel in weight.flatten(2)])


def written_out_slice(head, kernel, band, activate):
    ins = range(len(kernel))
    maps = projected_by_hand(head.residual[band], kernel)
    for mix, narrow in zip(head.mixes, head.filters, strict=True):
        mixed = torch.zeros_like(maps)
        for j, v, u in np.ndindex(*maps.shape):
            terms = (mix.weight[j, i, 0, 0] * activate(maps[i, v, u]) for i in ins)
            mixed[j, v, u] = activate(mix.bias[j] + sum(terms))
        maps = torch.zeros(len(mixed), mixed.shape[1] - 2, mixed.shape[2] - 2)
        for j, v, u in np.ndindex(*maps.shape):
            terms = (narrow.weight[0, 0, a, b] * mixed[j, v + a, u + b] for a in range(3) for b in range(3))
            maps[j, v, u] = narrow.bias[0] + sum(terms)
    return maps + projected_by_hand(head.base[band], kernel)


def projected_by_hand(matrix, kernel):
    out = torch.zeros(len(kernel), *matrix.shape[:2])
    for i, v, u in np.ndindex(*out.shape):
        out[i, v, u] = sum(matrix[v, u, k] * kernel[i, k] for k in range(9))
    return out


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_the_branch_is_mix_and_filter_twice_each_after_the_activation(activation):
    head = PublishedHead(2, 12, activation=activation, std=0.5, max_taps=3, generator=generator(3))
    for parameter in head.parameters():
        parameter.data += 0.2 * noise(*parameter.shape, seed=4)
    head.requires_grad_(False)
    weight = noise(2, 2, 3, 3, seed=5)
    bands = head(weight)
    assert [band.rows for band in bands] == [range(5), range(5, 10), range(10, 12)]
    for number in (0, 1):
        assert_close(bands[number].weight, written_out(head, weight, number), 1e-12)


def test_gradients_reach_every_parameter_and_the_source_kernel():
    head = PublishedHead(2, 10, std=0.3, generator=generator())
    weight = noise(3, 2, 3, 3).requires_grad_()
    sum(band.weight.square().sum() for band in head(weight)).backward()
    for value in (weight, *head.parameters()):
        assert value.grad.abs().max() > 0


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_a_kernel_of_another_type_is_taken_in_the_head_s_own(dtype):
    head = PublishedHead(2, 8, generator=torch.Generator().manual_seed(0))
    weight = noise(3, 2, 3, 3).to(dtype)
    for band, own in zip(head(weight), head(weight.float()), strict=True):
        assert_close(band.weight, own.weight, 1e-6)


def test_the_same_generator_makes_the_same_head_and_draws_nothing_else():
    state = torch.get_rng_state()
    first, second = (PublishedHead(3, 10, generator=generator(7)) for _ in range(2))
    assert torch.equal(state, torch.get_rng_state())
    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(one, other)
    drawn = torch.cat([mix.weight.flatten() for mix in PublishedHead(64, 4, generator=generator()).mixes])
    assert drawn.std().item() == pytest.approx(0.01, rel=0.05)


def test_a_head_comes_back_from_its_state():
    head, other = (PublishedHead(2, 60, generator=generator(seed)) for seed in (0, 1))
    weight = noise(2, 2, 3, 3)
    # names in another order, as a file has them
    other.load_state_dict(dict(sorted(head.state_dict().items())))
    for one, same in zip(head(weight), other(weight), strict=True):
        assert_close(one.weight, same.weight, 1e-6)


@pytest.mark.parametrize("change", [{"height": 15}, {"ties": 4}, {"spacing": 0.3}, {"residual": False}])
def test_the_state_of_another_head_is_refused_in_one_sentence(change):
    stored = PublishedHead(2, 20).state_dict()
    with pytest.raises(RuntimeError, match=r"tensors of the stored published head are of another form, `\w+"):
        PublishedHead(2, **{"height": 20} | change).load_state_dict(stored)


@pytest.mark.parametrize(
    ("shape", "error", "message"),
    [
        ((4, 3, 3, 3), ValueError, r"shape \(4, 3, 3, 3\); wanted \(out_channel, \*\(2, 3, 3\)\)"),
        ((4, 2, 5, 5), ValueError, "make another head for another layer"),
        ((2, 3, 3), ValueError, "`weight` has shape"),
    ],
)
@pytest.mark.usefixtures("as_a_user")
def test_kernels_of_another_layer_are_refused(shape, error, message):
    head = PublishedHead(2, 8)
    with pytest.raises(error, match=message):
        head(torch.zeros(shape))
    with pytest.raises(TypeError, match="`weight` has dtype"):
        head(torch.ones(1, 2, 3, 3, dtype=torch.int64))


@pytest.mark.usefixtures("as_a_user")
def test_impossible_heads_are_refused():
    with pytest.raises(ValueError, match="`activation` is 'gelu'; wanted one of 'tanh', 'relu'"):
        PublishedHead(2, 8, activation="gelu")
    with pytest.raises(ValueError, match="`in_channels` is 0"):
        PublishedHead(0, 8)


@pytest.mark.usefixtures("as_a_user")
def test_a_window_that_does_not_hold_the_taps_is_refused():
    table = tangent_taps(16, 32, 3)
    with pytest.raises(ValueError, match=r"window of 3 x 3 .*reaches the taps of row 0, .* and 16 columns"):
        tap_projection(table, BandShape(range(1), (3, 3), (1, 1)))
    with pytest.raises(ValueError, match=r"`band` has rows range\(16, 17\) of a table of 16"):
        tap_projection(table, BandShape(range(16, 17), (3, 3), (1, 1)))
    assert band_shapes(16, ties=1)[0].size[1] == 33
