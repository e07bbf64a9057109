"""Logistic regression by maximum likelihood on a column or two, exact to rounding."""

from __future__ import annotations

import numpy as np

from rnnet.core.errors import SettingError
from rnnet.evaluation.checks import FloatArray

_STEPS = 200
# Newton's error is about the square of its last step.
_LAST_STEP = 1e-8
_SHORTEST = 1e-9
_ROUNDING = 1e-13


def fit_logistic(design: FloatArray, targets: FloatArray) -> FloatArray:
    """Coefficients (k,) with which sigmoid(design @ coefficients) fits the targets best.

    Newton's method, whose steps are halved while they do not lower the mean cross-entropy; that is convex, so that the
    answer does not depend on the way. There is no penalty: the caller sees to it that a finite best fit exists.

    Args:
        design: (n, k) columns; a column of ones is the intercept.
        targets: (n,) from 0 to 1.

    Raises:
        SettingError: the fit runs away all the same.
    """
    coefficients: FloatArray = np.zeros(design.shape[1])
    for _ in range(_STEPS):
        fitted = sigmoids(design @ coefficients)
        gradient = design.T @ (fitted - targets)
        curvature = (design * (fitted * (1 - fitted))[:, None]).T @ design
        try:
            step = np.linalg.solve(curvature, gradient)
        except np.linalg.LinAlgError:
            break
        if not np.isfinite(step).all():
            break
        if np.abs(step).max() <= _LAST_STEP * (1 + np.abs(coefficients).max()):
            result: FloatArray = coefficients - step
            return result
        # Close to the best fit the loss differs by less than rounding: a full step is right there.
        loss = _loss(design @ coefficients, targets) + _ROUNDING
        share = 1.0
        while share > _SHORTEST and _loss(design @ (coefficients - share * step), targets) > loss:
            share /= 2
        coefficients = coefficients - share * step
    raise SettingError("A logistic fit does not converge: the scores separate the outcomes, or nearly so.",
                       fix="Give more lesions of both outcomes.")


def sigmoids(logits: FloatArray) -> FloatArray:
    """1 / (1 + exp(-logits)) of an array, without overflow."""
    small = np.exp(-np.abs(logits))
    probabilities: FloatArray = np.where(logits >= 0, 1.0, small) / (1.0 + small)
    return probabilities


def _loss(logits: FloatArray, targets: FloatArray) -> float:
    """Mean cross-entropy."""
    return float(np.mean(np.logaddexp(0.0, logits) - targets * logits))
