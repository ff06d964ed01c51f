"""The source networks' shapes, in plain layers; every net begins with its own normalisation."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import pad, relu

from .convert import DARKNET, FIRES

DARKNET_POOLS = (0, 1, 5, 9)  # a 2 x 2 maximum follows these convolutions

# our own classifiers: input channels, outputs of the 3 x 3 convolutions stage by stage, classes
DIGIT_NET = (1, ((16, 16), (32, 32), (48, 48)), 10)
SIGN_NET = (3, ((16, 16), (32, 32), (64, 64)), 43)
GLOBE_NET = (1, ((12, 12), (24, 24), (32, 32)), 10)

# the globe net sees 32 pixels; a 28 × 28 digit in the middle of 44 × 44 gives a last map of 4 × 4
GLOBE_CANVAS = 44


class Normalise(nn.Module):
    """(x − mean)/std per channel; mean and std are no part of the state dict."""

    mean: Float[Tensor, "1 channel 1 1"]
    std: Float[Tensor, "1 channel 1 1"]

    def __init__(self, mean: tuple[float, ...], std: tuple[float, ...]):
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean)[None, :, None, None], persistent=False)
        self.register_buffer("std", torch.tensor(std)[None, :, None, None], persistent=False)

    def forward(
        self, x: Float[Tensor, "batch channel height width"]
    ) -> Float[Tensor, "batch channel height width"]:
        return (x - self.mean) / self.std


def tinydarknet() -> nn.Sequential:
    """16 convolutions, each but the last followed by a leaky ReLU of slope 0.1; the map's mean answers."""
    layers: list[nn.Module] = [Normalise((0.0,) * 3, (1.0,) * 3)]
    for number, (inputs, outputs, size) in enumerate(DARKNET):
        layers.append(nn.Conv2d(inputs, outputs, size, padding=size // 2))
        if number < len(DARKNET) - 1:
            layers.append(nn.LeakyReLU(0.1))
        if number in DARKNET_POOLS:
            layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())


class Fire(nn.Module):
    """Squeeze to few channels, expand by 1 × 1 and 3 × 3 side by side."""

    def __init__(self, inputs: int, squeeze: int, expand: int):
        super().__init__()
        self.squeeze1x1 = nn.Conv2d(inputs, squeeze, 1)
        self.expand1x1 = nn.Conv2d(squeeze, expand, 1)
        self.expand3x3 = nn.Conv2d(squeeze, expand, 3, padding=1)

    def forward(
        self, x: Float[Tensor, "batch channel height width"]
    ) -> Float[Tensor, "batch out height width"]:
        x = relu(self.squeeze1x1(x))
        return torch.cat([relu(self.expand1x1(x)), relu(self.expand3x3(x))], dim=1)


def squeezenet() -> nn.Sequential:
    """SqueezeNet 1.1; the mean colour is that of Caffe, in units of [0, 1]."""
    layers = {"normalise": Normalise((123 / 255, 117 / 255, 104 / 255), (1 / 255,) * 3)}
    layers |= {"conv1": nn.Conv2d(3, 64, 3, stride=2), "relu1": nn.ReLU()}
    inputs = 64
    for number, (squeeze, expand) in enumerate(FIRES, 2):
        if number in (2, 4, 6):
            layers[f"pool{number - 1}"] = nn.MaxPool2d(3, 2, ceil_mode=True)
        layers[f"fire{number}"] = Fire(inputs, squeeze, expand)
        inputs = 2 * expand
    layers |= {"conv10": nn.Conv2d(inputs, 1000, 1), "relu10": nn.ReLU()}
    layers |= {"mean": nn.AdaptiveAvgPool2d(1), "flatten": nn.Flatten()}
    return _named(layers)


class Block(nn.Module):
    """Two convolutions and a shortcut that takes every second pixel and pads with zero channels."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.stride = outputs // inputs
        self.conv1 = nn.Conv2d(inputs, outputs, 3, self.stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.padding = (outputs - inputs) // 2

    def forward(
        self, x: Float[Tensor, "batch channel height width"]
    ) -> Float[Tensor, "batch out height2 width2"]:
        shortcut = pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, self.padding, self.padding))
        return relu(shortcut + self.bn2(self.conv2(relu(self.bn1(self.conv1(x))))))


class ResNet(nn.Module):
    """The CIFAR-10 residual network: three stages of `depth` blocks with 16, 32 and 64 channels."""

    def __init__(self, depth: int, *, classes: int = 10):
        super().__init__()
        self.normalise = Normalise((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = nn.Sequential(*(Block(16, 16) for _ in range(depth)))
        self.layer2 = nn.Sequential(*(Block(16 if n == 0 else 32, 32) for n in range(depth)))
        self.layer3 = nn.Sequential(*(Block(32 if n == 0 else 64, 64) for n in range(depth)))
        self.linear = nn.Linear(64, classes)

    def forward(self, x: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch classes"]:
        x = relu(self.bn1(self.conv1(self.normalise(x))))
        return self.linear(self.layer3(self.layer2(self.layer1(x))).mean(dim=(2, 3)))


def dncnn() -> nn.Sequential:
    """17 convolutions of 3 × 3; the answer is the noise."""
    layers: list[nn.Module] = [Normalise((0.0,), (1.0,)), nn.Conv2d(1, 64, 3, padding=1), nn.ReLU()]
    for _ in range(15):
        layers += [nn.Conv2d(64, 64, 3, padding=1), nn.ReLU()]
    return nn.Sequential(*layers, nn.Conv2d(64, 1, 3, padding=1))


def room_net() -> nn.Sequential:
    """Seven convolutions of 3 × 3 with 16 channels; a 1 × 1 product of the last answers with the noise."""
    layers: dict[str, nn.Module] = {"normalise": Normalise((0.5,) * 3, (0.25,) * 3)}
    for number in range(1, 8):
        layers[f"conv{number}"] = nn.Conv2d(3 if number == 1 else 16, 16, 3, padding=1)
        layers[f"relu{number}"] = nn.ReLU()
    return _named(layers | {"noise": nn.Conv2d(16, 3, 1)})


def globe_net() -> nn.Sequential:
    """A reader of digits meant for the sphere: no padding, and black is zero.

    Every unit sees 32 × 32 pixels and nothing that isn't in the picture, so that the same network without a
    border can run on the sphere. Pictures smaller than 32 pixels leave nothing of the last map.
    """
    return classifier(*GLOBE_NET, padding=0, mean=0.0, std=1.0)


def classifier(
    channels: int,
    stages: tuple[tuple[int, ...], ...],
    classes: int,
    *,
    padding: int = 1,
    mean: float = 0.5,
    std: float = 0.25,
) -> nn.Sequential:
    """Stages of 3 × 3 convolutions with a 2 × 2 maximum between them; the last map's mean is classified.

    The weights are drawn for ReLUs: variance 2/(inputs · 9), no bias (K. He et al., ICCV 2015).
    """
    layers: dict[str, nn.Module] = {"normalise": Normalise((mean,) * channels, (std,) * channels)}
    for stage, widths in enumerate(stages, 1):
        if stage > 1:
            layers[f"pool{stage - 1}"] = nn.MaxPool2d(2)
        for number, width in enumerate(widths, 1):
            convolution = nn.Conv2d(channels, width, 3, padding=padding)
            nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
            nn.init.zeros_(convolution.bias)
            layers[f"conv{stage}_{number}"] = convolution
            layers[f"relu{stage}_{number}"] = nn.ReLU()
            channels = width
    layers |= {"mean": nn.AdaptiveAvgPool2d(1), "flatten": nn.Flatten()}
    return _named(layers | {"linear": nn.Linear(channels, classes)})


def _named(layers: dict[str, nn.Module]) -> nn.Sequential:
    net = nn.Sequential()
    for name, layer in layers.items():
        net.add_module(name, layer)
    return net
