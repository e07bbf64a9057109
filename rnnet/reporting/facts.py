"""Everything in the report that is not a figure of a model, as it is stored beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rnnet.core.provenance import RunRecord
from rnnet.evaluation.cohort import CohortDescription
from rnnet.fusion.kept import KeptFeatures
from rnnet.planning.plan import ExperimentPlan

# Headings of dataset_facts that checklists ask for.
SCANS = "Scans of the training split, as stored"
LABEL_SOURCES = "Lesions by source of the outcome"
DISTANCES = "Distance of external data sets from the training data"


@dataclass(frozen=True, slots=True)
class FlowBox:
    """A box of the flow of cases: how many lesion rows and patients are left, and who was lost on the way to it.

    by_outcome: lesion rows, positive outcome first; empty where the outcome plays no part yet. excluded: reason to
    number of lesion rows.
    """

    title: str
    lesions: int
    patients: int
    by_outcome: Mapping[str, int] = field(default_factory=dict)
    excluded: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CaseFlow:
    """The way of the cases of a data set: boxes one below the other, then side by side the parts they were used in."""

    dataset: str
    steps: tuple[FlowBox, ...]
    parts: tuple[FlowBox, ...]


@dataclass(frozen=True, slots=True)
class SplitFacts:
    """How the cases were split. rule: in words. checks: what was found apart, in sentences."""

    rule: str
    checks: tuple[str, ...]
    folds: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class ReportFacts:
    """Content of facts.json.

    dataset_facts: heading to what stands below it: a value, a mapping of values, or a list of mappings (rows of one
    table with the keys of the first as columns). failures: (scan or lesion, reason) of what could not be preprocessed;
    empty says that nothing failed, None says nothing. warnings: what a reader must know before believing the figures.
    notes: limitations of this data set or study. demonstration: when given, a notice that the figures are a
    demonstration. leaks: what models have seen of what they are tested on, because that was allowed. runs: one record
    per command. trained_settings: (field, value in training, value in the plan, models and folds) where a model was
    trained with another value. digests: (file or model, digest). flows: of the data set, then of each external one.
    """

    title: str
    plan: ExperimentPlan
    dataset_facts: Mapping[str, Any]
    failures: tuple[tuple[str, str], ...] | None = None
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    demonstration: str = ""
    leaks: tuple[str, ...] = ()
    runs: tuple[RunRecord, ...] = ()
    trained_settings: tuple[tuple[str, str, str, str], ...] = ()
    flows: tuple[CaseFlow, ...] = ()
    splits: SplitFacts | None = None
    digests: tuple[tuple[str, str], ...] = ()
    kept: tuple[KeptFeatures, ...] = ()


@dataclass(frozen=True, slots=True)
class Cohorts:
    """Content of cohorts.json: the characteristics of the labelled cases of each data set, the own one first."""

    descriptions: tuple[CohortDescription, ...]
