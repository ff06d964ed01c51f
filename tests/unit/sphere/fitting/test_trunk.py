"""A trunk is the model it was cut from, and refuses what no trunk can be."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional

from ktnlib.data.architectures import ResNet, dncnn
from ktnlib.sphere.fitting import Trunk


def unsettled(model, seed=0):
    """Random weights and statistics, so that nothing is an identity by chance; float64, eval mode."""
    generator = torch.Generator().manual_seed(seed)
    for value in model.state_dict().values():
        if value.is_floating_point():
            value.copy_(torch.rand(value.shape, generator=generator) * 0.4 + 0.1)
    for name, value in model.named_parameters():
        if name.endswith(("conv1.weight", "conv2.weight")):
            value.data.copy_(torch.randn(value.shape, generator=generator) * 0.1)
    return model.double().eval()


def hooked(model, x, kind):
    """Inputs and outputs of the model's modules of a kind, as the model itself runs them."""
    inputs, outputs = {}, {}

    def note(name):
        def hook(module, arguments, answer):
            inputs[name], outputs[name] = arguments[0].clone(), answer.clone()

        return hook

    handles = [
        m.register_forward_hook(note(name)) for name, m in model.named_modules() if isinstance(m, kind)
    ]
    with torch.no_grad():
        model(x)
    for handle in handles:
        handle.remove()
    return inputs, outputs


def inside(whole, part):
    """The middle of `whole` that is as large as `part`."""
    border = (whole.shape[-1] - part.shape[-1]) // 2
    return whole[..., border : whole.shape[-1] - border, border : whole.shape[-1] - border]


@pytest.fixture(scope="module")
def resnet():
    return unsettled(ResNet(3))


