"""Figures beside those of one model on one test set: patients, comparisons, subgroups, shares of the labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from rnnet.evaluation.delong import DelongTest
from rnnet.evaluation.fold_tests import FoldTTest
from rnnet.evaluation.metrics import Metrics
from rnnet.evaluation.statistics import Interval


@dataclass(frozen=True, slots=True)
class PatientLevel:
    """Figures of patients instead of lesions. rule: how the lesions of a patient are joined, in a sentence."""

    rule: str
    pooled: Metrics
    intervals: Mapping[str, Interval]


@dataclass(frozen=True, slots=True)
class ModelComparison:
    """Two models on the same lesions; every difference is `config_a` minus `config_b`.

    difference: of the AUC, with its interval by patient. delong: paired; it takes lesions for independent, which
    several lesions of a patient are not. bootstrap_p: two-sided, from the same resamples of patients as the interval.
    over_folds: the t-test over fold models, as such comparisons are usually published and corrected; None with fewer
    than two folds. *_holm: adjusted for all comparisons on this test set (Holm 1979). notes: what could not be tested,
    and why.
    """

    config_a: str
    config_b: str
    subset: str
    subset_title: str
    positive_outcome: str
    negative_outcome: str
    n_positive: int
    n_negative: int
    n_patients: int
    auc_a: float
    auc_b: float
    difference: Interval
    bootstrap_p: float
    delong: DelongTest | None = None
    over_folds: FoldTTest | None = None
    n_comparisons: int = 1
    delong_p_holm: float | None = None
    bootstrap_p_holm: float | None = None
    over_folds_p_holm: float | None = None
    notes: tuple[str, ...] = ()


Factor = Literal["centre", "primary tumour", "sex", "lesion size", "label source"]


@dataclass(frozen=True, slots=True)
class SubgroupResult:
    """AUC of a model on the lesions of one subgroup of a test set: one line of a forest plot.

    factor, level: 'sex', 'female'. auc: None where the subgroup has too few lesions of one outcome; `note` says so.
    """

    config: str
    subset: str
    subset_title: str
    positive_outcome: str
    factor: Factor
    level: str
    n_positive: int
    n_negative: int
    n_patients: int
    auc: Interval | None
    note: str = ""
    negative_outcome: str = ""


@dataclass(frozen=True, slots=True)
class LabelShareResult:
    """AUC of a model that was trained with a share of the labels: one point of the label-efficiency curve.

    plan: under which it was trained; plans are of one curve when they differ in nothing but the share.
    n_training_lesions, n_training_patients: mean over the folds.
    """

    config: str
    subset: str
    subset_title: str
    positive_outcome: str
    plan: str
    share: float
    n_training_lesions: float
    n_training_patients: float
    folds: tuple[str, ...]
    auc: Interval
    negative_outcome: str = ""


@dataclass(frozen=True, slots=True)
class EvaluatedLesion:
    """One lesion as one model sees it on one test set: what every figure is computed from.

    logit: of all fold models together, or of the one that never saw the lesion; it ranks the lesions. probability:
    calibrated. threshold: at which `positive` is decided; by cross-validation it belongs to the lesion's fold.
    possible: the outcomes in its conformal set. facts: by factor, the subgroups that the lesion belongs to.
    """

    subset: str
    config: str
    case_id: str
    patient_id: str
    center: str
    fold: int | None
    outcome: int
    logit: float
    probability: float
    threshold: float
    positive: bool
    possible: tuple[str, ...]
    facts: Mapping[str, str] = field(default_factory=dict)
