from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from rnnet.core.workspace import RawLayout
from rnnet.dataset.case import read_dataset
from rnnet.dataset.cases_table import read_cases_table
from rnnet.dataset.integrity import check_dataset
from rnnet.dataset.manifest import read_manifest
from tests.conftest import PROJECT
from tests.factories import write_scan

TEMPLATE = PROJECT / "rnnet_raw_template" / "Dataset000_Template"


@pytest.fixture
def copied(tmp_path: Path) -> RawLayout:
    shutil.copytree(TEMPLATE, tmp_path / "Dataset001_Copy")
    return RawLayout(tmp_path / "Dataset001_Copy")


def test_the_copied_template_names_every_missing_file_and_nothing_else(copied: RawLayout) -> None:
    report = check_dataset(copied)
    missing = [Path(p.where).name for p in report.errors]
    scans = ["P001_1", "P002_1", "P002_2", "P003_1", "P004_1", "P005_1", "P006_1"]
    assert sorted(missing) == sorted([*(f"{s}_0000.nii.gz" for s in scans), *(f"{s}.nii.gz" for s in scans)])
    assert {p.code for p in report.errors} == {"missing-image", "missing-mask"}


def test_the_filled_template_verifies_and_is_read(copied: RawLayout) -> None:
    for seed, scan in enumerate(read_cases_table(copied, read_manifest(copied)).scans):
        write_scan(copied, scan.scan_id, scan.split, n_lesions=2 if scan.scan_id == "P001_1" else 1, seed=seed)
    report = check_dataset(copied)
    assert report.errors == ()
    assert {p.code for p in report.warnings} == {"few-patients"}
    dataset = read_dataset(copied)
    assert (len(dataset.cases), len(dataset.training_cases()), len(dataset.test_cases())) == (8, 5, 2)


def test_the_readme_explains_every_required_column() -> None:
    from rnnet.dataset.cases_table import REQUIRED_COLUMNS

    text = (TEMPLATE.parent / "README.md").read_text()
    assert [c for c in REQUIRED_COLUMNS if f"| {c} |" not in text] == []
