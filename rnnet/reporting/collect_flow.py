"""The way of the cases of a data set, counted from its table to the parts that were used."""

from __future__ import annotations

from collections.abc import Sequence

from rnnet.core.types import LesionCase
from rnnet.dataset.case import RawDataset
from rnnet.experiment.access import store_of
from rnnet.experiment.data import ExperimentData
from rnnet.reporting.facts import CaseFlow, FlowBox


def own_flow(data: ExperimentData) -> CaseFlow:
    """Of the data set that was trained on: all rows, those with an outcome, those preprocessed, training and test."""
    labelled, used = data.raw.labelled(), data.corpus.cases
    outcomes = (data.plan.positive_outcome, data.plan.negative_outcome)
    training, test = data.training_cases, data.test_cases
    parts = [_box(f"Training, {len(data.folds)} folds by patient", training, outcomes)]
    if test:
        parts.append(_box("Same-centre test", test, outcomes))
    return CaseFlow(data.name, (
        *_labelled(data.raw, labelled, outcomes),
        _box("Preprocessed and analysed", used, outcomes,
             {"the scan failed in preprocessing": len(labelled) - len(used)}),
    ), tuple(parts))


def external_flow(data: ExperimentData, raw: RawDataset) -> CaseFlow:
    """Of an external data set, preprocessed under the plan of `data`."""
    labelled, there = raw.labelled(), set(store_of(data.workspace, raw.name, data.plan).scan_ids())
    outcomes = (data.plan.positive_outcome, data.plan.negative_outcome)
    used = [c for c in labelled if c.scan_id in there]
    return CaseFlow(raw.name, (
        *_labelled(raw, labelled, outcomes),
        _box("External test", used, outcomes, {"the scan failed in preprocessing": len(labelled) - len(used)}),
    ), ())


def _labelled(raw: RawDataset, labelled: Sequence[LesionCase], outcomes: tuple[str, str]) -> tuple[FlowBox, FlowBox]:
    return (
        _box("Lesions on scans in cases.csv", raw.cases, ()),
        _box("Outcome known", labelled, outcomes, {"the outcome is not known": len(raw.cases) - len(labelled)}),
    )


def _box(
    title: str, cases: Sequence[LesionCase], outcomes: Sequence[str], excluded: dict[str, int] | None = None
) -> FlowBox:
    return FlowBox(
        title, len(cases), len({c.patient_id for c in cases}),
        {outcome: sum(c.outcome == outcome for c in cases) for outcome in outcomes},
        {reason: n for reason, n in (excluded or {}).items() if n},
    )
