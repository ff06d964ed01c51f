import numpy as np
import pytest
import torch

from ktnlib.sphere import tangent_conv2d, tangent_taps
from ktnlib.sphere.row_bands import RowBand
from ktnlib.sphere.row_conv import CHUNK, row_conv2d
from ktnlib.sphere.row_kernels import RowKernels
from ktnlib.sphere.sampling import neighbours

from . import rays
from .images import assert_close, noise

CASES = [  # height, width, kernel, spacing, stride
    (6, 12, (3, 3), None, 1),
    (5, 10, (3, 3), None, 1),
    (7, 14, (1, 5), 0.3, 1),
    (1, 2, (3, 3), None, 1),
    (3, 8, (1, 1), None, 1),
    (8, 16, (3, 3), None, 2),
    (8, 16, (2, 2), None, 2),
    (9, 18, (3, 3), 1.5, 3),
]


def tap_kernels(weight, height, width, *, interpolation, spacing=None, stride=1):
    plan = tangent_taps(height, width, tuple(weight.shape[2:]), spacing=spacing, stride=stride)
    unfolded = neighbours(plan.rows, plan.columns + (stride - 1) / 2, interpolation)
    return RowKernels.from_taps(weight.flatten(2), unfolded, height=height, width=width, stride=stride)


def dense_sum(x, dense, bias, stride):
    """y(i, j) = Σ dense[i] · x rolled west by stride·j, in NumPy."""
    columns = range(0, x.shape[-1], stride)
    return np.stack(
        [
            np.einsum("bcrq,iocrq->boi", np.roll(x, -j, axis=-1), dense, optimize=True) + bias[:, None]
            for j in columns
        ],
        axis=-1,
    )


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize(("height", "width", "size", "spacing", "stride"), CASES, ids=str)
def test_tangent_convolution_dense_row_kernels_and_tap_gather_are_one(
    height, width, size, spacing, stride, interpolation
):
    x, weight, bias = noise(2, 3, height, width), noise(4, 3, *size, seed=1), noise(4, seed=2)
    kernels = tap_kernels(weight, height, width, interpolation=interpolation, spacing=spacing, stride=stride)
    exact = tangent_conv2d(x, weight, bias, spacing=spacing, stride=stride, interpolation=interpolation)
    assert_close(row_conv2d(x, kernels, bias), exact, 1e-12)
    assert_close(dense_sum(x.numpy(), kernels.to_dense().numpy(), bias.numpy(), stride), exact, 1e-12)
    if interpolation == "bilinear":
        seen = rays.tangent_conv(x.numpy(), weight.numpy(), bias.numpy(), spacing=spacing, stride=stride)
        assert_close(row_conv2d(x, kernels, bias), seen, 1e-11)


def beyond(x, row, column):
    """The pixel (row, column) of a panorama continued over its poles, one crossing after the other."""
    height, width = x.shape[-2:]
    while not 0 <= row < height:
        row, column = (-1 - row if row < 0 else 2 * height - 1 - row), column + width // 2
    return x[..., row, column % width]


BANDS = [  # height, width, [(first, stop, window, dilation)]
    (5, 10, [(0, 1, (3, 7), (1, 1)), (1, 4, (3, 3), (1, 1)), (4, 5, (5, 9), (1, 1))]),
    (6, 12, [(0, 2, (5, 5), (1, 3)), (2, 6, (3, 3), (2, 2))]),
    (2, 4, [(0, 2, (9, 11), (1, 1))]),  # over both poles, and twice around
    (1, 2, [(0, 1, (5, 3), (2, 1))]),
    (4, 8, [(2, 4, (1, 1), (1, 1)), (0, 2, (1, 17), (1, 1))]),  # in any order
]


