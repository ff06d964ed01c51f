"""Exact answers are the padded network's on a camera's large picture, where no padding reaches."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from ktnlib.data.architectures import ResNet, dncnn, squeezenet, tinydarknet
from ktnlib.sphere import EquirectGrid
from ktnlib.sphere.conversion.patches import exact_at, patch_spacing
from ktnlib.sphere.fitting import Trunk, exact_features

from .. import rays
from ..images import assert_close, noise
from .source_networks import build


def settled(model, seed=0):
    """The model in float64 with statistics that are not those of a fresh batch norm."""
    generator = torch.Generator().manual_seed(seed)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.copy_(0.1 * torch.randn(len(module.running_mean), generator=generator))
            module.running_var.uniform_(0.5, 2.0, generator=generator)
        elif isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, generator=generator)
    return model.to(torch.float64).eval()


class Mixed(nn.Module):
    """Even and odd kernels, dilation, groups, means, a slice, both kinds of padding, unequal reaches."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(2, 4, 5, stride=2, padding=2)
        self.norm = nn.BatchNorm2d(4)
        self.conv2 = nn.Conv2d(4, 4, 3, padding=2, dilation=2, groups=2, bias=False)
        self.shrink = nn.AvgPool2d(2)
        self.last = nn.Conv2d(8, 3, 3)

    def forward(self, x):
        x = self.norm(self.conv1(x)).relu_()
        deep = functional.avg_pool2d(self.conv2(x), 3, 2, padding=1)
        flat = x[:, :, ::2, ::2] * 0.5
        joined = torch.cat([deep, functional.pad(self.shrink(x), (0, 0, 0, 0)) + flat], dim=1)
        return self.last(functional.pad(joined, (1, 1, 1, 1)))


# a unit's receptive field, where that of unit 0 is centred in the padded run, pixels from unit to unit
NETWORKS = {
    "mixed": (Mixed, None, 25, 0.0, 4),
    "dncnn, 8 layers": (lambda: dncnn()[:16], None, 17, 0.0, 1),
    "resnet20, second stage": (lambda: ResNet(3), "layer2.1.bn2", 29, 0.0, 2),
    "tinydarknet, 8 layers": (tinydarknet, "20", 46, 3.5, 8),
    "squeezenet, fourth fire": (squeezenet, "fire4", 47, 7.0, 8),
    "resnet18, first stage": (lambda: build("resnet18"), "layer1", 43, 0.0, 4),
    "mobilenet, before squeezing": (lambda: build("mobilenet_v3_small"), "features.0", 3, 0.0, 2),
    "unet, going down": (lambda: build("unet"), "down.2", 68, 3.5, 8),
}


def points(height, count=20):
    """Pixels of a panorama's grid, rows 0 and height − 1 among them."""
    grid, generator = EquirectGrid(height), torch.Generator().manual_seed(3)
    rows = torch.cat(
        [
            torch.tensor([0, 0, height - 1, height - 1]),
            torch.randint(height, (count - 4,), generator=generator),
        ]
    )
    columns = torch.randint(2 * height, (count,), generator=generator)
    return grid.latitudes[rows], grid.longitudes[columns]


def answer_to_a_picture(model, until, panorama, latitude, longitude, shape, spacing):
    """The padded network's answer, in the middle of a picture whose axis goes through a unit's centre."""
    reach, centre, stride = shape
    unit = math.ceil((reach / 2 + 3 * stride - centre) / stride)
    middle = centre + unit * stride
    side = math.ceil((2 * middle + 2) / stride) * stride
    along = (np.arange(side) - middle) * spacing
    right, down = np.meshgrid(along, along)
    picture = rays.read(panorama.numpy(), rays.plane_rays(rays.camera(longitude, latitude), right, down))
    kept = []

    def keep(module, args, answer):
        kept.append(answer.clone())
        raise StopIteration

    module = model if until is None else model.get_submodule(until)
    hook = module.register_forward_hook(keep)
    with torch.no_grad(), pytest.raises(StopIteration):
        model(torch.as_tensor(picture).to(panorama.dtype))
    hook.remove()
    return kept[0][:, :, unit, unit]


