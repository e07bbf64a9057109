"""The tabular model: radiomics, clinical columns and the imaging logit, selected, scaled and classified."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rnnet.core.errors import DatasetError, LeakageError, MissingStageError, UnknownComponentError
from rnnet.core.log import get_logger
from rnnet.core.types import TABULAR_CONFIGS, LesionCase, LesionPrediction, positive_label
from rnnet.dataset.manifest import ClinicalColumn
from rnnet.evaluation.predictions import sigmoid
from rnnet.features.clinical import ClinicalEncoder, FittedClinical
from rnnet.features.selection import FittedSelection, select_features
from rnnet.features.table import FeatureTable, FloatArray, names_with_prefix
from rnnet.fusion.table import FUSION_HEADS, FittedHead
from rnnet.planning.plan import ExperimentPlan

log = get_logger(__name__)

RADIOMICS_PREFIX = "radiomics_"
CLINICAL_PREFIX = "clinical_"
IMAGING_LOGIT = "imaging_logit"
# Which blocks each configuration uses.
USES_RADIOMICS = ("radiomics", "radiomics_clinical", "multimodal")
USES_CLINICAL = ("clinical", "radiomics_clinical", "multimodal")
USES_IMAGING = ("multimodal",)


@dataclass(frozen=True, slots=True)
class ImagingScale:
    """Mean and SD of the imaging logit over the training rows."""

    mean: float
    std: float

    def column(self, cases: Sequence[LesionCase], logits: Mapping[str, float] | None) -> FloatArray:
        """(n, 1) standardised logits of the cases. Raises MissingStageError naming the cases without one."""
        values = _logits_of(cases, logits)
        column: FloatArray = ((values - self.mean) / self.std)[:, None]
        return column


@dataclass(frozen=True, slots=True, eq=False)
class TabularModel:
    """A fitted model of one configuration; everything in it comes from its training rows.

    The classifier's input is, in this order: the standardised imaging logit where the configuration uses it (it is
    never selected away), then the features that the selection kept. train_patient_ids: whose lesions it has seen.
    """

    config: str
    positive_outcome: str
    head_name: str
    head: FittedHead
    clinical: FittedClinical | None
    selection: FittedSelection
    imaging: ImagingScale | None
    train_patient_ids: tuple[str, ...]

    @property
    def input_names(self) -> tuple[str, ...]:
        """(k,) names of the classifier's inputs."""
        return (*((IMAGING_LOGIT,) if self.imaging else ()), *self.selection.names)

    def predict(
        self, cases: Sequence[LesionCase], *, radiomics: FeatureTable | None = None,
        imaging_logits: Mapping[str, float] | None = None,
    ) -> tuple[LesionPrediction, ...]:
        """One prediction a case, in their order; probability = sigmoid(logit) of the positive outcome.

        radiomics: unprefixed, as extract_radiomics returns it, with a row for every case; a row of NaN stands for a
        lesion without radiomics. imaging_logits: by case id. Give what `config` uses; the rest is ignored.

        Raises:
            MissingStageError: radiomics or imaging logits are needed and were not given, or a case lacks its logit.
            DatasetError: the radiomics table lacks a case or a feature.
        """
        blocks = [self.selection.transform(_join_blocks(cases, self.config, radiomics, self.clinical))]
        if self.imaging is not None:
            blocks.insert(0, self.imaging.column(cases, imaging_logits))
        logits = self.head.logit(np.hstack(blocks))
        return tuple(
            LesionPrediction(
                case_id=case.case_id, patient_id=case.patient_id, center=case.center, split=case.split,
                outcome=positive_label(case, self.positive_outcome), logit=float(logit),
                probability=sigmoid(float(logit)),
            )
            for case, logit in zip(cases, logits, strict=True)
        )

    def warnings(
        self, cases: Sequence[LesionCase], *, radiomics: FeatureTable | None = None,
    ) -> dict[str, tuple[str, ...]]:
        """By case id, what makes a prediction less sure; cases without any warning are left out.

        Numbers outside the training range, unseen categories, and lesions whose radiomics are missing.
        """
        found = {i: list(texts) for i, texts in (self.clinical.warnings(cases) if self.clinical else {}).items()}
        names = [n.removeprefix(RADIOMICS_PREFIX) for n in names_with_prefix(self.selection.names, RADIOMICS_PREFIX)]
        if radiomics is not None and names:
            used = radiomics.rows([case.case_id for case in cases]).select(names)
            for case_id, n_missing in zip(used.case_ids, np.isnan(used.values).sum(axis=1), strict=True):
                if n_missing:
                    found.setdefault(case_id, []).append(
                        f"{n_missing} of {len(names)} radiomic features are missing: training medians stand in."
                    )
        return {case_id: tuple(texts) for case_id, texts in found.items()}