@pytest.fixture(scope="module")
def picture():
    return torch.rand(2, 3, 20, 20, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


UNTIL = "layer1.2.conv2"


def test_away_from_the_border_a_valid_run_answers_what_the_model_does_after_its_batch_norms(resnet, picture):
    outputs = Trunk(resnet, until=UNTIL).run(picture)
    _, wanted = hooked(resnet, picture, nn.BatchNorm2d)
    assert list(outputs) == ["conv1", *(f"layer1.{block}.conv{n}" for block in range(3) for n in (1, 2))]
    for name, output in outputs.items():
        whole = wanted[name.replace("conv", "bn")]
        torch.testing.assert_close(output, inside(whole, output), rtol=0, atol=1e-12, msg=name)


def test_every_value_sees_the_patch_its_receptive_field_says(resnet):
    trunk = Trunk(resnet, until=UNTIL)
    assert [layer.receptive_field for layer in trunk.layers.values()] == [3, 5, 7, 9, 11, 13, 15]
    for side in (15, 17):
        x = torch.rand(1, 3, side, side, dtype=torch.float64)
        answers = trunk.run(x)
        for name, layer in trunk.layers.items():
            assert answers[name].shape[-1] == side + 1 - layer.receptive_field
    assert not trunk.walk(x).requires_grad


def test_a_stack_of_seventeen_convolutions_sees_35_pixels_and_dilation_counts():
    assert Trunk(dncnn().eval(), until="33").receptive_field == 35
    dilated = nn.Sequential(nn.Conv2d(1, 1, 3, dilation=2), nn.Conv2d(1, 1, 1), nn.Conv2d(1, 1, 5)).eval()
    layers = Trunk(dilated, until="2").layers
    assert {name: (one.receptive_field, one.dilation, one.kernel_size) for name, one in layers.items()} == {
        "0": (5, 2, 3),
        "1": (5, 1, 1),
        "2": (9, 1, 5),
    }


def test_every_convolution_can_be_replaced_and_what_it_read_is_given_back(resnet, picture):
    wanted_inputs, _ = hooked(resnet, picture, nn.Conv2d)
    _, normed = hooked(resnet, picture, nn.BatchNorm2d)
    trunk = Trunk(resnet, until=UNTIL)

    def padded(name, layer, x):
        return functional.conv2d(x, layer.weight, layer.bias, padding=layer.kernel_size // 2)

    outputs = trunk.run(picture, padded)
    inputs = trunk.inputs(picture, outputs)
    for name in trunk.layers:
        torch.testing.assert_close(outputs[name], normed[name.replace("conv", "bn")], rtol=0, atol=1e-12)
        torch.testing.assert_close(inputs[name], wanted_inputs[name], rtol=0, atol=1e-12)


class InPlace(nn.Module):
    """Works in place wherever torch lets it, and joins channels."""

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.conv3 = nn.Conv2d(8, 2, 3, padding=1)
        self.act = nn.LeakyReLU(0.1, inplace=True)

    def forward(self, x):
        first = self.act(self.conv1(x))
        second = functional.relu(self.conv2(first), inplace=True)
        second += first
        return self.conv3(torch.cat([first, second], dim=1))


def test_work_in_place_spoils_neither_what_is_kept_nor_the_model(picture):
    model = unsettled(InPlace())
    outputs = Trunk(model, until="conv3").run(picture)
    _, wanted = hooked(model, picture, nn.Conv2d)
    for name, output in outputs.items():
        torch.testing.assert_close(output, inside(wanted[name], output), rtol=0, atol=1e-12)
    assert model.act.inplace


class Overwritten(nn.Module):
    """What it reads after an operation in place is what that left behind; no padding."""

    def __init__(self, work):
        super().__init__()
        self.first, self.conv, self.work = nn.Conv2d(3, 2, 3), nn.Conv2d(2, 2, 3), work

    def forward(self, x):
        x = self.first(x)
        worked = self.work(x)
        return self.conv(x + 0.5 * worked)


@pytest.mark.parametrize(
    "work",
    [
        nn.ReLU(inplace=True),
        lambda x: functional.relu(x, inplace=True),
        lambda x: functional.leaky_relu(x, 0.1, True),
    ],
)
def test_a_value_that_was_overwritten_is_read_as_it_was_left(picture, work):
    model = unsettled(Overwritten(work))
    with torch.no_grad():
        wanted = model(picture)
    torch.testing.assert_close(Trunk(model, until="conv").walk(picture), wanted, rtol=0, atol=1e-12)


def test_an_operation_in_place_counts_though_its_result_has_no_reader(picture):
    def discard(x):
        functional.relu(x, inplace=True)
        return 0

    model = unsettled(Overwritten(discard))
    with torch.no_grad():
        wanted = model(picture)
    torch.testing.assert_close(Trunk(model, until="conv").walk(picture), wanted, rtol=0, atol=1e-12)


def test_a_trunk_keeps_its_weights_when_the_model_changes(resnet, picture):
    model = copy.deepcopy(resnet)
    trunk = Trunk(model, until=UNTIL)
    before = trunk.walk(picture)
    for parameter in model.parameters():
        parameter.data.zero_()
    assert torch.equal(trunk.walk(picture), before)


def stack(*between, until="conv", **options):
    layers = nn.Sequential()
    layers.add_module("first", nn.Conv2d(2, 2, 3))
    for number, module in enumerate(between):
        layers.add_module(f"between{number}", module)
    layers.add_module("conv", nn.Conv2d(2, 2, **({"kernel_size": 3} | options)))
    return Trunk(layers.eval(), until=until)


class Calls(nn.Module):
    """A convolution after any function of another."""

    def __init__(self, function):
        super().__init__()
        self.first, self.conv, self.function = nn.Conv2d(2, 2, 3), nn.Conv2d(2, 2, 3), function

    def forward(self, x):
        return self.conv(self.function(self.first(x)))


def calls(function):
    return Trunk(Calls(function).eval(), until="conv")


REFUSED = {
    "stride": (lambda: stack(stride=2), r"Conv2d\(2, 2, .*stride=\(2, 2\)\) at 'conv'"),
    "even kernel": (lambda: stack(kernel_size=2), "at 'conv'.*odd square kernel"),
    "oblong kernel": (lambda: stack(kernel_size=(3, 1)), "at 'conv'.*odd square kernel"),
    "oblong dilation": (lambda: stack(dilation=(2, 1)), "at 'conv'"),
    "groups": (lambda: stack(groups=2), "at 'conv'.*one group"),
    "pooling": (lambda: stack(nn.MaxPool2d(2)), "MaxPool2d.* at 'between0'.*may be one of 'first'"),
    "transposed": (lambda: stack(nn.ConvTranspose2d(2, 2, 3)), "ConvTranspose2d.* at 'between0'"),
    "padding": (lambda: stack(nn.ZeroPad2d(1)), "ZeroPad2d.* at 'between0'"),
    "statistics": (lambda: stack(nn.BatchNorm2d(2, track_running_stats=False), nn.ReLU()), "at 'between0'"),
    "mean": (lambda: calls(lambda x: x - x.mean((2, 3), keepdim=True)), "mean"),
    "pad": (lambda: calls(lambda x: functional.pad(x, (1, 1))), "pad"),
    "method in place": (lambda: calls(lambda x: (x.clamp_(0), x)[1]), "runs clamp_"),
    "slice": (lambda: calls(lambda x: x[:, :, ::2]), "getitem"),
    "cat of rows": (lambda: calls(lambda x: torch.cat([x, x], 2)), "cat"),
    "twice": (lambda: _twice(), "at 'first'.*used once"),
    "train mode": (lambda: Trunk(nn.Conv2d(1, 1, 3), until=""), "`model` is in train mode.*model.eval()"),
    "unknown name": (lambda: stack(until="last"), "`until` is 'last'; wanted one of 'first', 'conv'"),
    "course": (
        lambda: Trunk(Calls(lambda x: x if x.sum() > 0 else -x).eval(), until="conv"),
        "can't be traced",
    ),
}


def _twice():
    model = Calls(nn.Conv2d(2, 2, 3))
    model.function = model.first
    return Trunk(model.eval(), until="conv")


@pytest.mark.parametrize("name", REFUSED)
def test_what_no_trunk_can_be_is_refused_with_its_place(name):
    build, words = REFUSED[name]
    with pytest.raises(ValueError, match=f"(?s){words}"):
        build()


def test_an_error_inside_a_walk_says_what_was_raised_and_no_more(resnet, picture):
    def refuse(name, layer, x):
        raise ValueError(f"not {name}")

    with pytest.raises(ValueError, match=r"^not conv1$"):
        Trunk(resnet, until=UNTIL).walk(picture, refuse)


def test_operations_after_the_cut_are_nobodys_business(resnet):
    assert "layer2.0.conv1" not in Trunk(resnet, until=UNTIL).layers
    words = r"`model` runs getitem at 'layer2\.0' on the way to 'layer3\.0\.conv2'.*'layer1\.2\.conv2'$"
    with pytest.raises(ValueError, match=words):
        Trunk(resnet, until="layer3.0.conv2")


def test_shortcuts_that_do_nothing_at_stride_1_may_be_written_as_slices_and_pads(picture):
    model = Calls(lambda x: functional.pad(x[:, :, ::1, ::1], pad=(0, 0, 0, 0))).double().eval()
    assert Trunk(model, until="conv").walk(picture[:, :2, :5, :5]).shape == (2, 2, 1, 1)


def test_equal_trunks_have_equal_fingerprints_and_any_change_another(resnet):
    def changed(change):
        model = copy.deepcopy(resnet)
        with torch.no_grad():
            change(model)
        return Trunk(model, until=UNTIL).fingerprint()

    prints = {
        "same": Trunk(resnet, until=UNTIL).fingerprint(),
        "weight": changed(lambda model: model.layer1[1].conv1.weight[0, 0, 0, 0].add_(1e-9)),
        "statistics": changed(lambda model: model.bn1.running_mean.add_(1e-9)),
        "normalisation": changed(lambda model: model.normalise.std.mul_(2)),
        "type": changed(lambda model: model.float()),
        "earlier": Trunk(resnet, until="layer1.2.conv1").fingerprint(),
        "slope 0.1": stack_print(nn.LeakyReLU(0.1)),
        "slope 0.2": stack_print(nn.LeakyReLU(0.2)),
        "dilated": stack_print(nn.LeakyReLU(0.1), dilation=2),
        "learned slope": stack_print(nn.PReLU(init=0.1)),
        "another learned slope": stack_print(nn.PReLU(init=0.2)),
    }
    assert len(set(prints.values())) == len(prints)
    assert changed(lambda model: None) == prints["same"]
    assert changed(lambda model: model.linear.weight.zero_()) == prints["same"]


def stack_print(*between, **options):
    torch.manual_seed(0)
    return stack(*between, **options).fingerprint()
