"""The report: one HTML file that needs no other file and no network, drawn from the files of an evaluation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from rnnet.core.files import write_text
from rnnet.core.workspace import ReportLayout, ResultsLayout
from rnnet.reporting import sections
from rnnet.reporting.checklist_section import checklist_section, checklists_csv
from rnnet.reporting.css import REPORT
from rnnet.reporting.document import document
from rnnet.reporting.flow_section import STYLE, flow_section
from rnnet.reporting.latex import to_latex
from rnnet.reporting.markup import Figure, Html, bullet_list, element, figure, joined
from rnnet.reporting.places import report_places
from rnnet.reporting.render import escaped_markdown, table_csv, to_markdown
from rnnet.reporting.repeats import CONTROLS_INTRO, SEEDS_INTRO
from rnnet.reporting.report_figures import draw_figures
from rnnet.reporting.report_tables import Tables, report_tables
from rnnet.reporting.stored import StoredReport, read_report
from rnnet.reporting.table_view import table_view
from rnnet.reporting.tables import plain_outcome
from rnnet.reporting.tabular_section import tabular_section

_GALLERY_SIZE = 6
Part = tuple[str, str, Html]


def draw_report(results: ResultsLayout) -> Path:
    """The report of what an evaluation stored, with the first attention pictures, where there are some.

    Raises:
        MissingStageError: the data set was not evaluated under this plan.
    """
    return write_report(results.report, gallery=sorted(results.explanation.glob("*.png"))[:_GALLERY_SIZE])


def write_report(layout: ReportLayout, *, gallery: Sequence[Path] = ()) -> Path:
    """Draw the page, the figures and the tables (Markdown, LaTeX, CSV) from the stored files of an evaluation.

    Args:
        layout: the folder of the stored files.
        gallery: attention pictures (PNG or JPEG), one a lesion.

    Returns the page.

    Raises:
        MissingStageError: a stored file or a picture is not there; the message names the command.
        FileFormatError: a stored file cannot be read.
        DatasetError: models of one test set that are not comparable.
    """
    stored = read_report(layout)
    tables = report_tables(stored)
    figures = draw_figures(layout, stored)
    pictures = [Figure(p.stem, "Attention rollout.", p) for p in gallery]
    parts = _parts(stored, tables, figures, pictures)
    places = report_places(stored, tables, figures, {anchor for anchor, _, _ in parts})
    parts.append(("checklists", "Reporting checklists", checklist_section(places)))
    page = _page(stored, layout, parts)
    _write_tables(layout, stored, tables)
    write_text(layout.checklists_csv, checklists_csv(places))
    write_text(layout.report_html, page)
    return layout.report_html


def _write_tables(layout: ReportLayout, stored: StoredReport, tables: Tables) -> None:
    numbered = [item for group in tables.values() for item in group]
    shown = [item.titled for item in numbered]
    facts = stored.facts
    head = f"# {facts.title}\n\n" + (f"> {facts.demonstration}\n\n" if facts.demonstration else "")
    if facts.leaks:
        head += "\n".join((f"> **{sections.LEAK_HEAD}**", ">", *(f"> - {leak}" for leak in facts.leaks))) + "\n\n"
    write_text(layout.tables_md, head + "\n".join(to_markdown(escaped_markdown(t)) for t in shown))
    write_text(layout.tables_tex, to_latex(shown))
    for item in numbered:
        write_text(layout.table_csv(item.anchor), table_csv(item.table))


def _parts(
    stored: StoredReport, tables: Tables, figures: Mapping[str, Figure], gallery: Sequence[Figure]
) -> list[Part]:
    """(anchor, heading, content) of every section with content."""
    facts = stored.facts

    def of(*names: str) -> Html:
        return joined(table_view(item) for name in names for item in tables.get(name, ()))

    def drawn(*names: str) -> Html:
        return joined(figure(figures[name]) for name in names if name in figures)

    parts: list[Part] = [
        ("cohort", "Cohort", joined([drawn("selection"), flow_section(facts.flows), of("cohort")])),
        ("results", "Results", joined([of("results"), drawn("forest", "roc", "precision_recall", "scores")])),
        ("comparisons", "Comparison of models", of("comparisons")),
        ("calibration", "Calibration and decision", joined([of("decisions"), drawn("calibration", "decision")])),
        ("subgroups", "Subgroups", drawn("subgroups")),
        ("labels", "Label efficiency", joined([drawn("labels"), of("labels")])),
        ("controls", "Negative controls", _below(CONTROLS_INTRO, of("controls"))),
        ("seeds", "Spread over seeds", _below(SEEDS_INTRO, of("seeds"))),
        ("kept", "Kept features", of("kept")),
        ("further", "Supplementary tables", of("figures", "patients", "partitions", "subgroups")),
        ("attention", "Attention", sections.attention(gallery)),
        ("data", "Data set", sections.data_set(facts.dataset_facts)),
        ("splits", "Splits and leakage", sections.splits(facts.splits, facts.leaks)),
        ("plan", "Plan", sections.plan_choices(facts.plan, facts.trained_settings)),
        ("preprocessing", "Preprocessing and failures", joined([
            sections.preprocessing(facts.plan, facts.failures),
            tabular_section(facts.plan, dict.fromkeys(s.config for s in stored.evaluation.summaries)),
        ])),
        ("limits", "Limitations", sections.limitations(facts.notes)),
        ("software", "Software and digests", joined([sections.software(facts.runs), sections.digests(facts.digests)])),
    ]
    return [part for part in parts if part[2]]


def _below(intro: str, content: Html) -> Html:
    return joined([element("p", intro), content]) if content else content


def _page(stored: StoredReport, layout: ReportLayout, parts: Sequence[Part]) -> str:
    facts = stored.facts
    body = joined([
        element(
            "header",
            element("p", "rnnet report", class_="eyebrow"),
            element("h1", facts.title),
            element("p", _meta(stored), class_="meta"),
            sections.leak_notice(facts.leaks),
            element("div", element("p", element("b", facts.demonstration)), class_="notice")
            if facts.demonstration else None,
            sections.warning_notice(facts.warnings),
            element("nav", *(element("a", name, href=f"#{anchor}") for anchor, name, _ in parts),
                    aria_label="Sections"),
            class_="top",
        ),
        element(
            "main",
            sections.tiles(stored.evaluation.summaries),
            *(element("section", element("h2", name), content, id_=anchor) for anchor, name, content in parts),
            element("footer", _footer(layout)),
        ),
    ])
    return document(facts.title, body, style=REPORT + STYLE)


def _meta(stored: StoredReport) -> str:
    plan = stored.facts.plan
    started = max((run.started for run in stored.facts.runs), default="")[:10]
    sources = stored.evaluation.label_sources
    only = f"only lesions whose outcome comes from {', '.join(sources)}" if sources else ""
    positive = f"positive class: {plain_outcome(plan.positive_outcome)}"
    parts = [plan.dataset, f"plan {plan.name}", positive, only, started]
    return " · ".join(p for p in parts if p)


def _footer(layout: ReportLayout) -> Html:
    files = [
        (layout.metrics_csv.name, "every figure of every model and fold, with all digits"),
        (layout.summary_json.name, "the figures, comparisons and subgroups with the lesions they rest on"),
        (layout.lesions_csv.name, "what every model says of every lesion; the curves are drawn from it"),
        (layout.cohorts_json.name, "characteristics of the cohort"),
        (layout.facts_json.name, "data set, splits, plan, kept features, failures, warnings, versions and digests"),
        (f"{layout.tables_md.name}, {layout.tables_tex.name}, {layout.table_csv('x').parent.name}/",
         "the tables in Markdown, LaTeX and CSV"),
        (layout.checklists_csv.name, "the items of the checklists"),
    ]
    return joined([
        element("p", "Every number in this report comes from a file beside it:"),
        bullet_list(joined([element("code", name), f": {what}"]) for name, what in files),
        element("p", "For research. Not a medical device."),
    ])
