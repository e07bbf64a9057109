"""The transformer's parts: attention, MLP, drop-path and the pre-norm block that joins them."""

from __future__ import annotations

from typing import Literal, overload

import torch
from torch import Tensor, nn
from torch.nn import functional

from rnnet.planning.step_memory import MOST_EXPLICIT_TOKENS

# Training on a CPU, the explicit form is up to three times faster in bfloat16 and as fast in float32 up to 216 tokens;
# at 512 tokens the fused kernel wins, and it does not store n x n weights.


def explicit_attention(q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    """softmax(q k^T / sqrt(d_h)) v and the weights (b, heads, n, n); q, k, v are (b, heads, n, d_h)."""
    scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-2, -1)  # (b, heads, n, n)
    weights = scores.softmax(dim=-1)
    return weights.to(v.dtype) @ v, weights


def fused_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """The same value by torch's fused kernel, which never stores the weights."""
    return functional.scaled_dot_product_attention(q, k, v)


class Attention(nn.Module):
    """Multi-head self-attention over tokens (b, n, d)."""

    def __init__(self, width: int, heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.projection = nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Tokens (b, n, d) -> (b, n, d), by the form that is faster on the device."""
        q, k, v = self._heads_of(x)
        explicit = x.device.type == "cpu" and x.shape[1] <= MOST_EXPLICIT_TOKENS
        return self._joined(explicit_attention(q, k, v)[0] if explicit else fused_attention(q, k, v))

    def with_weights(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens (b, n, d) and the attention weights (b, heads, n, n), whose rows sum to 1."""
        mixed, weights = explicit_attention(*self._heads_of(x))
        return self._joined(mixed), weights

    def _heads_of(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        b, n, d = x.shape
        qkv: Tensor = self.qkv(x)
        qkv = qkv.reshape(b, n, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)  # (3, b, heads, n, d_h)
        # Not by index: the gradients of three picks would each fill a whole array with zeros.
        q, k, v = qkv.unbind(0)
        return q, k, v

    def _joined(self, mixed: Tensor) -> Tensor:
        tokens = mixed.transpose(1, 2).flatten(2)  # (b, heads, n, d_h) -> (b, n, d)
        out: Tensor = self.dropout(self.projection(tokens))
        return out


class Mlp(nn.Module):
    """Two linear layers with GELU between them, for each token alone."""

    def __init__(self, width: int, hidden: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.expand = nn.Linear(width, hidden)
        self.activation = nn.GELU()
        self.contract = nn.Linear(hidden, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Tokens (b, n, d) -> (b, n, d)."""
        out: Tensor = self.dropout(self.contract(self.activation(self.expand(x))))
        return out


class DropPath(nn.Module):
    """Stochastic depth (Huang 2016): in training a sample's branch is left out with this probability."""

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = probability

    def forward(self, x: Tensor) -> Tensor:
        """The branch (b, n, d), per sample 0 or scaled by 1 / (1 - probability)."""
        if not self.training or self.probability == 0.0:
            return x
        kept = 1.0 - self.probability
        return x * x.new_empty(x.shape[0], 1, 1).bernoulli_(kept).div_(kept)


class LayerScale(nn.Module):
    """One learned factor for each channel of a branch (Touvron 2021, CaiT), all equal at first."""

    def __init__(self, width: int, first: float) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.full((width,), first))

    def forward(self, x: Tensor) -> Tensor:
        """The branch (b, n, d), scaled."""
        return x * self.factor


class Block(nn.Module):
    """Pre-norm transformer block: x + attention(norm(x)), then x + mlp(norm(x)).

    layer_scale: first value of the factors on both branches; 0 leaves them out.
    """

    def __init__(
        self, width: int, heads: int, mlp_ratio: float = 4.0, *, drop_path: float = 0.0, dropout: float = 0.0,
        layer_scale: float = 0.0,
    ) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attention = Attention(width, heads, dropout)
        self.scale1 = LayerScale(width, layer_scale) if layer_scale > 0 else nn.Identity()
        self.norm2 = nn.LayerNorm(width)
        self.mlp = Mlp(width, int(width * mlp_ratio), dropout)
        self.scale2 = LayerScale(width, layer_scale) if layer_scale > 0 else nn.Identity()
        self.drop_path = DropPath(drop_path)

    @overload
    def forward(self, x: Tensor, return_attention: Literal[False] = False) -> Tensor: ...
    @overload
    def forward(self, x: Tensor, return_attention: Literal[True]) -> tuple[Tensor, Tensor]: ...
    def forward(self, x: Tensor, return_attention: bool = False) -> Tensor | tuple[Tensor, Tensor]:
        """Tokens (b, n, d) -> (b, n, d); with return_attention also the weights (b, heads, n, n)."""
        weights: Tensor | None = None
        if return_attention:
            mixed, weights = self.attention.with_weights(self.norm1(x))
        else:
            mixed = self.attention(self.norm1(x))
        x = x + self.drop_path(self.scale1(mixed))
        x = x + self.drop_path(self.scale2(self.mlp(self.norm2(x))))
        return x if weights is None else (x, weights)
