"""Transposed convolution and upsampling: the planar ones where the sphere is flat, steady where it is not."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from ktnlib.sphere import EquirectGrid, to_sphere
from ktnlib.sphere.conversion.borders import pad_map

from ..images import assert_close, noise

METHODS = ["ktn", "spherenet", "direct", "direct-wrap", "direct-zero"]
KERNELS = [(2, 0), (3, 1), (4, 1), (4, 0), (1, 0)]


def up_again(kernel, padding, *, groups=1, dilation=1):
    torch.manual_seed(0)
    up = nn.ConvTranspose2d(2, 4, kernel, 2, padding, groups=groups, dilation=dilation)
    return nn.Sequential(nn.MaxPool2d(2), up).double().eval()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("kernel", "padding"), KERNELS)
def test_a_constant_map_gives_each_phase_its_taps(method, kernel, padding):
    net = up_again(kernel, padding, groups=2)
    ones = torch.ones(1, 2, 16, 32, dtype=torch.float64)
    flat = net(ones)[0, :, 4:8, 4:8]
    got = to_sphere(net, method=method)(ones)[0, :, 4:8, 4:8]
    assert_close(phases(got), phases(flat), 1e-12)
    if (kernel, padding) in ((2, 0), (3, 1), (4, 1)):  # alike on both sides: the phases stand as on the plane
        assert_close(got, flat, 1e-12)


def phases(image):
    """What stands at even and odd rows and columns, in an order of its own."""
    parts = (image[:, above::2, left::2] for above in (0, 1) for left in (0, 1))
    return torch.tensor(sorted(part.flatten().tolist() for part in parts), dtype=torch.float64)


@pytest.mark.parametrize("kernel", [2, 4])
@pytest.mark.parametrize("pooling", ["bilinear", "bicubic"])
def test_about_the_equator_of_a_fine_grid_it_is_the_planar_one(kernel, pooling):
    net = up_again(kernel, kernel // 2 - 1)
    # a strip of rows about the equator is all that is looked at: the panorama is one period tall
    x = noise(1, 2, 8, 512).repeat(1, 1, 32, 1)
    with torch.no_grad():
        flat = net(pad_map(x, (0, 0, 8, 8), border="wrap"))[..., 8:-8]
        got = to_sphere(net, pooling=pooling)(x)
    assert_close(got[:, :, 126:130], flat[:, :, 126:130], 0.02)


def test_an_odd_kernel_is_symmetrical_about_each_output_pixel():
    """On a linear map the plane's answer is the map a quarter of a coarse unit on; the sphere's is not."""
    up = nn.ConvTranspose2d(1, 1, 3, 2, 1, 1, bias=False).double()
    with torch.no_grad():
        up.weight.copy_(torch.tensor([0.5, 1, 0.5]).outer(torch.tensor([0.5, 1, 0.5])))
    net = nn.Sequential(nn.AvgPool2d(2), up).eval()
    grid = EquirectGrid(64)
    x = grid.latitudes[:, None].expand(64, 128)[None, None].contiguous()
    for resolution in ("pyramid", "full"):
        got = to_sphere(net, resolution=resolution)(x)[0, 0, 30:34]
        assert_close(got, x[0, 0, 30:34], 1e-3)


@pytest.mark.parametrize("method", METHODS)
def test_at_full_resolution_phases_change_with_the_units(method):
    torch.manual_seed(0)
    net = nn.Sequential(nn.MaxPool2d(4), nn.ConvTranspose2d(1, 1, 2, 2), nn.Upsample(scale_factor=2))
    ones = torch.ones(1, 1, 16, 32, dtype=torch.float64)
    net = net.double().eval()
    assert_close(to_sphere(net, method=method, resolution="full")(ones), net(ones), 1e-12)


@pytest.mark.parametrize("kernel", [2, 4])
def test_at_full_resolution_direct_taps_lie_on_the_units_of_the_plane(kernel):
    """On a picture of blocks, each pixel reads the unit it lies in and its neighbours, as on the plane."""
    up = nn.ConvTranspose2d(1, 2, kernel, 2, kernel // 2 - 1).double()
    coarse = noise(1, 1, 6, 12)
    blocks = functional.interpolate(coarse, scale_factor=4)
    net = nn.Sequential(nn.AvgPool2d(4), up, nn.Upsample(scale_factor=2)).eval()
    full = to_sphere(net, method="direct", resolution="full", until="1")
    with torch.no_grad():
        flat = functional.interpolate(up(coarse), scale_factor=2)
        # past a mean of 4 x 4 pixels only the middles of the blocks are themselves
        got = full.get_submodule("1")(blocks)
    assert_close(got[:, :, 8:16, 8:-8], flat[:, :, 8:16, 8:-8], 1e-12)


@pytest.mark.parametrize("kernel", [2, 3, 4])
@pytest.mark.parametrize("resolution", ["pyramid", "full"])
def test_turning_by_the_stride_turns_the_answer(kernel, resolution):
    net = to_sphere(up_again(kernel, 1 if kernel > 2 else 0, dilation=1), resolution=resolution)
    x = noise(1, 2, 8, 16)
    assert_close(net(x.roll(4, -1)), net(x).roll(4, -1), 1e-13)


def test_dilation_spreads_the_taps():
    torch.manual_seed(0)
    apart = nn.ConvTranspose2d(1, 1, 3, 2, 2, dilation=2, bias=False).double()
    wide = nn.ConvTranspose2d(1, 1, 5, 2, 2, bias=False).double()
    with torch.no_grad():
        wide.weight.zero_()[:, :, ::2, ::2] = apart.weight
    x = noise(1, 1, 16, 32)
    for method in ("ktn", "direct"):
        one, other = (
            to_sphere(nn.Sequential(nn.MaxPool2d(2), layer).eval(), method=method) for layer in (apart, wide)
        )
        assert_close(one(x), other(x), 1e-12)


UPSAMPLED = {"direct-zero": "zero", "direct-wrap": "wrap", "direct": "sphere", "ktn": "sphere"}


@pytest.mark.parametrize("method", UPSAMPLED)
def test_bilinear_upsampling_goes_on_beyond_the_edge_as_the_method_does(method):
    net = nn.Sequential(nn.MaxPool2d(4), nn.Upsample(scale_factor=4, mode="bilinear")).eval()
    sphere = to_sphere(net, method=method)
    x = noise(1, 2, 16, 32)
    coarse = to_sphere(net, method=method, until="0")(x)
    border = UPSAMPLED[method]
    wide = pad_map(coarse, (2, 2, 2, 2), border=border, value=None)
    wanted = functional.interpolate(wide, scale_factor=4, mode="bilinear")[:, :, 8:-8, 8:-8]
    assert_close(sphere(x), wanted, 1e-13)
    nearest = nn.Sequential(nn.MaxPool2d(4), nn.Upsample(scale_factor=4)).eval()
    assert_close(
        to_sphere(nearest, method=method)(x), coarse.repeat_interleave(4, 2).repeat_interleave(4, 3), 0
    )
