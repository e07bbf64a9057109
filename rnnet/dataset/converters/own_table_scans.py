"""Rows of an own table put together to scans with their masks and lesions."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from rnnet.dataset.converters.binary_mask import one_lesion_each
from rnnet.dataset.converters.own_table_mapping import TableMapping
from rnnet.dataset.converters.own_table_problems import Problem
from rnnet.dataset.converters.own_table_rows import OwnRow
from rnnet.dataset.converters.source import Dropped, SourceLesion, SourceMask, SourceScan, StoredFile


class Grouping:
    """Rows put together to scans. dropped: rows that cannot be used; problems: where rows contradict each other."""

    def __init__(self, mapping: TableMapping, rows: Sequence[OwnRow]) -> None:
        self._mapping = mapping
        self.scans: list[SourceScan] = []
        self.lesions: list[SourceLesion] = []
        self.dropped: list[Dropped] = []
        self.problems: list[Problem] = []
        usable = [row for row in rows if not self._lost(row)]
        self._check_patients(usable)
        groups: dict[tuple[str, str], list[OwnRow]] = {}
        for row in usable:
            groups.setdefault((row.patient, row.scan or str(row.image)), []).append(row)
        several = any(len({r.mask for r in group}) > 1 for group in groups.values())
        self._each = mapping.masks == "per_lesion" or (mapping.masks == "auto" and several)
        numbers: dict[str, int] = {}
        for (patient, _), group in groups.items():
            numbers[patient] = numbers.get(patient, 0) + 1
            self._scan(_scan_id(group[0], numbers[patient]), group)
        self._check_ids()

    def _lost(self, row: OwnRow) -> bool:
        reason = row.lost or ("" if row.mask is not None or self._mapping.is_pool else "it names no mask")
        if reason:
            self.dropped.append(Dropped("lesion", f"line {row.line}", reason))
        return bool(reason)

    def _scan(self, scan_id: str, rows: Sequence[OwnRow]) -> None:
        first = rows[0]
        for row in rows[1:]:
            for what in ("image", "center", "split", "day"):
                if getattr(row, what) != getattr(first, what):
                    self._add(row, f"the rows of a scan disagree about its {what}; give all rows of a scan the same",
                              against=first)
        mask, values = self._mask(rows)
        if first.image is None:
            return
        self.scans.append(SourceScan(scan_id, first.patient, first.center, StoredFile(first.image), mask, first.day,
                                     first.split))
        self.lesions += [
            SourceLesion(scan_id, value, row.outcome, row.label_source, row.clinical, row.information)
            for row, value in zip(rows, values, strict=True)
        ]

    def _add(self, row: OwnRow, problem: str, *, column: str = "", against: OwnRow | None = None) -> None:
        self.problems.append(Problem(problem, row.line, column, against.line if against else None))

    def _mask(self, rows: Sequence[OwnRow]) -> tuple[SourceMask | None, list[int]]:
        """The scan's mask, and the value of every row's lesion in it."""
        numbered = list(range(1, len(rows) + 1))
        files = [row.mask for row in rows if row.mask is not None]
        if not files:
            return None, numbered
        given = [row.lesion_value for row in rows]
        if self._mapping.columns.lesion_value and None in given and not self._mapping.is_pool:
            for row in rows:
                if row.lesion_value is None:
                    self._add(row, "there is no lesion value; fill it in", column=self._mapping.columns.lesion_value)
        values = [v for v in given if v is not None]
        values = values if len(values) == len(rows) else numbered
        if len(set(values)) < len(values):
            self._add(rows[-1], "the rows of a scan name a lesion value twice; give every lesion its own",
                      against=rows[0])
        if self._each:
            if len(set(files)) < len(files):
                self._add(rows[-1], "two rows of a scan name the same mask, but a mask is one lesion here; correct it, "
                          "or set masks in the mapping", against=rows[0])
            parts = tuple(StoredFile(path) for path in files)
            return SourceMask(parts, partial(one_lesion_each, values=tuple(values[: len(parts)]))), values
        if len(set(files)) > 1:
            self._add(rows[-1], "the rows of a scan name several masks, but the mapping says that a mask holds all "
                      "lesions of a scan; correct it, or set masks", against=rows[0])
        if self._mapping.columns.lesion_value or self._mapping.is_pool:
            return SourceMask((StoredFile(files[0]),)), values
        if len(rows) > 1:
            self._add(rows[-1], "a scan has several rows with one mask, and no column says which lesion is which; map "
                      "lesion_value", against=rows[0])
        return SourceMask((StoredFile(files[0]),), partial(one_lesion_each, values=(1,))), values

    def _check_patients(self, rows: Sequence[OwnRow]) -> None:
        """A patient has one split; an image has one patient and one scan."""
        splits: dict[str, OwnRow] = {}
        owners: dict[Path, OwnRow] = {}
        for row in rows:
            other = splits.setdefault(row.patient, row)
            if other.split != row.split:
                self._add(row, f"the patient is in {row.split}, but in {other.split} there; give a patient one split",
                          against=other)
            if row.image is not None:
                owner = owners.setdefault(row.image, row)
                if (owner.patient, owner.scan) != (row.patient, row.scan):
                    self._add(row, "the image is that of another patient or scan there; correct one of them",
                              against=owner)

    def _check_ids(self) -> None:
        names = [scan.scan_id for scan in self.scans]
        self.problems += [
            Problem(f"the scan id {n} stands for several scans; give the scans names that differ in more than signs")
            for n in sorted({n for n in names if names.count(n) > 1})
        ]


def _scan_id(row: OwnRow, number: int) -> str:
    if not row.scan:
        return f"{row.patient}_{number}"
    return row.scan if row.scan.startswith(row.patient) else f"{row.patient}_{row.scan}"
