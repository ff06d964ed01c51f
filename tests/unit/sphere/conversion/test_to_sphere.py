"""The face: whole networks, the same weights, what is copied, moved, prepared and refused."""

import copy
import inspect
import math

import pytest
import torch
from torch import nn

from ktnlib.data.architectures import ResNet, dncnn, tinydarknet
from ktnlib.sphere import KernelTransformer, RowKernels, camera_spacing, tangent_taps, to_sphere
from ktnlib.sphere.conversion.methods import METHODS
from ktnlib.sphere.conversion.samplers import Sampler

from ..images import assert_close, noise
from .source_networks import NETWORKS, build

OURS = {"tinydarknet": tinydarknet, "dncnn": dncnn, "resnet20": lambda: ResNet(3)}
LAYERWISE = ("ktn", "spherenet", "equiconv", "direct", "direct-wrap", "direct-zero", "projected")


def network(name):
    torch.manual_seed(0)
    return OURS[name]().eval() if name in OURS else build(name)


def small(seed=0):
    torch.manual_seed(seed)
    layers = [nn.Conv2d(2, 3, 3, padding=1), nn.BatchNorm2d(3), nn.ReLU(inplace=True), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()


def rows_of(model):
    """Row kernels for every wide convolution of `small`, at 16 rows."""
    found = {}
    for name, height in (("0", 16), ("4", 8)):
        plan = tangent_taps(height, 2 * height, 3).neighbours()
        kernel = model.get_submodule(name).weight.detach().flatten(2)
        found[name] = RowKernels.from_taps(kernel, plan, height=height, width=2 * height)
    return found


def options_for(method, model):
    if method == "sphconv":
        return {"transformer": rows_of(model)}
    if method == "interpolate":
        return {"until": "4", "every": 4}
    return {"until": "4"} if method == "exact" else {}


@pytest.mark.parametrize("name", [*NETWORKS, *OURS])
def test_networks_answer_finitely_and_turn_with_the_panorama(name):
    model = network(name)
    sphere, names = to_sphere(model, spacing=0.02), list(model.state_dict())
    assert list(sphere.state_dict()) == names
    height = 2 * sphere.stride if sphere.stride > 8 else 16
    x = noise(1, 1 if name == "dncnn" else 3, height, 2 * height)
    for dtype, tolerance in ((torch.float32, 1e-4), (torch.float64, 1e-9)):
        sphere, y = sphere.to(dtype), x.to(dtype)
        found, turned = sphere(y), sphere(y.roll(sphere.stride, -1))
        assert found.isfinite().all()
        if found.ndim == 4:
            found = found.roll(sphere.stride // int(sphere.plan.output.stride), -1)
        assert_close(turned, found, tolerance * found.square().mean().sqrt().item())
        assert turned.dtype == dtype


@pytest.mark.parametrize("name", ["squeezenet1_1", "unet", "resnet20"])
def test_networks_answer_and_turn_at_full_resolution(name):
    sphere = to_sphere(network(name), resolution="full", spacing=0.02).double()
    x = noise(1, 3, 16, 32)
    found, turned = sphere(x), sphere(x.roll(sphere.stride, -1))
    found = found.roll(sphere.stride, -1) if found.ndim == 4 else found
    assert_close(turned, found, 1e-9 * found.square().mean().sqrt().item())


@pytest.mark.parametrize("method", METHODS)
def test_every_method_keeps_names_weights_and_the_source_as_it_is(method):
    model = small()
    before = copy.deepcopy(model.state_dict())
    sphere = to_sphere(model, method=method, **options_for(method, model))
    assert list(sphere.state_dict()) == list(before)
    assert all(torch.equal(value, before[name]) for name, value in sphere.state_dict().items())
    x = torch.rand(1, 2, 16, 32)
    answer = sphere(x)
    assert answer.shape == ((1, 4, 8, 16) if method in ("exact", "interpolate") else (1, 4))
    with torch.no_grad():
        for value in (*sphere.parameters(), *sphere.buffers()):
            value.zero_()
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert [type(module) for module in model.modules()] == [type(module) for module in small().modules()]
    sphere.load_state_dict(before)
    assert_close(sphere(x), answer, 1e-6)


@pytest.mark.parametrize("method", ["ktn", "spherenet", "direct", "sphconv", "cubemap", "exact"])
def test_a_copy_is_a_network_of_its_own_and_types_are_followed(method):
    model = small()
    sphere = to_sphere(model, method=method, **options_for(method, model))
    x = torch.rand(1, 2, 16, 32)
    answer, other = sphere(x), copy.deepcopy(sphere)
    with torch.no_grad():
        other.get_submodule("1").weight.zero_()
    assert torch.equal(sphere(x), answer)
    assert not torch.equal(other(x), answer)
    wide = copy.deepcopy(sphere).double()
    assert_close(wide(x.double()), answer.double(), 1e-5)
    assert sphere(x).dtype == torch.float32
    assert not sphere.train().training


def test_transformers_go_where_the_network_goes_and_stay_the_owners():
    mine = KernelTransformer(3)
    sphere = to_sphere(small(), transformer=mine).double()
    layers = [sphere.get_submodule(name).rows for name in ("0", "4")]
    assert layers[0] is layers[1]
    assert layers[0].coefficients.dtype == torch.float64
    assert (mine.coefficients.dtype, mine.coefficients.requires_grad) == (torch.float32, True)
    assert not any("coefficients" in name for name in sphere.state_dict())
    rows = to_sphere(small(), method="sphconv", transformer=rows_of(small())).double()
    assert rows.get_submodule("4").rows.kernel.dtype == torch.float64


def test_layers_that_share_a_pool_or_a_name_of_ours_are_told_apart():
    """The U-Net's one pool runs at three scales, and a module of its is called as a method of ours."""
    sphere = to_sphere(build("unet"))
    assert torch.equal(sphere.state_dict()["answer.weight"], build("unet").answer.weight)
    pools = [name for name, module in sphere.named_modules() if type(module).__name__ == "SampledPool2d"]
    assert len(pools) == 3


def test_one_layer_used_twice_at_one_scale_stays_one_layer():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Conv2d(2, 2, 3, padding=1)

        def forward(self, x):
            return self.layer(self.layer(x))

    model = Twice().eval()
    x, once = torch.rand(1, 2, 8, 16), to_sphere(nn.Sequential(model.layer).eval())
    assert_close(to_sphere(model)(x), once(once(x)), 1e-6)


@pytest.mark.parametrize("method", ["ktn", "direct", "cubemap", "exact"])
def test_tensors_that_are_no_parameters_go_along_and_the_model_gains_none(method):
    class Plain(nn.Module):
        def __init__(self):
            super().__init__()
            self.plan = torch.tensor([[[0.5]], [[0.25]]])
            self.point = nn.Conv2d(2, 2, 1)

        def forward(self, x):
            return self.point(x - self.plan) * torch.tensor([2.0, 3.0])[:, None, None]

    model, x = Plain().eval(), torch.rand(1, 2, 4, 8)
    wanted, attributes = model(x), set(vars(model))
    sphere = to_sphere(model, method=method, **({} if method != "cubemap" else {"spacing": 0.01}))
    assert set(vars(model)) == attributes
    assert list(sphere.state_dict()) == list(model.state_dict())
    wide = copy.deepcopy(sphere).double()
    assert all(value.dtype == torch.float64 for value in wide.buffers())
    if method != "cubemap":
        assert_close(sphere(x), wanted, 1e-6)
    assert_close(wide(x.double()), sphere(x).double(), 1e-6)


def test_what_a_height_needs_is_made_once_and_beforehand_if_it_is_named(monkeypatch):
    made = []
    make = Sampler._make
    monkeypatch.setattr(Sampler, "_make", lambda self, *size: made.append(size[:2]) or make(self, *size))
    sphere = to_sphere(small(), height=16)
    assert sorted(made) == [(8, 16), (16, 32), (16, 32)]
    sphere(torch.rand(1, 2, 16, 32))
    sphere(torch.rand(1, 2, 16, 32))
    assert len(made) == 3
    sphere(torch.rand(1, 2, 8, 16))
    assert len(made) == 6


def test_until_ends_with_a_module_and_a_stride_of_its_own():
    sphere = to_sphere(small(), until="2")
    assert sphere(torch.rand(1, 2, 7, 14)).shape == (1, 3, 7, 14)
    assert list(sphere.state_dict()) == list(small().state_dict())


def test_a_networks_print_says_how_it_was_made():
    text = repr(to_sphere(small(), spacing=0.05))
    for part in ("method='ktn'", "resolution='pyramid'", "spacing=0.05", "2, 3, kernel_size=(3, 3)", "max"):
        assert part in text
    assert inspect.signature(to_sphere).parameters["method"].default == "ktn"


REFUSED = {
    "method": ({"method": "magic"}, ValueError, "`method` is 'magic'; wanted one of 'ktn', 'spherenet'"),
    "resolution": (
        {"resolution": "half"},
        ValueError,
        "`resolution` is 'half'; wanted one of 'pyramid', 'full'",
    ),
    "spacing": ({"spacing": -1}, ValueError, "`spacing` is -1; wanted more than 0 radii"),
    "head": ({"transformer": "magic"}, ValueError, "`transformer` is 'magic'; wanted one of 'bilinear'"),
    "transformer": ({"transformer": 3}, TypeError, "`transformer` is a int; wanted a KernelTransformer"),
    "unused": ({"method": "direct", "transformer": "taps"}, TypeError, "method 'direct', which has no use"),
    "layer": (
        {"transformer": {"9": KernelTransformer(3)}},
        ValueError,
        "`transformer` is '9'; wanted one of '0', '4'",
    ),
    "value": ({"transformer": {"0": "taps"}}, TypeError, "`transformer` for '0' is a str; wanted"),
    "size": (
        {"transformer": {"0": KernelTransformer(5)}},
        ValueError,
        r"is for \(5, 5\) kernels; wanted \(3, 3\)",
    ),
    "unmet size": (
        {"transformer": KernelTransformer(5)},
        ValueError,
        r"is for \(5, 5\) kernels; wanted the size of .* \[\(3, 3\)\]",
    ),
    "rows": (
        {"transformer": {"4": rows_of(small())["0"]}},
        ValueError,
        r"'4' has row kernels of .* \(3, 2, 1\); wanted the layer's, \(4, 3, 1\)",
    ),
    "missing": ({"method": "sphconv"}, ValueError, "no row kernels for '0', '4'; .*fit_sphconv"),
    "option": ({"method": "spherenet", "every": 3}, ValueError, "`every` is no option of method 'spherenet'"),
    "pooling": ({"pooling": "nearest"}, ValueError, "`pooling` is 'nearest'; wanted one of 'bilinear'"),
    "height": ({"height": 15}, ValueError, "`height` has 15 rows.* stride is 2; .*14 or 16"),
    "no height": ({"height": 8.0}, TypeError, "`height` is a float"),
    "until": ({"until": "7"}, ValueError, "`until` is '7'; wanted one of '0', '1'"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_asked_for_is_refused(name, as_a_user):
    options, kind, message = REFUSED[name]
    with pytest.raises(kind, match=message):
        to_sphere(small(), **options)


def test_a_published_head_wants_a_plain_layer():
    head = KernelTransformer(3, head="published", in_channels=2, height=8)
    strided = nn.Sequential(nn.Conv2d(2, 2, 3, 2)).eval()
    with pytest.raises(ValueError, match="head 'published' and the layer stride 2 and 1 groups"):
        to_sphere(strided, transformer={"0": head})


def test_a_model_in_train_mode_is_refused():
    with pytest.raises(ValueError, match=r"`model` is in train mode .*call model.eval\(\) first"):
        to_sphere(small().train())


@pytest.mark.parametrize("method", ["ktn", "direct", "cubemap"])
def test_what_is_no_panorama_of_a_fitting_height_is_refused(method, as_a_user):
    sphere = to_sphere(small(), method=method)
    for shape, message in (
        ((1, 2, 16, 30), "`x` is 16 x 30 pixels; wanted a whole panorama, 16 x 32"),
        ((1, 2, 15, 30), "`x` has 15 rows, and the network's stride is 2; wanted a height .* 14 or 16"),
        ((2, 16, 32), r"wanted four axes .* `x\[None\]`"),
    ):
        with pytest.raises(ValueError, match=message):
            sphere(torch.rand(shape))
    with pytest.raises(TypeError, match="floating-point image"):
        sphere(torch.zeros(1, 2, 16, 32, dtype=torch.uint8))
    deep = to_sphere(nn.Sequential(nn.MaxPool2d(32)).eval())
    with pytest.raises(ValueError, match=r"`x` has 16 rows, .* wanted a height that it divides, 32"):
        deep(torch.rand(1, 2, 16, 32))


def test_row_kernels_of_another_height_are_refused():
    sphere = to_sphere(small(), method="sphconv", transformer=rows_of(small()))
    with pytest.raises(
        ValueError, match="row kernels of '0' were made for maps of 16 x 32 and its input is 8 x 16"
    ):
        sphere(torch.rand(1, 2, 8, 16))


def test_patterns_that_would_reach_around_the_sphere_are_refused():
    wide, x = nn.Sequential(nn.Conv2d(1, 1, 3)).eval(), torch.rand(1, 1, 4, 8)
    with pytest.raises(ValueError, match="90 degrees from the middle of the kernel; wanted less than 90"):
        to_sphere(wide, method="spherenet", spacing=math.pi / 2)(x)
    with pytest.raises(ValueError, match="3 taps would open 270 degrees; wanted less than 180"):
        to_sphere(wide, method="equiconv", spacing=math.pi / 2)(x)
    with pytest.raises(ValueError, match=r"`fov` is 3\.14159"):
        camera_spacing(math.pi, 224)


def test_projected_wants_odd_kernels():
    with pytest.raises(ValueError, match=r"'0' has a kernel of \(2, 2\) .* method=\"projected\""):
        to_sphere(nn.Sequential(nn.Conv2d(1, 1, 2, 2)).eval(), method="projected")


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v3_small", "squeezenet1_1"])
def test_torchvisions_own_networks_become_the_same(name):
    theirs = getattr(pytest.importorskip("torchvision.models"), name)(weights=None).eval()
    ours = build(name)
    assert list(theirs.state_dict()) == list(ours.state_dict())
    theirs.load_state_dict(ours.state_dict())
    x = torch.rand(1, 3, 64, 128)
    assert torch.equal(to_sphere(theirs)(x), to_sphere(ours)(x))


@pytest.mark.slow
@pytest.mark.parametrize("name", [*NETWORKS, "tinydarknet"])
def test_networks_turn_with_a_panorama_of_256_rows(name):
    sphere = to_sphere(network(name))
    x = noise(1, 1 if name == "dncnn" else 3, 256, 512)
    for dtype, tolerance in ((torch.float32, 1e-4), (torch.float64, 1e-9)):
        sphere, y = sphere.to(dtype), x.to(dtype)
        found, turned = sphere(y), sphere(y.roll(sphere.stride, -1))
        assert found.isfinite().all()
        found = found.roll(sphere.stride, -1) if found.ndim == 4 else found
        assert_close(turned, found, tolerance * found.square().mean().sqrt().item())
