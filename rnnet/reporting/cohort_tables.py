"""The characteristics of a cohort as text tables, Markdown, CSV and LaTeX."""

from __future__ import annotations

from collections.abc import Sequence

from rnnet.core.csv_text import csv_of_records
from rnnet.core.wording import listed
from rnnet.evaluation.cohort import MIXED, CohortDescription
from rnnet.evaluation.cohort_table import (
    MISSING_LEVEL,
    CategoricalRow,
    CohortRow,
    CohortTable,
    Group,
    NumericRow,
    Spread,
)
from rnnet.evaluation.group_tests import DRAWN_TABLES, FISHER_DRAWN, PValue
from rnnet.reporting.latex import to_latex
from rnnet.reporting.render import escaped_markdown, to_markdown
from rnnet.reporting.tables import INDENT, Table, plain_outcome

# Words of column names that are written in capitals.
_ABBREVIATIONS = frozenset({"gpa", "kps", "srs", "wbrt", "mri", "who"})
_NONE = "–"


def cohort_tables(description: CohortDescription) -> tuple[Table, Table]:
    """The tables by patient and by lesion as text, with how they are to be read in their notes."""
    return _table(description, description.by_patient), _table(description, description.by_lesion)


def p_text(p: float) -> str:
    """A p-value with three digits, or '<0.001'."""
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def _table(d: CohortDescription, table: CohortTable) -> Table:
    columns = ["all", *(_group_name(d, g) for g in table.groups)]
    sizes = [table.n, *(g.n for g in table.groups)]
    header = ("", *(f"{name} (n = {n})" for name, n in zip(columns, sizes, strict=True)), "p", "test")
    rows = [line for row in table.rows for line in _lines(row)]
    sample = "patient" if table.sample == "patient" else "lesion"
    grouping = {"outcome": "outcome", "center": "centre", "dataset": "data set", "split": "split"}[d.by]
    return Table(
        title=f"Characteristics by {sample}: {', '.join(d.datasets)}",
        subtitle=f"Groups: {grouping}. Positive class: {plain_outcome(d.positive_outcome)}. "
                 f"n: {'patients' if sample == 'patient' else 'lesion rows (one lesion on one scan)'}.",
        header=header, short_header=header, rows=tuple(rows), notes=_notes(d, table),
        text_at_the_end=True,
    )


def _group_name(d: CohortDescription, group: Group) -> str:
    if d.by != "outcome" or not group.tested:
        return group.name
    return plain_outcome(group.name) + (", positive" if group.name == d.positive_outcome else "")


def _lines(row: CohortRow) -> list[tuple[str, ...]]:
    name = " ".join(w.upper() if w in _ABBREVIATIONS else w for w in row.name.split("_"))
    test = _test(row.p)
    missing = [(f"{INDENT}missing", *map(str, row.missing), *_test(row.missing_p))] if any(row.missing) else []
    if isinstance(row, NumericRow):
        decimals = _decimals(row.spreads[0])
        # 'age years' in years is age; 'days since' in days says so already.
        name = name.removesuffix(f" {row.unit}") if row.unit else name
        title = f"{name} ({row.unit})" if row.unit and row.unit not in name.split() else name
        return [(title, *(_spread(s, decimals) for s in row.spreads), *test), *missing]
    blank = ("",) * len(row.missing)
    lines = [
        (f"{INDENT}{category.replace('_', ' ')}",
         *(f"{n} ({100 * n / of:.1f} %)" if of else _NONE for n, of in zip(counts, row.known, strict=True)), "", "")
        for category, counts in zip(row.categories, row.counts, strict=True)
    ]
    return [(name, *blank, *test), *lines, *missing]


def _test(p: PValue) -> tuple[str, str]:
    return (p_text(p.value), p.test) if p.value is not None else (_NONE, p.reason)


def _decimals(spread: Spread | None) -> int:
    """So that a mean has about three digits."""
    size = abs(spread.mean) if spread is not None else 0.0
    return 0 if size >= 1000 else 1 if size >= 10 else 2 if size >= 1 else 3


def _spread(s: Spread | None, decimals: int) -> str:
    if s is None:
        return _NONE
    low, high = (f"{v:.{decimals}f}" if v != round(v) else f"{v:.0f}" for v in (s.minimum, s.maximum))
    if s.sd is None:
        return f"{s.mean:.{decimals}f}"  # of a single value
    return f"{s.mean:.{decimals}f} ± {s.sd:.{decimals}f} ({low} to {high})"


