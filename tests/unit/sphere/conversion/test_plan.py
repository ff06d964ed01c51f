import operator
import re
from fractions import Fraction

import pytest
import torch
from torch import nn
from torch.nn import functional

from ktnlib.sphere.conversion.plan import plan
from ktnlib.sphere.conversion.steps import Resize, Transposed, Whole, Window

from .source_networks import NETWORKS, build


class Calls(nn.Module):
    """A network of one function."""

    def __init__(self, function, **parts):
        super().__init__()
        self.function = function
        for name, part in parts.items():
            self.add_module(name, part)

    def forward(self, x):
        return self.function(self, x)


def calls(function, **parts):
    return Calls(function, **parts).eval()


def stack(*layers):
    return nn.Sequential(*layers).eval()


def seen_by(model, size, unit):
    """First and last source row and column that one unit's value depends on, from the gradient."""
    x = torch.rand(1, 3, size, size, dtype=torch.float64, requires_grad=True)
    model.double()(x)[0, 0, unit, unit].backward()
    rows = x.grad.abs().sum((0, 1, 3)).nonzero().flatten()
    columns = x.grad.abs().sum((0, 1, 2)).nonzero().flatten()
    return rows[0].item(), rows[-1].item(), columns[0].item(), columns[-1].item()


LINEAR = {
    "plain": lambda: stack(nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 2, 5, padding=2)),
    "unpadded": lambda: stack(nn.Conv2d(3, 4, 3), nn.AvgPool2d(2), nn.Conv2d(4, 2, 3)),
    "strided": lambda: stack(nn.Conv2d(3, 4, 7, 2, 3), nn.Conv2d(4, 4, 3, 2, 1), nn.Conv2d(4, 2, 1)),
    "dilated": lambda: stack(nn.Conv2d(3, 4, (3, 5), dilation=(2, 1), padding="same"), nn.Conv2d(4, 2, 3, 3)),
    "bordered": lambda: stack(nn.ZeroPad2d((1, 2, 3, 2)), nn.Conv2d(3, 2, 4, 2)),
}


@pytest.mark.parametrize("name", LINEAR)
def test_reach_and_centre_are_what_the_gradient_sees(name):
    model, unit = LINEAR[name](), 8
    found = plan(model).output
    top, bottom, left, right = seen_by(model, 64, unit)
    middle = [place + found.stride * unit for place in found.centre]
    assert middle == [Fraction(top + bottom, 2), Fraction(left + right, 2)]
    assert found.reach == max(bottom - top, right - left) + 1


