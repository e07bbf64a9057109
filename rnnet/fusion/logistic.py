"""Logistic regression as fusion head: the control for the MLP."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rnnet.core.seeding import seed_for
from rnnet.fusion.table import Arrays, FloatArray, balanced_weights
from rnnet.planning.plan import FusionPlan


@dataclass(frozen=True, slots=True, eq=False)
class FittedLogistic:
    """weights: (k,); bias: scalar."""

    weights: FloatArray
    bias: float

    def logit(self, x: FloatArray) -> FloatArray:
        """(n,) logits of rows (n, k)."""
        logits: FloatArray = x @ self.weights + self.bias
        return logits

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Two arrays: weights, bias."""
        return {"weights": self.weights, "bias": np.array(self.bias)}


@dataclass(frozen=True, slots=True)
class LogisticHead:
    """scikit-learn's LogisticRegression with L2 penalty (C = 1 / plan.l2_penalty), outcomes weighted equally."""

    plan: FusionPlan

    def fit(
        self, x: FloatArray, y: npt.NDArray[np.int64], *, seed: int,
        groups: Sequence[str] | None = None,  # noqa: ARG002 (nothing is tuned)
    ) -> FittedLogistic:
        """Trained on rows (n, k) and outcomes (n,)."""
        from sklearn.linear_model import LogisticRegression

        weights = balanced_weights(y)
        penalty = self.plan.l2_penalty
        model = LogisticRegression(
            C=1.0 / penalty if penalty > 0 else np.inf, max_iter=1000, random_state=seed_for(seed, "logistic") % 2**32,
        )
        model.fit(x, y, sample_weight=weights)
        return FittedLogistic(model.coef_[0].astype(np.float64), float(model.intercept_[0]))

    @staticmethod
    def load(arrays: Arrays) -> FittedLogistic:
        """From FittedLogistic.to_arrays."""
        return FittedLogistic(arrays["weights"], float(arrays["bias"]))
