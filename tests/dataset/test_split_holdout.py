from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnet.core.errors import DatasetError, SettingError
from rnnet.core.types import LesionCase
from rnnet.dataset.split_holdout import draw_test_patients
from rnnet.dataset.splits import hold_out, make_splits
from tests.factories import OUTCOMES, make_cases


@st.composite
def data_sets(draw: st.DrawFn) -> tuple[LesionCase, ...]:
    """Six to 40 patients of one to three centres with one to four lesions; every third of them of the rarer outcome."""
    n_patients = draw(st.integers(12, 40))
    n_centers = draw(st.integers(1, 3))
    cases = []
    for p in range(n_patients):
        for lesion in range(draw(st.integers(1, 4))):
            cases.append(LesionCase(
                f"P{p}_{lesion}", f"P{p}", f"P{p}", f"C{p % n_centers}", lesion + 1, outcome=OUTCOMES[p % 3 == 0]
            ))
    return tuple(cases)


@settings(max_examples=15, deadline=None)
@given(data_sets(), st.sampled_from([0.15, 0.2, 0.3]), st.integers(0, 5), st.randoms(use_true_random=False))
def test_no_patient_stands_on_two_sides_and_every_case_is_validated_once(cases, share, seed, random) -> None:
    test = draw_test_patients(cases, share=share, seed=seed)
    shuffled = list(cases)
    random.shuffle(shuffled)
    assert draw_test_patients(shuffled, share=share, seed=seed) == test
    held = hold_out(cases, test)
    folds = make_splits(held, n_folds=2, seed=seed)
    used = [i for fold in folds for i in fold.validation_case_ids]
    assert sorted(used) == sorted(c.case_id for c in held if c.split == "train")
    patient = {c.case_id: c.patient_id for c in cases}
    for fold in folds:
        sides = [{patient[i] for i in ids} for ids in (fold.train_case_ids, fold.validation_case_ids)]
        assert not sides[0] & sides[1]
        assert not (sides[0] | sides[1]) & set(test)
    # A patient is the smallest step: at most one patient of four lesions off in all, and by outcome.
    for outcome in (None, *OUTCOMES):
        ours = [c for c in held if outcome in (None, c.outcome)]
        assert abs(sum(c.split == "test" for c in ours) - share * len(ours)) <= 4


def test_the_test_set_has_the_outcomes_and_centres_of_the_whole() -> None:
    cases = make_cases(100, 1, centers=("A", "B", "C"), outcomes=("progression", "progression", "radiation_necrosis"))
    test = set(draw_test_patients(cases, share=0.2, seed=0))
    whole = Counter((c.center, c.outcome) for c in cases)
    found = Counter((c.center, c.outcome) for c in cases if c.patient_id in test)
    assert len(test) == 20
    assert all(abs(found[key] - 0.2 * n) <= 1.5 for key, n in whole.items())


def test_the_seed_changes_the_draw_and_test_and_unlabelled_cases_are_not_drawn() -> None:
    cases = (*make_cases(30, 2), *make_cases(9, 1, split="test", prefix="T"), *make_cases(9, 1, outcomes=(None,),
                                                                                       prefix="U"))
    draws = {draw_test_patients(cases, share=0.2, seed=seed) for seed in range(4)}
    assert len(draws) > 1
    assert all(name.startswith("P") for draw in draws for name in draw)


@pytest.mark.parametrize("share", [0, 1, -0.2, 1.5, np.nan])
def test_a_share_outside_0_and_1_is_refused(share: float) -> None:
    with pytest.raises(SettingError, match="between 0 and 1"):
        draw_test_patients(make_cases(20), share=share, seed=0)


def test_a_test_set_without_both_outcomes_is_refused() -> None:
    with pytest.raises(DatasetError, match="does not leave both outcomes on both sides"):
        draw_test_patients(make_cases(2), share=0.2, seed=0)
    with pytest.raises(DatasetError, match="both outcomes"):
        draw_test_patients(make_cases(20, outcomes=("progression",)), share=0.2, seed=0)
