from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from rnnet.core.errors import SettingError
from rnnet.evaluation import delong_ci, obuchowski_auc

Y = np.array([0, 0, 1, 1, 1, 0])
P = np.array([0.1, 0.5, 0.4, 0.8, 0.9, 0.2])


def test_one_lesion_a_patient_gives_delongs_interval() -> None:
    clustered, plain = obuchowski_auc(Y, P, list("abcdef")), delong_ci(Y, P)
    assert clustered.auc == plain.auc
    assert clustered.standard_error == pytest.approx(plain.standard_error)
    assert (clustered.low, clustered.high) == pytest.approx((plain.low, plain.high))


def test_copies_of_every_lesion_in_its_patient_leave_the_error_and_apart_they_shrink_it() -> None:
    y, p, patient = np.repeat(Y, 4), np.repeat(P, 4), np.repeat(np.arange(6), 4)
    alone = obuchowski_auc(Y, P, np.arange(6)).standard_error
    assert obuchowski_auc(y, p, patient).standard_error == pytest.approx(alone)
    assert obuchowski_auc(y, p, np.arange(24)).standard_error < 0.6 * alone


def test_a_patient_with_both_outcomes_takes_part_in_the_covariance() -> None:
    # By hand: AUC 3/4; sums of placements beyond 3/4 are (1/4, -1/4) for both outcomes and pair in each patient.
    found = obuchowski_auc([1, 1, 0, 0], [0.9, 0.3, 0.1, 0.5], ["a", "b", "a", "b"])
    assert found.auc == 0.75
    assert found.variance == pytest.approx(2 * (2 * 2 / 16) / 4 + 2 * 2 * (2 / 16) / 4)


@pytest.mark.parametrize(("groups", "message"), [
    (["a"] * 6, "at least two patients"), (["a", "b"], "one patient per lesion"),
    (["a", "b", "c", "c", "c", "d"], "two groups"), (["a", None, "c", "d", "e", "f"], "no patient"),
    (pd.Series(["a", None, "c", "d", "e", "f"], dtype="string"), "1 of 6 lesions have no patient"),
])
def test_groups_that_cannot_be_used_are_named(groups: Any, message: str) -> None:
    with pytest.raises(SettingError, match=message):
        obuchowski_auc(Y, P, groups)


def test_separated_outcomes_have_no_width_and_say_so() -> None:
    found = obuchowski_auc([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9], list("abcd"))
    assert (found.low, found.high) == (1.0, 1.0)
    assert "limit of the method" in found.note
