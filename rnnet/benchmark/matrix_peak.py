"""The rate of matrix products that this machine keeps up in a number format: what a network could at best reach."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import torch
from torch import Tensor

from rnnet.planning.plan import ExperimentPlan
from rnnet.planning.step_memory import patch_count

# Edges of square products: large enough to be bound by arithmetic, small enough to be done in a moment.
_SQUARES = {"cpu": (1024, 2048, 3072), "cuda": (4096, 8192, 16384), "mps": (1024, 2048, 4096)}
_REPEATS = 5


@dataclass(frozen=True, slots=True)
class MatrixPeak:
    """Of the fastest shape (rows, inner, columns): what it keeps up, and the best single product.

    flops_per_second: median of products made between the steps, in the same seconds as these: clocks, and what else
    runs, change the rate from one second to the next. The aims are against it, as the trial that set them was.
    best_flops_per_second: never reached for long, printed beside it.
    """

    flops_per_second: float
    best_flops_per_second: float
    shape: tuple[int, int, int]


def network_shapes(plan: ExperimentPlan) -> tuple[tuple[int, int, int], ...]:
    """(rows, inner, columns) of the products that most of a pretraining step consists of."""
    net, train = plan.network, plan.pretrain
    rows = 2 * train.batch_size // train.accumulate_steps * patch_count(plan)
    hidden = int(net.mlp_ratio * net.width)
    return ((rows, net.width, 3 * net.width), (rows, net.width, hidden), (rows, hidden, net.width))


class PeakMeter:
    """Measures products of the fastest of some shapes whenever it is told to."""

    def __init__(self, device: torch.device, dtype: torch.dtype, shapes: Sequence[tuple[int, int, int]]) -> None:
        self._device = device
        squares = tuple((edge, edge, edge) for edge in _SQUARES.get(device.type, _SQUARES["cpu"]))
        tried = {shape: _matrices(device, dtype, shape) for shape in (*squares, *shapes)}
        rates = {shape: max(self._rate(*tried[shape]) for _ in range(_REPEATS)) for shape in tried}
        self._shape = max(rates, key=rates.__getitem__)
        self._matrices = tried[self._shape]
        self._rates: list[float] = []

    def sample(self) -> None:
        """Some more products."""
        self._rates += [self._rate(*self._matrices) for _ in range(_REPEATS)]

    def peak(self) -> MatrixPeak:
        """Of all samples so far; at least one."""
        return MatrixPeak(median(self._rates), max(self._rates), self._shape)

    def _rate(self, left: Tensor, right: Tensor) -> float:
        return 2 * left.shape[0] * right.numel() / _seconds(left, right, self._device)


def _matrices(device: torch.device, dtype: torch.dtype, shape: tuple[int, int, int]) -> tuple[Tensor, Tensor]:
    rows, inner, columns = shape
    # As a linear layer has its weights; the fastest layout on every device that was tried.
    left, right = (torch.randn(edge, inner, device=device).to(dtype) for edge in (rows, columns))
    return left, right


def _seconds(left: Tensor, right: Tensor, device: torch.device) -> float:
    wait_for(device)
    started = time.perf_counter()
    torch.nn.functional.linear(left, right)
    wait_for(device)
    return time.perf_counter() - started


def wait_for(device: torch.device) -> None:
    """Until the device has done what it was given; a CPU always has."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
