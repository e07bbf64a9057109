"""Tables in LaTeX, for a document that loads the package booktabs."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rnnet.reporting.tables import INDENT, Table, mapped

# A hyphen before a digit, at the start of a number.
_MINUS = re.compile(r"(?<![\w.-])-(?=\d)")
_SIGNS = str.maketrans({
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", "[": "{[}", "]": "{]}", "±": r"$\pm$", "–": "--", "−": "$-$", "²": r"$^2$", "³": r"$^3$",
    "µ": r"$\mu$", "Δ": r"$\Delta$", "≥": r"$\geq$", "≤": r"$\leq$",
})


def to_latex(tables: Sequence[Table]) -> str:
    """The tables one after the other; every sign that LaTeX would take for a command is escaped."""
    return "% Needs \\usepackage{booktabs}.\n" + "\n".join(_latex(mapped(table, _escaped)) for table in tables)


def _escaped(text: str) -> str:
    escaped = _MINUS.sub("$-$", text.strip().translate(_SIGNS))
    return rf"\quad {escaped}" if text.startswith(INDENT) else escaped


def _latex(table: Table) -> str:
    columns = "l" + "c" * (len(table.header) - 2) + ("l" if table.text_at_the_end else "c") * (len(table.header) > 1)
    notes = "\n".join(rf"{note} \par" for note in table.notes)
    body = "\n".join(" & ".join(row) + r" \\" for row in table.rows)
    caption = " ".join(f"{part.rstrip('.')}." for part in (table.title, table.subtitle) if part)
    return (
        f"\\begin{{table}}\n\\centering\n\\caption{{{caption}}}\n"
        f"\\begin{{tabular}}{{{columns}}}\n"
        f"\\toprule\n{_header(table)}\\midrule\n{body}\n\\bottomrule\n\\end{{tabular}}\n\n"
        f"\\footnotesize\n{notes}\n\\end{{table}}\n"
    )


def _header(table: Table) -> str:
    if not table.spans:
        return " & ".join(table.header) + " \\\\\n"
    above, rules, column = [], [], 1
    for title, names in table.spans:
        above.append(rf"\multicolumn{{{len(names)}}}{{c}}{{{title}}}" if len(names) > 1 else title)
        if title:
            rules.append(rf"\cmidrule(lr){{{column}-{column + len(names) - 1}}}")
        column += len(names)
    below = [name for _, names in table.spans for name in names]
    return f"{' & '.join(above)} \\\\\n{' '.join(rules)}\n{' & '.join(below)} \\\\\n"
