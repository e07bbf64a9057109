"""The tabular model: radiomics, clinical columns and the imaging logit, selected, scaled and classified."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rnnet.core.errors import DatasetError, LeakageError, MissingStageError, UnknownComponentError
from rnnet.core.log import get_logger
from rnnet.core.types import TABULAR_CONFIGS, LesionCase, LesionPrediction, positive_label
from rnnet.core.wording import listed
from rnnet.dataset.manifest import ClinicalColumn
from rnnet.evaluation.predictions import sigmoid
from rnnet.features.clinical import ClinicalEncoder, FittedClinical
from rnnet.features.robustness import Stability
from rnnet.features.selection import FittedSelection
from rnnet.features.table import FeatureTable, FloatArray
from rnnet.fusion.blocks import (
    BLOCKS,
    CLINICAL,
    IMAGING,
    RADIOMICS,
    USES_IMAGING,
    USES_RADIOMICS,
    blocks_of,
    head_of,
)
from rnnet.fusion.inputs import ImagingScale, Inputs, gather_inputs
from rnnet.fusion.parts import IMAGING_LOGIT, Part, fit_parts
from rnnet.fusion.radiomics_block import FittedRadiomics, fit_radiomics
from rnnet.planning.plan import ExperimentPlan

__all__ = ["IMAGING_LOGIT", "USES_IMAGING", "USES_RADIOMICS", "TabularModel", "fit_tabular"]

log = get_logger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class TabularModel:
    """A fitted model of one configuration; everything in it comes from its training rows.

    radiomics: what is done with radiomic features first. parts: a model for each combination of blocks that a lesion
    may have, the whole first. A lesion is predicted by the largest one whose blocks it has: what is missing is never
    filled with anything. train_patient_ids: whose lesions the model has seen.
    """

    config: str
    positive_outcome: str
    radiomics: FittedRadiomics
    clinical: FittedClinical | None
    parts: tuple[Part, ...]
    train_patient_ids: tuple[str, ...]

    @property
    def selection(self) -> FittedSelection:
        """What the selection of the whole model kept."""
        return self.parts[0].selection

    @property
    def imaging(self) -> ImagingScale | None:
        """The scale of the imaging logit in the whole model."""
        return self.parts[0].imaging

    @property
    def input_names(self) -> tuple[str, ...]:
        """(k,) names of the whole model's inputs."""
        return self.parts[0].input_names

    def inputs_of(
        self, cases: Sequence[LesionCase], *, radiomics: FeatureTable | None = None,
        imaging_logits: Mapping[str, float] | None = None,
    ) -> dict[str, tuple[str, ...]]:
        """By case id, the blocks that its prediction comes from; () where it has none of what the model uses."""
        inputs = self._gather(cases, radiomics, imaging_logits)
        used = [self._part_for(present) for present in inputs.present]
        return {case.case_id: () if part is None else part.blocks for case, part in zip(cases, used, strict=True)}

    def predict(
        self, cases: Sequence[LesionCase], *, radiomics: FeatureTable | None = None,
        imaging_logits: Mapping[str, float] | None = None,
    ) -> tuple[LesionPrediction, ...]:
        """One prediction a case, in their order; probability = sigmoid(logit) of the positive outcome.

        radiomics: unprefixed, as extract_radiomics returns it, with a row for every case; a row of NaN is a lesion
        without radiomics. imaging_logits: by case id. Give what `config` uses; the rest is ignored. A lesion with no
        input at all gets the logit 0: every head weighs both outcomes alike, so that is what it knows without inputs.

        Raises:
            MissingStageError: imaging logits are needed and were not given, or a case lacks its logit.
            DatasetError: the radiomics table lacks a case or a feature.
        """
        inputs = self._gather(cases, radiomics, imaging_logits)
        logits: FloatArray = np.zeros(len(cases))
        used = [self._part_for(present) for present in inputs.present]
        for part in self.parts:
            places = [i for i, own in enumerate(used) if own is part]
            if places:
                logits[places] = part.logits(inputs.part(places, part.blocks))
        return self._predictions(cases, logits)

    def predict_by_part(
        self, cases: Sequence[LesionCase], *, radiomics: FeatureTable | None = None,
        imaging_logits: Mapping[str, float] | None = None,
    ) -> dict[tuple[str, ...], tuple[LesionPrediction, ...]]:
        """By its blocks, what each part says of the cases that have them, whether or not they have others as well."""
        found = {}
        inputs = self._gather(cases, radiomics, imaging_logits)
        for part in self.parts:
            places = inputs.having(part.blocks)
            logits = part.logits(inputs.part(places, part.blocks)) if places else np.empty(0)
            found[part.blocks] = self._predictions([cases[i] for i in places], logits)
        return found

    @property
    def blocks(self) -> tuple[str, ...]:
        """All blocks that some part uses."""
        return tuple(block for block in BLOCKS if any(block in part.blocks for part in self.parts))

    def part_for(self, inputs: tuple[str, ...]) -> Part | None:
        """The part that was fitted for exactly these blocks, as inputs_of names them."""
        return next((part for part in self.parts if part.blocks == inputs), None)

    def _predictions(self, cases: Sequence[LesionCase], logits: FloatArray) -> tuple[LesionPrediction, ...]:
        return tuple(
            LesionPrediction(
                case_id=case.case_id, patient_id=case.patient_id, center=case.center, split=case.split,
                outcome=positive_label(case, self.positive_outcome), logit=float(logit),
                probability=sigmoid(float(logit)),
            )
            for case, logit in zip(cases, logits, strict=True)
        )

    def _gather(
        self, cases: Sequence[LesionCase], radiomics: FeatureTable | None, logits: Mapping[str, float] | None
    ) -> Inputs:
        return gather_inputs(
            cases, self.blocks, radiomics=radiomics, prepared=self.radiomics, clinical=self.clinical,
            imaging_logits=logits,
        )

    def _part_for(self, present: Sequence[str]) -> Part | None:
        return next((part for part in self.parts if set(part.blocks) <= set(present)), None)


