"""Running average of the weights (Polyak 1992), right for short runs as well."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

# As torch calls it.
_Tensors = tuple[Tensor, ...] | list[Tensor]


def running_average(model: nn.Module, decay: float) -> AveragedModel | None:
    """Average that forgets at the rate `decay` a step; None where the decay is 0.

    Of a decay near 1, a run of a few hundred steps would average mostly its first, untrained weights. So the decay
    warms up: after t steps it is (1 + t) / (10 + t), until it reaches `decay`.
    """
    if decay <= 0.0:
        return None

    @torch.no_grad()
    def blend(averages: _Tensors, currents: _Tensors, steps: Tensor | int) -> None:
        # A tensor, so that a GPU is not waited for.
        taken = torch.as_tensor(steps, dtype=torch.float32)
        forget = 1.0 - ((1.0 + taken) / (10.0 + taken)).clamp(max=decay)
        for average, current in zip(averages, currents, strict=True):
            if average.is_floating_point():
                average.lerp_(current, forget.to(average.dtype))
            else:
                average.copy_(current)  # a counter of batches, for one

    return AveragedModel(model, multi_avg_fn=blend, use_buffers=True)
