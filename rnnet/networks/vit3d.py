"""The 3-D Vision Transformer: one lesion cube in, tokens, one vector or the attention out."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from rnnet.core.errors import GeometryError, SettingError
from rnnet.core.seeding import seed_for
from rnnet.networks.blocks import Block
from rnnet.networks.initialize import initialize_transformer, seeded_torch
from rnnet.networks.patch_embed import ConvStem, LinearPatchEmbed
from rnnet.networks.position import sinusoidal_positions
from rnnet.planning.plan import ExperimentPlan

_PATCH_EMBEDS: dict[str, type[LinearPatchEmbed] | type[ConvStem]] = {"linear": LinearPatchEmbed, "conv_stem": ConvStem}


class AttentivePool(nn.Module):
    """Mean over tokens with learned weights, one set for each head; a fresh one is close to the plain mean."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        # No bias: the softmax over tokens would cancel it.
        self.score = nn.Linear(width, heads, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens (b, n, d) -> (b, d)."""
        weights: Tensor = self.score(tokens)
        weights = weights.softmax(dim=1)  # (b, n, heads)
        values = tokens.reshape(*tokens.shape[:2], self.heads, -1)  # (b, n, heads, d_h)
        return (weights.unsqueeze(-1) * values).sum(dim=1).flatten(1)  # (b, heads, d_h) -> (b, d)


class Vit3d(nn.Module):
    """Vision Transformer (Dosovitskiy 2021) over cubes (b, c, edge, edge, edge), without a class token.

    Attributes:
        width: d, length of a token and of the pooled vector.
        grid: tokens per edge, so n = grid**3.
    """

    def __init__(
        self,
        *,
        in_channels: int,
        edge_vox: int,
        token_edge_vox: int,
        width: int,
        depth: int,
        heads: int,
        mlp_ratio: float = 4.0,
        patch_embed: Literal["linear", "conv_stem"] = "linear",
        position: Literal["learned", "sinusoidal"] = "sinusoidal",
        pooling: Literal["mean", "attentive"] = "mean",
        drop_path: float = 0.0,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        _check(edge_vox=edge_vox, token_edge_vox=token_edge_vox, width=width, heads=heads)
        self.in_channels = in_channels
        self.edge_vox = edge_vox
        self.width = width
        self.grid = edge_vox // token_edge_vox
        self.patch_embed = _PATCH_EMBEDS[patch_embed](in_channels, token_edge_vox, width)
        # The share of dropped branches grows linearly with depth (Huang 2016).
        rates = torch.linspace(0.0, drop_path, depth).tolist()
        self.blocks = nn.ModuleList(Block(width, heads, mlp_ratio, drop_path=r, dropout=dropout) for r in rates)
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.pool = AttentivePool(width, heads) if pooling == "attentive" else None
        initialize_transformer(self)
        if position == "learned":
            self.position = nn.Parameter(nn.init.trunc_normal_(torch.empty(1, self.grid**3, width), std=0.02))
        else:
            # Not stored: it follows from the grid, so a checkpoint serves every crop edge.
            self.register_buffer("position", sinusoidal_positions(self.grid, width), persistent=False)

    def tokens(self, x: Tensor) -> Tensor:
        """Tokens (b, n, d), after the last norm, of a volume (b, c, z, y, x)."""
        tokens = self._embedded(x)
        for block in self.blocks:
            tokens = block(tokens)
        normed: Tensor = self.norm(tokens)
        return normed

    def forward(self, x: Tensor) -> Tensor:
        """Pooled vector (b, d) of a volume (b, c, z, y, x)."""
        return self.pooled(self.tokens(x))

    def pooled(self, tokens: Tensor) -> Tensor:
        """Vector (b, d) of tokens (b, n, d), for callers that need both and run the blocks once."""
        if self.pool is None:
            return tokens.mean(dim=1)
        vector: Tensor = self.pool(tokens)
        return vector

    def attention(self, x: Tensor) -> Tensor:
        """Attention weights (depth, b, heads, n, n) of a volume (b, c, z, y, x); each row sums to 1."""
        tokens = self._embedded(x)
        weights: list[Tensor] = []
        for block in self.blocks:
            tokens, attended = block(tokens, return_attention=True)
            weights.append(attended)
        return torch.stack(weights)

    def _embedded(self, x: Tensor) -> Tensor:
        expected = (self.in_channels, self.edge_vox, self.edge_vox, self.edge_vox)
        if x.dim() != 5 or tuple(x.shape[1:]) != expected:
            raise GeometryError(
                f"The network takes cubes of (channels, z, y, x) = {expected}. Got {tuple(x.shape[1:])} instead.",
                fix="Use crops made with the plan that the network was built from.",
            )
        tokens: Tensor = self.patch_embed(x)
        return tokens + self.position


def build_vit(plan: ExperimentPlan, *, in_channels: int) -> Vit3d:
    """The plan's Vision Transformer for `in_channels` channels; the plan's seed fixes its first weights."""
    net = plan.network
    with seeded_torch(seed_for(plan.seed, "weights", "vit")):
        return Vit3d(
            in_channels=in_channels,
            edge_vox=plan.crop.edge_vox,
            token_edge_vox=net.token_edge_vox,
            width=net.width,
            depth=net.depth,
            heads=net.heads,
            mlp_ratio=net.mlp_ratio,
            patch_embed=net.patch_embed,
            position=net.position,
            pooling=net.pooling,
            drop_path=net.drop_path,
            dropout=net.dropout,
        )


def _check(*, edge_vox: int, token_edge_vox: int, width: int, heads: int) -> None:
    if edge_vox % token_edge_vox:
        raise SettingError(
            f"The crop edge must be a multiple of the token edge. Got {edge_vox} and {token_edge_vox} instead."
        )
    if width % heads:
        raise SettingError(f"The width must be a multiple of the heads. Got {width} and {heads} instead.")