@pytest.mark.parametrize(("height", "width", "parts"), BANDS, ids=str)
def test_a_band_reads_its_window_around_the_seam_and_over_the_poles(height, width, parts):
    x, bias = noise(2, 3, height, width), noise(2, seed=9)
    bands = [
        RowBand(range(first, stop), noise(2, 3, *window, seed=stop), dilation)
        for first, stop, window, dilation in parts
    ]
    kernels = RowKernels.from_bands(bands, height=height, width=width)
    wanted = torch.zeros(2, 2, height, width, dtype=torch.float64)
    for band in bands:
        h, w = band.weight.shape[2:]
        for i, j, a, b in np.ndindex(len(band.rows), width, h, w):
            row = band.rows[i] + (a - h // 2) * band.dilation[0]
            pixel = beyond(x, row, j + (b - w // 2) * band.dilation[1])
            wanted[:, :, band.rows[i], j] += pixel @ band.weight[:, :, a, b].T
    wanted += bias[:, None, None]
    assert_close(row_conv2d(x, kernels, bias), wanted, 1e-12)
    assert_close(dense_sum(x.numpy(), kernels.to_dense().numpy(), bias.numpy(), 1), wanted, 1e-12)


@pytest.mark.parametrize("channels", [1, 5])
@pytest.mark.parametrize("by_row", [False, True])
def test_bags_equal_the_differentiable_reference(by_row, channels, monkeypatch):
    height, width = 11, 22
    plan = tangent_taps(height, width, 3).neighbours(interpolation="bicubic")
    kernel = noise(*([height] if by_row else []), 3, channels, 9, seed=1)
    kernels = RowKernels.from_taps(kernel, plan, height=height, width=width)
    x = noise(2, channels, height, width)
    reference = row_conv2d(x.clone().requires_grad_(), kernels).detach()
    for rows_at_once in (1, 3, 11):
        monkeypatch.setattr("ktnlib.sphere.row_conv.CHUNK", rows_at_once * width * 9 * (channels + 2 * 16))
        assert_close(row_conv2d(x, kernels), reference, 1e-13)
    assert_close(dense_sum(x.numpy(), kernels.to_dense().numpy(), np.zeros(3), 1), reference, 1e-12)


@pytest.mark.parametrize("by_row", [False, True])
@pytest.mark.parametrize(("groups", "in_channels", "out_channels"), [(2, 4, 6), (3, 3, 3), (2, 2, 8)])
def test_a_group_of_channels_reads_its_own_inputs_alone(groups, in_channels, out_channels, by_row):
    height, width, stride = 6, 12, 2
    plan = tangent_taps(height, width, 3, stride=stride).neighbours(interpolation="bicubic")
    lead = [height // stride] if by_row else []
    kernel = noise(*lead, out_channels, in_channels // groups, 9, seed=1)
    x, bias = noise(2, in_channels, height, width), noise(out_channels, seed=2)
    size = {"height": height, "width": width, "stride": stride}
    kernels = RowKernels.from_taps(kernel, plan, **size, groups=groups)
    parts = zip(x.chunk(groups, 1), kernel.chunk(groups, -3), strict=True)
    each = [row_conv2d(part, RowKernels.from_taps(weight, plan, **size)) for part, weight in parts]
    wanted = torch.cat(each, dim=1) + bias[:, None, None]
    assert_close(row_conv2d(x, kernels, bias), wanted, 1e-12)
    assert_close(row_conv2d(x.clone().requires_grad_(), kernels, bias).detach(), wanted, 1e-12)
    assert_close(dense_sum(x.numpy(), kernels.to_dense().numpy(), bias.numpy(), stride), wanted, 1e-12)
    mixing, reading = 9 * in_channels // groups * out_channels, 9 * 16 * in_channels
    assert kernels.multiply_adds == height * width // stride**2 * (mixing + reading)


def test_bands_have_groups_too():
    x, weight = noise(1, 4, 6, 12), noise(2, 2, 3, 5, seed=1)
    kernels = RowKernels.from_bands([RowBand(range(6), weight)], height=6, width=12, groups=2)
    parts = zip(x.chunk(2, 1), weight.chunk(2), strict=True)
    each = [
        row_conv2d(part, RowKernels.from_bands([RowBand(range(6), some)], height=6, width=12))
        for part, some in parts
    ]
    assert_close(row_conv2d(x, kernels), torch.cat(each, 1), 1e-12)
    assert_close(dense_sum(x.numpy(), kernels.to_dense().numpy(), np.zeros(2), 1), torch.cat(each, 1), 1e-12)


@pytest.mark.parametrize("groups", [0, 4])
def test_groups_that_do_not_divide_the_output_are_refused(groups):
    plan = tangent_taps(4, 8, 3).neighbours()
    with pytest.raises(ValueError, match="`groups` is"):
        RowKernels.from_taps(noise(6, 1, 9), plan, height=4, width=8, groups=groups)


def test_gradients_reach_image_kernel_filters_and_bias():
    height, width, plan = 4, 8, tangent_taps(4, 8, 3).neighbours()
    weight, x, bias = noise(2, 2, 9), noise(1, 2, height, width), noise(2)

    def by_taps(x, weight, filters, bias):
        kernels = RowKernels.from_taps(weight, plan._replace(weights=filters), height=height, width=width)
        return row_conv2d(x, kernels, bias)

    def by_bands(x, weight, bias):
        bands = [RowBand(range(2), weight), RowBand(range(2, 4), weight, (1, 2))]
        return row_conv2d(x, RowKernels.from_bands(bands, height=height, width=width), bias)

    leaves = [part.clone().requires_grad_() for part in (x, weight, plan.weights, bias)]
    assert torch.autograd.gradcheck(by_taps, leaves, fast_mode=True)
    leaves[1:3] = [noise(2, 2, 3, 5, seed=4).requires_grad_()]
    assert torch.autograd.gradcheck(by_bands, leaves, fast_mode=True)


@pytest.mark.parametrize("form", ["taps", "bands"])
def test_turning_the_panorama_turns_the_answer(form):
    x = noise(1, 2, 6, 12)
    if form == "taps":
        kernels = tap_kernels(noise(3, 2, 3, 3), 6, 12, interpolation="bicubic")
    else:
        kernels = RowKernels.from_bands([RowBand(range(6), noise(3, 2, 3, 5))], height=6, width=12)
    assert_close(row_conv2d(x.roll(5, -1), kernels), row_conv2d(x, kernels).roll(5, -1), 1e-13)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.bfloat16, 4e-2)])
def test_narrow_types_are_summed_in_float32_and_come_back_as_they_went(dtype, tolerance):
    x, weight = noise(1, 4, 8, 16), noise(3, 4, 3, 3, seed=1) / 6
    wanted = row_conv2d(x, tap_kernels(weight, 8, 16, interpolation="bicubic"))
    got = row_conv2d(x.to(dtype), tap_kernels(weight, 8, 16, interpolation="bicubic"))
    assert got.dtype == dtype
    assert_close(got.double(), wanted, tolerance * wanted.abs().max().item())


def test_an_empty_batch_and_channels_last_memory_pass():
    kernels = tap_kernels(noise(3, 4, 3, 3), 6, 12, interpolation="bilinear")
    assert row_conv2d(noise(0, 4, 6, 12), kernels).shape == (0, 3, 6, 12)
    x = noise(2, 4, 6, 12)
    strided = x.contiguous(memory_format=torch.channels_last)
    assert_close(row_conv2d(strided, kernels), row_conv2d(x, kernels), 1e-13)


def test_a_chunk_holds_a_few_megabytes():
    assert CHUNK * 4 <= 2**24


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (
            {"x": torch.zeros(1, 3, 8, 16)},
            ValueError,
            r"`x` has .* = \(3, 8, 16\) and .* \(2, 4, 8\); wanted",
        ),
        ({"x": torch.zeros(1, 3, 4, 8)}, ValueError, "make kernels for this panorama"),
        ({"x": torch.zeros(2, 4, 8)}, ValueError, "add the batch axis"),
        ({"x": torch.zeros(1, 2, 4, 8).long()}, TypeError, "`x` has dtype torch.int64"),
        ({"bias": torch.zeros(3)}, ValueError, r"`bias` has shape \(3,\); wanted \(5,\)"),
        ({"bias": torch.zeros(5).to("meta")}, ValueError, "`bias` on meta; wanted all on one device"),
    ],
)
@pytest.mark.usefixtures("as_a_user")
def test_operands_that_do_not_fit_are_refused(change, error, message):
    kernels = RowKernels.from_bands([RowBand(range(4), torch.zeros(5, 2, 3, 3))], height=4, width=8)
    with pytest.raises(error, match=message):
        row_conv2d(**{"x": torch.zeros(1, 2, 4, 8), "kernels": kernels} | change)
