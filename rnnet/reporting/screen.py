"""Tables for the terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from rnnet.evaluation.repeat_results import ControlResult, SeedSpread
from rnnet.evaluation.summary import ModelSummary
from rnnet.reporting.render import to_text
from rnnet.reporting.repeats import repeat_tables
from rnnet.reporting.tables import model_tables

CELL_WIDTH = 44


def summary_text(
    summaries: Sequence[ModelSummary], controls: Sequence[ControlResult] = (), seeds: Sequence[SeedSpread] = ()
) -> str:
    """One table per test set, then negative controls and the spread over seeds; the positive class in every title."""
    return "\n\n".join(to_text(table) for table in (*model_tables(summaries), *repeat_tables(controls, seeds)))


def text_table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Left-aligned columns below a rule; long cells go over several lines."""
    wrapped = [[textwrap.wrap(str(cell), CELL_WIDTH) or [""] for cell in row] for row in (headers, *rows)]
    widths = [max(len(line) for row in wrapped for line in row[i]) for i in range(len(headers))]
    lines: list[str] = []
    for row in wrapped:
        for number in range(max(map(len, row))):
            cells = [cell[number] if number < len(cell) else "" for cell in row]
            lines.append("  ".join(c.ljust(w) for c, w in zip(cells, widths, strict=True)).rstrip())
    head = max(map(len, wrapped[0]))
    return "\n".join([*lines[:head], "─" * (sum(widths) + 2 * (len(widths) - 1)), *lines[head:]])
