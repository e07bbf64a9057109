from __future__ import annotations

from dataclasses import replace

import pytest

from rnnet.core.errors import DatasetError, LeakageError
from rnnet.core.types import Fold, positive_label
from tests.factories import make_cases

CASES = make_cases(4, 2)


def ids(*patients: int) -> tuple[str, ...]:
    return tuple(c.case_id for c in CASES if int(c.patient_id[1:]) in patients)


def test_a_patient_disjoint_fold_passes() -> None:
    fold = Fold(0, ids(0, 1), ids(2, 3))
    assert fold.check(CASES) is fold


def test_a_patient_on_both_sides_is_leakage() -> None:
    with pytest.raises(LeakageError, match="patients P001 stand on both sides"):
        Fold(0, ids(0, 1), (*ids(2), ids(1)[0])).check(CASES)


def test_a_test_case_in_training_is_leakage() -> None:
    cases = (replace(CASES[0], split="test"), *CASES[1:])
    with pytest.raises(LeakageError, match="test cases P000_s1_1 are used for training"):
        Fold(0, ids(0), ids(1)).check(cases)


def test_an_unknown_case_is_named() -> None:
    with pytest.raises(DatasetError, match="nobody"):
        Fold(0, ("nobody",), ids(1)).check(CASES)


def test_the_positive_outcome_is_one_and_the_unknown_none() -> None:
    assert positive_label(CASES[0], "progression") == 1
    assert positive_label(CASES[0], "radiation_necrosis") == 0
    assert positive_label(replace(CASES[0], outcome=None), "progression") is None
