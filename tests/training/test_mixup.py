from __future__ import annotations

import pytest
import torch

from rnnet.training.losses import classification_loss
from rnnet.training.mixup import Outcomes, balanced_loss, mix

TARGETS = torch.tensor([1, 0, 0, 0, 1, 0])
LOGITS = torch.tensor([0.3, -1.0, 2.0, 0.1, -0.4, 0.7])


def loss(logits: torch.Tensor, outcomes: Outcomes, *, weight: float = 2.0, smoothing: float = 0.1) -> torch.Tensor:
    return balanced_loss(
        logits, outcomes, positive_weight=weight, label_smoothing=smoothing, total_weight=outcomes.total_weight(weight)
    )


def batch(seed: int = 0) -> torch.Tensor:
    return torch.randn(6, 2, 4, 4, 4, generator=torch.Generator().manual_seed(seed))


def test_without_mixing_it_is_the_usual_balanced_loss() -> None:
    expected = classification_loss(LOGITS, TARGETS, 2.0, 0.1)
    torch.testing.assert_close(loss(LOGITS, Outcomes.unmixed(TARGETS)), expected)


def test_a_mixed_sample_counts_as_its_share_of_each_of_its_lesions() -> None:
    outcomes = Outcomes(torch.tensor([1.0]), torch.tensor([0.0]), torch.tensor([0.25]))
    logit = torch.tensor([0.6])
    positive, negative = (classification_loss(logit, torch.tensor([t]), 1.0, 0.0) for t in (1, 0))
    expected = (0.25 * 3.0 * positive + 0.75 * negative) / (0.25 * 3.0 + 0.75)
    torch.testing.assert_close(loss(logit, outcomes, weight=3.0, smoothing=0.0), expected)


def test_volumes_are_mixed_as_the_outcomes_are() -> None:
    lesions = batch()
    mixed, outcomes = mix(lesions, Outcomes.unmixed(TARGETS), 1.0, seed=1, epoch=0, step=0)
    partners = [
        next(j for j in range(6) if torch.allclose(m, s * lesions[i] + (1 - s) * lesions[j], atol=1e-5))
        for i, (m, s) in enumerate(zip(mixed, outcomes.share, strict=True))
    ]
    assert sorted(partners) == list(range(6))
    assert torch.equal(outcomes.other, TARGETS[partners].float())
    assert 0 <= float(outcomes.share.min()) < float(outcomes.share.max()) <= 1


@pytest.mark.parametrize(("epoch", "step"), [(0, 1), (1, 0)])
def test_epoch_and_step_draw_the_mixing(epoch: int, step: int) -> None:
    first, again, other = (
        mix(batch(), Outcomes.unmixed(TARGETS), 0.4, seed=1, epoch=e, step=s)[0]
        for e, s in ((0, 0), (0, 0), (epoch, step))
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_the_losses_of_the_parts_sum_to_that_of_the_batch() -> None:
    _, outcomes = mix(batch(), Outcomes.unmixed(TARGETS), 1.0, seed=1, epoch=0, step=0)
    total = outcomes.total_weight(2.0)
    parts = [
        balanced_loss(logits, part, positive_weight=2.0, label_smoothing=0.1, total_weight=total)
        for logits, part in zip(LOGITS.chunk(4), outcomes.split(4), strict=True)
    ]
    torch.testing.assert_close(torch.stack(parts).sum(), loss(LOGITS, outcomes))
