"""Optimiser, learning-rate schedule and layer-wise decay. The schedule is a function of the step: no hidden state."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import torch
from torch.nn import Parameter


def learning_rate_at(step: int, *, total_steps: int, warmup_share: float, peak: float) -> float:
    """Linear warm-up to `peak`, then half a cosine towards 0. Step 0 already learns, the last step still does."""
    warmup = round(warmup_share * total_steps)
    if step < warmup:
        return peak * (step + 1) / warmup
    share = (step - warmup) / max(1, total_steps - warmup)
    return peak * 0.5 * (1.0 + math.cos(math.pi * min(share, 1.0)))


def layer_scales(n_groups: int, decay: float) -> tuple[float, ...]:
    """Learning-rate factor of each encoder group, input first; the head has factor 1 (Clark 2020, ELECTRA)."""
    return tuple(decay ** (n_groups - i) for i in range(n_groups))


def decayed_groups(parameters: Iterable[Parameter], *, scale: float, weight_decay: float) -> list[dict[str, Any]]:
    """One or two optimiser groups: weight decay acts on matrices, never on biases, norms and other vectors."""
    rows = list(parameters)
    matrices = [p for p in rows if _is_matrix(p)]
    vectors = [p for p in rows if not _is_matrix(p)]
    groups = ((matrices, weight_decay), (vectors, 0.0))
    return [{"params": part, "scale": scale, "weight_decay": decay} for part, decay in groups if part]


def _is_matrix(parameter: Parameter) -> bool:
    # A token is a vector that is stored as (1, 1, d); a layer of one output has a matrix (1, d).
    return parameter.dim() == 2 or sum(length > 1 for length in parameter.shape) > 1


def build_optimizer(
    groups: Sequence[dict[str, Any]], kind: Literal["adam", "adamw"], *, learning_rate: float
) -> torch.optim.Optimizer:
    """Adam (Kingma 2015) or AdamW (Loshchilov 2019), as one fused kernel where the device has it."""
    device = groups[0]["params"][0].device
    fused = device.type in ("cpu", "cuda")
    if kind == "adam":
        return torch.optim.Adam(list(groups), lr=learning_rate, fused=fused)
    return torch.optim.AdamW(list(groups), lr=learning_rate, fused=fused)


def set_learning_rate(optimizer: torch.optim.Optimizer, learning_rate: float) -> None:
    """Give each group its share of the rate."""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate * group["scale"]
