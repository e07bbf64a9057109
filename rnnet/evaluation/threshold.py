"""Where to cut scores: equal weight for sensitivity and specificity (Youden 1950), or a sensitivity that is wanted."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from rnnet.core.errors import SettingError
from rnnet.evaluation.checks import FloatArray, check_probabilities, labels_and_scores


def youden_threshold(y: ArrayLike, p: ArrayLike) -> float:
    """The threshold with the largest sensitivity + specificity - 1; a lesion is positive from it on (p >= it).

    Candidates lie half-way between neighbouring scores, so that the threshold never hangs on one lesion's last digit;
    of several equally good ones that nearest to 0.5 is taken, or for scores that are no probabilities that nearest to
    their median. Where every one of them is worse than calling all lesions alike (index 0), the smallest score is
    returned, from which on all are positive. Fit it on out-of-fold predictions only, never on the lesions that are
    evaluated with it.

    Args:
        y: outcomes (n,) of 0 and 1.
        p: probabilities (n,) of the positive outcome, or any finite scores of it. Where all probabilities are equal no
            threshold separates anything and 0.5 is returned.

    Raises:
        SettingError: empty input, one class only, scores that are not finite, or equal scores that are no
            probabilities.
    """
    outcomes, scores = labels_and_scores(y, p)
    are_probabilities = bool(scores.min() >= 0 and scores.max() <= 1)
    middles = _middles(scores)
    if middles.size == 0:
        if are_probabilities:
            return 0.5
        raise SettingError(f"All scores are {scores[0]:g}: no threshold separates anything.",
                           fix="Give scores that differ.")
    called = scores[None, :] >= middles[:, None]  # (candidates, n)
    youden = called[:, outcomes == 1].mean(axis=1) - called[:, outcomes == 0].mean(axis=1)
    if youden.max() < -1e-12:
        return float(scores.min())
    best = middles[youden >= youden.max() - 1e-12]
    wanted = 0.5 if are_probabilities else float(np.median(scores))
    return float(best[np.argmin(np.abs(best - wanted))])


def sensitivity_threshold(y: ArrayLike, p: ArrayLike, sensitivity: float) -> float:
    """The largest threshold at which at least this share of the positive lesions is called positive.

    Of all thresholds with that sensitivity it has the largest specificity. Candidates lie half-way between neighbouring
    probabilities, the lowest at the smallest probability: it calls every lesion positive.

    Raises:
        SettingError: empty input, one class only, values out of range, or a sensitivity outside 0 to 1.
    """
    outcomes, probabilities = labels_and_scores(y, p)
    check_probabilities(probabilities)
    if not 0 < sensitivity <= 1:
        raise SettingError(f"The sensitivity must be above 0 and at most 1. Got {sensitivity} instead.")
    candidates = np.append(probabilities.min(), _middles(probabilities))
    reached = (probabilities[None, outcomes == 1] >= candidates[:, None]).mean(axis=1)
    return float(candidates[reached >= sensitivity - 1e-12].max())


def _middles(scores: FloatArray) -> FloatArray:
    """Half-way between neighbouring scores, in ascending order; none where all are equal."""
    values = np.unique(scores)
    # Neighbours one rounding step apart have no number between them; the upper one then cuts just as well.
    middles: FloatArray = np.maximum(values[:-1] / 2 + values[1:] / 2, np.nextafter(values[:-1], np.inf))
    return middles
