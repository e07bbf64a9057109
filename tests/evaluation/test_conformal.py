from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnet.core.errors import SettingError
from rnnet.evaluation import conformal_set

Y = np.repeat([0, 1], 9)
SCORES = np.r_[np.arange(1, 10), np.arange(6, 15)] / 20


def test_the_limit_is_the_lesion_of_the_published_rank() -> None:
    # Nine lesions, alpha 0.2: the 8th of each outcome in order of strangeness.
    found = conformal_set(Y, SCORES, [0.40, 0.41, 0.35, 0.34], alpha=0.2)
    assert found[:, 0].tolist() == [True, False, True, True]
    assert found[:, 1].tolist() == [True, True, True, False]


def test_too_few_lesions_leave_every_outcome_possible() -> None:
    assert conformal_set(Y, SCORES, [-9.0, 9.0], alpha=0.05).all()


def test_scores_need_not_be_probabilities() -> None:
    one, other = (conformal_set(Y, f(SCORES), f(np.array([0.2, 0.4, 0.6])), alpha=0.2)
                  for f in (np.array, lambda p: np.log(p / (1 - p)) * 7))
    assert one.tolist() == other.tolist()


def test_a_score_between_the_outcomes_may_fit_neither() -> None:
    assert not conformal_set(Y, np.repeat([0.0, 1.0], 9), [0.5], alpha=0.2).any()


@given(st.integers(2, 30), st.floats(0.02, 0.9), st.booleans())
def test_of_n_and_one_exchangeable_lesions_the_promised_share_is_covered(n: int, alpha: float, positive: bool) -> None:
    # Each of n + 1 lesions in turn is the new one: exact coverage, without drawing.
    scores = np.arange(n + 1) / (n + 1)
    covered = []
    for new in range(n + 1):
        others = np.delete(scores, new)
        y = np.r_[np.full(n, int(positive)), 1 - int(positive)]
        covered.append(conformal_set(y, np.r_[others, 0.5], [scores[new]], alpha=alpha)[0, int(positive)])
    assert np.mean(covered) >= 1 - alpha - 1e-9
    assert np.mean(covered) <= 1 - alpha + 1 / (n + 1) + 1e-9


def test_what_cannot_have_a_set_is_a_clear_error() -> None:
    with pytest.raises(SettingError, match="alpha"):
        conformal_set(Y, SCORES, [0.5], alpha=0.0)
    with pytest.raises(SettingError, match="new scores"):
        conformal_set(Y, SCORES, [float("nan")])
    with pytest.raises(SettingError, match="same outcome"):
        conformal_set([1, 1], [0.1, 0.2], [0.5])
