# ruff: noqa: ARG002
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import pytest
import torch
from torch import Tensor, nn

from rnnet.core.errors import RnnetError
from rnnet.training.loop import fit
from rnnet.training.optim import build_optimizer, decayed_groups
from rnnet.training.state import FitState


class Line:
    """Fits one number; the losses of chosen steps are not finite."""

    title = "Line"
    device = torch.device("cpu")

    def __init__(self, broken: Sequence[int] = (), validation: Sequence[float] = ()) -> None:
        self.weight = nn.Parameter(torch.zeros(1))
        self.optimizer = build_optimizer(
            decayed_groups([self.weight], scale=1.0, weight_decay=0.0), "adam", learning_rate=0.1
        )
        self.broken = broken
        self.validation = list(validation)
        self.updates = 0

    @property
    def part(self) -> Literal["pretrain", "finetune"]:
        return "finetune"

    def batches(self, epoch: int) -> Sequence[Tensor]:
        return [torch.zeros(1, dtype=torch.int64)] * 4

    def begin_epoch(self, epoch: int) -> None:
        pass

    def learning_rate(self, epoch: int, step: int) -> float:
        return 0.1

    def prepare(self, indices: Tensor, epoch: int, step: int) -> Sequence[float]:
        return [float("nan") if epoch * 4 + step in self.broken else 1.0]

    def losses(self, part: float) -> dict[str, Tensor]:
        return {"loss": part * (self.weight - 1).abs().sum()}

    def statistics(self) -> Sequence[Tensor]:
        return ()

    def after_step(self) -> None:
        self.updates += 1

    def evaluate(self) -> dict[str, float]:
        return {"validation_loss": self.validation.pop(0)} if self.validation else {}

    def score(self, figures: Mapping[str, float]) -> float | None:
        return figures.get("validation_loss")

    def training_state(self) -> dict[str, Any]:
        return {}


def run(task: Line, epochs: int = 3) -> FitState:
    return fit(
        task, epochs=epochs, state=FitState(), seed=0, recorder=None, stop_requested=lambda: False,
        show_progress=False,
    )


def test_a_step_whose_loss_is_not_finite_is_skipped_and_said(caplog: pytest.LogCaptureFixture) -> None:
    task = Line(broken=[1, 6])
    state = run(task)
    assert task.updates == 10
    assert task.weight.isfinite().all()
    assert "Epoch 1, step 2: the loss or its gradient is not finite" in caplog.text
    assert all(0 <= row["train_loss"] < 1.1 for row in state.history)


def test_five_such_steps_in_a_row_end_training_with_a_reason() -> None:
    with pytest.raises(RnnetError, match=r"5 steps in a row.*step 1 of epoch 3.*Lower finetune\.learning_rate"):
        run(Line(broken=[2, 4, 5, 6, 7, 8]))
    assert run(Line(broken=[4, 5, 6, 7])).epoch == 3


def test_the_lowest_validation_score_marks_the_best_epoch() -> None:
    state = run(Line(validation=[0.5, float("nan"), 0.3, 0.4]), epochs=4)
    assert [row["is_best"] for row in state.history] == [1.0, 0.0, 1.0, 0.0]
    assert state.best == 0.3
    assert "validation_loss" not in state.history[1]


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("DefaultCPUAllocator: not enough memory")], ids=repr)
def test_lack_of_memory_names_the_fields_to_change(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(part: float) -> dict[str, Tensor]:
        raise error

    task = Line()
    monkeypatch.setattr(task, "losses", fail)
    with pytest.raises(RnnetError, match=r"finetune\.batch_size.*finetune\.accumulate_steps.*checkpoint_blocks=true"):
        run(task)


def test_another_error_of_the_network_stays_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(part: float) -> dict[str, Tensor]:
        raise RuntimeError("shapes do not fit")

    task = Line()
    monkeypatch.setattr(task, "losses", fail)
    with pytest.raises(RuntimeError, match="shapes do not fit"):
        run(task)
