"""A mapping file to begin with, guessed from an own table."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rnnet.core.errors import DatasetError
from rnnet.core.volume import IMAGE_ENDINGS
from rnnet.dataset.cases_table import REQUIRED_COLUMNS, SOURCE_SCAN
from rnnet.dataset.converters.own_table_cells import OwnRows, number_in, plain_code

# A column with no more different numbers than this holds codes rather than measurements.
_MOST_CODES, _MOST_CATEGORIES = 2, 10
_FILES = {"mask": r"mask|maske|seg", "image": r"image|t1|path|file|bild|datei"}
_WORDS = {
    "patient": r"pat|subject|^id$", "scan": r"scan|study|exam|session", "lesion_value": r"lesion|läsion",
    "outcome": r"outcome|label|diagnos|class|befund", "days": r"days", "date": r"date|datum",
    "center": r"cent|site|klinik", "split": r"split|fold",
}
# What is known before the outcome is; whole words, for "Alternative" is no age.
_CLINICAL = r"(?<![^\W_])(age|alter|sex|gender|geschlecht|primary|prim[aä]rtumor|kps|karnofsky)(?![^\W_])"
_IMAGE_FILE = rf"({'|'.join(map(re.escape, IMAGE_ENDINGS))})$"
# A folder's name has a letter: 01/02/2020 is no path.
_PATH = rf"{_IMAGE_FILE}|[^\W\d][^/\\]*[/\\]+\w|^\.*/"
_Rows = Sequence[Mapping[str, str]]


class NoMappingError(DatasetError):
    """A table without a mapping file. suggestion: one to edit, as JSON; str() ends with it, on lines of its own."""

    def __init__(self, problem: str, *, where: object = "", fix: str = "", suggestion: str = "") -> None:
        super().__init__(problem, where=where, fix=fix)
        self.suggestion = suggestion

    def __str__(self) -> str:
        return f"{super().__str__()}\n{self.suggestion}"


def no_mapping(table: OwnRows, path: Path, name: str) -> NoMappingError:
    """The error for a table without the mapping file `path`; name: of the centre, as far as can be guessed."""
    return NoMappingError(
        f"There is no mapping file, and the columns of {table.path.name} are not named as rnnet's are (image, "
        "patient_id, ...).", where=path,
        fix=f"Save the printed suggestion (> {path.name}) beside the table, or anywhere for --mapping; fill it in and "
        "correct it. Of what is under information, move features to clinical: nothing that gives the outcome away.",
        suggestion=suggested_mapping(table.columns, table.rows, name),
    )


def suggested_mapping(columns: Sequence[str], rows: _Rows, name: str) -> str:
    """A mapping file to edit, as JSON: guesses for the columns whose names speak, all others as information.

    Images and masks are guessed only where most cells look like paths, else '' is left to be filled in. A column
    becomes a feature only if it is plainly age, sex, primary tumour or Karnofsky score: free text and whatever came
    after the image must not. What the outcome's texts mean is not guessed.
    """
    left = [c for c in columns if c]
    found: dict[str, Any] = {"image": "", "patient": ""}

    def take(use: str, columns: Iterable[str]) -> None:
        match = next(iter(columns), None)
        if match is not None and not found.get(use):
            found[use] = match
            left.remove(match)

    for use, words in _FILES.items():
        take(use, [c for c in left if re.search(words, c, re.IGNORECASE) and _mostly(_PATH, rows, c)])
    take("image", [c for c in left if _mostly(_IMAGE_FILE, rows, c)])
    for use, words in _WORDS.items():
        if not (use == "date" and "days" in found):
            take(use, [c for c in left if re.search(words, c, re.IGNORECASE)])
    clinical = [c for c in left if re.search(_CLINICAL, c, re.IGNORECASE)]
    names = _names(left)
    document = {
        "name": name, "columns": found,
        # No outcome on purpose: the file is refused until somebody has said what the texts mean.
        "outcome_values": dict.fromkeys(_distinct(rows, found.get("outcome", "")), "progression or radiation_necrosis"),
        "clinical": {names[c]: {"column": c, **_type_of(rows, c)} for c in clinical},
        "information": {names[c]: {"column": c, "meaning": c} for c in left if c not in clinical},
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def _mostly(pattern: str, rows: _Rows, column: str) -> bool:
    cells = [row[column] for row in rows if row.get(column)]
    return 2 * sum(bool(re.search(pattern, c, re.IGNORECASE)) for c in cells) > len(cells)


def _distinct(rows: _Rows, column: str) -> list[str]:
    return list(dict.fromkeys(row[column] for row in rows if row.get(column)))


def _type_of(rows: _Rows, column: str) -> dict[str, Any]:
    values = sorted({plain_code(v) for v in _distinct(rows, column)})
    if len(values) > _MOST_CODES and all(number_in(v) is not None for v in values):
        return {"type": "numeric", "unit": ""}
    return {"type": "categorical", "categories": values if len(values) <= _MOST_CATEGORIES else []}


def _names(columns: Collection[str]) -> dict[str, str]:
    """A name for cases.csv by column: small letters, unlike any other and any of the convention's own."""
    taken = {*REQUIRED_COLUMNS, SOURCE_SCAN}
    names: dict[str, str] = {}
    for column in columns:
        plain = re.sub(r"\W+", "_", column.strip().lower()).strip("_") or "column"
        number = 1
        name = plain
        while name in taken:
            number += 1
            name = f"{plain}_{number}"
        taken.add(name)
        names[column] = name
    return names