def fit_tabular(
    config: str, cases: Sequence[LesionCase], *, radiomics: FeatureTable | None,
    columns: Mapping[str, ClinicalColumn], imaging_logits: Mapping[str, float] | None, plan: ExperimentPlan, seed: int,
    stability: Stability | None = None, allow_test_cases: bool = False,
) -> TabularModel:
    """The model of `config` (one of TABULAR_CONFIGS) that these cases teach: the training rows of one fold.

    radiomics: unprefixed table with a row for every case; columns: the manifest's clinical columns; imaging_logits:
    out-of-fold logits of the cases, by case id; stability: of the radiomic features over these cases, where
    plan.features.minimum_icc asks for it. With the model, those for lesions that lack a block are fitted. 'multimodal'
    without any declared clinical column goes without that block, and logs it.

    Raises:
        LeakageError: a test case is among the cases, unless `allow_test_cases`.
        MissingStageError: radiomics or imaging logits are needed and were not given.
        DatasetError: a case has no outcome, only one outcome is there, or a clinical configuration has no columns.
    """
    if config not in TABULAR_CONFIGS:
        raise UnknownComponentError.of("tabular configuration", config, TABULAR_CONFIGS)
    labels = _training_labels(cases, plan.positive_outcome, allow_test_cases=allow_test_cases)
    if RADIOMICS in blocks_of(config) and radiomics is None:
        raise MissingStageError(f"The configuration '{config}' needs radiomics, and none were given.",
                                fix="Extract them with extract_radiomics.")
    clinical = _fit_clinical(config, cases, columns)
    blocks = tuple(b for b in blocks_of(config) if b != CLINICAL or clinical is not None)
    prepared = FittedRadiomics()
    if RADIOMICS in blocks and radiomics is not None:
        prepared = fit_radiomics(radiomics, cases, plan, stability)
    inputs = gather_inputs(
        cases, blocks, radiomics=radiomics, prepared=prepared, clinical=clinical, imaging_logits=imaging_logits,
    )
    patients = [case.patient_id for case in cases]
    parts = fit_parts(
        blocks, inputs, labels, patients, head_name=head_of(config, plan.fusion), plan=plan, seed=seed,
    )
    if stability is not None:
        parts = tuple(_counting_stable(part, stability) for part in parts)
    return TabularModel(config, plan.positive_outcome, prepared, clinical, parts, tuple(sorted(set(patients))))


def _counting_stable(part: Part, stability: Stability) -> Part:
    """The part with the loss of unstable features as the first step of its selection."""
    if RADIOMICS not in part.blocks:
        return part
    (_, n_stable), *later = part.selection.remaining
    n_all = n_stable + len(stability.names) - len(stability.kept)
    counts = (("all", n_all), (f"ICC >= {stability.minimum:g}", n_stable), *later)
    return replace(part, selection=replace(part.selection, remaining=counts))


def _training_labels(
    cases: Sequence[LesionCase], positive_outcome: str, *, allow_test_cases: bool
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    test = [case.case_id for case in cases if case.split == "test"]
    if test and not allow_test_cases:
        raise LeakageError(f"Test cases are among the training rows: {listed(test)}.",
                           fix="Train on cases of the split 'train' only.")
    labels = [positive_label(case, positive_outcome) for case in cases]
    unknown = [case.case_id for case, label in zip(cases, labels, strict=True) if label is None]
    if unknown:
        raise DatasetError(f"Training rows without an outcome: {listed(unknown)}.",
                           fix="Fill in their outcome in cases.csv, or leave them out of the folds.")
    return np.array(labels, dtype=np.int64)


def _fit_clinical(
    config: str, cases: Sequence[LesionCase], columns: Mapping[str, ClinicalColumn],
) -> FittedClinical | None:
    if CLINICAL not in blocks_of(config):
        return None
    if columns:
        return ClinicalEncoder().fit(cases, columns)
    if IMAGING not in blocks_of(config):
        raise DatasetError(f"The configuration '{config}' needs clinical columns, and dataset.json declares none.",
                           fix="Declare them under 'clinical' in dataset.json, or use the configuration 'radiomics'.")
    log.info("No clinical column is declared: %s uses radiomics and the imaging logit only.", config)
    return None
