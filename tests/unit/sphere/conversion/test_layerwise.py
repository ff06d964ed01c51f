"""Layer by layer: every method against operations that exist without it, strides, dilations, resolutions."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional

from ktnlib.data.architectures import ResNet
from ktnlib.sphere import (
    EquirectGrid,
    KernelTransformer,
    RowKernels,
    TangentMaxPool2d,
    row_conv2d,
    tangent_conv2d,
    tangent_taps,
    to_sphere,
)
from ktnlib.sphere.baselines import projected_conv2d
from ktnlib.sphere.baselines.spherenet import SphereNetConv2d, SphereNetMaxPool2d
from ktnlib.sphere.conversion.borders import pad_map
from ktnlib.sphere.conversion.patterns import taps_about

from ..images import assert_close, noise
from .source_networks import build


def stack(*layers, seed=0):
    torch.manual_seed(seed)
    for layer in layers:
        if hasattr(layer, "reset_parameters"):
            layer.reset_parameters()
    return nn.Sequential(*layers).double().eval()


def convolve(x, layer, spacing, **options):
    return tangent_conv2d(x, layer.weight, layer.bias, spacing=spacing, **options)


def by_transformer(x, layer, stride=1):
    """The layer by the set that ships, through the transformer's own call."""
    angles = EquirectGrid(x.shape[-2] // stride).polar_angles
    kernels = KernelTransformer(layer.kernel_size)(layer.weight, angles, stride=stride)
    return row_conv2d(x, kernels, layer.bias)


@pytest.mark.parametrize("head", ["bilinear", "bicubic"])
def test_a_plain_stack_is_tangent_convolutions_and_pools(head):
    net = stack(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 5, 5, padding=2))
    x = noise(2, 3, 16, 32)
    one = convolve(x, net[0], None, interpolation=head).relu()
    two = TangentMaxPool2d(2, interpolation=head)(one)
    wanted = convolve(two, net[3], None, interpolation=head)
    assert_close(to_sphere(net, transformer=head)(x), wanted, 1e-12)


def test_without_a_transformer_the_set_that_ships_makes_the_row_kernels():
    net = stack(nn.Conv2d(3, 4, 3, padding=1), nn.Tanh(), nn.Conv2d(4, 4, 5, 2, padding=2))
    x = noise(1, 3, 16, 32)
    wanted = by_transformer(by_transformer(x, net[0]).tanh(), net[2], stride=2)
    assert_close(to_sphere(net)(x), wanted, 1e-6)  # the set is kept in float32 and mixed in float64


def test_spacing_grows_with_strides_and_dilations():
    net = stack(nn.Conv2d(2, 3, 3, 2, 1), nn.Conv2d(3, 3, 3, dilation=2), nn.Conv2d(3, 2, 3, padding=1))
    x, s = noise(1, 2, 16, 32), 0.05
    one = convolve(x, net[0], s, stride=2)
    two = convolve(convolve(one, net[1], 4 * s), net[2], 2 * s)
    assert_close(to_sphere(net, method="ktn", transformer="bilinear", spacing=s)(x), two, 1e-12)
    at_full = convolve(convolve(convolve(x, net[0], s), net[1], 4 * s), net[2], 2 * s)
    full = to_sphere(net, transformer="bilinear", spacing=s, resolution="full")
    assert_close(full(x), at_full, 1e-12)


@pytest.mark.parametrize("method", ["ktn", "spherenet", "equiconv", "direct"])
def test_a_first_strided_layer_at_full_resolution_is_the_pyramids_at_the_centres(method):
    net = stack(nn.Conv2d(2, 3, 3, 3, 1), nn.ReLU())
    x = noise(1, 2, 18, 36)
    coarse, full = (to_sphere(net, method=method, resolution=r)(x) for r in ("pyramid", "full"))
    shift = 0 if method == "direct" else 1
    wanted = full[:, :, shift::3, shift::3]
    if method == "direct":  # in the source's own phase: padding 1, the first window about pixel 0
        coarse, wanted = coarse[:, :, 1:], wanted[:, :, 1:]
    assert_close(coarse, wanted, 1e-12)


