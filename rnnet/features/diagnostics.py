"""What is known of each lesion's extraction beside its features: a CSV of texts."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from rnnet.core.csv_text import csv_text
from rnnet.core.files import write_text
from rnnet.features.radiomics_rows import RadiomicsRow

_KEY = "case_id"
_REASON = "reason_for_no_radiomics"


def write_diagnostics(path: Path, rows: Sequence[RadiomicsRow]) -> None:
    """One line a case: its id, why it has no radiomics ('' where it has), and pyradiomics' diagnostics."""
    names = sorted({name for row in rows for name in row.diagnostics})
    write_text(path, csv_text((_KEY, _REASON, *names), (
        (r.case_id, r.warning, *(r.diagnostics.get(name, "") for name in names)) for r in rows
    )))


def read_diagnostics(path: Path) -> dict[str, Mapping[str, str]]:
    """By case id, the diagnostics that stand at `path`; empty where there is no such file."""
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8", newline="") as stream:
        lines = list(csv.DictReader(stream))
    return {
        line[_KEY]: {name: text for name, text in line.items() if name not in (_KEY, _REASON) and text}
        for line in lines
    }
