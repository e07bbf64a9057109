"""Tables for the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rnnet.evaluation.summary import ModelSummary
from rnnet.reporting.render import to_text
from rnnet.reporting.tables import model_tables


def summary_text(summaries: Sequence[ModelSummary]) -> str:
    """One table per test set, the positive class in every title."""
    return "\n\n".join(to_text(table) for table in model_tables(summaries))


def text_table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Left-aligned columns below a rule."""
    widths = [max(len(str(row[i])) for row in (headers, *rows)) for i in range(len(headers))]
    lines = ["  ".join(str(c).ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in (headers, *rows)]
    return "\n".join([lines[0], "─" * (sum(widths) + 2 * (len(widths) - 1)), *lines[1:]])
