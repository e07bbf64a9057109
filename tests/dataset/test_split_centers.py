from __future__ import annotations

import logging
from dataclasses import replace

import pytest

from rnnet.core.errors import DatasetError
from rnnet.dataset.split_balance import balance_table, split_balance
from rnnet.dataset.split_centers import leave_one_center_out
from tests.factories import OUTCOMES, make_cases

CASES = make_cases(12, 2, centers=("B", "A", "C"))


def test_each_centre_validates_one_fold_in_the_order_of_their_names() -> None:
    folds = leave_one_center_out(tuple(reversed(CASES)))
    center = {c.case_id: c.center for c in CASES}
    assert [{center[i] for i in f.validation_case_ids} for f in folds] == [{"A"}, {"B"}, {"C"}]
    assert [{center[i] for i in f.train_case_ids} for f in folds] == [{"B", "C"}, {"A", "C"}, {"A", "B"}]
    assert leave_one_center_out(CASES) == folds


def test_one_centre_or_a_patient_of_two_is_refused() -> None:
    with pytest.raises(DatasetError, match="there is A") as caught:
        leave_one_center_out(make_cases(6, centers=("A",)))
    assert "rnnet_combine_datasets" in caught.value.fix
    with pytest.raises(DatasetError, match="'P000' of B and Elsewhere"):
        leave_one_center_out((replace(CASES[0], center="Elsewhere"), *CASES[1:]))


def test_training_centres_without_both_outcomes_are_refused() -> None:
    one = make_cases(4, 1, centers=("A",), outcomes=OUTCOMES[:1])
    both = make_cases(4, 1, centers=("B",), prefix="Q")
    with pytest.raises(DatasetError, match="Without the centre B all 4 training lesions are of the outcome prog"):
        leave_one_center_out((*one, *both))


def test_a_validating_centre_with_one_outcome_is_allowed_and_said(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("rnnet"), "propagate", True)
    cases = (*CASES, *make_cases(2, 1, centers=("D",), outcomes=OUTCOMES[:1], prefix="D"))
    with caplog.at_level(logging.WARNING, logger="rnnet"):
        assert len(leave_one_center_out(cases)) == 4
    assert "All 2 lesions of the centre D are of the outcome progression" in caplog.text


def test_the_balance_counts_lesions_and_patients_by_outcome_and_centre() -> None:
    cases = (*CASES, *make_cases(2, 3, centers=("A",), split="test", prefix="T"))
    parts = split_balance(cases, leave_one_center_out(CASES))
    assert [p.part for p in parts] == [
        *(f"fold {k} {side}" for k in range(3) for side in ("training", "validation")), "test", "all"
    ]
    headers, rows = balance_table(parts, "radiation_necrosis")
    assert headers[:7] == ("part", "lesions (patients)", "progression", "radiation_necrosis [positive class]",
                           "centre A", "centre B", "centre C")
    assert rows[1][:7] == ("fold 0 validation", "8 (4)", "4 (2)", "4 (2)", "8 (4)", "0 (0)", "0 (0)")
    assert rows[-2][:5] == ("test", "6 (2)", "3 (1)", "3 (1)", "6 (2)")
    assert rows[-1][1] == "30 (14)"
    assert headers[7] == "progression, A"
    assert rows[-1][7] == "7 (3)"


def test_a_single_centre_needs_no_columns_of_its_own() -> None:
    headers, _ = balance_table(split_balance(make_cases(4, centers=("A",)), ()), OUTCOMES[1])
    assert len(headers) == 4
