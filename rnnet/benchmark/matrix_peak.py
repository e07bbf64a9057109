"""The fastest matrix product that this machine shows in a number format: what a network could at best reach."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from rnnet.planning.plan import ExperimentPlan
from rnnet.planning.step_memory import patch_count

# Edges of square products: large enough to be bound by arithmetic, small enough to be done in a moment.
_SQUARES = {"cpu": (1024, 2048, 3072), "cuda": (4096, 8192, 16384), "mps": (1024, 2048, 4096)}
_REPEATS = 5


@dataclass(frozen=True, slots=True)
class MatrixPeak:
    """flops_per_second: of the best repeat of the best shape (rows, inner, columns)."""

    flops_per_second: float
    shape: tuple[int, int, int]


def network_shapes(plan: ExperimentPlan) -> tuple[tuple[int, int, int], ...]:
    """(rows, inner, columns) of the products that most of a pretraining step consists of."""
    net, train = plan.network, plan.pretrain
    rows = 2 * train.batch_size // train.accumulate_steps * patch_count(plan)
    hidden = int(net.mlp_ratio * net.width)
    return ((rows, net.width, 3 * net.width), (rows, net.width, hidden), (rows, hidden, net.width))


def measure_peak(
    device: torch.device, dtype: torch.dtype, shapes: Sequence[tuple[int, int, int]], *, repeats: int = _REPEATS
) -> MatrixPeak:
    """The best of `repeats` products of each shape, squares of a few sizes beside the given ones.

    The best and not the mean: another program's work is no property of the machine.
    """
    squares = tuple((edge, edge, edge) for edge in _SQUARES.get(device.type, _SQUARES["cpu"]))
    found = [MatrixPeak(_best(device, dtype, shape, repeats), shape) for shape in (*squares, *shapes)]
    return max(found, key=lambda peak: peak.flops_per_second)


def better(first: MatrixPeak, second: MatrixPeak) -> MatrixPeak:
    """The higher of two measurements."""
    return max(first, second, key=lambda peak: peak.flops_per_second)


def _best(device: torch.device, dtype: torch.dtype, shape: tuple[int, int, int], repeats: int) -> float:
    rows, inner, columns = shape
    left = torch.randn(rows, inner, device=device).to(dtype)
    # As a linear layer has its weights; the fastest layout on every device that was tried.
    right = torch.randn(columns, inner, device=device).to(dtype)
    seconds = min(_seconds(left, right, device) for _ in range(repeats + 1))
    return 2 * rows * inner * columns / seconds


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
