"""A raw data set, read: its manifest, scans and lesions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from rnnet.core.errors import DatasetError
from rnnet.core.files import file_digest
from rnnet.core.types import LesionCase, Problem, Scan
from rnnet.core.volume import image_stem
from rnnet.core.workspace import RawLayout
from rnnet.dataset.cases_table import read_cases_table
from rnnet.dataset.manifest import Manifest, read_manifest
from rnnet.dataset.pool import pool_cases, pool_scans
from rnnet.dataset.problems import as_exception, error


@dataclass(frozen=True, slots=True)
class RawDataset:
    """A raw data set in memory, without its voxels.

    components: lesion_value counts the connected components of a binary mask (see lesions.lesion_labels);
    otherwise it is a value of the mask.
    """

    name: str
    layout: RawLayout
    manifest: Manifest
    scans: tuple[Scan, ...]
    cases: tuple[LesionCase, ...]
    components: bool = False

    def scan(self, scan_id: str) -> Scan:
        """The scan with this id. Raises DatasetError if there is none."""
        for scan in self.scans:
            if scan.scan_id == scan_id:
                return scan
        raise DatasetError(f"There is no scan '{scan_id}'.", where=self.layout.folder, fix="Check the scan_id.")

    def labelled(self) -> tuple[LesionCase, ...]:
        """Cases whose outcome is known, of both splits."""
        return tuple(c for c in self.cases if c.outcome is not None)

    def training_cases(self) -> tuple[LesionCase, ...]:
        """Labelled cases of the training split."""
        return tuple(c for c in self.labelled() if c.split == "train")

    def test_cases(self) -> tuple[LesionCase, ...]:
        """Labelled cases of the test split."""
        return tuple(c for c in self.labelled() if c.split == "test")


def read_dataset(layout: RawLayout, *, n_processes: int = 1) -> RawDataset:
    """The raw data set in `layout`: by its cases.csv, or without one as an unlabelled pool.

    Only tables and folders are read, and for a pool the masks, by `n_processes` workers.

    Raises:
        DatasetError: the first problem of dataset.json, of a table or of the folders.
        LeakageError: a patient stands in training and in test.
    """
    name = layout.folder.name
    manifest = read_manifest(layout)
    if layout.cases_csv.is_file():
        table = read_cases_table(layout, manifest)
        _raise_first([*table.problems, *missing_files(table.scans)], name)
        return RawDataset(name, layout, manifest, table.scans, table.cases)
    scans, problems = pool_scans(layout, manifest)
    _raise_first(problems, name)
    cases, components = pool_cases(scans, n_processes=n_processes, name=name)
    return RawDataset(name, layout, manifest, scans, cases, components)


def table_digests(layout: RawLayout) -> dict[str, str]:
    """Digests of the texts that describe a raw data set; they tell whether a plan is older than its data."""
    paths = (layout.dataset_json, layout.cases_csv, layout.patients_csv)
    return {path.name: file_digest(path) for path in paths if path.is_file()}


def missing_files(scans: Iterable[Scan]) -> list[Problem]:
    """A problem for every image and mask that is not there."""
    problems = []
    for scan in scans:
        if not scan.image_path.exists():
            problems.append(_missing("image", scan.image_path, f"{scan.scan_id}_0000", scan.scan_id))
        if scan.mask_path is not None and not scan.mask_path.is_file():
            problems.append(_missing("mask", scan.mask_path, scan.scan_id, scan.scan_id))
    return problems


def _missing(what: str, path: Path, stem: str, scan_id: str) -> Problem:
    # The file may have another ending than the one that was looked for.
    for link in (p for p in path.parent.glob(f"{stem}*") if image_stem(p) == stem and p.is_symlink()):
        return error(
            f"missing-{what}", link, f"The {what} of scan '{scan_id}' is a link to {link.readlink()}, which is gone.",
            "Put the release back where it was, or convert it again without --link.",
        )
    return error(f"missing-{what}", path, f"The {what} of scan '{scan_id}' is missing.",
                 "Add the file, or remove the scan's rows from cases.csv.")


def _raise_first(problems: Iterable[Problem], name: str) -> None:
    for problem in problems:
        if problem.level == "error":
            raise as_exception(problem, name)
