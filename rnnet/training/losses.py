"""The losses of pretraining and fine-tuning. In float32: call them outside autocast."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def restoration_loss(restored: Tensor, original: Tensor) -> Tensor:
    """Mean absolute difference of the restored (b, 1, z, y, x) and the uncorrupted T1CE, a scalar."""
    return F.l1_loss(restored.float(), original.float())


def hidden_token_loss(restored: Tensor, original: Tensor, hidden: Tensor) -> Tensor:
    """Mean absolute difference on the voxels of hidden patches (Xie 2022, SimMIM), brain and background, a scalar.

    Args:
        restored: (b, 1, z, y, x) of an encoder that did not see the hidden patches.
        original: the uncorrupted T1CE, of the same shape.
        hidden: bool (b, grid**3), some of each cube, or all.
    """
    grid = round(hidden.shape[1] ** (1 / 3))
    edge = original.shape[-1] // grid
    difference = (restored.float() - original.float()).abs()
    patches = difference.reshape(-1, grid, edge, grid, edge, grid, edge).mean((2, 4, 6)).flatten(1)  # (b, grid**3)
    return (patches * hidden).sum() / hidden.sum()


def nt_xent(first: Tensor, second: Tensor, patient_index: Tensor, temperature: float) -> Tensor:
    """Normalised temperature-scaled cross-entropy (Chen 2020) of two views, a scalar.

    Other lesions and other scans of the same patient look alike for a reason, so they are no negatives: they are
    left out of the denominator. The positive, the other view of the same cube, stays. Without any negative
    (one cube, or one patient) the loss is 0 and has no gradient.

    Args:
        first: (b, d) projections of the first view.
        second: (b, d) projections of the second view, row by row of the same cubes.
        patient_index: (b,) integers, equal for cubes of one patient.
        temperature: above 0.
    """
    n_cubes = len(first)
    views = F.normalize(torch.cat([first, second]).float(), dim=1)  # (2b, d)
    patient = patient_index.repeat(2)
    similarity = views @ views.T / temperature  # (2b, 2b)
    partner = torch.arange(2 * n_cubes, device=views.device).roll(n_cubes)  # row i: the other view of its cube
    left_out = patient[:, None] == patient[None, :]
    left_out = left_out.scatter(1, partner[:, None], False)
    return F.cross_entropy(similarity.masked_fill(left_out, -torch.inf), partner)


def positive_weight_of(targets: Tensor) -> float:
    """Weight of a positive that makes both classes count the same: negatives / positives of 0/1 `targets` (n,)."""
    positives = float(targets.sum())
    return (len(targets) - positives) / positives


def classification_loss(logits: Tensor, targets: Tensor, positive_weight: float, label_smoothing: float) -> Tensor:
    """Class-balanced binary cross-entropy, a scalar: a weighted mean, so its scale does not depend on the weight.

    Args:
        logits: (b,) of the positive outcome.
        targets: (b,) 0 or 1.
        positive_weight: weight of a positive relative to a negative.
        label_smoothing: 0 keeps the targets; s moves them to s/2 and 1 - s/2.
    """
    targets = targets.float()
    soft = targets * (1.0 - label_smoothing) + 0.5 * label_smoothing
    weight = 1.0 + targets * (positive_weight - 1.0)
    each = F.binary_cross_entropy_with_logits(logits.float(), soft, reduction="none")
    return (weight * each).sum() / weight.sum()
