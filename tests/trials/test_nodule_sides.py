import math

import numpy as np
import pytest

from trials.lidc import RATINGS, Nodule
from trials.nodule_look import look_table, volume_auc
from trials.nodule_sides import PAIR_RATIO, SideSizes, choose_sides, margin_outcome, matched_pairs


def _nodule(number, *, margin=5.0, edge=10, thickness=1.0, readers=4, patient=None):
    ratings = dict.fromkeys(RATINGS, 3.0) | {"margin": margin}
    share = np.ones((edge, edge, edge), np.float32)
    return Nodule(f"n{number:03d}", patient or f"P{number:03d}", thickness, readers, ratings, share, (1.0, 1.0, 1.0))


@pytest.fixture(scope="module")
def nodules():
    """Poorly defined ones are larger, as in truth; a third has thick slices, every eleventh two readers."""
    return [
        _nodule(i, margin=2.0 if i % 2 else 5.0, edge=5 + i % 5 + 2 * (i % 2), thickness=2.5 if i % 3 == 0 else 1.25,
                readers=2 if i % 11 == 0 else 4)
        for i in range(66)
    ]


@pytest.fixture(scope="module")
def sides(nodules):
    return choose_sides(nodules, seed=1, sizes=SideSizes(train=16, test=8, thick=8, pool=20))


def test_no_patient_stands_on_two_sides(sides):
    patients = [{n.patient_id for n in getattr(sides, side)} for side in ("train", "test", "thick", "pool")]
    assert sum(map(len, patients)) == len(set().union(*patients))
    assert all(patients)


def test_each_side_has_both_outcomes_alike_and_enough_readers(sides):
    for members in (sides.train, sides.test, sides.thick):
        outcomes = [margin_outcome(n) for n in members]
        assert outcomes.count(1) == outcomes.count(0) > 0
        assert min(n.n_readers for n in members) >= 3


def test_thick_slices_are_on_the_second_centres_side_alone(sides):
    assert {n.slice_thickness_mm for n in sides.thick} == {2.5}
    assert {n.slice_thickness_mm for n in (*sides.train, *sides.test)} == {1.25}


def test_pairing_takes_the_volume_its_say(sides):
    unmatched, paired = volume_auc(sides.train_unmatched), volume_auc(sides.train)
    assert unmatched > 0.65
    assert abs(paired - 0.5) < abs(unmatched - 0.5) / 2


def test_volumes_of_a_pair_are_alike():
    near, far = _nodule(1, margin=2.0, edge=10), _nodule(2, margin=2.0, edge=16)
    pairs = matched_pairs([near, far, _nodule(3, edge=10)], margin_outcome, most=10, seed=0)
    assert {n.nodule_id for n in pairs} == {"n001", "n003"}
    ratio = pairs[0].volume_mm3 / pairs[1].volume_mm3
    assert abs(math.log(ratio)) <= math.log(PAIR_RATIO)


def test_no_more_than_asked_for_are_paired(nodules):
    assert len(matched_pairs(nodules, margin_outcome, most=7, seed=0)) == 6


def test_a_margin_between_has_no_outcome():
    assert [margin_outcome(_nodule(1, margin=m)) for m in (3.0, 3.5, 4.5, 5.0)] == [1, None, None, 0]


def test_the_look_names_every_question_with_its_volume_auc(sides):
    lines = look_table(sides, seed=1).splitlines()
    assert len(lines) == 5
    assert all(line.count("|") == 7 for line in lines)
    assert "one class" in lines[2]  # nobody rated malignancy but 3
