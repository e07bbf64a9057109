"""Cases with radiomics, clinical values and imaging logits whose signal the tests choose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from rnnet.core.seeding import rng_for
from rnnet.core.types import Fold, LesionCase
from rnnet.dataset.manifest import ClinicalColumn
from rnnet.features.table import FeatureTable
from rnnet.planning.plan import ExperimentPlan
from tests.factories import OUTCOMES, make_cases, make_plan

COLUMNS = {
    "age": ClinicalColumn("numeric", unit="years"),
    "sex": ClinicalColumn("categorical", categories=("female", "male")),
}
N_FOLDS = 3


@dataclass(frozen=True)
class TabularData:
    """cases: training, then test; outcomes alternate by patient."""

    cases: tuple[LesionCase, ...]
    radiomics: FeatureTable
    logits: dict[str, float]

    @property
    def train(self) -> tuple[LesionCase, ...]:
        return tuple(case for case in self.cases if case.split == "train")

    @property
    def test(self) -> tuple[LesionCase, ...]:
        return tuple(case for case in self.cases if case.split == "test")


def make_data(
    *, n_patients: int = 24, n_test: int = 8, n_features: int = 8, radiomics_signal: float = 0.0,
    clinical_signal: float = 0.0, imaging_signal: float = 0.0, missing_share: float = 0.0, seed: int = 0,
) -> TabularData:
    """A signal is the distance of the outcomes' means in SD, in radiomics r0, in age and in the logit."""
    rng = rng_for(seed, "tabular data")
    bare = (*make_cases(n_patients, 2), *make_cases(n_test, 2, split="test", prefix="T"))
    y = np.array([float(case.outcome == OUTCOMES[1]) for case in bare])
    values = rng.standard_normal((len(bare), n_features))
    values[:, 0] += radiomics_signal * y
    values[rng.random(values.shape) < missing_share] = np.nan
    ages = 60 + 10 * (rng.standard_normal(len(bare)) + clinical_signal * y)
    logits = rng.standard_normal(len(bare)) + imaging_signal * y
    sexes = rng.choice(["female", "male"], len(bare))
    missing = rng.random((len(bare), 2)) < missing_share
    cases = tuple(
        replace(case, clinical={"age": None if gaps[0] else float(age), "sex": None if gaps[1] else str(sex)})
        for case, age, sex, gaps in zip(bare, ages, sexes, missing, strict=True)
    )
    ids = tuple(case.case_id for case in cases)
    radiomics = FeatureTable(ids, tuple(f"r{i}" for i in range(n_features)), values)
    return TabularData(cases, radiomics, dict(zip(ids, logits.tolist(), strict=True)))


def make_fusion_plan(*settings: str, seed: int = 0) -> ExperimentPlan:
    return make_plan("features.lasso_folds=3", "fusion.tune=false", *settings, seed=seed)


def make_folds(cases: Sequence[LesionCase]) -> list[Fold]:
    """Patients in turn, two neighbours (one of each outcome) at a time."""
    patients = list(dict.fromkeys(case.patient_id for case in cases))
    place = {patient: i // 2 % N_FOLDS for i, patient in enumerate(patients)}
    return [
        Fold(k, tuple(c.case_id for c in cases if place[c.patient_id] != k),
             tuple(c.case_id for c in cases if place[c.patient_id] == k))
        for k in range(N_FOLDS)
    ]


def permuted(data: TabularData, seed: int) -> TabularData:
    """The outcomes shuffled among the training patients and among the test patients; patients keep one outcome."""
    rng = rng_for(seed, "permute")
    new: dict[str, str | None] = {}
    for part in (data.train, data.test):
        outcomes = {case.patient_id: case.outcome for case in part}
        new.update(zip(outcomes, (list(outcomes.values())[i] for i in rng.permutation(len(outcomes))), strict=True))
    return replace(data, cases=tuple(replace(case, outcome=new[case.patient_id]) for case in data.cases))
