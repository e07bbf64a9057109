"""The nouns of rnnet: what a scan, a lesion, a fold and a prediction are. All frozen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from rnnet.core.errors import DatasetError, LeakageError
from rnnet.core.wording import listed

Split = Literal["train", "test"]
ClinicalValue = float | str | None
IMAGING_CONFIGS = ("ssl_vit", "vit_scratch", "ssl_vit_t1ce", "resnet50")
PUBLISHED_TABULAR_CONFIGS = ("radiomics", "clinical", "radiomics_clinical", "multimodal")
# The same inputs with a logistic regression at the end: the control that shows what the published head adds.
LOGISTIC_CONFIGS = tuple(f"{config}_logistic" for config in PUBLISHED_TABULAR_CONFIGS)
TABULAR_CONFIGS = (*PUBLISHED_TABULAR_CONFIGS, *LOGISTIC_CONFIGS)
CONFIGS = (*IMAGING_CONFIGS, *TABULAR_CONFIGS)
# Imaging configurations that were kept from learning something, to show what the figures of the real one rest on.
CONTROLS = ("shuffled_labels", "mask_only", "volume_only", "random_encoder")


# lesion_value of a crop of brain without regard to lesions, which pretraining may use beside the lesions.
NO_LESION = 0


@dataclass(frozen=True, slots=True)
class Scan:
    """One image series of one patient, with the mask of all its lesions and, if the user has one, of its brain."""

    scan_id: str
    patient_id: str
    center: str
    days: float | None
    image_path: Path
    mask_path: Path | None
    split: Split = "train"
    brain_path: Path | None = None


@dataclass(frozen=True, slots=True)
class LesionCase:
    """One lesion on one scan: a row of cases.csv. `outcome` is None where it is not known.

    information: texts of the columns that dataset.json declares as information. They say how the case came to be and
    are never features: the day of a diagnosis would give the outcome away.
    """

    case_id: str
    scan_id: str
    patient_id: str
    center: str
    lesion_value: int
    split: Split = "train"
    outcome: str | None = None
    label_source: str = ""
    clinical: Mapping[str, ClinicalValue] = field(default_factory=dict)
    information: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fold:
    """Case ids of one cross-validation fold; patients never stand on both sides."""

    index: int
    train_case_ids: tuple[str, ...]
    validation_case_ids: tuple[str, ...]

    def check(self, cases: Iterable[LesionCase]) -> Fold:
        """Self, after checking it against the cases.

        Raises:
            DatasetError: a case id is not among `cases`.
            LeakageError: a patient has cases on both sides, or a test case is in the fold.
        """
        by_id = {case.case_id: case for case in cases}
        unknown = [i for i in (*self.train_case_ids, *self.validation_case_ids) if i not in by_id]
        if unknown:
            raise DatasetError(
                f"Fold {self.index} names cases that the data set does not have: {listed(unknown)}.",
                fix="Correct splits_final.json, or delete it and run rnnet_plan_experiment.",
            )
        held_out = [i for i in self.train_case_ids if by_id[i].split == "test"]
        train = {by_id[i].patient_id for i in self.train_case_ids}
        shared = sorted(train & {by_id[i].patient_id for i in self.validation_case_ids})
        if shared or held_out:
            what = (
                f"patients {listed(shared)} stand on both sides"
                if shared
                else (f"test cases {listed(held_out)} are used for training")
            )
            raise LeakageError(
                f"Fold {self.index} leaks: {what}.",
                fix="Group the cases by patient in splits_final.json, or delete it and run rnnet_plan_experiment.",
            )
        return self


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding of a check."""

    level: Literal["error", "warning"]
    code: str
    where: str
    message: str
    fix: str


@dataclass(frozen=True, slots=True)
class LesionPrediction:
    """What one fold model says of one lesion. `logit` belongs to the positive outcome."""

    case_id: str
    patient_id: str
    center: str
    split: str
    outcome: int | None
    logit: float
    probability: float


def positive_label(case: LesionCase, positive_outcome: str) -> int | None:
    """1 for the positive outcome, 0 for the other, None where the outcome is not known."""
    return None if case.outcome is None else int(case.outcome == positive_outcome)
