"""One row per lesion of a prediction, as CSV and for the screen."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rnnet.core.files import write_text
from rnnet.core.types import LesionCase
from rnnet.evaluation.predictions import ensemble
from rnnet.inference.bundle import BundlePredictions, ModelBundle


@dataclass(frozen=True, slots=True)
class PredictionRow:
    """What a configuration says of one lesion.

    probabilities: of each outcome, summing to one. positive_by_fold: of the positive outcome. imaging: of the positive
    outcome by the imaging part alone; fusion: by the stacking model; None where the configuration has no such part.
    """

    case_id: str
    scan_id: str
    lesion_value: int
    probabilities: Mapping[str, float]
    positive_outcome: str
    positive_by_fold: Mapping[str, float]
    imaging: float | None
    fusion: float | None
    threshold: float
    decision: str
    warnings: tuple[str, ...]

    def cells(self) -> dict[str, str]:
        """Column name to text, for the CSV."""
        positive = self.positive_outcome
        return {
            "case_id": self.case_id, "scan_id": self.scan_id, "lesion_value": str(self.lesion_value),
            **{f"p_{outcome}": _text(p) for outcome, p in self.probabilities.items()},
            **{f"p_{positive}_fold_{fold}": _text(p) for fold, p in self.positive_by_fold.items()},
            f"p_{positive}_imaging": _text(self.imaging), f"p_{positive}_fusion": _text(self.fusion),
            "threshold": _text(self.threshold), "decision": self.decision, "warnings": " ".join(self.warnings),
        }


def prediction_rows(
    bundle: ModelBundle, cases: Sequence[LesionCase], said: BundlePredictions, warnings: Mapping[str, Sequence[str]]
) -> tuple[PredictionRow, ...]:
    """A row for each case, in their order."""
    plan = bundle.plan
    final = {p.case_id: p.probability for p in said.joined}
    by_fold = {f: {p.case_id: p.probability for p in ps} for f, ps in said.folds.items()}
    imaging = {p.case_id: p.probability for p in ensemble(list(said.imaging.values()))} if said.imaging else {}
    fused = bundle.config == "multimodal"
    rows = []
    for case in cases:
        p = final[case.case_id]
        chosen = plan.positive_outcome if bundle.decision.is_positive(p) else plan.negative_outcome
        rows.append(
            PredictionRow(
                case_id=case.case_id, scan_id=case.scan_id, lesion_value=case.lesion_value,
                probabilities={plan.positive_outcome: p, plan.negative_outcome: 1 - p},
                positive_outcome=plan.positive_outcome,
                positive_by_fold={f: of[case.case_id] for f, of in by_fold.items()},
                imaging=imaging.get(case.case_id), fusion=p if fused else None,
                threshold=bundle.decision.threshold, decision=chosen, warnings=tuple(warnings.get(case.case_id, ())),
            )
        )
    return tuple(rows)


def write_rows(path: Path, rows: Sequence[PredictionRow]) -> None:
    """predictions.csv, atomically."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0].cells()), lineterminator="\n")
    writer.writeheader()
    writer.writerows(row.cells() for row in rows)
    write_text(path, text.getvalue())


def screen_table(rows: Sequence[PredictionRow]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """(headers, rows) of a short table for the screen."""
    positive = rows[0].positive_outcome
    headers = ("lesion", f"p({positive})", "threshold", "decision", "warnings")
    return headers, [
        (r.case_id, f"{r.probabilities[positive]:.3f}", f"{r.threshold:.3f}", r.decision, str(len(r.warnings) or ""))
        for r in rows
    ]


def _text(value: float | None) -> str:
    return "" if value is None else f"{value:.6f}"
