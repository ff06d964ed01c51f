import itertools
import math
import weakref

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import conv2d, pad
from torch.utils._python_dispatch import TorchDispatchMode

from ktnlib.sphere import EquirectGrid, render_perspective, tangent_conv2d

from . import rays
from .images import assert_close, noise, smooth_panorama

GRIDS = [(24, 48), (13, 26), (6, 20)]  # the last is wider than 2:1, so rows and columns differ
KERNELS = [(1, 1), (3, 1), (5, 1), (1, 2), (3, 2), (5, 2), (2, 2), (4, 2), (3, 13), (2, 4)]  # side, stride
CASES = [
    pytest.param(height, width, side, stride, id=f"{height}x{width}, kernel {side}, stride {stride}")
    for height, width in GRIDS
    for side, stride in KERNELS
    if height % stride == 0 and width % (2 * stride) == 0
]


@pytest.mark.parametrize("spacing", [None, 0.05, 0.7])
@pytest.mark.parametrize(("height", "width", "side", "stride"), CASES)
def test_every_pixel_of_every_row_is_what_the_rays_read(height, width, side, stride, spacing):
    x, weight, bias = noise(2, 2, height, width), noise(3, 2, side, side, seed=1), noise(3, seed=2)
    wanted = rays.tangent_conv(x.numpy(), weight.numpy(), bias.numpy(), spacing=spacing, stride=stride)
    assert_close(tangent_conv2d(x, weight, bias, spacing=spacing, stride=stride), wanted, 1e-10)


@pytest.mark.parametrize("spacing", [None, 0.7])
@pytest.mark.parametrize(("side", "stride"), [(1, 1), (3, 1), (5, 1), (3, 2), (2, 2)])
@pytest.mark.parametrize(("height", "width"), [(10, 20), (6, 20), (2, 4)])
def test_bicubic_taps_read_what_the_rays_read(height, width, side, stride, spacing):
    x, weight = noise(2, 2, height, width), noise(3, 2, side, side, seed=1)
    options = {"spacing": spacing, "stride": stride, "interpolation": "bicubic"}
    assert_close(
        tangent_conv2d(x, weight, **options), rays.tangent_conv(x.numpy(), weight.numpy(), **options), 1e-9
    )


def roundings(x, weight, stride):
    """The largest c of |error| = c·ε·Σ|w||x| over all outputs, and where; float64 rays are the truth."""
    wide, wide_weight = x.double().numpy(), weight.double().numpy()
    wanted = torch.as_tensor(rays.tangent_conv(wide, wide_weight, stride=stride))
    scale = torch.as_tensor(rays.tangent_conv(np.abs(wide), np.abs(wide_weight), stride=stride))
    error = (tangent_conv2d(x, weight, stride=stride).double() - wanted).abs()
    c = error / scale / torch.finfo(torch.float32).eps
    return c.max().item(), np.unravel_index(int(c.argmax()), c.shape)


@pytest.mark.parametrize("channels", [1, 3, 32])
@pytest.mark.parametrize(("height", "width", "side", "stride"), CASES)
def test_float32_stays_within_four_roundings_of_every_element(height, width, side, stride, channels):
    """c = 4 for each output on its own: an average would hide a wrong pole."""
    x = noise(1, channels, height, width, dtype=torch.float32)
    c, where = roundings(x, noise(4, channels, side, side, seed=1, dtype=torch.float32), stride)
    assert c <= 4, f"c = {c:.2f} at {where}"


@pytest.mark.parametrize("side", [3, 5, 11])
def test_roundings_do_not_pile_up_where_nothing_cancels(side):
    x = noise(1, 2, 24, 48, dtype=torch.float32).abs()
    c, where = roundings(x, noise(4, 2, side, side, seed=1, dtype=torch.float32).abs(), 1)
    assert c <= 4, f"c = {c:.2f} at {where}"


