"""One row per lesion of a prediction, as CSV and for the screen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rnnet.core.csv_text import csv_of_records
from rnnet.core.files import write_text
from rnnet.core.types import LesionCase
from rnnet.evaluation.decision import UNDECIDED
from rnnet.evaluation.predictions import ensemble
from rnnet.fusion.blocks import USES_IMAGING, blocks_text
from rnnet.inference.bundle import BundlePredictions, ModelBundle


@dataclass(frozen=True, slots=True)
class PredictionRow:
    """What a configuration says of one lesion.

    inputs: what the prediction comes from, 'imaging + clinical', or 'nothing'. probabilities: calibrated, of each
    outcome, summing to one. logit: of the positive outcome, before the calibration, mean of the folds.
    positive_by_fold: calibrated, of the positive outcome. imaging: of the positive outcome by the imaging part alone,
    calibrated for itself; fusion: by the stacking model; None where the configuration has no such part. decision: the
    outcome at the threshold, 'undecided' without any input. possible: the outcomes in the conformal set; both mean that
    the lesion is undecided.
    """

    case_id: str
    scan_id: str
    lesion_value: int
    inputs: str
    probabilities: Mapping[str, float]
    logit: float
    positive_outcome: str
    positive_by_fold: Mapping[str, float]
    imaging: float | None
    fusion: float | None
    threshold: float
    decision: str
    possible: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def verdict(self) -> str:
        """The one outcome that stays possible, or 'undecided'."""
        return self.possible[0] if len(self.possible) == 1 else UNDECIDED

    def cells(self) -> dict[str, str]:
        """Column name to text, for the CSV."""
        positive = self.positive_outcome
        return {
            "case_id": self.case_id, "scan_id": self.scan_id, "lesion_value": str(self.lesion_value),
            "inputs": self.inputs,
            **{f"p_{outcome}": _text(p) for outcome, p in self.probabilities.items()},
            **{f"p_{positive}_fold_{fold}": _text(p) for fold, p in self.positive_by_fold.items()},
            f"p_{positive}_imaging": _text(self.imaging), f"p_{positive}_fusion": _text(self.fusion),
            f"logit_{positive}": _text(self.logit), "threshold": _text(self.threshold), "decision": self.decision,
            "conformal": self.verdict, "warnings": " ".join(self.warnings),
        }


def prediction_rows(
    bundle: ModelBundle, cases: Sequence[LesionCase], said: BundlePredictions, warnings: Mapping[str, Sequence[str]]
) -> tuple[PredictionRow, ...]:
    """A row for each case, in their order."""
    final = {p.case_id: p.logit for p in said.joined}
    by_fold = {f: {p.case_id: p.logit for p in ps} for f, ps in said.folds.items()}
    imaging = {p.case_id: p.logit for p in ensemble(list(said.imaging.values()))} if said.imaging else {}
    return tuple(
        _row(
            bundle, case, said.inputs_of(case.case_id), final[case.case_id],
            {fold: of[case.case_id] for fold, of in by_fold.items()}, imaging.get(case.case_id),
            tuple(warnings.get(case.case_id, ())),
        )
        for case in cases
    )


def _row(
    bundle: ModelBundle, case: LesionCase, inputs: tuple[tuple[str, ...], ...], logit: float,
    by_fold: Mapping[str, float], imaging: float | None, warnings: tuple[str, ...],
) -> PredictionRow:
    """The row of a lesion from its logits; inputs: the different combinations that the folds used."""
    plan, decision = bundle.plan, bundle.decision_of(inputs)
    p = decision.calibrated(logit)
    # Without any input the logit is no evidence, whatever it is.
    possible: tuple[str, ...] = (plan.positive_outcome, plan.negative_outcome)
    decided = UNDECIDED
    if all(inputs):
        possible = decision.outcomes_possible(p)
        decided = plan.positive_outcome if decision.is_positive(p) else plan.negative_outcome
    of_imaging = bundle.imaging_decision or decision
    return PredictionRow(
        case_id=case.case_id, scan_id=case.scan_id, lesion_value=case.lesion_value,
        inputs=" or ".join(blocks_text(blocks) for blocks in inputs),
        probabilities={plan.positive_outcome: p, plan.negative_outcome: 1 - p}, logit=logit,
        positive_outcome=plan.positive_outcome,
        positive_by_fold={fold: decision.calibrated(value) for fold, value in by_fold.items()},
        imaging=None if imaging is None else of_imaging.calibrated(imaging),
        fusion=p if bundle.config in USES_IMAGING else None, threshold=decision.threshold,
        decision=decided, possible=possible, warnings=warnings,
    )


def write_rows(path: Path, rows: Sequence[PredictionRow]) -> None:
    """predictions.csv, atomically."""
    write_text(path, csv_of_records(list(rows[0].cells()), (row.cells() for row in rows)))


def screen_table(rows: Sequence[PredictionRow]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """(headers, rows) of a short table for the screen."""
    positive = rows[0].positive_outcome
    headers = ("lesion", "inputs", f"p({positive})", "threshold", "decision", "conformal", "warnings")
    return headers, [
        (r.case_id, r.inputs, f"{r.probabilities[positive]:.3f}", f"{r.threshold:.3f}", r.decision, r.verdict,
         str(len(r.warnings) or ""))
        for r in rows
    ]


def _text(value: float | None) -> str:
    return "" if value is None else f"{value:.6f}"
