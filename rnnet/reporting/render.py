"""Tables as text for the terminal, as Markdown and as CSV."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from rnnet.core.csv_text import csv_of_records, csv_text
from rnnet.evaluation.summary import METRIC_NAMES, ModelSummary
from rnnet.reporting.tables import INDENT, Table, by_subset, mapped

_MARKDOWN = str.maketrans({c: f"\\{c}" for c in "\\`*_{}[]<>#~"})
_WIDTH = 80
_NARROWEST_NAME = 18


def to_text(table: Table) -> str:
    """The table in aligned columns between rules, its title above and its notes below, for 80 columns.

    A table wider than that is not cut.
    """
    light, heavy = "─", "━"
    cells = [table.short_header, *table.rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    # Long names go over two lines before a table gets wider than the terminal.
    over = sum(widths) + 2 * (len(widths) - 1) - _WIDTH
    widths[0] = min(widths[0], max(widths[0] - over, _NARROWEST_NAME)) if over > 0 else widths[0]
    width = max(sum(widths) + 2 * (len(widths) - 1), 60)

    def line(row: Sequence[str]) -> str:
        first, *more = textwrap.wrap(row[0], widths[0], subsequent_indent="  ") or [""]
        aligned = [first.ljust(widths[0]), *(c.center(w) for c, w in zip(row[1:], widths[1:], strict=True))]
        return "\n".join(["  ".join(aligned).rstrip(), *more])

    def wrapped(text: str) -> list[str]:
        return textwrap.wrap(text, max(width, _WIDTH), subsequent_indent="  ")

    notes = [line for note in table.notes for line in wrapped(note)]
    return "\n".join([
        *wrapped(table.title), *wrapped(table.subtitle), heavy * width, line(cells[0]), light * width,
        *map(line, cells[1:]), heavy * width, *notes,
    ])


def to_markdown(table: Table) -> str:
    """The table in Markdown, with its title as a heading and its notes as a list."""
    def line(row: Sequence[str]) -> str:
        return "| " + " | ".join(c.replace("|", "\\|") for c in row) + " |"

    rule = "|:---|" + ":---:|" * (len(table.header) - 1)
    notes = [f"- {note}" for note in table.notes]
    return "\n".join([f"## {table.title}", "", table.subtitle, "", line(table.header), rule, *map(line, table.rows),
                      "", *notes, ""])


def escaped_markdown(table: Table) -> Table:
    """The table with what Markdown would take for a sign of its own escaped, and its indented rows indented."""
    def cell(text: str) -> str:
        escaped = text.strip().translate(_MARKDOWN)
        return f"&emsp;{escaped}" if text.startswith(INDENT) else escaped

    return mapped(table, cell)


def table_csv(table: Table) -> str:
    """The table as it is printed: one line of names, then the rows. Title and notes are not in it."""
    return csv_text(table.header, table.rows)


def metrics_csv(summaries: Sequence[ModelSummary]) -> str:
    """Every figure of every model with all digits, one row per subset, model and kind of figure.

    The column `figure` says what the row holds: 'ensemble' or 'out-of-fold' (with the interval in <name>_low and
    <name>_high), 'fold_<k>' for a single fold model, 'mean' and 'sd' over the fold models. An undefined figure is an
    empty cell.
    """
    bounds = [f"{name}_{end}" for name in METRIC_NAMES for end in ("low", "high")]
    names = ["subset", "subset_title", "config", "figure", "positive_outcome", "negative_outcome", "threshold",
             "lesions_positive", "lesions_negative", "patients_positive", "patients_negative", *METRIC_NAMES, *bounds]
    figures = (row for group in by_subset(summaries) for summary in group for row in _figures(summary))
    return csv_of_records(names, figures)


def _figures(s: ModelSummary) -> list[dict[str, object]]:
    common: dict[str, object] = {
        "subset": s.subset, "subset_title": s.subset_title, "config": s.config,
        "positive_outcome": s.positive_outcome, "negative_outcome": s.negative_outcome, "threshold": s.pooled.threshold,
    }
    pooled = {
        **common, "figure": s.pooling, **{name: getattr(s.pooled, name) for name in METRIC_NAMES},
        "lesions_positive": s.counts.lesions_positive, "lesions_negative": s.counts.lesions_negative,
        "patients_positive": s.counts.patients_positive, "patients_negative": s.counts.patients_negative,
        **{f"{name}_low": i.low for name, i in s.intervals.items()},
        **{f"{name}_high": i.high for name, i in s.intervals.items()},
    }
    folds = [
        {**common, "figure": f"fold_{f.fold}", "lesions_positive": f.metrics.n_positive,
         "lesions_negative": f.metrics.n_negative, **{name: getattr(f.metrics, name) for name in METRIC_NAMES}}
        for f in s.folds if f.metrics is not None
    ]
    mean = {**common, "figure": "mean", **{name: value.mean for name, value in s.mean_sd.items()}}
    sd = {**common, "figure": "sd", **{name: value.sd for name, value in s.mean_sd.items()}}
    return [pooled, *folds, mean, sd]