@pytest.mark.parametrize("name", NETWORKS)
def test_exact_is_the_network_itself_on_a_picture_large_enough(name):
    """Pictures by rotation matrices and rays; 20 pixels with rows 0 and H − 1."""
    make, until, *shape = NETWORKS[name]
    torch.manual_seed(0)
    model = settled(make())
    channels = next(module for module in model.modules() if isinstance(module, nn.Conv2d)).in_channels
    panorama, spacing = noise(1, channels, 24, 48), 0.02
    latitudes, longitudes = points(24 // shape[2] if shape[2] < 16 else 24)
    found = exact_at(
        model, panorama, latitudes=latitudes, longitudes=longitudes, until=until, spacing=spacing
    )
    wanted = torch.stack(
        [
            answer_to_a_picture(model, until, panorama, float(at), float(to), shape, spacing)
            for at, to in zip(latitudes, longitudes, strict=True)
        ],
        dim=-1,
    )
    assert_close(found / wanted.std(), wanted / wanted.std(), 1e-9)


def test_where_both_are_defined_exact_is_what_the_fitting_reads():
    torch.manual_seed(0)
    model, panorama = settled(ResNet(2)), noise(2, 3, 10, 20)
    wanted = exact_features(Trunk(model, until="layer1.1.conv2"), panorama)["layer1.1.conv2"]
    grid = EquirectGrid(10)
    latitudes, longitudes = grid.latitudes.repeat_interleave(20), grid.longitudes.repeat(10)
    found = exact_at(model, panorama, latitudes=latitudes, longitudes=longitudes, until="layer1.1.bn2")
    assert_close(found.unflatten(-1, (10, 20)), wanted, 1e-9)


def small():
    torch.manual_seed(1)
    layers = [nn.Conv2d(2, 3, 3, padding=1), nn.MaxPool2d(2), nn.Conv2d(3, 4, 3), nn.ReLU()]
    return nn.Sequential(*layers).double().eval()


def test_single_precision_agrees_to_1e_4_of_the_maps_spread():
    panorama, (latitudes, longitudes) = noise(1, 2, 16, 32), points(8)
    places = {"latitudes": latitudes, "longitudes": longitudes}
    wanted = exact_at(small(), panorama, **places)
    found = exact_at(small().float(), panorama.float(), **places)
    assert found.dtype == torch.float32
    assert_close(found.double() / wanted.std(), wanted / wanted.std(), 1e-4)


@pytest.mark.parametrize("chunk", [1, 3, 100])
def test_the_number_of_patches_at_a_time_and_the_order_of_points_change_nothing(chunk):
    panorama, (latitudes, longitudes) = noise(3, 2, 16, 32), points(16)
    latitudes[1] = latitudes[2]
    wanted = exact_at(small(), panorama, latitudes=latitudes, longitudes=longitudes)
    order = torch.randperm(20, generator=torch.Generator().manual_seed(0))
    found = exact_at(small(), panorama, latitudes=latitudes[order], longitudes=longitudes[order], chunk=chunk)
    assert_close(found, wanted[..., order], 1e-12)


def test_a_point_between_pixels_is_the_pixel_of_a_panorama_turned_by_the_rest():
    """A quarter of a pixel east by longitude; and the same by points of a grid four times as fine."""
    panorama = noise(1, 2, 16, 32)
    fine = EquirectGrid(64)
    places = {"latitudes": fine.latitudes[[5, 40]], "longitudes": fine.longitudes[[7, 99]]}
    layer = settled(nn.Conv2d(2, 2, 1))
    found = exact_at(nn.Sequential(layer).eval(), panorama, **places)
    directions = rays.pixel_directions(64, 128)[[5, 40], [7, 99]]
    read = torch.as_tensor(rays.read(panorama.numpy(), directions))
    wanted = torch.einsum("oi,bip->bop", layer.weight[:, :, 0, 0], read) + layer.bias[:, None]
    assert_close(found, wanted.detach(), 1e-9)


def test_a_camera_turned_clockwise_sees_the_picture_turned_back():
    panorama, (latitudes, longitudes) = noise(1, 2, 16, 32), points(16)
    places = {"latitudes": latitudes, "longitudes": longitudes}
    turned = small()
    for layer in turned:
        if isinstance(layer, nn.Conv2d):
            # what lay above lies to the left of a camera that leans to the right
            layer.weight.data = layer.weight.data.rot90(1, (2, 3)).contiguous()
    quarter = torch.full_like(latitudes, math.pi / 2)
    found = exact_at(turned, panorama, rolls=quarter, **places)
    # samples that lie on a pixel but for rounding are put on it
    assert_close(found, exact_at(small(), panorama, **places), 1e-9)


def test_bicubic_reading_is_that_of_a_pixels_rays():
    layer, panorama = settled(nn.Conv2d(2, 3, 3)), noise(1, 2, 12, 24)
    grid = EquirectGrid(12)
    found = exact_at(
        nn.Sequential(layer).eval(),
        panorama,
        latitudes=grid.latitudes,
        longitudes=grid.longitudes[:12],
        interpolation="bicubic",
        spacing=0.3,
    )
    wanted = rays.tangent_conv(
        panorama.numpy(),
        layer.weight.detach().numpy(),
        layer.bias.detach().numpy(),
        spacing=0.3,
        interpolation="bicubic",
    )[:, :, range(12), range(12)]
    assert_close(found, wanted, 1e-10)


def test_a_panorama_that_is_constant_answers_as_a_constant_picture_far_from_its_border():
    model = settled(Mixed())
    colour = torch.tensor([0.3, 0.7], dtype=torch.float64)[:, None, None]
    latitudes, longitudes = points(8)
    found = exact_at(
        model, colour.expand(1, 2, 8, 16), latitudes=latitudes, longitudes=longitudes, spacing=0.01
    )
    with torch.no_grad():
        wanted = model(colour.expand(1, 2, 60, 60))[:, :, 7:8, 7]
    assert_close(found, wanted.expand(-1, -1, 20), 1e-12)


def test_an_empty_batch_has_empty_answers():
    assert exact_at(small(), torch.zeros(0, 2, 16, 32).double(), **places(3)).shape == (0, 4, 3)


def places(count=1):
    return {"latitudes": torch.zeros(count), "longitudes": torch.zeros(count)}


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ([nn.Conv2d(2, 2, 3), nn.AdaptiveAvgPool2d(1)], "at '1' what reads the whole picture.*give `until`"),
        ([nn.Conv2d(2, 2, 3), nn.Upsample(scale_factor=1)], "at '1' what makes values between"),
        ([nn.MaxPool2d(2), nn.ConvTranspose2d(2, 2, 2, 2)], "at '1' what makes values between"),
    ],
)
def test_what_a_patch_can_not_answer_is_refused_with_its_place(layers, words):
    with pytest.raises(ValueError, match=words):
        exact_at(nn.Sequential(*layers).eval(), torch.zeros(1, 2, 8, 16), **places())


