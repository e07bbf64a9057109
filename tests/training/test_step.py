# ruff: noqa: ARG002
from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from rnnet.training.distributed import ProcessGroup
from rnnet.training.step import Ahead, learn, take_step
from tests.training.test_loop import Line


class Parts(Line):
    """A batch in as many parts as it has rows; each pulls the weight towards its row."""

    def __init__(self) -> None:
        super().__init__()
        self.prepared: list[int] = []

    def prepare(self, indices: Tensor, epoch: int, step: int) -> Sequence[float]:
        self.prepared.append(step)
        return [float(i) for i in indices]

    def losses(self, part: float) -> dict[str, Tensor]:
        loss = (self.weight - part).square().sum() / 2
        return {"loss": loss, "half": loss / 2}


def test_the_gradients_and_losses_of_the_parts_are_summed_before_the_one_update() -> None:
    task = Parts()
    losses = take_step(task, torch.tensor([1, 2, 3]), 0, 0)
    assert losses == {"loss": 7.0, "half": 3.5}
    assert task.weight.grad is not None
    assert task.weight.grad.item() == -6.0
    assert task.updates == 1


@pytest.mark.parametrize("broken", ["loss", "gradient"])
def test_a_step_that_is_not_finite_changes_neither_weights_nor_statistics(broken: str) -> None:
    class Counting(Parts):
        running = torch.zeros(1)

        def statistics(self) -> Sequence[Tensor]:
            return [self.running]

        def losses(self, part: float) -> dict[str, Tensor]:
            self.running += part
            # The square root of 0 is finite, and its slope is not.
            loss = (self.weight * math.nan).sum() if broken == "loss" else self.weight.sqrt().sum() + 1
            return {"loss": loss}

    task = Counting()
    assert take_step(task, torch.tensor([3]), 0, 0) is None
    assert (task.weight.item(), task.running.item(), task.updates) == (0.0, 0.0, 0)


def test_each_phase_of_a_step_is_marked_at_its_end() -> None:
    marks: list[str] = []
    take_step(Parts(), torch.tensor([1, 2]), 0, 0, mark=marks.append)
    assert marks == ["data", "forward", "backward", "forward", "backward", "optimizer"]


def test_the_next_batch_is_prepared_before_the_weights_change_and_the_wish_to_stop_is_told() -> None:
    task, seen = Parts(), []
    outcome = learn(
        task, [1.0], 0, 0, ProcessGroup(), stop=lambda: True, meanwhile=lambda: seen.append(task.weight.item())
    )
    assert seen == [0.0] != [task.weight.item()]
    assert outcome.stop
    assert not learn(task, [1.0], 0, 0, ProcessGroup()).stop


def test_on_a_cpu_nothing_is_prepared_ahead() -> None:
    task = Parts()
    ahead = Ahead(task)
    ahead.begin_epoch(0, task.batches(0))
    assert list(ahead.take(1)) == [0.0]
    ahead.prefetch(2)
    assert task.prepared == [1]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu_the_batch_ahead_is_the_one_that_is_taken() -> None:
    task = Parts()
    task.device = torch.device("cuda")
    ahead = Ahead(task)
    ahead.begin_epoch(0, task.batches(0))
    ahead.prefetch(0)
    ahead.take(0)
    ahead.prefetch(4)  # behind the last
    ahead.take(3)
    assert task.prepared == [0, 3]