def test_even_kernels_lie_half_a_unit_about_the_centre_at_either_resolution():
    """On a map that is linear about the equator, symmetrical means have no shift; the plane's have."""
    net = stack(nn.AvgPool2d(2), nn.AvgPool2d(2))
    grid = EquirectGrid(64)
    x = grid.latitudes[:, None].expand(64, 128)[None, None].contiguous()
    full = to_sphere(net, resolution="full")(x)
    assert_close(full[0, 0, 24:40], x[0, 0, 24:40], 3e-3)
    coarse = to_sphere(net)(x)[0, 0, 6:10, 0]
    assert_close(coarse, EquirectGrid(16).latitudes[6:10], 3e-3)


def test_spherenet_is_sphere_nets_own_layers():
    net = stack(nn.Conv2d(2, 3, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2, 1))
    conv, pool = SphereNetConv2d(2, 3, 3).double(), SphereNetMaxPool2d(3, stride=2)
    conv.load_state_dict(net[0].state_dict())
    x = noise(1, 2, 12, 24)
    assert_close(to_sphere(net, method="spherenet")(x), pool(conv(x).relu()), 1e-12)


def test_equiconv_opens_as_many_pixel_angles_as_it_has_taps():
    table = taps_about(64, 128, (3, 5), spacing=0.04, pattern="equiconv")
    step = 2 * math.pi / 128
    middle = table.columns[31].view(3, 5)[1]
    latitude = EquirectGrid(64).latitudes[31].item()
    reach = 2 * math.tan(5 * 0.04 / 2) / 5
    wanted = [math.atan2(u * reach, math.cos(latitude)) / step for u in range(-2, 3)]
    assert middle.tolist() == pytest.approx(wanted)
    down = 31 - table.rows[31].view(3, 5)[:, 2]
    wanted = math.atan(2 * math.tan(3 * 0.04 / 2) / 3) / step
    assert down.tolist() == pytest.approx([wanted, 0.0, -wanted], abs=1e-9)


@pytest.mark.parametrize("groups", [1, 2, 4])
def test_groups_and_a_stride_of_one_tap(groups):
    net = stack(nn.Conv2d(4, 8, 3, 2, 1, groups=groups), nn.Conv2d(8, 4, 1, 2, groups=groups))
    x = noise(1, 4, 8, 16)
    one = torch.cat(
        [
            tangent_conv2d(part, weight, bias, stride=2, interpolation="bicubic")
            for part, weight, bias in zip(
                x.chunk(groups, 1), net[0].weight.chunk(groups), net[0].bias.chunk(groups), strict=True
            )
        ],
        dim=1,
    )
    picked = TangentMaxPool2d(1, stride=2, interpolation="bicubic")(one)
    wanted = functional.conv2d(picked, net[1].weight, net[1].bias, groups=groups)
    assert_close(to_sphere(net, transformer="bicubic")(x), wanted, 1e-12)


def test_a_point_kernel_at_stride_one_stays_planar_and_loses_its_padding():
    net = stack(nn.Conv2d(2, 3, 1, padding=2), nn.Conv2d(3, 3, 1, 2))
    x = noise(1, 2, 8, 16)
    for method in ("ktn", "direct", "projected"):
        full = to_sphere(net, method=method, resolution="full")(x)
        point = functional.conv2d(x, net[0].weight, net[0].bias)
        assert_close(full, functional.conv2d(point, net[1].weight, net[1].bias), 1e-12)


