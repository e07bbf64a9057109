from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from rnnet.training.losses import (
    classification_loss,
    hidden_token_loss,
    nt_xent,
    positive_weight_of,
    restoration_loss,
)


def nt_xent_by_loop(first: Tensor, second: Tensor, patients: list[int], temperature: float) -> float:
    """The definition, pair by pair."""
    views = [v / v.norm() for v in (*first, *second)]
    n = len(first)
    total = 0.0
    for i, view in enumerate(views):
        partner = (i + n) % (2 * n)
        positive = math.exp(float(view @ views[partner]) / temperature)
        negatives = sum(
            math.exp(float(view @ other) / temperature)
            for j, other in enumerate(views) if patients[j % n] != patients[i % n]
        )
        total -= math.log(positive / (positive + negatives))
    return total / (2 * n)


def projections(n: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, 6, generator=generator), torch.randn(n, 6, generator=generator)


@pytest.mark.parametrize("patients", [[0, 1, 2, 3, 4], [0, 0, 1, 2, 2], [3, 3, 3, 3, 1]])
def test_nt_xent_agrees_with_its_definition_pair_by_pair(patients: list[int]) -> None:
    first, second = projections(5)
    got = nt_xent(first, second, torch.tensor(patients), 0.2)
    assert float(got) == pytest.approx(nt_xent_by_loop(first, second, patients, 0.2), rel=1e-5)


def test_two_like_lesions_of_one_patient_do_not_repel_each_other_but_of_two_patients_do() -> None:
    first, second = projections(1)
    first, second = first.repeat(2, 1), second.repeat(2, 1)
    assert nt_xent(first, second, torch.tensor([4, 4]), 0.1).item() == pytest.approx(0.0, abs=1e-6)
    assert nt_xent(first, second, torch.tensor([4, 5]), 0.1).item() > math.log(2)


def test_nt_xent_without_negatives_is_zero_with_zero_gradient() -> None:
    for n, patients in ((1, [0]), (3, [5, 5, 5])):
        first, second = (z.requires_grad_() for z in projections(n))
        loss = nt_xent(first, second, torch.tensor(patients), 0.1)
        loss.backward()
        assert loss.item() == pytest.approx(0.0, abs=1e-6)
        assert first.grad is not None
        assert first.grad.isfinite().all()
        assert first.grad.abs().max() < 1e-6


def test_restoration_loss_is_the_mean_absolute_difference() -> None:
    a, b = torch.zeros(2, 1, 2, 2, 2), torch.zeros(2, 1, 2, 2, 2)
    b[0] = -3.0
    assert restoration_loss(a.bfloat16(), b).item() == pytest.approx(1.5)


def test_both_classes_weigh_the_same_in_the_classification_loss() -> None:
    targets = torch.tensor([1, 0, 0, 0])
    weight = positive_weight_of(targets)
    assert weight == 3.0
    miss_positive = classification_loss(torch.tensor([-2.0, -2.0, -2.0, -2.0]), targets, weight, 0.0)
    miss_negatives = classification_loss(torch.tensor([2.0, 2.0, 2.0, 2.0]), targets, weight, 0.0)
    assert miss_positive.item() == pytest.approx(miss_negatives.item(), rel=1e-6)
    assert classification_loss(torch.zeros(4), targets, weight, 0.0).item() == pytest.approx(math.log(2), rel=1e-6)


def test_label_smoothing_makes_overconfidence_cost() -> None:
    targets = torch.tensor([1, 0])
    sure, surer = torch.tensor([4.0, -4.0]), torch.tensor([12.0, -12.0])
    plain = [classification_loss(z, targets, 1.0, 0.0).item() for z in (sure, surer)]
    smooth = [classification_loss(z, targets, 1.0, 0.1).item() for z in (sure, surer)]
    assert plain[0] > plain[1]
    assert smooth[0] < smooth[1]


def test_the_loss_of_hidden_tokens_looks_at_their_voxels_alone() -> None:
    original = torch.zeros(2, 1, 8, 8, 8)
    restored = original.clone()
    restored[0, 0, :4, :4, 4:] = 3.0  # patch (0, 0, 1) of a 2 x 2 x 2 grid
    restored[1, 0, 4:, :4, :4] = 1.0  # patch (1, 0, 0)
    hidden = torch.zeros(2, 8, dtype=torch.bool)
    hidden[0, 1] = hidden[1, 4] = True
    assert hidden_token_loss(restored, original, hidden) == 2.0
    assert hidden_token_loss(restored, original, hidden.roll(1, dims=1)) == 0.0
