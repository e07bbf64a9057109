"""Who a scan is of: the names that a patient has in this and in other data sets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from rnnet.core.errors import DatasetError
from rnnet.core.types import Scan, Split
from rnnet.core.workspace import RawLayout
from rnnet.dataset.problems import as_exception
from rnnet.dataset.table import read_table

COLUMNS = ("patient_id", "other_id")


@dataclass(frozen=True, slots=True)
class ScanIdentity:
    """What tells whether two scans of any data sets are the same, or of the same patient.

    other_ids: names under which other data sets know the patient, from other_ids.csv. image: hash of what the scan
    shows (rnnet.dataset.image_hash); '' where it is not known.
    """

    dataset: str
    scan_id: str
    patient_id: str
    split: Split
    other_ids: frozenset[str] = frozenset()
    image: str = ""

    @property
    def names(self) -> frozenset[str]:
        """Every name of the patient that other data sets may use for the same patient."""
        return self.other_ids | {self.patient_id}

    @property
    def qualified_patient(self) -> str:
        """The patient's name that is unique over data sets, as pretraining checkpoints store it."""
        return f"{self.dataset}/{self.patient_id}"


def identities(dataset: str, layout: RawLayout, scans: Iterable[Scan]) -> tuple[ScanIdentity, ...]:
    """The scans of a raw data set as identities, without image hashes."""
    others = read_other_ids(layout.other_ids_csv)
    return tuple(
        ScanIdentity(dataset, s.scan_id, s.patient_id, s.split, others.get(s.patient_id, frozenset())) for s in scans
    )


def read_other_ids(path: Path) -> Mapping[str, frozenset[str]]:
    """Other names by patient_id; empty where there is no such file.

    Raises:
        DatasetError: the table cannot be read, or a cell is empty.
    """
    if not path.is_file():
        return {}
    table = read_table(path, COLUMNS)
    if table.problems:
        raise as_exception(table.problems[0], path.parent.name)
    found: dict[str, set[str]] = {}
    for line, row in zip(table.lines, table.rows, strict=True):
        for column in COLUMNS:
            if not row[column]:
                raise DatasetError("The cell is empty.", where=table.where(line, column), fix="Fill it in.")
        found.setdefault(row["patient_id"], set()).add(row["other_id"])
    return {patient: frozenset(names) for patient, names in found.items()}
