"""What stands on top of an encoder: the outcome's logit, the contrastive projection, the restored image."""

from __future__ import annotations

from torch import Tensor, nn

from rnnet.networks.initialize import initialize_transformer


class ClassificationHead(nn.Module):
    """One raw logit of the positive outcome: no squashing, the loss and the calibration need it unbounded."""

    def __init__(self, width: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(width, 1)
        # Small, so that training starts near probability one half and a pretrained encoder is not shaken.
        initialize_transformer(self, std=0.002)

    def forward(self, pooled: Tensor) -> Tensor:
        """Pooled vectors (b, d) -> logits (b,)."""
        logits: Tensor = self.linear(self.dropout(pooled))
        return logits.squeeze(-1)


class ProjectionHead(nn.Module):
    """MLP to the space of NT-Xent (Chen 2020). The loss normalises; no batch norm, so batches may be small."""

    def __init__(self, width: int, out: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, out))
        initialize_transformer(self)

    def forward(self, pooled: Tensor) -> Tensor:
        """Pooled vectors (b, d) -> projections (b, out), not normalised."""
        projected: Tensor = self.layers(pooled)
        return projected


class RestorationHead(nn.Module):
    """Each token back to its own cube of voxels by one linear map."""

    def __init__(self, width: int, token_edge: int, *, grid: int, out_channels: int = 1) -> None:
        super().__init__()
        self.token_edge = token_edge
        self.grid = grid
        self.out_channels = out_channels
        self.linear = nn.Linear(width, out_channels * token_edge**3)
        initialize_transformer(self)

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens (b, n, d) -> volume (b, out_channels, z, y, x)."""
        b, g, t, c = tokens.shape[0], self.grid, self.token_edge, self.out_channels
        cubes: Tensor = self.linear(tokens)
        cubes = cubes.reshape(b, g, g, g, c, t, t, t)
        cubes = cubes.permute(0, 4, 1, 5, 2, 6, 3, 7)  # (b, c, z, t, y, t, x, t)
        return cubes.reshape(b, c, g * t, g * t, g * t)
