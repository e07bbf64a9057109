"""The one check of what metrics and statistics are computed from."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rnnet.core.errors import SettingError

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]


def labels_and_scores(y: ArrayLike, p: ArrayLike) -> tuple[IntArray, FloatArray]:
    """Outcomes (n,) of 0 and 1 and scores (n,) as arrays; both classes are there and no score is missing.

    Raises:
        SettingError: empty, of different length, outcomes other than 0 and 1, one class only, or a score that is
            not a finite number.
    """
    outcomes: NDArray[Any] = np.asarray(y)
    scores = np.asarray(p, dtype=np.float64)
    if outcomes.ndim != 1 or outcomes.shape != scores.shape:
        raise SettingError(
            f"Outcomes and scores must be two lists of equal length. Got shapes {outcomes.shape} and {scores.shape}."
        )
    if outcomes.size == 0:
        raise SettingError("There is no lesion to evaluate.", fix="Give lesions with a known outcome.")
    if not np.isin(outcomes, (0, 1)).all():
        raise SettingError(f"Outcomes must be 0 or 1. Got {sorted(map(str, set(outcomes.tolist())))[:5]} instead.")
    if not np.isfinite(scores).all():
        raise SettingError(f"{int((~np.isfinite(scores)).sum())} scores are not finite numbers.",
                           fix="The model diverged: train it again with a lower learning rate.")
    n_positive = int(outcomes.sum())
    if n_positive in (0, outcomes.size):
        raise SettingError(
            f"All {outcomes.size} lesions have the same outcome ({'positive' if n_positive else 'negative'}), so "
            f"that there is nothing to tell apart.", fix="Evaluate on lesions of both outcomes.",
        )
    return outcomes.astype(np.int64), scores


def check_probabilities(p: FloatArray) -> None:
    """Raise SettingError unless every probability lies between 0 and 1."""
    if p.min() < 0 or p.max() > 1:
        raise SettingError(f"Probabilities must lie between 0 and 1. Got {p.min():g} to {p.max():g} instead.",
                           fix="Give probabilities, not logits.")
