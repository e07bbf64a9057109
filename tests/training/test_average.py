from __future__ import annotations

import pytest
import torch
from torch import nn

from rnnet.training.average import running_average


def averaged_values(decay: float, values: list[float]) -> list[float]:
    model = nn.Linear(1, 1, bias=False)
    average = running_average(model, decay)
    assert average is not None
    found = []
    for value in values:
        nn.init.constant_(model.weight, value)
        average.update_parameters(model)
        found.append(float(average.module.weight.detach()))
    return found


def test_no_decay_means_no_average() -> None:
    assert running_average(nn.Linear(1, 1), 0.0) is None


def test_the_decay_warms_up_so_that_a_short_run_forgets_its_first_weights() -> None:
    # First the weights themselves, then (1 + t) / (10 + t) of what was there before.
    first, second, third = averaged_values(0.999, [1.0, 0.0, 0.0])
    assert first == 1.0
    assert second == pytest.approx(2 / 11)
    assert third == pytest.approx(2 / 11 * 3 / 12)


def test_the_decay_does_not_pass_that_of_the_plan() -> None:
    found = averaged_values(0.5, [0.0] * 30 + [1.0])
    assert found[-1] == pytest.approx(0.5)


def test_counters_of_batches_are_copied() -> None:
    model = nn.BatchNorm1d(2)
    average = running_average(model, 0.9)
    assert average is not None
    for _ in range(3):
        model(torch.randn(4, 2))
        average.update_parameters(model)
    assert int(average.module.num_batches_tracked) == 3
