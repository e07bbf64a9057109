"""The classifiers that may stand at the end of the tabular model, by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from rnnet.core.errors import DatasetError
from rnnet.core.registry import Registry
from rnnet.planning.plan import FusionPlan

FloatArray = npt.NDArray[np.float64]
Arrays = Mapping[str, npt.NDArray[Any]]


class FittedHead(Protocol):
    """A trained classifier that is nothing but arrays, so that it is stored without pickle."""

    def logit(self, x: FloatArray) -> FloatArray:
        """(n,) finite logits of the positive outcome for z-scored rows (n, k)."""
        ...

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Numeric arrays from which `FusionHead.load` makes the same classifier."""
        ...


class FusionHead(Protocol):
    """An untrained classifier; constructed with the FusionPlan, which it only stores."""

    def fit(
        self, x: FloatArray, y: npt.NDArray[np.int64], *, seed: int, groups: Sequence[str] | None = None,
    ) -> FittedHead:
        """Train on z-scored rows (n, k) without NaN and outcomes (n,) of 0 and 1; both outcomes weigh the same.

        groups: (n,) patients, who must stay together wherever the head divides its rows, as for tuning.
        """
        ...

    @staticmethod
    def load(arrays: Arrays) -> FittedHead:
        """The classifier of `FittedHead.to_arrays`."""
        ...


class FusionHeadClass(Protocol):
    """What stands in the table: the class, called with the plan."""

    def __call__(self, plan: FusionPlan) -> FusionHead:
        """The head with the plan's settings."""
        ...

    @staticmethod
    def load(arrays: Arrays) -> FittedHead:
        """The classifier of `FittedHead.to_arrays`."""
        ...


FUSION_HEADS: Registry[FusionHeadClass] = Registry(
    "fusion head",
    group="rnnet.fusion_heads",
    builtin={
        "mlp": "rnnet.fusion.mlp:MlpHead",
        "logistic": "rnnet.fusion.logistic:LogisticHead",
        "random_forest": "rnnet.fusion.random_forest:RandomForestHead",
    },
)


def balanced_weights(y: npt.NDArray[np.int64]) -> FloatArray:
    """(n,) weights with mean 1 that give both outcomes the same total.

    Raises:
        DatasetError: only one outcome is there.
    """
    counts = np.bincount(y, minlength=2)
    if len(counts) != 2 or not counts.all():
        raise DatasetError("A classifier needs training rows of both outcomes (0 and 1).",
                           fix="Check the outcomes and the folds.")
    weights: FloatArray = len(y) / (2.0 * counts[y])
    return weights