CALLS = {
    "excite": lambda x: x * torch.sigmoid(x.mean((2, 3), True)),
    "round up": lambda x: x - functional.max_pool2d(x, 1, 1, 0, 1, True),
    "in place": lambda x: (lambda y: y + functional.leaky_relu(y, 0.1, True))(x - 0.5),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_flag_by_position_is_the_one_that_stands_there(name):
    class Net(nn.Module):
        def forward(self, x):
            return CALLS[name](x)

    # all columns and rows weigh alike in the plane's mean, and in the sphere's if each column is constant
    x = noise(1, 3, 1, 16).expand(1, 3, 8, 16).contiguous()
    assert_close(to_sphere(Net().eval(), method="direct")(x), Net()(x.clone()), 1e-12)


def test_direct_wants_whole_pixels_from_unit_to_unit():
    for layer in (nn.Conv2d(1, 1, 3), nn.ConvTranspose2d(1, 1, 3, 1), nn.MaxPool2d(2, 1)):
        net = nn.Sequential(nn.MaxPool2d(3), nn.Upsample(scale_factor=2), layer).eval()
        assert to_sphere(net, method="direct")(torch.rand(1, 1, 6, 12)).shape == (1, 1, 4, 8)
        with pytest.raises(ValueError, match="units lie 3/2 of the panorama's pixels apart; wanted whole"):
            to_sphere(net, method="direct", resolution="full")


def test_no_panorama_gives_no_answer():
    net = stack(nn.Conv2d(2, 3, 3), nn.MaxPool2d(2), nn.ConvTranspose2d(3, 4, 2, 2), nn.AvgPool2d(2))
    none = torch.zeros(0, 2, 8, 16).double()
    for method in ("ktn", "spherenet", "direct", "projected"):
        assert to_sphere(net, method=method)(none).shape == (0, 4, 4, 8)


def test_pools_know_divisors_and_other_readings():
    x, net = noise(1, 2, 8, 16), stack(nn.AvgPool2d(2, divisor_override=3))
    sums = torch.ones(1, 1, 2, 2).double() / 3
    for interpolation in ("bilinear", "bicubic"):
        parts = [
            tangent_conv2d(part, sums, stride=2, interpolation=interpolation) for part in x.split(1, dim=1)
        ]
        assert_close(to_sphere(net, pooling=interpolation)(x), torch.cat(parts, 1), 1e-12)


def test_the_mean_over_all_places_weighs_by_solid_angle():
    x = noise(2, 3, 8, 16)
    areas = EquirectGrid(8).solid_angles[:, None]
    mean = (x * areas).sum((2, 3)) / (areas.sum() * 16)
    assert_close(to_sphere(stack(nn.AdaptiveAvgPool2d(1), nn.Flatten()))(x), mean, 1e-14)
    assert_close(to_sphere(stack(nn.AdaptiveMaxPool2d(1)))(x)[..., 0, 0], x.amax((2, 3)), 0)


DIRECT = {
    "strided": lambda: stack(
        nn.Conv2d(3, 4, 7, 2, 3), nn.ReLU(), nn.MaxPool2d(3, 2, 1), nn.Conv2d(4, 4, 3, padding=2, dilation=2)
    ),
    "pools": lambda: stack(
        nn.MaxPool2d(3, 2, 1),
        nn.AvgPool2d(3, 1, 1, count_include_pad=False),
        nn.AvgPool2d(2),
        nn.Conv2d(3, 4, 5, padding=2),
    ),
    "shortcut": lambda: ResNet(1).double().eval().layer2,
}


@pytest.mark.parametrize("name", DIRECT)
def test_direct_with_zeros_is_the_network_itself(name):
    net = DIRECT[name]()
    x = noise(2, next(net.parameters()).shape[1], 32, 64)
    with torch.no_grad():
        assert_close(to_sphere(net, method="direct-zero")(x), net(x), 1e-12)


@pytest.mark.parametrize("name", DIRECT)
def test_direct_is_the_network_on_a_picture_that_goes_on(name):
    """Around the seam everywhere; over the poles as far as no mirrored feature is seen."""
    net = DIRECT[name]()
    x = noise(1, next(net.parameters()).shape[1], 64, 128)
    with torch.no_grad():
        flat = net(pad_map(x, (0, 0, 64, 64), border="wrap"))
        wrapped, whole = (to_sphere(net, method=method)(x) for method in ("direct-wrap", "direct"))
    height, width = wrapped.shape[-2:]
    wanted = flat[..., width // 2 : width // 2 + width]
    assert_close(wrapped, wanted, 1e-12)
    rows = slice(3 * height // 8, 5 * height // 8)
    assert_close(whole[:, :, rows], wanted[:, :, rows], 1e-12)


@pytest.mark.parametrize("kernel", [(7, 2, 3), (3, 1, 1), (2, 2, 0)])
def test_a_direct_layer_reads_over_the_poles(kernel):
    net = stack(nn.Conv2d(2, 3, *kernel))
    x = noise(1, 2, 16, 32)
    with torch.no_grad():
        flat = net(pad_map(x, (8, 8, 8, 8), border="sphere"))
        rows, columns = slice(8 // kernel[1], 24 // kernel[1]), slice(8 // kernel[1], 40 // kernel[1])
        assert_close(to_sphere(net, method="direct")(x), flat[:, :, rows, columns], 1e-12)


def test_whole_networks_by_direct_with_zeros_answer_as_the_source_before_the_mean():
    for name, until in (("resnet18", "layer3"), ("unet", None)):
        model = build(name)
        x = noise(1, 3, 32, 64, dtype=torch.float32)
        part = model if until is None else nn.Sequential(*list(model.children())[:7])
        with torch.no_grad():
            assert_close(to_sphere(model, method="direct-zero", until=until)(x), part(x), 1e-4)


def test_projected_convolves_rows_with_projected_kernels():
    net = stack(nn.Conv2d(2, 4, 3, 2, 1, groups=2), nn.Conv2d(4, 3, 3, padding=1))
    x = noise(1, 2, 8, 16)
    parts = [
        projected_conv2d(x[:, g : g + 1], net[0].weight[2 * g : 2 * g + 2], net[0].bias[2 * g : 2 * g + 2])
        for g in (0, 1)
    ]
    wanted = projected_conv2d(torch.cat(parts, 1)[:, :, ::2, ::2], net[1].weight, net[1].bias)
    assert_close(to_sphere(net, method="projected")(x), wanted, 1e-12)


def test_row_kernels_may_stand_for_any_convolution():
    net = stack(nn.Conv2d(2, 3, 3, padding=1), nn.ReLU(), nn.Conv2d(3, 2, 3, padding=1))
    x, plan = noise(1, 2, 8, 16), tangent_taps(8, 16, 3).neighbours()
    own = {
        name: RowKernels.from_taps(noise(8, *shape, seed=1), plan, height=8, width=16)
        for name, shape in {"0": (3, 2, 9), "2": (2, 3, 9)}.items()
    }
    wanted = row_conv2d(row_conv2d(x, own["0"], net[0].bias).relu(), own["2"], net[2].bias)
    assert_close(to_sphere(net, method="sphconv", transformer=own)(x), wanted, 1e-12)
    mixed = to_sphere(net, transformer={"2": own["2"]})(x)
    assert_close(mixed, row_conv2d(by_transformer(x, net[0]).relu(), own["2"], net[2].bias), 1e-6)


def test_transformers_by_kernel_size_and_by_layer():
    net = stack(nn.Conv2d(2, 3, 3, padding=1), nn.Conv2d(3, 2, 5, padding=2))
    x = noise(1, 2, 12, 24)
    own = KernelTransformer(3, coefficients=noise(9, 8, 6, dtype=torch.float64))
    kernels = own(net[0].weight, EquirectGrid(12).polar_angles)
    one = row_conv2d(x, kernels, net[0].bias).detach()
    for transformer in (own, {"0": own}):
        assert_close(to_sphere(net, transformer=transformer)(x), by_transformer(one, net[1]).detach(), 1e-6)
    head = KernelTransformer(3, head="published", in_channels=2, height=12)
    published = to_sphere(net, transformer={"0": head})(x)
    kernels = head(net[0].weight.detach(), EquirectGrid(12).polar_angles)
    one = row_conv2d(x, kernels, net[0].bias).detach()
    assert_close(published, by_transformer(one, net[1]).detach(), 1e-6)


def test_gradients_flow_back_to_the_panorama():
    net = stack(nn.Conv2d(1, 2, 3, 2, 1), nn.Tanh(), nn.MaxPool2d(2), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    sphere = to_sphere(net, transformer="bicubic")
    x = noise(1, 1, 8, 16).requires_grad_()
    assert torch.autograd.gradcheck(sphere, (x,), fast_mode=True)
    assert not any(parameter.requires_grad for parameter in sphere.parameters())
