from __future__ import annotations

import pytest

from rnnet.evaluation.deciding import Decisions
from rnnet.evaluation.decision import fixed_threshold
from rnnet.evaluation.lesions import evaluated_lesions
from rnnet.evaluation.results import SubgroupResult
from rnnet.evaluation.subgroups import subgroup_results
from tests.evaluation.lesions import predictions
from tests.factories import make_plan

HALF = Decisions(fixed_threshold(0.5, positive_outcome="rn"))


def found(facts: dict[str, dict[str, str]]) -> dict[str, SubgroupResult]:
    lesions = evaluated_lesions("clinical", "test", {0: predictions(40)}, HALF, is_cross_validation=False, facts=facts)
    return {f"{r.factor}: {r.level}": r for r in subgroup_results(lesions, make_plan())}


def test_every_level_has_its_lesions_and_interval() -> None:
    results = found({f"c{i}": {"sex": "female" if i < 24 else "male", "centre": "A"} for i in range(40)})
    assert list(results) == ["sex: female", "sex: male"]  # a single centre is no subgroup
    female = results["sex: female"]
    assert (female.n_positive, female.n_negative, female.n_patients) == (12, 12, 12)
    assert female.auc is not None
    assert female.auc.low < female.auc.value < female.auc.high


def test_a_small_subgroup_is_counted_and_has_no_auc() -> None:
    results = found({f"c{i}": {"primary tumour": "lung" if i < 36 else "kidney"} for i in range(40)})
    small = results["primary tumour: kidney"]
    assert small.auc is None
    assert "fewer than 3" in small.note
    assert small.n_positive == small.n_negative == 2


def test_lesions_without_a_fact_are_in_no_subgroup() -> None:
    results = found({f"c{i}": {"lesion size": "small" if i % 4 < 2 else "large"} for i in range(32)})
    assert sum(r.n_positive + r.n_negative for r in results.values()) == 32


@pytest.mark.parametrize("facts", [{}, {"c0": {}}])
def test_no_facts_no_subgroups(facts: dict[str, dict[str, str]]) -> None:
    assert found(facts) == {}
