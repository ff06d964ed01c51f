"""The networks whose cost on the sphere is counted and measured; sizes matter here, not what they know."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from ktnlib.data.architectures import DIGIT_NET, classifier, tinydarknet
from ktnlib.sphere.published import VGG16


def vgg16() -> nn.Sequential:
    """The thirteen convolutions of VGG-16, with the four pools between its stages."""
    layers: list[nn.Module] = []
    before = VGG16[0].name
    for layer in VGG16:
        if layer.name[:5] != before[:5]:
            layers.append(nn.MaxPool2d(2))
        layers += [nn.Conv2d(layer.in_channels, layer.out_channels, 3, padding=1), nn.ReLU()]
        before = layer.name
    return nn.Sequential(*layers[:-1])


class Block(nn.Module):
    """Two convolutions of 3 × 3 and a shortcut, of 1 × 1 where the map changes."""

    def __init__(self, inputs: int, outputs: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        shortcut = (nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
        self.downsample = nn.Identity() if inputs == outputs else nn.Sequential(*shortcut)

    def forward(self, x: Tensor) -> Tensor:
        inner = self.bn2(self.conv2(self.bn1(self.conv1(x)).relu()))
        return (inner + self.downsample(x)).relu()


def resnet18() -> nn.Sequential:
    """ResNet-18 down to its last map."""
    start = nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1)
    sizes = (64, 64, 1), (64, 64, 1), (64, 128, 2), (128, 128, 1), (128, 256, 2), (256, 256, 1)
    return nn.Sequential(*start, *(Block(*size) for size in (*sizes, (256, 512, 2), (512, 512, 1))))


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "digit-net": lambda: classifier(*DIGIT_NET)[:-3],
    "tinydarknet": lambda: tinydarknet()[:-2],
    "resnet18": resnet18,
    "vgg16": vgg16,
}


def network(name: str) -> nn.Module:
    """One of them in eval mode, down to its last map; the weights are drawn, not trained."""
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(0)
        return NETWORKS[name]().eval()
