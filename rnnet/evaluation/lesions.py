"""Every lesion as a model sees it: decided, joined by patient, and stored as lesions.csv."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path

import numpy as np

from rnnet.core.csv_text import csv_text
from rnnet.core.errors import FileFormatError, MissingStageError
from rnnet.core.files import write_text
from rnnet.core.types import LesionPrediction
from rnnet.evaluation.checks import FloatArray, IntArray
from rnnet.evaluation.deciding import Decisions
from rnnet.evaluation.predictions import ensemble, out_of_fold
from rnnet.evaluation.results import EvaluatedLesion

PATIENT_RULE = "A patient is positive if any lesion is, and scores as the lesion with the highest probability."
_PLAIN = tuple(f.name for f in fields(EvaluatedLesion) if f.name not in ("possible", "facts"))
_JOIN = " | "
_FACT = "subgroup: "


def evaluated_lesions(
    config: str, subset: str, folds: Mapping[int, Sequence[LesionPrediction]], decisions: Decisions, *,
    is_cross_validation: bool, facts: Mapping[str, Mapping[str, str]] | None = None,
) -> tuple[EvaluatedLesion, ...]:
    """The lesions with a known outcome, decided.

    In cross-validation each lesion by the fold that never saw it, decided by what the other folds teach; else the
    ensemble of the folds, decided by what all out-of-fold predictions teach. facts: subgroups by case id.
    """
    if is_cross_validation:
        out_of_fold(list(folds.values()))  # a lesion that stands in two folds is an error
        rows = [(fold, p) for fold, predictions in folds.items() for p in predictions]
        return tuple(_decided(config, subset, fold, p, decisions, facts) for fold, p in rows if p.outcome is not None)
    joined = ensemble(list(folds.values()))
    return tuple(_decided(config, subset, None, p, decisions, facts) for p in joined if p.outcome is not None)


def of_fold_model(
    config: str, subset: str, fold: int, predictions: Sequence[LesionPrediction], decisions: Decisions, *,
    is_cross_validation: bool,
) -> tuple[EvaluatedLesion, ...]:
    """The lesions with a known outcome as a single fold model sees them."""
    number = fold if is_cross_validation else None
    return tuple(_decided(config, subset, number, p, decisions) for p in predictions if p.outcome is not None)


def by_patient(lesions: Iterable[EvaluatedLesion]) -> tuple[EvaluatedLesion, ...]:
    """One row a patient, joined by PATIENT_RULE; case_id is the patient's id."""
    groups: defaultdict[str, list[EvaluatedLesion]] = defaultdict(list)
    for lesion in lesions:
        groups[lesion.patient_id].append(lesion)
    joined = []
    for patient, own in groups.items():
        highest = max(own, key=lambda lesion: (lesion.logit, lesion.case_id))
        joined.append(replace(
            highest, case_id=patient, outcome=max(lesion.outcome for lesion in own),
            positive=any(lesion.positive for lesion in own), facts={},
        ))
    return tuple(joined)


def arrays(lesions: Sequence[EvaluatedLesion]) -> tuple[IntArray, FloatArray, FloatArray]:
    """Outcomes (n,), logits (n,) and calibrated probabilities (n,)."""
    return (
        np.array([lesion.outcome for lesion in lesions], dtype=np.int64),
        np.array([lesion.logit for lesion in lesions], dtype=np.float64),
        np.array([lesion.probability for lesion in lesions], dtype=np.float64),
    )


def write_lesions(path: Path, lesions: Sequence[EvaluatedLesion], *, positive_outcome: str) -> None:
    """One line per test set, model and lesion, with every digit; subgroups have a column each."""
    factors = list(dict.fromkeys(factor for lesion in lesions for factor in lesion.facts))
    header = [*_PLAIN, "possible", "positive_outcome", *(_FACT + factor for factor in factors)]
    rows = []
    for lesion in lesions:
        cells = [getattr(lesion, name) for name in _PLAIN]
        rows.append([
            *(int(c) if isinstance(c, bool) else repr(c) if isinstance(c, float) else c for c in cells),
            _JOIN.join(lesion.possible), positive_outcome, *(lesion.facts.get(factor, "") for factor in factors),
        ])
    write_text(path, csv_text(header, rows))


def read_lesions(path: Path) -> tuple[EvaluatedLesion, ...]:
    """The lesions of write_lesions, in the order of the file.

    Raises:
        MissingStageError: there is no such file.
        FileFormatError: a line that does not fit.
    """
    fix = "Run rnnet_evaluate again."
    if not path.is_file():
        raise MissingStageError("The evaluated lesions are needed and are not there.", where=path, fix=fix)
    reader = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8")))
    found = []
    for row in reader:
        try:
            found.append(EvaluatedLesion(
                row["subset"], row["config"], row["case_id"], row["patient_id"], row["center"],
                int(row["fold"]) if row["fold"] else None, int(row["outcome"]), float(row["logit"]),
                float(row["probability"]), float(row["threshold"]), bool(int(row["positive"])),
                tuple(row["possible"].split(_JOIN)),
                {name.removeprefix(_FACT): cell for name, cell in row.items() if name.startswith(_FACT) and cell},
            ))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise FileFormatError(f"The line does not fit ({error}).", where=f"{path}, line {reader.line_num}",
                                  fix=fix) from error
    return tuple(found)


def _decided(
    config: str, subset: str, fold: int | None, p: LesionPrediction, decisions: Decisions,
    facts: Mapping[str, Mapping[str, str]] | None = None,
) -> EvaluatedLesion:
    decision = decisions.of(fold)
    probability = decision.calibrated(p.logit)
    return EvaluatedLesion(
        subset=subset, config=config, case_id=p.case_id, patient_id=p.patient_id, center=p.center, fold=fold,
        outcome=int(p.outcome or 0), logit=p.logit, probability=probability, threshold=decision.threshold,
        positive=decision.is_positive(probability), possible=decision.outcomes_possible(probability),
        facts=dict((facts or {}).get(p.case_id, {})),
    )
