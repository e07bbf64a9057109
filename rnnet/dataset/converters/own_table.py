"""Any centre's own table, CSV or Excel, with a mapping file that says which column is what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rnnet.core.errors import DatasetError, did_you_mean
from rnnet.dataset.converters.folder_walk import FolderWalk
from rnnet.dataset.converters.own_table_cells import TABLE_ENDINGS, OwnRows, read_own_table
from rnnet.dataset.converters.own_table_mapping import TableMapping, mapping_by_names, read_mapping
from rnnet.dataset.converters.own_table_problems import Problem, raise_if_any
from rnnet.dataset.converters.own_table_rows import FileFinder, RowReader, safe
from rnnet.dataset.converters.own_table_scans import Grouping
from rnnet.dataset.converters.own_table_suggestion import no_mapping
from rnnet.dataset.converters.source import Release, SourceInfo

MAPPING_NAME = "mapping.json"


@dataclass(frozen=True, slots=True)
class OwnTable:
    """One row for every lesion on one scan.

    table: None for the only table in the folder. mapping: None for mapping.json beside the table; where there is none,
    columns are looked for by the names of the raw convention (image, mask, patient_id, scan_id, lesion_value, outcome,
    days, center, split, label_source). An empty mapping file is as good as none: '> mapping.json', which is to save
    what the command suggests, makes one before the command begins.

    Paths are relative to the table's folder, else to the given one. Patient ids begin with the mapping's name, or the
    row's centre, unless they do so already: two centres may both have a patient 17. Scan ids are the patient's id and
    the scan column, or a number in the order of the rows where there is no such column: each image is a scan then.

    A mask holds all lesions of a scan with a value for each (lesion_value), or the table names one mask for each
    lesion, and the lesions get their lesion_value, or the number of the row within the scan. Which of the two, the
    mapping says, or the table shows: some scan has rows with several masks, or none has. Without lesion_value and with
    one row, everything in the mask is the lesion. A table without outcome, clinical and information columns is a pool.
    """

    table: Path | None = None
    mapping: Path | None = None

    @property
    def info(self) -> SourceInfo:
        """What --list prints."""
        return SourceInfo(
            name="table",
            title="Your own table (CSV or Excel) of images, masks, outcomes and clinical values",
            needs=("a table with one row for every lesion on one scan (--table)",
                   f"{MAPPING_NAME} beside it, or --mapping: which column is what"),
            gives="labelled lesions, over time where the table has days or dates; a pool if it has no outcomes",
            size="yours",
            licence="yours: give it in the mapping file (licence)",
            access="documentation/how-to/convert_your_own_table.md",
            reference="yours: give it in the mapping file (reference)",
        )

    def read(self, folder: Path) -> Release:
        """The rows of the table as scans and lesions.

        Raises:
            DatasetError: there is not exactly one table, the mapping does not fit it, or cells are wrong; of those the
                message has every kind, with lines, column and cure. NoMappingError, with a mapping to edit, where
                there is none and the columns have other names.
        """
        walk = FolderWalk(folder)
        path = self.table or _only_table(folder)
        mapping_path = self.mapping or path.parent / MAPPING_NAME
        mapping = None if _is_empty(mapping_path, needed=self.mapping is not None) else read_mapping(mapping_path)
        table = read_own_table(
            path, sheet=mapping.sheet if mapping else "", header_row=mapping.header_row if mapping else 1,
            blanks=mapping.blanks if mapping else (),
        )
        if mapping is None:
            mapping = mapping_by_names(table.columns)
            if mapping is None:
                raise no_mapping(table, mapping_path, safe(path.resolve().parent.name))
        mapping = _fitted(mapping, table, mapping_path)
        walk.claim(path, mapping_path)
        reader = RowReader(mapping, FileFinder((path.parent, folder), walk.files))
        rows = reader.read(table)
        walk.claim(*(p for row in rows for p in (row.image, row.mask) if p is not None))
        # A wrong cell could make rows contradict each other that do not.
        placing = mapping.placing_columns()
        misplaced = {p.line for p in reader.problems if p.column in placing}
        grouping = Grouping(mapping, [row for row in rows if row.line not in misplaced])
        raise_if_any((*reader.problems, *grouping.problems), path)
        return Release(
            scans=tuple(grouping.scans), lesions=None if mapping.is_pool else tuple(grouping.lesions),
            clinical={name: source.declared for name, source in mapping.clinical.items()},
            information={name: source.meaning for name, source in mapping.information.items()},
            preprocessed=mapping.preprocessed, outcomes=mapping.outcomes, positive_outcome=mapping.positive_outcome,
            dropped=tuple(grouping.dropped), unknown_files=walk.unknown(),
            notes=(*table.notes, *_unused(mapping, table)), name=mapping.name, reference=mapping.reference,
            licence=mapping.licence,
        )


def _only_table(folder: Path) -> Path:
    found = sorted(p for p in folder.iterdir() if p.suffix.lower() in TABLE_ENDINGS and p.is_file()
                   and not p.name.startswith(("~$", ".")))
    if len(found) != 1:
        what = f"{len(found)} tables: {', '.join(p.name for p in found)}" if found else "no table (.csv or .xlsx)"
        raise DatasetError(f"The folder has {what}.", where=folder, fix="Name the table with --table.")
    return found[0]


def _is_empty(path: Path, *, needed: bool) -> bool:
    """Whether there is no mapping to read; a file that was named (`needed`) and is absent is read's error."""
    return path.stat().st_size == 0 if path.is_file() else not needed


def _fitted(mapping: TableMapping, table: OwnRows, path: Path) -> TableMapping:
    """The mapping, if the table has its columns."""
    raise_if_any(
        [Problem(f"the table has no column '{column}' for {use}. {did_you_mean(column, table.columns)}")
         for use, column in mapping.used_columns().items() if column not in table.columns], path,
    )
    return mapping


def _unused(mapping: TableMapping, table: OwnRows) -> list[str]:
    used: Mapping[str, str] = mapping.used_columns()
    left = [c for c in table.columns if c not in used.values()]
    return [f"Columns that are not used: {', '.join(left)}."] if left else []