@pytest.mark.parametrize("kernel", [2, 3, 4])
def test_a_transposed_convolution_halves_the_stride_and_keeps_its_centre(kernel):
    up = nn.ConvTranspose2d(4, 2, kernel, 2, kernel // 2 - 1 + kernel % 2, kernel % 2)
    model = stack(nn.Conv2d(3, 4, 2, 2), up)
    found = plan(model).output
    units = torch.arange(6, 10)
    centres = []
    for unit in units.tolist():
        top, bottom, _, _ = seen_by(model, 32, unit)
        centres.append((top + bottom) / 2)
    # a unit alone lies off its centre by its phase, in the mean of both phases it does not
    assert sum(centres) / 4 == float(found.centre[0] + units.double().mean().item() * found.stride)
    assert found.stride == 1


def halved(x, by=2):
    return functional.max_pool2d(x, by)


def enlarged(x, *arguments, **options):
    return functional.interpolate(x, *arguments, **options)


STRIDES = {
    "resnet18": (32, 435),
    "mobilenet_v3_small": (32, None),
    "squeezenet1_1": (16, None),
    "unet": (8, None),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_well_known_networks_are_read_with_their_strides(name):
    read = plan(build(name))
    stride, reach = STRIDES[name]
    assert read.stride == stride
    assert (read.output.kind == "map") == (name == "unet")
    if reach is not None:
        assert max(place.reach for place in read.places.values()) == reach


def test_a_plan_ends_with_the_module_that_is_asked_for():
    model = build("resnet18")
    read = plan(model, until="layer2")
    assert (read.output.kind, read.output.stride, read.output.reach) == ("map", 8, 99)
    assert not any(str(node.target).startswith("layer3") for node in read.traced.graph.nodes)
    assert plan(model, until="layer2.0.bn1").output.stride == 8
    assert plan(model, until="avgpool").output.kind == "pooled"


FUNCTIONS = {
    "max": (
        lambda m, x: functional.max_pool2d(x, 3, stride=2, padding=1),
        Window("max", (3, 3), 2, (1, 1), (1, 1)),
    ),
    "mean": (lambda m, x: functional.avg_pool2d(x, 2), Window("mean", (2, 2), 2)),
    "slice": (lambda m, x: x[:, :, ::2, ::2], Window("take", (1, 1), 2)),
    "slice of all": (lambda m, x: x[..., ::3, ::3], Window("take", (1, 1), 3)),
    "nearest": (
        lambda m, x: enlarged(halved(x), scale_factor=2),
        Resize("nearest", 2),
    ),
    "size": (
        lambda m, x: enlarged(halved(x, 4), size=x.shape[2:], mode="bilinear"),
        Resize("bilinear", 4),
    ),
    "sizes": (
        lambda m, x: enlarged(halved(x), size=(x.size(2), x.size(3))),
        Resize("nearest", 2),
    ),
    "whole mean": (lambda m, x: x.mean(dim=(2, 3)), Whole("mean", False)),
    "whole mean in place": (lambda m, x: torch.mean(x, [-1, -2], True), Whole("mean", True)),
    "whole max": (lambda m, x: torch.amax(x, dim=(2, 3)), Whole("max", False)),
    "adaptive": (lambda m, x: functional.adaptive_avg_pool2d(x, (1, 1)), Whole("mean", True)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_calls_of_functions_are_read_as_modules_are(name):
    function, step = FUNCTIONS[name]
    assert [*plan(calls(function)).steps.values()][-1] == step


def test_modules_are_read_with_all_that_matters_of_them():
    model = stack(
        nn.Conv2d(3, 4, (3, 5), 2, (1, 2), (1, 2)),
        nn.MaxPool2d(3, 2, 1, ceil_mode=True),
        nn.AvgPool2d(2, divisor_override=2, count_include_pad=False),
        nn.ConvTranspose2d(4, 2, 4, 2, 1),
        nn.Upsample(scale_factor=2, mode="bilinear"),
        nn.AdaptiveMaxPool2d(1),
    )
    assert [*plan(model).steps.values()] == [
        Window("conv", (3, 5), 2, (1, 2), (1, 2)),
        Window("max", (3, 3), 2, (1, 1), (1, 1)),
        Window("mean", (2, 2), 2, scale=2.0, count_padding=False),
        Transposed((4, 4), 2, (1, 1), (1, 1)),
        Resize("bilinear", 2),
        Whole("max", True),
    ]


POOLED = {
    "classifier": lambda m, x: m.linear(torch.flatten(m.pool(x), 1)),
    "view": lambda m, x: m.linear(m.pool(x).view(x.size(0), -1)),
    "index": lambda m, x: m.linear(m.pool(x)[:, :, 0, 0]),
    "squeeze": lambda m, x: functional.softmax(m.linear(m.pool(x).squeeze(-1).squeeze(-1)), dim=1),
    "excite": lambda m, x: x * torch.sigmoid(m.point(m.pool(x))),
    "join": lambda m, x: torch.cat([m.pool(x).flatten(1), x.mean((2, 3))], dim=-1),
}


@pytest.mark.parametrize("name", POOLED)
def test_pooled_values_may_be_reshaped_mixed_and_multiplied_back(name):
    parts = {"pool": nn.AdaptiveAvgPool2d(1), "linear": nn.Linear(3, 2), "point": nn.Conv2d(3, 3, 1)}
    read = plan(calls(POOLED[name], **parts))
    assert read.output.kind == ("map" if name == "excite" else "pooled")


REFUSED = {
    "group norm": (stack(nn.Conv2d(3, 4, 3), nn.GroupNorm(2, 4)), r"GroupNorm.* at '1': .*statistics"),
    "instance norm": (stack(nn.InstanceNorm2d(3)), "InstanceNorm2d.* at '0'"),
    "batch statistics": (
        stack(nn.BatchNorm2d(3, track_running_stats=False)),
        "BatchNorm2d.*wanted a batch norm with running statistics",
    ),
    "flattened map": (
        stack(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4, 2)),
        "Flatten.* at '1'.*AdaptiveAvgPool2d",
    ),
    "linear map": (stack(nn.Linear(8, 2)), "Linear.*still has places"),
    "adaptive": (stack(nn.AdaptiveAvgPool2d(7)), "AdaptiveAvgPool2d.*pools to 7 places"),
    "attention": (calls(lambda m, x: x @ x), "matmul"),
    "uneven stride": (stack(nn.Conv2d(3, 4, 3, (1, 2))), r"stride is \(1, 2\)"),
    "uneven pool": (stack(nn.MaxPool2d((1, 2))), r"stride is \(1, 2\)"),
    "indices": (calls(lambda m, x: functional.max_pool2d(x, 2, return_indices=True)[0]), "indices"),
    "bicubic": (stack(nn.Upsample(scale_factor=2, mode="bicubic")), "mode is 'bicubic'"),
    "corners": (
        stack(nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)),
        "align_corners=False",
    ),
    "fixed size": (stack(nn.Upsample(size=(8, 8))), r"size is \(8, 8\)"),
    "shrinking": (stack(nn.Upsample(scale_factor=0.5)), "scale factor is 0.5"),
    "finer": (stack(nn.Upsample(scale_factor=2)), "finer than the source"),
    "third": (calls(lambda m, x: enlarged(halved(x, 3), size=halved(x).shape[2:])), "enlarges a map by 3/2"),
    "two strides": (calls(lambda m, x: x + halved(x)), "strides 1 and 2"),
    "part": (calls(lambda m, x: x[:, :, 1:]), "a part of the map"),
    "part across": (calls(lambda m, x: x[:, :, ::2, 1:]), "a part of the map"),
    "one column": (calls(lambda m, x: x[:, :, ::2, 3]), "a part of the map"),
    "turned": (calls(lambda m, x: x.mT), r"`\.mT` at ''"),
    "made weights": (
        stack(torch.nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 4, 3))),
        "at '0': its weight is made .*remove_parametrizations",
    ),
    "rows": (calls(lambda m, x: torch.cat([x, x], dim=2)), "another axis than the channels"),
    "shares of columns": (calls(lambda m, x: x.softmax(-1)), "another axis than the channels"),
    "mean of rows": (calls(lambda m, x: x.mean(dim=2)), "reduces the axes 2"),
    "view of a map": (calls(lambda m, x: x.view(x.size(0), -1)), "reorders a map"),
    "both pads": (calls(lambda m, x: functional.pad(x, (1, 1, 1, 1, 1, 1))), "places and channels at once"),
    "short pad": (calls(lambda m, x: functional.pad(x, [1])), r"pad is \[1\]"),
    "weights of its own": (
        calls(lambda m, x: functional.conv2d(x, m.layer.weight), layer=nn.Conv2d(3, 3, 1)),
        "conv2d",
    ),
    "pooled convolution": (stack(nn.AdaptiveAvgPool2d(1), nn.Conv2d(3, 4, 3, padding=1)), "no places left"),
    "pooled function": (
        calls(lambda m, x: functional.pixel_shuffle(x.mean((2, 3), True), 1)),
        "pixel_shuffle",
    ),
    "shared scales": (
        calls(
            lambda m, x: m.a(x) + enlarged(m.a(halved(x)), scale_factor=2), a=nn.Conv2d(3, 3, 3, padding=1)
        ),
        "stride 1 and of 2 with the same weights",
    ),
    "arguments": (calls(lambda m, x: torch.mean(x, dim=(2, 3), out=x)), "can't be read"),
    "three numbers": (stack(nn.AvgPool2d((1, 2, 3))), "kernel is"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_place_on_the_sphere_is_named_with_its_place(name):
    model, message = REFUSED[name]
    with pytest.raises(ValueError, match=message) as caught:
        plan(model)
    assert "`model` runs" in str(caught.value)


def test_shares_of_channels_are_taken_place_by_place():
    read = plan(
        calls(lambda m, x: functional.log_softmax(m.layer(x).softmax(1), dim=1), layer=nn.Conv2d(3, 4, 3))
    )
    assert (read.output.kind, read.output.reach) == ("map", 3)


def test_a_place_inside_a_block_is_named_by_the_block():
    class Block(nn.Module):
        def forward(self, x):
            return operator.matmul(x, x)

    with pytest.raises(ValueError, match=re.escape("`matmul` at '1.0'")):
        plan(stack(nn.ReLU(), nn.Sequential(Block())))


def test_several_answers_are_read_and_refused_to_those_who_want_one():
    several = calls(lambda m, x: (m.a(x), x), a=nn.Conv2d(3, 4, 3)), calls(lambda m, x: {"out": x.relu()})
    for model, kind in zip(several, ("tuple or list", "dictionary"), strict=True):
        with pytest.raises(ValueError, match=f"answers with a {kind}; wanted, .*one tensor: give `until`"):
            plan(model).answer()
    assert plan(several[0], "a").answer().target == "a"


def test_what_cannot_be_read_at_all_is_refused(as_a_user):
    with pytest.raises(TypeError, match=r"`model` is a str; wanted a torch\.nn\.Module"):
        plan("resnet18")
    with pytest.raises(ValueError, match=r"can't be traced .*'len' is not supported"):
        plan(calls(lambda m, x: x / len(x)))
    with pytest.raises(ValueError, match=r"train mode \('1' is\).*model.eval"):
        plan(_half_in_training())
    with pytest.raises(ValueError, match="can't be traced"):
        plan(calls(lambda m, x: x if x.sum() > 0 else -x))
    with pytest.raises(ValueError, match=r"`until` is 'layer9'; wanted one of .*'layer4\.1\.bn2'"):
        plan(build("resnet18"), until="layer9")

    class Two(nn.Module):
        def forward(self, x, y):
            return x + y

    with pytest.raises(ValueError, match="a second input"):
        plan(Two().eval())


def _half_in_training():
    model = nn.Sequential(nn.ReLU(), nn.Dropout(0.5)).eval()
    model[1].train()
    return model