def test_several_answers_are_refused():
    class Several(nn.Module):
        def forward(self, x):
            return x.relu(), -x

    with pytest.raises(ValueError, match="answers with a tuple or list; wanted, for this method, one tensor"):
        exact_at(Several().eval(), torch.zeros(1, 2, 8, 16), **places())


def test_squeeze_and_excitation_is_refused():
    class Squeezing(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(2, 2, 3, padding=1)

        def forward(self, x):
            x = self.conv(x)
            return x * x.mean(dim=(2, 3), keepdim=True).sigmoid()

    with pytest.raises(ValueError, match="reads the whole picture"):
        exact_at(Squeezing().eval(), torch.zeros(1, 2, 8, 16), **places())
    assert exact_at(Squeezing().eval(), torch.zeros(1, 2, 8, 16), until="conv", **places()).shape == (1, 2, 1)


def test_a_patch_of_120_degrees_is_refused():
    assert patch_spacing((3, 7), 64, 0.49) == 0.49
    with pytest.raises(
        ValueError, match=r"sees 3 x 7 pixels, a patch 120° wide at `spacing` 0.495.*less than 120"
    ):
        patch_spacing((3, 7), 64, 0.495)
    with pytest.raises(ValueError, match="`spacing` is -1; wanted more than 0"):
        patch_spacing((3, 3), 64, -1.0)


def test_points_that_do_not_match_are_refused(as_a_user):
    for wrong in ({"longitudes": torch.zeros(2)}, {"rolls": torch.zeros(3)}):
        with pytest.raises(ValueError, match=r"have shapes .*; wanted one axis of points, the same in all"):
            exact_at(small(), torch.zeros(1, 2, 8, 16), **(places() | wrong))
    with pytest.raises(ValueError, match="at least one long"):
        exact_at(small(), torch.zeros(1, 2, 8, 16), **places(0))
    nowhere = {"latitudes": torch.full((1,), math.nan), "longitudes": torch.zeros(1)}
    with pytest.raises(ValueError, match="`latitudes, longitudes, rolls` holds 1 values that are NaN"):
        exact_at(small(), torch.zeros(1, 2, 8, 16).double(), **nowhere)


def test_a_name_that_is_none_and_a_model_in_training_are_refused():
    with pytest.raises(ValueError, match="`until` is 'conv9'; wanted one of '0', '1'"):
        exact_at(small(), torch.zeros(1, 2, 8, 16).double(), until="conv9", **places())
    with pytest.raises(ValueError, match="train mode"):
        exact_at(small().train(), torch.zeros(1, 2, 8, 16).double(), **places())
