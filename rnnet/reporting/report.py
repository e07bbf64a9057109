"""The report: one HTML file that needs no other file and no network, and beside it the files of its figures."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rnnet.core.codec import to_plain, write_artefact
from rnnet.core.errors import DatasetError, SettingError
from rnnet.core.files import write_text
from rnnet.core.provenance import RunRecord
from rnnet.core.workspace import ReportLayout
from rnnet.evaluation.repeat_results import ControlResult, SeedSpread
from rnnet.evaluation.summary import Evaluation, ModelSummary
from rnnet.planning.plan import ExperimentPlan
from rnnet.reporting import sections
from rnnet.reporting.document import document
from rnnet.reporting.markup import Figure, Html, bullet_list, element, joined
from rnnet.reporting.render import metrics_csv, to_markdown
from rnnet.reporting.repeats import control_section, repeat_tables, seed_section
from rnnet.reporting.tables import model_tables, plain_outcome


@dataclass(frozen=True, slots=True)
class ReportFacts:
    """Everything in the report that is not a figure of a model; stored beside it as facts.json."""

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


def write_report(
    path: Path, *, title: str, summaries: Sequence[ModelSummary], figures: Sequence[Figure], plan: ExperimentPlan,
    dataset_facts: Mapping[str, Any], gallery: Sequence[Figure] = (),
    failures: Sequence[tuple[str, str]] | None = None, warnings: Sequence[str] = (), runs: Sequence[RunRecord] = (),
    notes: Sequence[str] = (), demonstration: str = "", leaks: Sequence[str] = (),
    controls: Sequence[ControlResult] = (), seeds: Sequence[SeedSpread] = (),
    trained_settings: Sequence[tuple[str, str, str, str]] = (),
) -> None:
    """Write the report at `path` and, in the same folder, summary.json, metrics.csv, tables.md and facts.json.

    Args:
        path: the HTML file.
        title: heading of the report.
        summaries: one per model and subset.
        figures: pictures of results.
        plan: the plan that everything was made with.
        dataset_facts: heading to what stands below it: a value, a mapping of values, or a list of mappings (rows of
            one table with the keys of the first as columns).
        gallery: attention pictures.
        failures: (scan or lesion, reason) of what preprocessing could not do; empty says that nothing failed, None
            says nothing.
        warnings: what a reader must know before believing the figures; at the top.
        runs: one record per command that ran.
        notes: limitations of this data set or study.
        demonstration: when given, a notice above everything else that the figures are a demonstration.
        leaks: what the models have seen of what they are tested on, because that was allowed; in red at the top.
        controls: negative controls.
        seeds: the spread of models that were trained with several seeds.
        trained_settings: (field, value in training, value in the plan, models and folds) of fields that models were
            trained with another value of.

    Raises:
        SettingError: no summary.
        DatasetError: models of one subset that are not comparable, or another positive class than the plan's.
        MissingStageError: a picture is not there.
    """
    if not summaries:
        raise SettingError("There is no model to report.", fix="Run rnnet_train first.")
    _check_positive_class(summaries, plan)
    failed = None if failures is None else tuple(failures)
    facts = ReportFacts(title, plan, dataset_facts, failed, tuple(warnings), tuple(notes), demonstration,
                        tuple(leaks), tuple(runs), tuple(trained_settings))
    beside = ReportLayout(path.parent)
    evaluation = Evaluation(plan.dataset, plan.name, tuple(summaries), tuple(controls), tuple(seeds))
    page = _page(facts, evaluation, figures, gallery, beside)
    write_artefact(beside.summary_json, evaluation)
    write_text(beside.metrics_csv, metrics_csv(summaries))
    tables = "\n".join(to_markdown(t) for t in (*model_tables(summaries), *repeat_tables(controls, seeds)))
    head = f"# {title}\n\n" + (f"> {demonstration}\n\n" if demonstration else "")
    if leaks:
        head += "\n".join((f"> **{sections.LEAK_HEAD}**", ">", *(f"> - {leak}" for leak in leaks))) + "\n\n"
    write_text(beside.tables_md, head + tables)
    write_text(beside.facts_json, json.dumps(to_plain(facts), indent=2, ensure_ascii=False) + "\n")
    write_text(path, page)


def _check_positive_class(summaries: Sequence[ModelSummary], plan: ExperimentPlan) -> None:
    for s in summaries:
        if s.positive_outcome != plan.positive_outcome:
            raise DatasetError(
                f"The figures of '{s.config}' are of the positive class {s.positive_outcome}, the plan's is "
                f"{plan.positive_outcome}.", fix="Run rnnet_train and rnnet_evaluate again with this plan.",
            )


def _page(
    facts: ReportFacts, evaluation: Evaluation, figures: Sequence[Figure], gallery: Sequence[Figure],
    beside: ReportLayout,
) -> str:
    plan, summaries = facts.plan, evaluation.summaries
    parts: list[tuple[str, str, Html]] = [
        ("results", "Results", sections.results(summaries)),
        ("figures", "Figures", sections.figure_grid(figures)),
        ("controls", "Negative controls", control_section(evaluation.controls)),
        ("seeds", "Spread over seeds", seed_section(evaluation.seeds)),
        ("attention", "Attention", sections.attention(gallery)),
        ("data", "Data set and splits", sections.data_set(facts.dataset_facts)),
        ("plan", "Plan", sections.plan_choices(plan, facts.trained_settings)),
        ("preprocessing", "Preprocessing", sections.preprocessing(plan, facts.failures)),
        ("limits", "Limitations", sections.limitations(facts.notes)),
        ("software", "Software", sections.software(facts.runs)),
    ]
    shown = [part for part in parts if part[2]]
    body = joined([
        element(
            "header",
            element("p", "rnnet report", class_="eyebrow"),
            element("h1", facts.title),
            element("p", _meta(facts), class_="meta"),
            sections.leak_notice(facts.leaks),
            element("div", element("p", element("b", "Demonstration. "), facts.demonstration), class_="notice")
            if facts.demonstration else None,
            sections.warning_notice(facts.warnings),
            element("nav", *(element("a", name, href=f"#{anchor}") for anchor, name, _ in shown)),
            class_="top",
        ),
        element(
            "main",
            sections.tiles(summaries),
            *(element("section", element("h2", name), content, id_=anchor) for anchor, name, content in shown),
            element("footer", _footer(beside)),
        ),
    ])
    return document(facts.title, body)


def _meta(facts: ReportFacts) -> str:
    plan = facts.plan
    started = max((run.started for run in facts.runs), default="")[:10]
    parts = [plan.dataset, f"plan {plan.name}", f"positive class: {plain_outcome(plan.positive_outcome)}", started]
    return " · ".join(p for p in parts if p)


def _footer(beside: ReportLayout) -> Html:
    files = [
        (beside.metrics_csv.name, "every figure of every model and fold, with all digits"),
        (beside.tables_md.name, "the tables in Markdown"),
        (beside.summary_json.name, "the figures with the lesions they rest on"),
        (beside.facts_json.name, "data set, plan, failures, warnings and versions"),
    ]
    return joined([
        element("p", "Every number in this report comes from a file beside it:"),
        bullet_list(joined([element("code", name), f": {what}"]) for name, what in files),
        element("p", "For research. Not a medical device."),
    ])
