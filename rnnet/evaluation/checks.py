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
    scores = numbers(p, "Scores")
    _check_not_masked(y, "Outcomes")
    try:
        outcomes: NDArray[Any] = np.asarray(y)
    except ValueError as error:
        raise SettingError(f"Outcomes must be a list of 0 and 1 ({error}).") from error
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
                           fix="Leave out lesions without a score; a model whose scores are so has diverged.")
    n_positive = int(outcomes.sum())
    if n_positive in (0, outcomes.size):
        raise SettingError(
            f"All {outcomes.size} lesions have the same outcome ({'positive' if n_positive else 'negative'}), so "
            f"that there is nothing to tell apart.", fix="Evaluate on lesions of both outcomes.",
        )
    return outcomes.astype(np.int64), scores


def numbers(values: ArrayLike, name: str) -> FloatArray:
    """The values as float64. Raises SettingError, beginning with `name`, if they are no numbers or no even table."""
    _check_not_masked(values, name)
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise SettingError(f"{name} must be numbers ({error}).") from error


def check_probabilities(p: FloatArray) -> None:
    """Raise SettingError unless every probability lies between 0 and 1."""
    if p.min() < 0 or p.max() > 1:
        raise SettingError(f"Probabilities must lie between 0 and 1. Got {p.min():g} to {p.max():g} instead.",
                           fix="Give probabilities, not logits.")


def clusters(groups: ArrayLike, n: int) -> tuple[IntArray, int]:
    """Number (n,) of each lesion's group, counted from 0, and how many groups there are.

    Raises:
        SettingError: not one group for each of the n lesions, a missing group, or fewer than two groups.
    """
    named: NDArray[Any] = np.asarray(groups)
    if named.shape != (n,):
        raise SettingError(f"There must be one patient per lesion. Got {named.size} for {n} lesions.")
    missing = sum(_is_missing(name) for name in named.tolist())
    if missing:
        raise SettingError(f"{missing} of {n} lesions have no patient.", fix="Name the patient of every lesion.")
    if named.dtype == object:
        named = named.astype(str)
    distinct, number = np.unique(named, return_inverse=True)
    if distinct.size < 2:
        raise SettingError("An interval by patient needs at least two patients.")
    return number.astype(np.int64), int(distinct.size)


def _is_missing(name: object) -> bool:
    """None, NaN, NaT, or pandas' NA, which does not even say whether it differs from itself."""
    try:
        return name is None or bool(name != name)
    except TypeError:
        return True


def _check_not_masked(values: ArrayLike, name: str) -> None:
    """A masked value is a missing one, which np.asarray would uncover in silence."""
    if np.ma.is_masked(values):
        raise SettingError(f"{name} must not have masked values.", fix="Leave their lesions out.")