@pytest.mark.parametrize(("side", "stride"), [(1, 1), (3, 1), (5, 1), (3, 2), (2, 2), (4, 4)])
@pytest.mark.parametrize("spacing", [None, 0.11])
def test_each_pixel_is_a_planar_convolution_of_a_rendered_view(side, stride, spacing):
    """All rows, first and last included; a few columns, the seam included."""
    height, width = 12, 24
    panorama, weight = noise(1, 2, height, width), noise(3, 2, side, side, seed=1)
    convolved = tangent_conv2d(panorama, weight, spacing=spacing, stride=stride)
    grid = EquirectGrid(height // stride, width // stride)
    fov = 2 * math.atan(side / 2 * (spacing or 2 * math.pi / width))
    for row, latitude in enumerate(grid.latitudes.tolist()):
        for column in (0, 1, grid.width // 2, grid.width - 1):
            yaw = grid.longitudes[column].item()
            view = render_perspective(panorama, yaw=yaw, pitch=latitude, fov=fov, size=side)
            assert_close(conv2d(view, weight)[..., 0, 0], convolved[..., row, column], 1e-10)


def test_the_middle_of_a_larger_view_convolves_alike():
    panorama, weight = noise(1, 1, 12, 24), noise(1, 1, 3, 3, seed=1)
    convolved, grid = tangent_conv2d(panorama, weight), EquirectGrid(12)
    fov = 2 * math.atan(9 / 2 * math.pi / 12)
    for row, latitude in enumerate(grid.latitudes.tolist()):
        view = render_perspective(panorama, yaw=grid.longitudes[5].item(), pitch=latitude, fov=fov, size=9)
        assert_close(conv2d(view, weight)[..., 3, 3], convolved[..., row, 5], 1e-10)


def test_near_the_equator_a_smooth_image_is_convolved_as_on_the_plane():
    """Half the pixel, and the difference on the middle rows falls at least threefold, three times over."""
    weight, errors = noise(1, 1, 3, 3), []
    for height in (16, 32, 64, 128):
        panorama = smooth_panorama(height)
        planar = conv2d(pad(panorama, (1, 1, 0, 0), mode="circular"), weight)
        middle = slice(height // 2 - 1, height // 2 + 1)
        planar = planar[..., height // 2 - 2 : height // 2, :]
        errors.append((tangent_conv2d(panorama, weight)[..., middle, :] - planar).abs().max().item())
    assert errors[-1] < 1e-3
    assert all(coarse > 3 * fine for coarse, fine in itertools.pairwise(errors)), errors


def test_bicubic_taps_blur_a_fine_pattern_less():
    """Waves of 6 pixels read half a pixel off, by a kernel of one tap at each side: the truth is known."""
    height, width = 64, 128
    column = torch.arange(width, dtype=torch.float64)
    wave = (column * (2 * math.pi / 6)).cos().expand(1, 1, height, width)
    weight = torch.tensor([0.5, 0.0, 0.5], dtype=torch.float64).view(1, 1, 1, 3)
    spacing = math.tan(1.5 * 2 * math.pi / width)
    middle = (..., slice(height // 2 - 1, height // 2 + 1), slice(8, -8))
    shifted = [
        tangent_conv2d(wave, weight, spacing=spacing / 3, interpolation=name)[middle]
        for name in ("bilinear", "bicubic")
    ]
    wanted = math.cos(math.pi / 6) * wave[middle]
    bilinear, bicubic = ((out - wanted).abs().max().item() for out in shifted)
    assert bilinear > 0.1
    assert bicubic < bilinear / 3


SMALL = st.sampled_from([(4, 8), (5, 10), (6, 8)])
SIDES = st.sampled_from([1, 3, 5])
SEEDS = st.integers(0, 1000)


@settings(max_examples=25, deadline=None)
@given(SMALL, SIDES, st.floats(-2, 2), st.floats(0.01, 2), SEEDS, st.sampled_from(["bilinear", "bicubic"]))
def test_a_constant_image_comes_out_as_itself_times_the_kernel_sum(shape, side, value, spacing, seed, name):
    weight = noise(2, 1, side, side, seed=seed)
    constant = torch.full((1, 1, *shape), value, dtype=torch.float64)
    out = tangent_conv2d(constant, weight, spacing=spacing, interpolation=name)
    assert_close(out, (value * weight.sum((1, 2, 3)))[None, :, None, None].expand_as(out), 1e-12)


@settings(max_examples=25, deadline=None)
@given(SMALL, SIDES, st.floats(-3, 3), SEEDS)
def test_it_is_linear_in_image_and_kernel(shape, side, factor, seed):
    x, y = noise(1, 2, *shape, seed=seed), noise(1, 2, *shape, seed=seed + 1)
    v, w = noise(2, 2, side, side, seed=seed + 2), noise(2, 2, side, side, seed=seed + 3)
    assert_close(
        tangent_conv2d(x + factor * y, w), tangent_conv2d(x, w) + factor * tangent_conv2d(y, w), 1e-11
    )
    assert_close(
        tangent_conv2d(x, v + factor * w), tangent_conv2d(x, v) + factor * tangent_conv2d(x, w), 1e-11
    )


def one_tap_a_channel(rows, columns, dtype):
    return torch.eye(rows * columns, dtype=dtype).view(-1, 1, rows, columns)


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("side", "stride"), [(3, 1), (5, 1), (3, 2), (2, 2)])
@pytest.mark.parametrize("shape", [(8, 16), (6, 8)], ids=str)
def test_a_shift_by_whole_pixels_commutes_to_the_last_bit_in_the_taps(
    shape, side, stride, dtype, interpolation
):
    x, taps = noise(1, 1, *shape, dtype=dtype), one_tap_a_channel(side, side, dtype)
    ways = {"stride": stride, "interpolation": interpolation}
    sampled = tangent_conv2d(x, taps, **ways)
    for columns in range(0, shape[1], 2 * stride):
        shifted = tangent_conv2d(x.roll(columns, -1), taps, **ways)
        assert torch.equal(shifted, sampled.roll(columns // stride, -1)), columns


@settings(max_examples=25, deadline=None)
@given(SMALL, SIDES, st.integers(0, 9), SEEDS)
def test_a_shift_by_whole_pixels_commutes_to_rounding_after_the_product(shape, side, columns, seed):
    x, weight = noise(2, 3, *shape, seed=seed), noise(4, 3, side, side, seed=seed + 1)
    assert_close(
        tangent_conv2d(x.roll(columns, -1), weight), tangent_conv2d(x, weight).roll(columns, -1), 1e-12
    )


@settings(max_examples=25, deadline=None)
@given(SMALL, SIDES, SEEDS, st.sampled_from([-1, -2]))
def test_mirroring_image_and_kernel_mirrors_the_result(shape, side, seed, axis):
    """North for south (axis −2) and east for west (axis −1)."""
    x, weight = noise(1, 2, *shape, seed=seed), noise(2, 2, side, side, seed=seed + 1)
    mirrored = tangent_conv2d(x.flip(axis), weight.flip(axis))
    assert_close(mirrored, tangent_conv2d(x, weight).flip(axis), 1e-9)


def test_a_kernel_of_one_pixel_is_a_planar_one_to_the_last_bit():
    x, weight = noise(2, 1, 7, 14), noise(3, 1, 1, 1, seed=1)
    assert torch.equal(tangent_conv2d(x, weight), x * weight.view(1, 3, 1, 1))


def test_two_by_two_pooling_near_the_equator_averages_four_pixels():
    x, weight = noise(1, 1, 256, 512), torch.full((1, 1, 2, 2), 0.25, dtype=torch.float64)
    pooled = tangent_conv2d(x, weight, stride=2)[..., 64, :]
    assert_close(pooled, torch.nn.functional.avg_pool2d(x, 2)[..., 64, :], 1e-3)


@pytest.mark.parametrize(("side", "stride"), [(3, 1), (3, 2), (2, 2)])
def test_gradcheck_in_image_kernel_and_bias(side, stride):
    inputs = noise(2, 2, 4, 8), noise(2, 2, side, side, seed=1), noise(2, seed=2)
    inputs = [value.requires_grad_() for value in inputs]
    assert torch.autograd.gradcheck(lambda *args: tangent_conv2d(*args, stride=stride), inputs)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_narrow_types_are_summed_in_float32(dtype):
    x, weight, bias = (
        noise(*shape, dtype=dtype) for shape in [(1, 2, 6, 12), (3, 2, 3, 3), (3,)]
    )  # fmt: skip
    out = tangent_conv2d(x, weight, bias)
    assert out.dtype == dtype
    assert torch.equal(out, tangent_conv2d(x.float(), weight.float(), bias.float()).to(dtype))


@pytest.mark.parametrize("batch", [0, 1, 3])
def test_any_batch_even_none_works_forward_and_backward(batch):
    x, weight = noise(batch, 2, 4, 8).requires_grad_(), noise(3, 2, 3, 3).requires_grad_()
    out = tangent_conv2d(x, weight)
    assert out.shape == (batch, 3, 4, 8)
    out.sum().backward()
    assert x.grad.shape == x.shape
    assert bool(weight.grad.isfinite().all())


def test_strided_tensors_work():
    x, weight = noise(1, 6, 12, 2).permute(0, 3, 1, 2), noise(3, 3, 2, 4).permute(3, 2, 0, 1)
    assert not x.is_contiguous()
    assert not weight.is_contiguous()
    assert_close(tangent_conv2d(x, weight), tangent_conv2d(x.contiguous(), weight.contiguous()), 1e-14)


def test_a_kernel_need_not_be_square():
    x, weight = noise(1, 1, 6, 12), noise(2, 1, 1, 5, seed=1)
    assert_close(tangent_conv2d(x, weight), rays.tangent_conv(x.numpy(), weight.numpy()), 1e-10)


def test_results_lie_where_the_image_lies():
    there = torch.device("meta")
    out = tangent_conv2d(torch.zeros(1, 2, 4, 8, device=there), torch.zeros(3, 2, 3, 3, device=there))
    assert out.device.type == "meta"
    assert out.shape == (1, 3, 4, 8)


class LiveBytes(TorchDispatchMode):
    """Counts the bytes of all tensors alive that were made under it."""

    def __init__(self):
        super().__init__()
        self.live = self.peak = 0
        self.known = set()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        out = function(*args, **kwargs or {})
        for value in out if isinstance(out, (tuple, list)) else [out]:
            if isinstance(value, torch.Tensor) and value.untyped_storage()._cdata not in self.known:
                self.count(value.untyped_storage())
        return out

    def count(self, storage):
        self.known.add(storage._cdata)
        self.live += storage.nbytes()
        self.peak = max(self.peak, self.live)
        weakref.finalize(storage, self.forget, storage._cdata, storage.nbytes())

    def forget(self, key, size):
        self.known.discard(key)
        self.live -= size


def test_memory_is_a_few_images_and_not_one_for_each_tap():
    """A quarter of a (1, 3, 512, 1024) photo in each direction, so a sixteenth of the 300 MB it may take."""
    with LiveBytes() as bytes_:
        tangent_conv2d(torch.zeros(1, 3, 128, 256), torch.zeros(8, 3, 3, 3))
    assert bytes_.peak > 1e6
    assert bytes_.peak < 300e6 / 16


CONV = {"x": torch.zeros(1, 2, 8, 16), "weight": torch.zeros(3, 2, 3, 3), "bias": torch.zeros(3)}


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (
            {"x": torch.zeros(2, 8, 16)},
            ValueError,
            r"`x` has shape \(2, 8, 16\); wanted four axes .*`x\[None\]`",
        ),
        ({"x": torch.zeros(1, 2, 8, 15)}, ValueError, "`x` is 8 x 15 pixels; wanted an even width"),
        (
            {"x": torch.zeros(1, 2, 8, 16).byte()},
            TypeError,
            "`x` has dtype torch.uint8; wanted a floating-point",
        ),
        (
            {"x": torch.zeros(1, 2, 8, 16, device="meta")},
            ValueError,
            "`x` on meta, `weight` on cpu.*one device",
        ),
        ({"bias": torch.zeros(3, device="meta")}, ValueError, "`bias` on meta; wanted all on one device"),
        (
            {"x": torch.zeros(1, 4, 8, 16)},
            ValueError,
            "`weight` has shape .*in_channel = 4, the channels of `x`",
        ),
        (
            {"weight": torch.zeros(3, 2, 3)},
            ValueError,
            r"`weight` has shape \(3, 2, 3\); wanted \(out_channel",
        ),
        ({"weight": torch.zeros(3, 2, 3, 3).int()}, TypeError, "`weight` has dtype torch.int32"),
        (
            {"weight": torch.zeros(3, 2, 2, 2)},
            ValueError,
            "`kernel_size` is 2 x 2 at stride 1.*half a pixel off",
        ),
        (
            {"weight": torch.zeros(3, 2, 3, 3).double()},
            ValueError,
            "`weight` has dtype torch.float64 and `x`",
        ),
        (
            {"bias": torch.zeros(3).half()},
            ValueError,
            r"`bias` has dtype torch.float16 .*use `\.to\(x\.dtype\)`",
        ),
        (
            {"bias": torch.zeros(2)},
            ValueError,
            r"`bias` has shape \(2,\); wanted \(3,\), one value an output",
        ),
        ({"bias": torch.zeros(3, 1)}, ValueError, r"`bias` has shape \(3, 1\)"),
        ({"bias": torch.zeros(3).long()}, TypeError, "`bias` has dtype torch.int64"),
        ({"spacing": 0}, ValueError, "`spacing` is 0; wanted more than 0"),
        ({"spacing": -1.0}, ValueError, "`spacing` is -1"),
        ({"spacing": math.nan}, ValueError, "`spacing` is nan"),
        ({"stride": 3}, ValueError, "`stride` is 3 on 8 x 16 pixels"),
        ({"stride": -1}, ValueError, "`stride` is -1; wanted a whole number of at least 1"),
        (
            {"interpolation": "lanczos"},
            ValueError,
            "`interpolation` is 'lanczos'; wanted one of 'bilinear', 'bicubic'",
        ),
    ],
)
@pytest.mark.usefixtures("as_a_user")
def test_operands_that_do_not_fit_are_refused(change, error, message):
    with pytest.raises(error, match=message):
        tangent_conv2d(**CONV | change)
