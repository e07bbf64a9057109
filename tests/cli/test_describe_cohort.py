from __future__ import annotations

from pathlib import Path

import pytest

from rnnet.cli.describe_cohort import build_parser, main
from rnnet.core.workspace import Workspace
from tests.factories import write_raw_dataset


def test_the_tables_are_printed_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    layout = write_raw_dataset(tmp_path / "rnnet_raw", n_patients=4, n_test=2, lesions_per_patient=1,
                               shape_zyx=(6, 7, 8))
    before = sorted(layout.folder.rglob("*"))
    assert main(["-d", "1", "--root", str(tmp_path), "-np", "1"]) == 0
    said = capsys.readouterr().out
    folder = Workspace.under(tmp_path).preprocessed_dataset(layout.folder.name).cohort
    for path in (folder / f"characteristics_by_outcome.{ending}" for ending in ("md", "csv", "tex")):
        assert f"Written: {path}" in said
        assert path.is_file()
    assert "Characteristics by patient: Dataset001_Toy" in said
    assert "radiation necrosis, positive (n = 3)" in said
    assert sorted(layout.folder.rglob("*")) == before


def test_two_data_sets_are_compared_in_a_folder_of_ones_choice(tmp_path: Path) -> None:
    for name in ("Dataset001_Toy", "Dataset003_Other"):
        write_raw_dataset(tmp_path / "rnnet_raw", name=name, n_patients=2, n_test=0, shape_zyx=(6, 7, 8))
    command = ["-d", "1", "3", "1", "--by", "dataset", "-o", str(tmp_path / "t"), "--root", str(tmp_path), "-np", "1"]
    assert main(command) == 0
    assert sorted(p.name for p in (tmp_path / "t").iterdir()) == [
        f"characteristics_by_dataset.{ending}" for ending in ("csv", "md", "tex")]
    assert r"Dataset003\_Other (n = 2)" in (tmp_path / "t" / "characteristics_by_dataset.md").read_text()


def test_a_pool_has_nothing_to_describe(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_raw_dataset(tmp_path / "rnnet_raw", n_patients=1, n_test=0, labelled=False, shape_zyx=(6, 7, 8))
    assert main(["-d", "1", "--root", str(tmp_path), "-np", "1"]) == 2
    assert "no labelled case" in capsys.readouterr().err


def test_the_example_of_the_help_parses() -> None:
    example = build_parser().format_help().split("example:\n")[1].split()
    assert build_parser().parse_args(example[1:]).by == "dataset"
