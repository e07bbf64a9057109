"""3-D ResNet50 in the layout of MedicalNet (Chen 2019, Med3D), so that its released weights load by name."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

_BLOCKS = (3, 4, 6, 3)
_EXPANSION = 4


class Bottleneck(nn.Module):
    """1 x 1 x 1, 3 x 3 x 3 (strided or dilated), 1 x 1 x 1 convolution, with a shortcut around them."""

    def __init__(self, inputs: int, planes: int, *, stride: int, dilation: int) -> None:
        super().__init__()
        out = planes * _EXPANSION
        self.conv1 = nn.Conv3d(inputs, planes, 1, bias=False)
        self.bn1 = nn.BatchNorm3d(planes)
        self.conv2 = nn.Conv3d(planes, planes, 3, stride=stride, dilation=dilation, padding=dilation, bias=False)
        self.bn2 = nn.BatchNorm3d(planes)
        self.conv3 = nn.Conv3d(planes, out, 1, bias=False)
        self.bn3 = nn.BatchNorm3d(out)
        self.downsample: nn.Sequential | None = None
        if stride != 1 or inputs != out:  # shortcut of type B: a projection only where the shape changes
            self.downsample = nn.Sequential(
                nn.Conv3d(inputs, out, 1, stride=stride, bias=False), nn.BatchNorm3d(out)
            )

    def forward(self, x: Tensor) -> Tensor:
        """Features (b, inputs, z, y, x) -> (b, 4 * planes, z / stride, y / stride, x / stride)."""
        shortcut: Tensor = x if self.downsample is None else self.downsample(x)
        out = functional.relu(self.bn1(self.conv1(x)))
        out = functional.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        return functional.relu(out + shortcut)


class ResNet50(nn.Module):
    """ResNet50 whose last two stages are dilated instead of strided, and a global mean: (b, c, z, y, x) -> (b, d).

    Attributes:
        width: d, 32 times base_width (2,048 at the published 64).
    """

    def __init__(self, in_channels: int, base_width: int = 64) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.width = base_width * 8 * _EXPANSION
        self.conv1 = nn.Conv3d(in_channels, base_width, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm3d(base_width)
        self.maxpool = nn.MaxPool3d(3, stride=2, padding=1)
        self.layer1 = _stage(base_width, base_width, _BLOCKS[0], stride=1, dilation=1)
        self.layer2 = _stage(base_width * 4, base_width * 2, _BLOCKS[1], stride=2, dilation=1)
        self.layer3 = _stage(base_width * 8, base_width * 4, _BLOCKS[2], stride=1, dilation=2)
        self.layer4 = _stage(base_width * 16, base_width * 8, _BLOCKS[3], stride=1, dilation=4)
        for part in self.modules():
            if isinstance(part, nn.Conv3d):
                nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")

    def features(self, x: Tensor) -> Tensor:
        """Feature map (b, d, z / 8, y / 8, x / 8) of a volume (b, c, z, y, x)."""
        x = functional.relu(self.bn1(self.conv1(x)))  # (b, w, z / 2, y / 2, x / 2)
        x = self.maxpool(x)  # (b, w, z / 4, y / 4, x / 4)
        x = self.layer1(x)  # (b, 4 w, z / 4, y / 4, x / 4)
        x = self.layer2(x)  # (b, 8 w, z / 8, y / 8, x / 8)
        x = self.layer3(x)  # (b, 16 w, z / 8, y / 8, x / 8)
        return self.layer4(x)  # type: ignore[no-any-return]  # (b, 32 w, z / 8, y / 8, x / 8)

    def forward(self, x: Tensor) -> Tensor:
        """Pooled vector (b, d) of a volume (b, c, z, y, x)."""
        return self.features(x).mean(dim=(2, 3, 4))


def _stage(inputs: int, planes: int, blocks: int, *, stride: int, dilation: int) -> nn.Sequential:
    first = Bottleneck(inputs, planes, stride=stride, dilation=dilation)
    others = (Bottleneck(planes * _EXPANSION, planes, stride=1, dilation=dilation) for _ in range(blocks - 1))
    return nn.Sequential(first, *others)
