"""One update of the weights: data, forward, backward, optimiser."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from rnnet.training.distributed import ProcessGroup
from rnnet.training.optim import set_learning_rate
from rnnet.training.task import Task

# Told each time that a phase ends: 'data', 'forward', 'backward', 'optimizer'.
Mark = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a step gave, and whether to stop.

    losses: None where one of them, or a gradient, was not finite and nothing was learned.
    """

    losses: dict[str, float] | None
    stop: bool


def take_step(
    task: Task, indices: Tensor, epoch: int, step: int, group: ProcessGroup | None = None, *,
    mark: Mark = lambda _: None,
) -> dict[str, float] | None:
    """The losses of one update with the rows `indices` (b,); None, and no update, where `learn` takes none.

    mark: called at the end of each phase, for whoever measures them; forward and backward come once for each part of
    an accumulated batch.
    """
    parts = task.prepare(indices, epoch, step)
    mark("data")
    return learn(task, parts, epoch, step, group or ProcessGroup(), mark=mark).losses


def learn(
    task: Task, parts: Sequence[Any], epoch: int, step: int, group: ProcessGroup, *, mark: Mark = lambda _: None,
    stop: Callable[[], bool] = lambda: False, meanwhile: Callable[[], None] = lambda: None,
) -> Outcome:
    """One update from a prepared batch, its gradients summed over its parts.

    Where a loss or a gradient is not finite there is none, and the statistics of batch normalisation are put back.

    Args:
        task: what to learn.
        parts: what `task.prepare` gave.
        epoch: with `step` it fixes the learning rate.
        step: number of the step in the epoch.
        group: the processes that share the batch.
        mark: see `take_step`.
        stop: asked once; the processes agree on the answer.
        meanwhile: called when the device has its work and the losses are not yet read back.
    """
    set_learning_rate(task.optimizer, task.learning_rate(epoch, step))
    task.optimizer.zero_grad(set_to_none=True)
    before = [(statistic, statistic.clone()) for statistic in task.statistics()]
    names: tuple[str, ...] = ()
    sums: Tensor | None = None
    for part in parts:
        losses = task.losses(part)
        mark("forward")
        losses["loss"].backward()  # type: ignore[no-untyped-call]
        mark("backward")
        values = torch.stack([value.detach().float() for value in losses.values()])
        names, sums = tuple(losses), values if sums is None else sums + values
    if sums is None:
        raise ValueError("A batch must have at least one part.")
    # The wish to stop and the gradients' norm travel with the losses: one exchange, and one reading, for all.
    norm = _gradient_norm(task.optimizer).to(sums)
    reading = _Reading(group.mean(torch.cat([sums, norm, sums.new_full((1,), float(stop()))])))
    meanwhile()
    *figures, length, wish = reading.values()
    if not all(map(math.isfinite, (*figures, length))):
        for statistic, value in before:
            statistic.copy_(value)
        return Outcome(None, wish > 0)
    task.optimizer.step()
    task.after_step()
    mark("optimizer")
    return Outcome(dict(zip(names, figures, strict=True)), wish > 0)


def _gradient_norm(optimizer: torch.optim.Optimizer) -> Tensor:
    """Euclidean norm (1,) of all gradients: a loss may be finite and its gradient not."""
    gradients = [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
    return torch.stack(torch._foreach_norm(gradients)).norm().reshape(1) if gradients else torch.zeros(1)


class _Reading:
    """Numbers that a device will tell: asked for at once, so that work given to it afterwards does not delay them."""

    def __init__(self, numbers: Tensor) -> None:
        self._event: torch.cuda.Event | None = None
        self._numbers = numbers
        if numbers.device.type == "cuda":
            self._numbers = torch.empty(numbers.shape, pin_memory=True).copy_(numbers, non_blocking=True)
            self._event = torch.cuda.Event()  # type: ignore[no-untyped-call]
            self._event.record(torch.cuda.current_stream(numbers.device))

    def values(self) -> list[float]:
        """The numbers, once they are here."""
        if self._event is not None:
            self._event.synchronize()
        numbers: list[float] = self._numbers.tolist()
        return numbers


class Ahead:
    """Prepares the batches of an epoch; on a GPU one step ahead, while the network still works on the batch before.

    A stream of its own keeps the transfers of the next batch from waiting for the network. A batch is let go only
    after the losses of its step were read, when the network is done with it, so its memory is safe to use again.
    """

    def __init__(self, task: Task) -> None:
        self._task = task
        self._epoch = 0
        self._batches: Sequence[Tensor] = ()
        self._ready: tuple[int, Sequence[Any]] | None = None
        self._stream: torch.cuda.Stream | None = None
        if task.device.type == "cuda":
            self._stream = torch.cuda.Stream(task.device)  # type: ignore[no-untyped-call]
            # The crops may still be on their way.
            self._stream.wait_stream(torch.cuda.current_stream(task.device))

    def begin_epoch(self, epoch: int, batches: Sequence[Tensor]) -> None:
        """What `take` and `prefetch` give from now on."""
        self._epoch, self._batches, self._ready = epoch, batches, None

    def take(self, step: int) -> Sequence[Any]:
        """The parts of the batch of `step`."""
        ready, self._ready = self._ready, None
        parts = ready[1] if ready is not None and ready[0] == step else self._prepared(step)
        if self._stream is not None:
            torch.cuda.current_stream(self._task.device).wait_stream(self._stream)
        return parts

    def prefetch(self, step: int) -> None:
        """On a GPU, prepare the batch of `step` now, if the epoch has one."""
        if self._stream is not None and step < len(self._batches):
            self._ready = (step, self._prepared(step))

    def _prepared(self, step: int) -> Sequence[Any]:
        with nullcontext() if self._stream is None else torch.cuda.stream(self._stream):
            return self._task.prepare(self._batches[step], self._epoch, step)
