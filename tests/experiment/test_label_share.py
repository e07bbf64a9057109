from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from rnnet.experiment.label_share import LabelShare
from tests.factories import make_cases

CASES = make_cases(40, 2)


@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
def test_a_share_of_the_patients_of_each_outcome_is_used_with_all_their_lesions(share: float) -> None:
    used = LabelShare(share).of(CASES)
    patients = {c.patient_id: c.outcome for c in used}
    assert set(Counter(patients.values()).values()) == {round(20 * share)}
    assert used == tuple(c for c in CASES if c.patient_id in patients)


def test_the_smaller_share_is_within_the_larger() -> None:
    used = [{c.case_id for c in LabelShare(s).of(CASES)} for s in (0.1, 0.25, 0.33, 0.5, 0.9, 1.0)]
    assert all(a < b for a, b in pairwise(used))


def test_the_seed_draws_and_a_patient_more_moves_nobody() -> None:
    first, again, other = (LabelShare(0.5, seed).of(CASES) for seed in (0, 0, 1))
    assert first == again
    assert first != other
    without_last = LabelShare(0.5).of(CASES[:-4])
    assert {c.case_id for c in without_last} < {c.case_id for c in first} | {c.case_id for c in CASES[:-4]}
    assert len({c.case_id for c in first} ^ {c.case_id for c in without_last}) <= 4


def test_at_least_one_patient_of_each_outcome_is_left() -> None:
    assert {c.outcome for c in LabelShare(0.001).of(CASES)} == {c.outcome for c in CASES}


@pytest.mark.parametrize("labels", [LabelShare(), LabelShare(0.25, 7)])
def test_a_recorded_share_is_read_back(labels: LabelShare) -> None:
    recorded = LabelShare.recorded_in({"skull-strippers": "none", **labels.as_inputs()})
    assert recorded.of(CASES) == labels.of(CASES)


def test_all_labels_record_nothing() -> None:
    assert LabelShare(1.0, 5).as_inputs() == {}
    assert LabelShare(1.0, 5).of(CASES) == CASES
