"""Where a report answers what reporting guidelines ask for."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from rnnet.core.types import TABULAR_CONFIGS
from rnnet.evaluation.summary import CROSS_VALIDATION, SAME_CENTER_TEST
from rnnet.reporting.checklist import Place
from rnnet.reporting.facts import DISTANCES, LABEL_SOURCES, SCANS
from rnnet.reporting.markup import Figure
from rnnet.reporting.report_tables import Tables
from rnnet.reporting.stored import StoredReport

# Place to (section, label): what a section answers by itself.
_SECTIONS = {
    "preprocessing": ("preprocessing", "Preprocessing"), "crop": ("preprocessing", "Preprocessing"),
    "splits": ("splits", "Splits"), "plan": ("plan", "Plan"), "selected-model": ("plan", "Plan"),
    "software": ("software", "Software"), "attention": ("attention", "Attention"), "limits": ("limits", "Limitations"),
    "flow": ("cohort", "Flow of cases"), "controls": ("controls", "Negative controls"), "seeds": ("seeds", "Seeds"),
}
# Place to the group of tables whose first one answers it.
_TABLES = {
    "characteristics": "cohort", "partitions": "partitions", "results": "results", "ensemble": "results",
    "comparisons": "comparisons", "threshold": "decisions", "decision": "decisions", "kept": "kept",
    "subgroups": "subgroups", "errors": "figures",
}
_FIGURES = {"calibration": "calibration", "selection": "selection", "subgroups": "subgroups", "errors": "scores"}


def report_places(
    stored: StoredReport, tables: Tables, figures: Mapping[str, Figure], anchors: Collection[str]
) -> dict[str, Place]:
    """Places by name, of what this report really holds.

    anchors: of its sections.
    """
    found = {name: Place(*where) for name, where in _SECTIONS.items() if where[0] in anchors}
    if not stored.facts.flows:
        found.pop("flow", None)
    if stored.facts.splits is not None and not stored.facts.splits.rule:
        found.pop("splits", None)  # the section says that it is not known
    found |= {
        name: Place(tables[group][0].anchor, tables[group][0].label) for name, group in _TABLES.items()
        if group in tables
    }
    found |= {
        name: Place(figures[key].anchor, figures[key].title.partition(".")[0]) for name, key in _FIGURES.items()
        if key in figures
    }
    return found | _of_facts(stored, tables)


def _of_facts(stored: StoredReport, tables: Tables) -> dict[str, Place]:
    facts, found = stored.facts, {}
    about = facts.dataset_facts
    data = Place("data", "Data set")
    described = about.get("Data set")
    if isinstance(described, Mapping) and described.get("reference", "not given") != "not given":
        found["source"] = data
    if about.get(SCANS):
        found["scans"] = data
    if about.get(LABEL_SOURCES):
        found["labels"] = data
    if about.get(DISTANCES):
        found["distances"] = data
    if facts.splits is not None and facts.splits.checks and not facts.leaks:
        found["leakage"] = Place("splits", "Splits and leakage")
    if facts.digests:
        found["digests"] = Place("software", "Digests")
    if any(s.config in TABULAR_CONFIGS for s in stored.evaluation.summaries):
        found["features"] = found["missing"] = Place("preprocessing", "Radiomic and clinical values")
    subsets = list(dict.fromkeys(s.subset for s in stored.evaluation.summaries))
    internal = [i for i, subset in enumerate(subsets) if subset in (CROSS_VALIDATION, SAME_CENTER_TEST)]
    external = [i for i, subset in enumerate(subsets) if subset not in (CROSS_VALIDATION, SAME_CENTER_TEST)]
    # by_subset puts the internal sets first; the tables of results follow that order.
    results = tables.get("results", ())
    if internal and results:
        found["internal"] = Place(results[0].anchor, results[0].label)
    if external and results:
        found["external"] = Place(results[len(internal)].anchor, results[len(internal)].label)
    return found
