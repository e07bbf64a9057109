"""A table of text as part of a page, with number, caption and notes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from rnnet.reporting.markup import Html, bullet_list, data_table, element, joined
from rnnet.reporting.tables import INDENT, Table

# So many columns need less room each.
_MANY = 9
# A hyphen before a digit, at the start of a number; a value with what stands below it; a column likewise.
_MINUS = re.compile(r"(?<![\w.-])-(?=\d)")
_BELOW = re.compile(r"(?P<value>[^\[±]+?)(?: (?P<below>\[[^\]]*\]|±.*))", re.DOTALL)
_SIZE = re.compile(r"(?P<value>.+) (?P<below>\(n = \d+\)|\[[^\]]*\])")


@dataclass(frozen=True, slots=True)
class NumberedTable:
    """A table with its place in the report: number '2a', anchor 'table-2a' (also the name of its CSV).

    shared: those of its notes that all tables of its group have; the page shows them below the last one. group: numbers
    of the first and the last of them; '' where it stands alone. Files have all notes below every table.
    """

    number: str
    table: Table
    shared: tuple[str, ...] = ()
    group: tuple[str, str] = ("", "")

    @property
    def anchor(self) -> str:
        """Where a link leads, and the name of the file."""
        return f"table-{self.number.lower()}"

    @property
    def label(self) -> str:
        """As the text names it."""
        return f"Table {self.number}"

    @property
    def titled(self) -> Table:
        """The table with its number in the title, for files."""
        return replace(self.table, title=f"{self.label}. {self.table.title}")


def numbered(number: str, tables: Sequence[Table]) -> tuple[NumberedTable, ...]:
    """The tables as one number, with a letter each where there are several: 2, or 2a, 2b."""
    if len(tables) == 1:
        return (NumberedTable(number, tables[0]),)
    shared = tuple(n for n in tables[0].notes if all(n in table.notes for table in tables))
    numbers = [f"{number}{letter}" for letter, _ in zip(_letters(), tables, strict=False)]
    return tuple(
        NumberedTable(own, table, shared, (numbers[0], numbers[-1])) for own, table in zip(numbers, tables, strict=True)
    )


def _letters() -> tuple[str, ...]:
    alphabet = "abcdefghijklmnopqrstuvwxyz"
    return (*alphabet, *(a + b for a in alphabet for b in alphabet))


def table_view(item: NumberedTable) -> Html:
    """Caption above, the table, notes below."""
    table = item.table
    caption = element("p", element("b", f"{item.label}. "), f"{table.title.rstrip('.')}.", class_="caption")
    header = tuple(map(_head, table.header))
    rows = [(_name(row[0]), *map(figure_cell, row[1:])) for row in table.rows]
    kind = "figures" + (" text-end" if table.text_at_the_end else "") + (" dense" if len(header) > _MANY else "")
    return element(
        "div", caption, element("p", table.subtitle, class_="subtitle") if table.subtitle else None,
        data_table(header, rows, kind=kind, emphasised=table.emphasised, spans=table.spans),
        *_notes(item), class_="table", id_=item.anchor,
    )


def _notes(item: NumberedTable) -> tuple[Html, ...]:
    """The table's own notes; then those that it shares with its group, or a link to where they stand."""
    own = tuple(note for note in item.table.notes if note not in item.shared)
    first, last = item.group
    if not item.shared:
        return (bullet_list(own, kind="note"),) if own else ()
    if item.number == last:
        head = element("p", f"Tables {first} to {last}:", class_="note")
        return (*((bullet_list(own, kind="note"),) if own else ()), head, bullet_list(item.shared, kind="note"))
    where = NumberedTable(last, item.table)
    link = joined(["Further notes: below ", element("a", where.label, href=f"#{where.anchor}"), "."])
    return (bullet_list((*own, link), kind="note"),)


def figure_cell(text: str) -> object:
    """A cell with true minus signs; interval, SD and range stand below their value, so that columns stay narrow."""
    text = _MINUS.sub("−", text)
    found = _BELOW.fullmatch(text)
    if not found:
        return text
    return joined([found["value"], " ", element("small", found["below"], class_="ci")])


def _head(text: str) -> object:
    """The name of a column; the size of a group, or what an interval is, stands below it."""
    found = _SIZE.fullmatch(text)
    return joined([found["value"], " ", element("small", found["below"], class_="ci")]) if found else text


def _name(text: str) -> object:
    return element("span", text.strip(), class_="indented") if text.startswith(INDENT) else text
