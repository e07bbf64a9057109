"""A model's AUC in subgroups of a test set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

from rnnet.core.errors import SettingError
from rnnet.evaluation.lesions import arrays
from rnnet.evaluation.results import EvaluatedLesion, Factor, SubgroupResult
from rnnet.evaluation.statistics import Interval, clustered_bootstrap
from rnnet.evaluation.summary import title_of
from rnnet.planning.plan import ExperimentPlan

# With fewer lesions of an outcome the bootstrap's interval says nothing.
MINIMUM_OF_EACH = 3


def subgroup_results(lesions: Sequence[EvaluatedLesion], plan: ExperimentPlan) -> tuple[SubgroupResult, ...]:
    """Every subgroup of one model on one test set, factor by factor; a factor with one level has no subgroups.

    AUC by logit with its interval over patients, as for the whole test set.
    """
    found = []
    for factor in get_args(Factor):
        levels = sorted({lesion.facts[factor] for lesion in lesions if factor in lesion.facts})
        if len(levels) > 1:
            found += [
                _of([lesion for lesion in lesions if lesion.facts.get(factor) == level], factor, level, plan)
                for level in levels
            ]
    return tuple(found)


def _of(lesions: Sequence[EvaluatedLesion], factor: Factor, level: str, plan: ExperimentPlan) -> SubgroupResult:
    first = lesions[0]
    n_positive = sum(lesion.outcome for lesion in lesions)
    n_negative = len(lesions) - n_positive
    auc, note = _auc(lesions, n_positive, n_negative, plan.seed)
    return SubgroupResult(
        config=first.config, subset=first.subset, subset_title=title_of(first.subset),
        positive_outcome=plan.positive_outcome, factor=factor, level=level, n_positive=n_positive,
        n_negative=n_negative, n_patients=len({lesion.patient_id for lesion in lesions}), auc=auc, note=note,
        negative_outcome=plan.negative_outcome,
    )


def _auc(
    lesions: Sequence[EvaluatedLesion], n_positive: int, n_negative: int, seed: int
) -> tuple[Interval | None, str]:
    if min(n_positive, n_negative) < MINIMUM_OF_EACH:
        return None, f"fewer than {MINIMUM_OF_EACH} lesions of an outcome"
    y, logits, _ = arrays(lesions)
    try:
        return clustered_bootstrap(y, logits, [lesion.patient_id for lesion in lesions], seed=seed), ""
    except SettingError as error:
        return None, error.problem
