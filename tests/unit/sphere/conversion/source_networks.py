"""Well-known networks with torchvision's structure and parameter names, written out small, and a U-Net."""

import torch
from torch import nn
from torch.nn import functional


class BasicBlock(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride > 1 or inputs != outputs:
            shortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
            self.downsample = nn.Sequential(shortcut, nn.BatchNorm2d(outputs))

    def forward(self, x):
        identity = x if self.downsample is None else self.downsample(x)
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += identity
        return self.relu(out)


class ResNet18(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        for number, (inputs, outputs) in enumerate(((64, 64), (64, 128), (128, 256), (256, 512)), 1):
            first = BasicBlock(inputs, outputs, 1 if number == 1 else 2)
            self.add_module(f"layer{number}", nn.Sequential(first, BasicBlock(outputs, outputs, 1)))
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(512, 1000)

    def forward(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(torch.flatten(self.avgpool(x), 1))


class Fire(nn.Module):
    def __init__(self, inputs, squeeze, expand):
        super().__init__()
        self.squeeze = nn.Conv2d(inputs, squeeze, 1)
        self.squeeze_activation = nn.ReLU(inplace=True)
        self.expand1x1 = nn.Conv2d(squeeze, expand, 1)
        self.expand1x1_activation = nn.ReLU(inplace=True)
        self.expand3x3 = nn.Conv2d(squeeze, expand, 3, padding=1)
        self.expand3x3_activation = nn.ReLU(inplace=True)

    def forward(self, x):
        x = self.squeeze_activation(self.squeeze(x))
        one, three = self.expand1x1(x), self.expand3x3(x)
        return torch.cat([self.expand1x1_activation(one), self.expand3x3_activation(three)], 1)


class SqueezeNet(nn.Module):
    def __init__(self):
        super().__init__()
        sizes = ((64, 16, 64), (128, 16, 64), (128, 32, 128), (256, 32, 128))
        sizes += ((256, 48, 192), (384, 48, 192), (384, 64, 256), (512, 64, 256))
        layers = [nn.Conv2d(3, 64, 3, 2), nn.ReLU(inplace=True)]
        for number, size in enumerate(sizes):
            if number in (0, 2, 4):
                layers.append(nn.MaxPool2d(3, 2, ceil_mode=True))
            layers.append(Fire(*size))
        self.features = nn.Sequential(*layers)
        last = nn.Conv2d(512, 1000, 1)
        self.classifier = nn.Sequential(
            nn.Dropout(0.5), last, nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d((1, 1))
        )

    def forward(self, x):
        return torch.flatten(self.classifier(self.features(x)), 1)


def conv_norm(inputs, outputs, size, stride=1, groups=1, activation=nn.Hardswish):
    layers = [
        nn.Conv2d(inputs, outputs, size, stride, size // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs, eps=0.001, momentum=0.01),
    ]
    return nn.Sequential(*layers, *([activation(inplace=True)] if activation else []))


class SqueezeExcitation(nn.Module):
    def __init__(self, channels, squeezed):
        super().__init__()
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc1 = nn.Conv2d(channels, squeezed, 1)
        self.fc2 = nn.Conv2d(squeezed, channels, 1)
        self.activation = nn.ReLU()
        self.scale_activation = nn.Hardsigmoid()

    def forward(self, x):
        return self.scale_activation(self.fc2(self.activation(self.fc1(self.avgpool(x))))) * x


class InvertedResidual(nn.Module):
    def __init__(self, inputs, size, expanded, outputs, squeeze, activation, stride):
        super().__init__()
        self.use_res_connect = stride == 1 and inputs == outputs
        layers = [] if expanded == inputs else [conv_norm(inputs, expanded, 1, activation=activation)]
        layers.append(conv_norm(expanded, expanded, size, stride, expanded, activation))
        if squeeze:
            layers.append(SqueezeExcitation(expanded, max(8, (expanded // 4 + 4) // 8 * 8)))
        self.block = nn.Sequential(*layers, conv_norm(expanded, outputs, 1, activation=None))

    def forward(self, x):
        out = self.block(x)
        if self.use_res_connect:
            out += x
        return out


class MobileNetV3Small(nn.Module):
    def __init__(self):
        super().__init__()
        relu, swish = nn.ReLU, nn.Hardswish
        settings = (
            *((16, 3, 16, 16, True, relu, 2), (16, 3, 72, 24, False, relu, 2)),
            *((24, 3, 88, 24, False, relu, 1), (24, 5, 96, 40, True, swish, 2)),
            *((40, 5, 240, 40, True, swish, 1), (40, 5, 240, 40, True, swish, 1)),
            *((40, 5, 120, 48, True, swish, 1), (48, 5, 144, 48, True, swish, 1)),
            *((48, 5, 288, 96, True, swish, 2), (96, 5, 576, 96, True, swish, 1)),
            (96, 5, 576, 96, True, swish, 1),
        )
        blocks = [InvertedResidual(*setting) for setting in settings]
        self.features = nn.Sequential(conv_norm(3, 16, 3, 2), *blocks, conv_norm(96, 576, 1))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(
            nn.Linear(576, 1024), nn.Hardswish(inplace=True), nn.Dropout(0.2), nn.Linear(1024, 1000)
        )

    def forward(self, x):
        return self.classifier(torch.flatten(self.avgpool(self.features(x)), 1))


class UNet(nn.Module):
    """Two levels up by transposed convolution, one bilinearly, one by nearest to the size of a skip."""

    def __init__(self, width=4, kernel=2):
        super().__init__()
        self.enter = self.double(3, width)
        self.down = nn.ModuleList(self.double(width * 2**n, width * 2 ** (n + 1)) for n in range(3))
        self.pool = nn.MaxPool2d(2)
        padding, odd = (kernel - 1) // 2, kernel % 2
        self.up1 = nn.ConvTranspose2d(width * 8, width * 4, kernel, 2, padding, odd)
        self.up2 = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)
        self.merge1, self.merge2 = self.double(width * 8, width * 4), self.double(width * 6, width * 2)
        self.merge3 = self.double(width * 3, width)
        self.answer = nn.Conv2d(width, 2, 1)

    @staticmethod
    def double(inputs, outputs):
        first, second = nn.Conv2d(inputs, outputs, 3, padding=1), nn.Conv2d(outputs, outputs, 3, padding=1)
        return nn.Sequential(first, nn.ReLU(inplace=True), second, nn.ReLU(inplace=True))

    def forward(self, x):
        one = self.enter(x)
        two = self.down[0](self.pool(one))
        three = self.down[1](self.pool(two))
        four = self.up1(self.down[2](self.pool(three)))
        down, across = three.size(2) - four.size(2), three.size(3) - four.size(3)
        four = functional.pad(four, [across // 2, across - across // 2, down // 2, down - down // 2])
        three = self.merge1(torch.cat([three, four], dim=1))
        two = self.merge2(torch.cat([two, self.up2(three)], dim=1))
        up = functional.interpolate(two, size=one.shape[-2:], mode="nearest")
        return self.answer(self.merge3(torch.cat([one, up], dim=1)))


NETWORKS = {
    "resnet18": ResNet18,
    "mobilenet_v3_small": MobileNetV3Small,
    "squeezenet1_1": SqueezeNet,
    "unet": UNet,
}


def build(name, seed=0):
    """The network with weights drawn for ReLUs and batch norms that do something, in eval mode."""
    torch.manual_seed(seed)
    model = NETWORKS[name]()
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2)
            nn.init.normal_(module.bias, 0, 0.1)
    return model.eval()
