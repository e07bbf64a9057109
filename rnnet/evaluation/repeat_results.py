"""Figures of the further trainings of a model: its negative controls, and its other seeds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rnnet.evaluation.statistics import Interval


@dataclass(frozen=True, slots=True)
class ControlResult:
    """AUC of a negative control and of the model itself, on the same lesions and from the same folds.

    model_auc: None where the model itself has no predictions of these folds. negative_outcome: empty in figures that an
    older version stored.
    """

    config: str
    control: str
    subset: str
    subset_title: str
    positive_outcome: str
    n_positive: int
    n_negative: int
    folds: tuple[str, ...]
    auc: Interval
    model_auc: Interval | None
    negative_outcome: str = ""


@dataclass(frozen=True, slots=True)
class SeedSpread:
    """AUC of a model, trained with several seeds, on one set of lesions: one figure for each seed.

    config: of a model or of a negative control. folds: those that were trained with all of these seeds; as for the
    model itself, their predictions are pooled (cross-validation) or averaged (test sets). negative_outcome: as above.
    """

    config: str
    subset: str
    subset_title: str
    positive_outcome: str
    n_positive: int
    n_negative: int
    folds: tuple[str, ...]
    seeds: tuple[int, ...]
    aucs: tuple[float, ...]
    negative_outcome: str = ""

    @property
    def mean(self) -> float:
        """Mean over the seeds."""
        return float(np.mean(self.aucs))

    @property
    def sd(self) -> float:
        """Sample standard deviation over the seeds."""
        return float(np.std(self.aucs, ddof=1))