def fit_tabular(
    config: str, cases: Sequence[LesionCase], *, radiomics: FeatureTable | None,
    columns: Mapping[str, ClinicalColumn], imaging_logits: Mapping[str, float] | None, plan: ExperimentPlan, seed: int,
    allow_test_cases: bool = False,
) -> TabularModel:
    """The model of `config` (one of TABULAR_CONFIGS) that these cases teach: the training rows of one fold.

    radiomics: unprefixed table with a row for every case; columns: the manifest's clinical columns; imaging_logits:
    out-of-fold logits of the cases, by case id. The head is plan.fusion.radiomics_head for 'radiomics', else
    plan.fusion.head. 'multimodal' without any declared clinical column goes without that block, and logs it.

    Raises:
        LeakageError: a test case is among the cases, unless `allow_test_cases`.
        MissingStageError: radiomics or imaging logits are needed and were not given.
        DatasetError: a case has no outcome, only one outcome is there, or a clinical configuration has no columns.
    """
    if config not in TABULAR_CONFIGS:
        raise UnknownComponentError.of("tabular configuration", config, TABULAR_CONFIGS)
    labels = _training_labels(cases, plan.positive_outcome, allow_test_cases=allow_test_cases)
    clinical = _fit_clinical(config, cases, columns)
    table = _join_blocks(cases, config, radiomics, clinical)
    patients = [case.patient_id for case in cases]
    selection = select_features(table, labels.tolist(), patients, plan.features, seed)
    blocks = [selection.transform(table)]
    imaging = None
    if config in USES_IMAGING:
        logits = _logits_of(cases, imaging_logits)
        # All logits alike (an untrained network): the column is then 0 for everyone instead of infinite.
        imaging = ImagingScale(float(logits.mean()), float(logits.std()) or 1.0)
        blocks.insert(0, imaging.column(cases, imaging_logits))
    head_name = plan.fusion.radiomics_head if config == "radiomics" else plan.fusion.head
    head = FUSION_HEADS.get(head_name, where="plan.fusion")(plan.fusion).fit(np.hstack(blocks), labels, seed=seed)
    return TabularModel(
        config=config, positive_outcome=plan.positive_outcome, head_name=head_name, head=head, clinical=clinical,
        selection=selection, imaging=imaging, train_patient_ids=tuple(sorted(set(patients))),
    )


def _training_labels(
    cases: Sequence[LesionCase], positive_outcome: str, *, allow_test_cases: bool
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    test = [case.case_id for case in cases if case.split == "test"]
    if test and not allow_test_cases:
        raise LeakageError(f"Test cases are among the training rows: {', '.join(test[:5])}.",
                           fix="Train on cases of the split 'train' only.")
    labels = [positive_label(case, positive_outcome) for case in cases]
    unknown = [case.case_id for case, label in zip(cases, labels, strict=True) if label is None]
    if unknown:
        raise DatasetError(f"Training rows without an outcome: {', '.join(unknown[:5])}.",
                           fix="Fill in their outcome in cases.csv, or leave them out of the folds.")
    return np.array(labels, dtype=np.int64)


def _fit_clinical(
    config: str, cases: Sequence[LesionCase], columns: Mapping[str, ClinicalColumn],
) -> FittedClinical | None:
    if config not in USES_CLINICAL:
        return None
    if columns:
        return ClinicalEncoder().fit(cases, columns)
    if config != "multimodal":
        raise DatasetError(f"The configuration '{config}' needs clinical columns, and dataset.json declares none.",
                           fix="Declare them under 'clinical' in dataset.json, or use the configuration 'radiomics'.")
    log.info("No clinical column is declared: multimodal uses radiomics and the imaging logit only.")
    return None


def _join_blocks(
    cases: Sequence[LesionCase], config: str, radiomics: FeatureTable | None, clinical: FittedClinical | None,
) -> FeatureTable:
    """Radiomics and encoded clinical columns of the cases, prefixed."""
    table = FeatureTable(tuple(case.case_id for case in cases), (), np.empty((len(cases), 0)))
    if config in USES_RADIOMICS:
        if radiomics is None:
            raise MissingStageError(f"The configuration '{config}' needs radiomics, and none were given.",
                                    fix="Extract them with extract_radiomics.")
        table = table.join(radiomics.with_prefix(RADIOMICS_PREFIX))
    return table if clinical is None else table.join(clinical.transform(cases).with_prefix(CLINICAL_PREFIX))


def _logits_of(cases: Sequence[LesionCase], logits: Mapping[str, float] | None) -> FloatArray:
    missing = [case.case_id for case in cases if logits is None or case.case_id not in logits]
    if logits is None or missing:
        raise MissingStageError(
            f"The configuration 'multimodal' needs the imaging logit of every case; {len(missing)} have none: "
            f"{', '.join(missing[:5])}.",
            fix="Train all folds of ssl_vit first: rnnet_train DATASET FOLD.",
        )
    values = np.array([logits[case.case_id] for case in cases], dtype=np.float64)
    if not np.isfinite(values).all():
        wrong = [case.case_id for case, value in zip(cases, values, strict=True) if not np.isfinite(value)]
        raise DatasetError(f"The imaging logit is not a finite number for: {', '.join(wrong[:5])}.",
                           fix="Train the imaging model again.")
    return values
