"""The threshold that weighs sensitivity and specificity equally (Youden 1950)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from rnnet.evaluation.checks import check_probabilities, labels_and_scores


def youden_threshold(y: ArrayLike, p: ArrayLike) -> float:
    """The threshold with the largest sensitivity + specificity - 1; a lesion is positive from it on (p >= it).

    Candidates lie half-way between neighbouring probabilities, so that the threshold never hangs on one lesion's
    last digit; of several equally good ones the nearest to 0.5 is taken. Where all probabilities are equal no
    threshold separates anything and 0.5 is returned. Fit it on out-of-fold predictions only, never on the lesions
    that are evaluated with it.

    Args:
        y: outcomes (n,) of 0 and 1.
        p: probabilities (n,) of the positive outcome.

    Raises:
        SettingError: empty input, one class only, or values out of range.
    """
    outcomes, probabilities = labels_and_scores(y, p)
    check_probabilities(probabilities)
    values = np.unique(probabilities)
    if values.size == 1:
        return 0.5
    # Neighbours one rounding step apart have no number between them; the upper one then cuts just as well.
    middles = np.maximum((values[:-1] + values[1:]) / 2, np.nextafter(values[:-1], 1))
    called = probabilities[None, :] >= middles[:, None]  # (candidates, n)
    youden = called[:, outcomes == 1].mean(axis=1) - called[:, outcomes == 0].mean(axis=1)
    best = middles[youden >= youden.max() - 1e-12]
    return float(best[np.argmin(np.abs(best - 0.5))])
