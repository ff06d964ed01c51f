"""A view method is the planar network on cameras' pictures; its maps and means come back to the panorama."""

import copy
import math

import pytest
import torch
from torch import nn
from torch.nn import functional

from ktnlib.sphere import EquirectGrid
from ktnlib.sphere.conversion.cube import cube, pad_cube
from ktnlib.sphere.conversion.icosahedron import tangent_images
from ktnlib.sphere.conversion.options import Options
from ktnlib.sphere.conversion.plan import plan
from ktnlib.sphere.conversion.views import cubemap_network, cubemap_zero_network, tangent_image_network

from .. import rays
from ..images import assert_close, noise, smooth_panorama
from . import source_networks

BUILDERS = {
    "cubemap": cubemap_network,
    "cubemap-zero": cubemap_zero_network,
    "tangent-images": tangent_image_network,
}
NAMES = pytest.mark.parametrize("name", BUILDERS)


def convert(name, model, until=None, **options):
    return BUILDERS[name](plan(model, until), Options(name, **options))


def strided(seed=0, **pooling):
    torch.manual_seed(seed)
    layers = [nn.Conv2d(2, 3, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(3, 3, 5, 2, padding=2)]
    return nn.Sequential(*layers, nn.ReLU(), nn.AvgPool2d(3, 1, padding=1, **pooling)).double().eval()


def faces_of(panorama, side):
    looks = [(0, 0), (90, 0), (180, 0), (-90, 0), (0, 90), (0, -90)]
    angles = [{"yaw": math.radians(yaw), "pitch": math.radians(pitch), "roll": 0.0} for yaw, pitch in looks]
    views = [rays.render(panorama.numpy(), **one, fov=math.pi / 2, size=(side, side)) for one in angles]
    return torch.cat([torch.as_tensor(view) for view in views])


@pytest.mark.parametrize("resolution", ["pyramid", "full"])
@pytest.mark.parametrize("count", [True, False])
def test_with_zeros_it_is_the_source_on_cameras_pictures(resolution, count):
    """Cameras by rotation matrices; unit 0 of the last map is centred on pixel ½ of its picture."""
    model, panorama = strided(count_include_pad=count), noise(1, 2, 24, 48)
    with torch.no_grad():
        maps = model(faces_of(panorama, 16))
    height = 24 if resolution == "full" else 6
    wanted = cube(2 / 16, 4).put_back(maps, height=height, first=(0.5, 0.5), stride=4.0)
    found = convert("cubemap-zero", model, resolution=resolution, spacing=2 / 15)(panorama)
    assert_close(found, wanted, 1e-9)


def test_with_their_neighbours_around_them_every_layers_border_is_the_cubes():
    model, panorama = strided(), noise(2, 2, 24, 48)
    faces = cube(2 / 16, 4).render(panorama)
    with torch.no_grad():
        x = functional.relu(functional.conv2d(pad_cube(faces, 1, 1), model[0].weight, model[0].bias))
        x = functional.max_pool2d(x, 2)
        x = functional.conv2d(pad_cube(x, 2, 2), model[3].weight, model[3].bias, stride=2).relu()
        maps = pad_cube(functional.avg_pool2d(pad_cube(x, 1, 1), 3, 1), 1, 1)
    wanted = cube(2 / 16, 4).put_back(maps, height=6, first=(0.5 - 4, 0.5 - 4), stride=4.0)
    assert_close(convert("cubemap", model, spacing=2 / 16)(panorama), wanted, 1e-9)


def test_tangent_images_are_the_source_on_each_triangles_picture():
    model, panorama = strided(), noise(2, 2, 16, 32)
    views = tangent_images(0.1, 4, 0)
    with torch.no_grad():
        maps = model(views.render(panorama))
    wanted = views.put_back(maps, height=4, first=(0.5, 0.5), stride=4.0)
    found = convert("tangent-images", model, spacing=0.1, extra={"subdivisions": 0})(panorama)
    assert_close(found, wanted, 1e-12)


@NAMES
def test_a_constant_panorama_with_no_border_in_sight_answers_as_a_constant_picture(name):
    """With neighbours around them even at a face's corners; else only where no edge is near."""
    model = strided()
    colour = torch.tensor([0.3, 0.7], dtype=torch.float64)[:, None, None]
    with torch.no_grad():
        wanted = model(colour.expand(1, 2, 64, 64))[:, :, 8:9, 8:9]
    found = convert(name, model, spacing=0.01)(colour.expand(1, 2, 32, 64))
    if name == "cubemap":
        assert_close(found, wanted.expand_as(found), 1e-12)
    else:
        assert_close(found.median(dim=-1).values.median(dim=-1).values, wanted[..., 0, 0], 1e-12)


def unpadded(seed=0):
    torch.manual_seed(seed)
    layers = [nn.Conv2d(2, 3, 3), nn.ReLU(), nn.MaxPool2d(3, 2), nn.ReflectionPad2d(1), nn.Conv2d(3, 2, 3)]
    return nn.Sequential(*layers).double().eval()


@NAMES
def test_layers_that_shrink_their_map_in_the_source_are_given_a_border(name):
    """What the source answers to a picture with that border, where no border is seen; centred the same."""
    panorama = smooth_panorama(32).expand(-1, 2, -1, -1)
    found = convert(name, unpadded(), spacing=0.05)(panorama)
    assert found.shape == (1, 2, 16, 32)
    view = {"yaw": math.pi / 32, "pitch": 0.0, "roll": 0.0}
    # a picture whose middle, 16, is a unit's centre: 1 + 1 (the pool) + 2·7 with the shift of the border gone
    picture = rays.render(panorama.numpy(), **view, fov=2 * math.atan(0.05 * 33 / 2), size=(33, 33))
    with torch.no_grad():
        planar = unpadded()(torch.as_tensor(picture))[..., 7, 7]
    row_between = found[..., 7:9, 16].mean(dim=-1)
    assert_close(row_between / planar.std(), planar / planar.std(), 0.1)


class Squeezing(nn.Module):
    """Squeeze and excitation by mean and by maximum, and a linear head after a method's mean."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 1)
        self.squeeze = nn.AdaptiveAvgPool2d(1)
        self.excite = nn.Conv2d(4, 4, 1)
        self.linear = nn.Linear(4, 3)

    def forward(self, x):
        x = self.conv(x)
        x = x * self.excite(self.squeeze(x)).sigmoid()
        return self.linear(x.mean(dim=(2, 3)) + x.amax(dim=(2, 3)))


@NAMES
def test_means_weigh_the_panorama_by_solid_angle_inside_the_network_and_at_its_end(name):
    """A linear first layer: its mean over the sphere is that of the panorama, by pixels' solid angles."""
    torch.manual_seed(0)
    model, panorama = Squeezing().double().eval(), smooth_panorama(32)
    panorama = torch.cat([panorama, 3 - 4 * panorama.roll(5, -1)])
    weights = EquirectGrid(32).solid_angles[:, None].expand(32, 64) / (4 * math.pi)
    with torch.no_grad():
        mapped = model.conv(panorama)
        mapped = mapped * model.excite((mapped * weights).sum((2, 3), keepdim=True)).sigmoid()
        wanted = model.linear((mapped * weights).sum((2, 3)) + mapped.amax((2, 3)))
    found = convert(name, model)(panorama)
    assert found.shape == (2, 3)
    assert_close(found, wanted, 0.03)
    assert (found[0] - found[1]).abs().max() > 0.1


class Hourglass(nn.Module):
    def __init__(self, enlarge):
        super().__init__()
        self.shrink = nn.Conv2d(1, 2, 2, stride=2)
        self.enlarge = enlarge
        self.last = nn.Conv2d(3, 2, 3, padding=1)

    def forward(self, x):
        return self.last(torch.cat([x, self.enlarge(self.shrink(x).relu())], dim=1))


ENLARGE = {
    "nearest": (lambda: nn.Upsample(scale_factor=2), 0.0),
    "bilinear": (lambda: nn.Upsample(scale_factor=2, mode="bilinear"), 0.0),
    "transposed, 2": (lambda: nn.ConvTranspose2d(2, 2, 2, stride=2), 0.0),
    "transposed, 3": (lambda: nn.ConvTranspose2d(2, 2, 3, stride=2, padding=1, output_padding=1), 0.5),
    "transposed, 4": (lambda: nn.ConvTranspose2d(2, 2, 4, stride=2, padding=1), 0.0),
}


@NAMES
@pytest.mark.parametrize("kind", ENLARGE)
def test_what_was_made_small_is_made_large_again_in_its_place(name, kind):
    """Six pixels from a picture's edge it is the source on that picture, centred where its patches are."""
    torch.manual_seed(0)
    enlarge, first = ENLARGE[kind]
    model, panorama = Hourglass(enlarge()).double().eval(), noise(1, 1, 32, 64)
    network = convert(name, model, spacing=0.04)
    views = network.views(0.04, 2)
    with torch.no_grad():
        maps = model(views.render(panorama))
    wanted = views.put_back(maps, height=32, first=(first, first), stride=1.0)
    directions = torch.as_tensor(rays.pixel_directions(32, 64))
    depth, *plane = torch.einsum("ijd,ijad->aij", directions, views.axes[views.owners(directions)])
    inner = torch.stack(plane).abs().amax(dim=0) / depth < (views.side / 2 - 6) * views.spacing
    assert inner.double().mean() > 0.2
    assert_close(network(panorama)[..., inner], wanted[..., inner], 1e-9)


@NAMES
def test_names_of_the_state_dict_are_the_sources_and_a_batch_is_its_parts(name):
    model, panorama = strided(), noise(3, 2, 16, 32)
    network = convert(name, model)
    assert list(network.state_dict()) == list(model.state_dict())
    assert_close(network(panorama)[1:2], network(panorama[1:2]), 1e-12)


@NAMES
@pytest.mark.parametrize("source", source_networks.NETWORKS)
def test_whole_networks_answer_for_the_sphere_in_the_shape_of_their_own_answers(name, source):
    model, panorama = source_networks.build(source), noise(1, 3, 32, 64, dtype=torch.float32)
    with torch.no_grad():
        wanted = model(panorama).shape
    found = convert(name, model)(panorama)
    assert found.shape == wanted
    assert found.isfinite().all()


@NAMES
def test_modules_may_be_called_as_our_own_fields_are(name):
    model = nn.Sequential()
    for field in ("answer", "views", "surround", "plan"):
        model.add_module(field, nn.Conv2d(1, 1, 3, padding=1))
    network = convert(name, model.eval())
    assert network(torch.zeros(1, 1, 16, 32)).shape == (1, 1, 16, 32)
    assert copy.deepcopy(network)(torch.zeros(1, 1, 16, 32)).shape == (1, 1, 16, 32)


@NAMES
def test_several_answers_are_refused(name):
    class Several(nn.Module):
        def forward(self, x):
            return {"out": x.relu()}

    with pytest.raises(ValueError, match="answers with a dictionary; wanted, for this method, one tensor"):
        convert(name, Several().eval())


@NAMES
def test_an_option_that_the_method_has_not_is_refused(name):
    with pytest.raises(ValueError, match=rf"`every` is no option of method '{name}'; wanted (none|`subdiv)"):
        convert(name, strided(), extra={"every": 2})


def test_a_number_of_subdivisions_below_zero_is_refused():
    with pytest.raises(ValueError, match="`subdivisions` is -1"):
        convert("tangent-images", strided(), extra={"subdivisions": -1})
