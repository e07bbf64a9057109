"""The 3-D Vision Transformer: one lesion cube in, tokens, one vector or the attention out."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

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
    """Vision Transformer (Dosovitskiy 2021) over cubes (b, c, edge, edge, edge).

    The tokens are the class token, if there is one, then the grid**3 patches, z slowest.

    Attributes:
        width: d, length of a token and of the pooled vector.
        grid: patches per edge.
    """

    def __init__(
        self, *, in_channels: int, edge_vox: int, token_edge_vox: int, width: int, depth: int, heads: int,
        mlp_ratio: float = 4.0, patch_embed: Literal["linear", "conv_stem"] = "linear",
        position: Literal["learned", "sinusoidal"] = "sinusoidal", class_token: bool = False,
        pooling: Literal["mean", "attentive", "class_token"] = "mean", drop_path: float = 0.0,
        layer_scale: float = 0.0, dropout: float = 0.0, checkpoint_blocks: bool = False,
    ) -> None:
        super().__init__()
        _check(edge_vox, token_edge_vox, width, heads, pooling, class_token=class_token)
        self.in_channels, self.edge_vox, self.width = in_channels, edge_vox, width
        self.grid = edge_vox // token_edge_vox
        self.pooling, self.checkpoint_blocks = pooling, checkpoint_blocks
        self.patch_embed = _PATCH_EMBEDS[patch_embed](in_channels, token_edge_vox, width)
        # The share of dropped branches grows linearly with depth (Huang 2016).
        rates = torch.linspace(0.0, drop_path, depth).tolist()
        self.blocks = nn.ModuleList(
            Block(width, heads, mlp_ratio, drop_path=r, dropout=dropout, layer_scale=layer_scale) for r in rates
        )
        self.norm = nn.LayerNorm(width)
        self.pool = AttentivePool(width, heads) if pooling == "attentive" else None
        initialize_transformer(self)
        if position == "learned":
            self.position = nn.Parameter(nn.init.trunc_normal_(torch.empty(1, self.grid**3, width), std=0.02))
        else:
            # Not stored: it follows from the grid, so a checkpoint serves every crop edge.
            self.register_buffer("position", sinusoidal_positions(self.grid, width), persistent=False)
        # No position of its own: it stands nowhere in the crop.
        first = nn.init.trunc_normal_(torch.empty(1, 1, width), std=0.02) if class_token else None
        self.class_token = nn.Parameter(first) if first is not None else None

    def tokens(self, x: Tensor, *, hidden: Tensor | None = None, mask_token: Tensor | None = None) -> Tensor:
        """Tokens (b, n, d), after the last norm, of a volume (b, c, z, y, x).

        hidden (b, grid**3) bool: patches that `mask_token` (d,) stands for, at their positions (Xie 2022, SimMIM).
        """
        tokens = self._embedded(x, hidden, mask_token)
        for block in self.blocks:
            again = self.checkpoint_blocks and self.training
            tokens = checkpoint(block, tokens, use_reentrant=False) if again else block(tokens)
        normed: Tensor = self.norm(tokens)
        return normed

    def patch_tokens(self, tokens: Tensor) -> Tensor:
        """The patches (b, grid**3, d) among tokens (b, n, d)."""
        return tokens if self.class_token is None else tokens[:, 1:]

    def pooled(self, tokens: Tensor) -> Tensor:
        """Vector (b, d) of tokens (b, n, d), for callers that need both and run the blocks once."""
        if self.pooling == "class_token":
            return tokens[:, 0]
        patches = self.patch_tokens(tokens)
        vector: Tensor = patches.mean(dim=1) if self.pool is None else self.pool(patches)
        return vector

    def forward(self, x: Tensor) -> Tensor:
        """Pooled vector (b, d) of a volume (b, c, z, y, x)."""
        return self.pooled(self.tokens(x))

    def attention(self, x: Tensor) -> Tensor:
        """Attention weights (depth, b, heads, n, n) of a volume (b, c, z, y, x); each row sums to 1."""
        tokens, weights = self._embedded(x), []
        for block in self.blocks:
            tokens, attended = block(tokens, return_attention=True)
            weights.append(attended)
        return torch.stack(weights)

    def _embedded(self, x: Tensor, hidden: Tensor | None = None, mask_token: Tensor | None = None) -> Tensor:
        expected = (self.in_channels, self.edge_vox, self.edge_vox, self.edge_vox)
        if x.dim() != 5 or tuple(x.shape[1:]) != expected:
            raise GeometryError(
                f"The network takes cubes of (channels, z, y, x) = {expected}. Got {tuple(x.shape[1:])} instead.",
                fix="Use crops made with the plan that the network was built from.",
            )
        if hidden is not None:
            if mask_token is None:
                raise SettingError("Hidden patches need a mask_token that stands for them.")
            # The kernels and norms of a convolutional stem reach over patches: it must not see the hidden ones either.
            seen = (~hidden).view(-1, 1, self.grid, self.grid, self.grid).to(x.dtype)
            x = x * functional.interpolate(seen, size=x.shape[2:])
        tokens: Tensor = self.patch_embed(x)
        if hidden is not None and mask_token is not None:
            tokens = torch.where(hidden.unsqueeze(-1), mask_token.to(tokens.dtype), tokens)
        tokens = tokens + self.position
        if self.class_token is not None:
            tokens = torch.cat((self.class_token.to(tokens.dtype).expand(len(tokens), -1, -1), tokens), dim=1)
        return tokens


def build_vit(plan: ExperimentPlan, *, in_channels: int) -> Vit3d:
    """The plan's Vision Transformer for `in_channels` channels; the plan's seed fixes its first weights."""
    net = plan.network
    with seeded_torch(seed_for(plan.seed, "weights", "vit")):
        return Vit3d(
            in_channels=in_channels, edge_vox=plan.crop.edge_vox, token_edge_vox=net.token_edge_vox, width=net.width,
            depth=net.depth, heads=net.heads, mlp_ratio=net.mlp_ratio, patch_embed=net.patch_embed,
            position=net.position, class_token=net.class_token, pooling=net.pooling, drop_path=net.drop_path,
            layer_scale=net.layer_scale, dropout=net.dropout, checkpoint_blocks=net.checkpoint_blocks,
        )


def _check(
    edge_vox: int, token_edge_vox: int, width: int, heads: int, pooling: str, *, class_token: bool
) -> None:
    if edge_vox % token_edge_vox:
        raise SettingError(
            f"The crop edge must be a multiple of the token edge. Got {edge_vox} and {token_edge_vox} instead."
        )
    if width % heads:
        raise SettingError(f"The width must be a multiple of the heads. Got {width} and {heads} instead.")
    if pooling == "class_token" and not class_token:
        raise SettingError("The pooling takes the class token, and there is none.", fix="Set class_token as well.")
