"""Tables as CSV text; all of rnnet's own have one form."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence


def csv_text(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A line of names, then the rows; None is an empty cell, and lines end as on Unix."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


def csv_of_records(names: Sequence[str], records: Iterable[Mapping[str, object]]) -> str:
    """As csv_text, of records by name; one that a record does not have is an empty cell."""
    return csv_text(names, ([record.get(name) for name in names] for record in records))
