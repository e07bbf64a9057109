"""A small multi-layer perceptron as fusion head, as in arXiv 2511.18208."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rnnet.core.log import get_logger
from rnnet.core.seeding import seed_for
from rnnet.fusion.table import Arrays, FloatArray, balanced_weights
from rnnet.planning.plan import FusionPlan

log = get_logger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class FittedMlp:
    """weights[i]: (inputs, outputs) and biases[i]: (outputs,) of layer i; ReLU between layers, one logit at the end."""

    weights: tuple[FloatArray, ...]
    biases: tuple[FloatArray, ...]

    def logit(self, x: FloatArray) -> FloatArray:
        """(n,) logits of rows (n, k)."""
        last = len(self.weights) - 1
        for i, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = x @ weight + bias
            if i < last:
                x = np.maximum(x, 0)
        return x[:, 0]

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """weight0, bias0, weight1, ..."""
        layers = enumerate(zip(self.weights, self.biases, strict=True))
        return {key: array for i, pair in layers for key, array in zip((f"weight{i}", f"bias{i}"), pair, strict=True)}


@dataclass(frozen=True, slots=True)
class MlpHead:
    """scikit-learn's MLPClassifier: hidden layers plan.hidden, L2 penalty plan.l2_penalty, both outcomes equal.

    L-BFGS, as few rows fit into one batch: no learning rate, and it ends at a minimum.
    """

    plan: FusionPlan

    def fit(
        self, x: FloatArray, y: npt.NDArray[np.int64], *, seed: int,
        groups: Sequence[str] | None = None,  # noqa: ARG002 (nothing is tuned)
    ) -> FittedMlp:
        """Trained on rows (n, k) and outcomes (n,); `seed` draws the first weights."""
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.neural_network import MLPClassifier

        weights = balanced_weights(y)
        model = MLPClassifier(
            hidden_layer_sizes=self.plan.hidden, activation="relu", solver="lbfgs", alpha=self.plan.l2_penalty,
            max_iter=2000, random_state=seed_for(seed, "mlp") % 2**32,
        )
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ConvergenceWarning)
            model.fit(x, y, sample_weight=weights)
        if any(issubclass(w.category, ConvergenceWarning) for w in caught):
            log.warning("The fusion MLP did not converge; raise fusion.l2_penalty.")
        return FittedMlp(tuple(np.asarray(w, np.float64) for w in model.coefs_),
                         tuple(np.asarray(b, np.float64) for b in model.intercepts_))

    @staticmethod
    def load(arrays: Arrays) -> FittedMlp:
        """From FittedMlp.to_arrays."""
        n_layers = sum(key.startswith("weight") for key in arrays)
        return FittedMlp(tuple(arrays[f"weight{i}"] for i in range(n_layers)),
                         tuple(arrays[f"bias{i}"] for i in range(n_layers)))