def _notes(d: CohortDescription, table: CohortTable) -> tuple[str, ...]:
    notes = ["Numbers: mean ± SD (range). Categories: n (% of those with a known value)."]
    used = {p.test for row in table.rows for p in (row.p, row.missing_p) if p.value is not None and p.test}
    if used & {"Welch t", "Mann-Whitney", "ANOVA", "Kruskal-Wallis"}:
        notes.append(
            "Numbers: Welch's t-test (more than two groups: analysis of variance) where the Shapiro-Wilk test finds no "
            "deviation from normality in any group (p >= 0.05), otherwise Mann-Whitney U (Kruskal-Wallis).")
    if any(test.startswith("Fisher") for test in used):
        drawn = f"; 'drawn': from {DRAWN_TABLES:,} random tables with the same margins" if FISHER_DRAWN in used else ""
        notes.append(f"Categories: Fisher's exact test of the whole table{drawn}.")
    notes.append("All p-values are two-sided and not adjusted for their number. Missing values take no part; the line "
                 "'missing' has the p-value of Fisher's exact test of missing against known.")
    if table.telling_gaps:
        groups, target = ("outcomes", "outcome") if d.by == "outcome" else ("groups", "group")
        notes.append(
            f"Warning: missing values differ between the {groups} (p < {MISSING_LEVEL:g}) in: "
            f"{', '.join(name.replace('_', ' ') for name in table.telling_gaps)}. A model can learn the {target} from "
            "what is missing.")
    if d.joined_patients or d.joined_lesions:
        notes.append(f"{d.joined_patients} patient(s) with several ids are one person, and {d.joined_lesions} lesion "
                     "row(s) stand in several data sets: each counts once.")
    if table.sample == "lesion":
        notes.append("The tests take lesions as independent. Lesions of one patient are not: these p-values are too "
                     "small as a rule.")
    else:
        notes.append("A clinical value of a patient is the earliest known one of the described rows.")
        if any(not g.tested for g in table.groups):
            notes.append(f"Patients with lesions of several groups stand under '{MIXED[d.by]}' and take no part in the "
                         "tests.")
    left_out = d.undescribed_lesions if table.sample == "lesion" else d.undescribed_patients
    if left_out:
        notes.append(f"Not described, because no outcome is known: {left_out} "
                     f"{'lesion row(s)' if table.sample == 'lesion' else 'patient(s)'}.")
    if d.shared_patients:
        notes.append(f"{len(d.shared_patients)} patient_id(s) stand in several data sets and count once in each: "
                     f"{listed(d.shared_patients)}.")
    return tuple(notes)


def cohort_markdown(tables: Sequence[Table]) -> str:
    """The tables in Markdown; what Markdown would take for a sign of its own is escaped."""
    return "\n".join(to_markdown(escaped_markdown(table)) for table in tables)


def cohort_latex(tables: Sequence[Table]) -> str:
    """The tables in LaTeX, for a document that loads the package booktabs."""
    return to_latex(tables)


_CSV = ("sample", "characteristic", "unit", "category", "group", "positive_outcome", "group_size", "missing", "n",
        "percent", "mean", "sd", "minimum", "p25", "median", "p75", "maximum", "p", "test", "no_p_because",
        "missing_p")


def cohort_csv(description: CohortDescription) -> str:
    """Both tables with all digits: one row per characteristic (and category) and group; unknown cells are empty."""
    records: list[dict[str, object]] = []
    for table in (description.by_patient, description.by_lesion):
        columns = [("all", table.n), *((g.name, g.n) for g in table.groups)]
        for row in table.rows:
            for column, (group, size) in enumerate(columns):
                common = {
                    "sample": table.sample, "characteristic": row.name, "group": group, "group_size": size,
                    "positive_outcome": description.positive_outcome, "missing": row.missing[column], **_p_cells(row.p),
                    "missing_p": "" if row.missing_p.value is None else row.missing_p.value,
                }
                records += ({**common, **cells} for cells in _figures(row, column, size))
    return csv_of_records(_CSV, records)


def _p_cells(p: PValue) -> dict[str, object]:
    return {"p": "" if p.value is None else p.value, "test": p.test, "no_p_because": p.reason}


def _figures(row: CohortRow, column: int, size: int) -> list[dict[str, object]]:
    if isinstance(row, CategoricalRow):
        of = row.known[column]
        return [
            {"category": name, "n": counts[column], "percent": 100 * counts[column] / of if of else ""}
            for name, counts in zip(row.categories, row.counts, strict=True)
        ]
    s = row.spreads[column]
    names = ("mean", "sd", "minimum", "p25", "median", "p75", "maximum")
    return [{"unit": row.unit, "n": size - row.missing[column], **{name: getattr(s, name, None) for name in names}}]
