"""From a volume (b, c, z, y, x) to tokens (b, n, d); tokens run z slowest, x fastest."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional


class LinearPatchEmbed(nn.Module):
    """One linear map per cube of `token_edge` voxels (Dosovitskiy 2021, in 3-D).

    The weight is kept in a convolution's layout (width, c, t, t, t), so that its input channels can be told apart
    when weights move between networks with different channels.
    """

    def __init__(self, in_channels: int, token_edge: int, width: int) -> None:
        super().__init__()
        self.token_edge = token_edge
        self.projection = nn.Conv3d(in_channels, width, token_edge, stride=token_edge)

    def forward(self, x: Tensor) -> Tensor:
        """Tokens (b, n, d) of a volume (b, c, z, y, x)."""
        b, c, t = x.shape[0], x.shape[1], self.token_edge
        z, y, w = (edge // t for edge in x.shape[2:])
        cubes = x.reshape(b, c, z, t, y, t, w, t)
        cubes = cubes.permute(0, 2, 4, 6, 1, 3, 5, 7)  # (b, z, y, x, c, t, t, t)
        cubes = cubes.reshape(b, z * y * w, c * t**3)  # (b, n, c * t * t * t)
        # A matrix product: the strided convolution would compute the same, several times slower on a CPU.
        return functional.linear(cubes, self.projection.weight.flatten(1), self.projection.bias)


class ConvStem(nn.Module):
    """Small strided convolutions down to the token grid (Xiao 2021: early convolutions help transformers).

    One convolution for each prime factor of `token_edge` (16 = 2 x 2 x 2 x 2), the channels double at each, then a
    1 x 1 x 1 convolution to `width`.
    """

    def __init__(self, in_channels: int, token_edge: int, width: int) -> None:
        super().__init__()
        self.token_edge = token_edge
        strides = _prime_factors(token_edge)
        layers: list[nn.Module] = []
        channels = in_channels
        for i, stride in enumerate(strides):
            out = max(width // 2 ** (len(strides) - i), 1)
            kernel, padding = (3, 1) if stride == 2 else (stride, 0)
            layers.append(nn.Conv3d(channels, out, kernel, stride=stride, padding=padding, bias=False))
            # One group: normalised over the whole sample, so batches of one lesion work and every width divides.
            layers.extend((nn.GroupNorm(1, out), nn.GELU()))
            channels = out
        layers.append(nn.Conv3d(channels, width, 1))
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Tokens (b, n, d) of a volume (b, c, z, y, x)."""
        features: Tensor = self.layers(x)  # (b, d, z / t, y / t, x / t)
        return features.flatten(2).transpose(1, 2)  # (b, d, z, y, x) -> (b, n, d)


def _prime_factors(number: int) -> list[int]:
    factors, divisor = [], 2
    while number > 1:
        while number % divisor == 0:
            factors.append(divisor)
            number //= divisor
        divisor += 1
    return factors
