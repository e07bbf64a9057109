"""What a model says of the lesions of a test set, as arrays for curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rnnet.evaluation.lesions import arrays
from rnnet.evaluation.results import EvaluatedLesion

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """One model on one test set: outcomes y (n,) of 0 and 1, patients and centers (n,) names.

    z: logits (n,), for curves that only the order decides. p: calibrated probabilities (n,). thresholds: every one at
    which lesions were decided; in cross-validation each fold has its own.
    """

    y: npt.NDArray[np.int64]
    z: FloatArray
    p: FloatArray
    patients: tuple[str, ...]
    centers: tuple[str, ...]
    thresholds: tuple[float, ...] = ()

    @classmethod
    def of(cls, lesions: Sequence[EvaluatedLesion]) -> Scores:
        """From the lesions of one model on one test set."""
        y, z, p = arrays(lesions)
        return cls(
            y, z, p, tuple(lesion.patient_id for lesion in lesions), tuple(lesion.center for lesion in lesions),
            tuple(sorted({lesion.threshold for lesion in lesions})),
        )


def scores_by_model(lesions: Sequence[EvaluatedLesion]) -> dict[str, dict[str, Scores]]:
    """By test set and configuration, in the order of the lesions."""
    groups: dict[str, dict[str, list[EvaluatedLesion]]] = {}
    for lesion in lesions:
        groups.setdefault(lesion.subset, {}).setdefault(lesion.config, []).append(lesion)
    return {subset: {config: Scores.of(rows) for config, rows in by_config.items()}
            for subset, by_config in groups.items()}
