"""Mixup (Zhang 2018): training on weighted means of two lesions, with the same weighted mean of their losses."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from rnnet.core.seeding import rng_for, seed_for


@dataclass(frozen=True, slots=True, eq=False)
class Outcomes:
    """What the samples of a batch show: `share` (b,) of a lesion with the outcome `own`, the rest of one with `other`.

    own, other: (b,) 0 or 1. Without mixing `share` is 1.
    """

    own: Tensor
    other: Tensor
    share: Tensor

    @classmethod
    def unmixed(cls, targets: Tensor) -> Outcomes:
        """Of lesions as they are; targets (b,) 0 or 1."""
        return cls(targets.float(), targets.float(), torch.ones_like(targets, dtype=torch.float32))

    def weights(self, positive_weight: float) -> tuple[Tensor, Tensor]:
        """(b,) weight of the own and of the other outcome, a positive counting `positive_weight` times a negative."""
        own, other = (1.0 + part * (positive_weight - 1.0) for part in (self.own, self.other))
        return self.share * own, (1.0 - self.share) * other

    def total_weight(self, positive_weight: float) -> Tensor:
        """Sum of all weights, a scalar."""
        own, other = self.weights(positive_weight)
        return (own + other).sum()

    def split(self, parts: int) -> list[Outcomes]:
        """The same cuts as those of `batch.chunk(parts)`."""
        columns = (column.chunk(parts) for column in (self.own, self.other, self.share))
        return [Outcomes(*cut) for cut in zip(*columns, strict=True)]


def mix(
    batch: Tensor, outcomes: Outcomes, alpha: float, *, seed: int, epoch: int, step: int
) -> tuple[Tensor, Outcomes]:
    """The batch (b, c, z, y, x), every sample mixed with another one, image and mask alike; and what it shows then.

    Partners and shares, those of beta(alpha, alpha) for each sample, follow from seed, epoch and step. A sample that
    is its own partner stays as it is.
    """
    samples = len(batch)
    generator = torch.Generator().manual_seed(seed_for(seed, "mixup partners", epoch, step))
    partner = torch.randperm(samples, generator=generator).to(batch.device)
    drawn = rng_for(seed, "mixup shares", epoch, step).beta(alpha, alpha, samples)
    share = torch.as_tensor(drawn, dtype=torch.float32).to(batch.device)
    mixed = torch.lerp(batch[partner], batch, share.to(batch.dtype).view(-1, *(1,) * (batch.dim() - 1)))
    return mixed, Outcomes(outcomes.own, outcomes.own[partner], share)


def balanced_loss(
    logits: Tensor, outcomes: Outcomes, *, positive_weight: float, label_smoothing: float, total_weight: Tensor
) -> Tensor:
    """Class-balanced binary cross-entropy, a scalar; without mixing that of `classification_loss`.

    A mixed sample counts as its share of each of its two lesions, each with the weight of its own outcome. (Weighting
    the mean of both outcomes instead would weigh a negative like a part of a positive.)

    Args:
        logits: (b,) of the positive outcome.
        outcomes: of the same samples.
        positive_weight: weight of a positive relative to a negative.
        label_smoothing: 0 keeps the outcomes; s moves them to s/2 and 1 - s/2.
        total_weight: of the whole batch, so that the losses of its parts sum to that of the batch.
    """
    total = logits.new_zeros((), dtype=torch.float32)
    for outcome, weight in zip((outcomes.own, outcomes.other), outcomes.weights(positive_weight), strict=True):
        soft = outcome * (1.0 - label_smoothing) + 0.5 * label_smoothing
        each = F.binary_cross_entropy_with_logits(logits.float(), soft, reduction="none")
        total = total + (weight * each).sum()
    return total / total_weight
