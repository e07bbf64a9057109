from __future__ import annotations

import json
from pathlib import Path

import pytest

from rnnet.cli.make_splits import build_parser, main
from rnnet.core.workspace import Workspace
from tests.factories import write_raw_dataset


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_raw_dataset(tmp_path / "rnnet_raw", n_patients=8, n_test=0, shape_zyx=(20, 22, 24))
    return tmp_path


def run(root: Path, *arguments: str) -> int:
    return main(["--root", str(root), "-d", "1", *arguments])


def test_the_balance_of_each_part_is_printed_and_the_file_written(root: Path, capsys) -> None:
    assert run(root, "-k", "2", "--test_share", "0.25") == 0
    lines = capsys.readouterr().out.splitlines()
    assert any("radiation_necrosis [positive class]" in line for line in lines)
    (test,) = [line.split() for line in lines if line.startswith("test ")]
    assert test[1:7] == ["4", "(2)", "2", "(1)", "2", "(1)"]
    assert sum(line.startswith("fold ") for line in lines) == 4
    path = Workspace.under(root).preprocessed_dataset("Dataset001_Toy").splits_json
    assert len(json.loads(path.read_text())["test_patient_ids"]) == 2
    assert f"Written: {path}" in lines


def test_splits_that_are_there_are_replaced_only_with_overwrite(root: Path, capsys) -> None:
    assert run(root, "-k", "2") == 0
    assert run(root, "-k", "3") == 2
    assert "--overwrite" in capsys.readouterr().err
    assert run(root, "-k", "3", "--overwrite") == 0
    assert "Out of date: splits_final.json: replaced" in capsys.readouterr().out


def test_who_stays_held_out_is_said_and_one_fold_is_one_line(root: Path, capsys) -> None:
    assert run(root, "-k", "2", "--test_share", "0.25") == 0
    assert run(root, "--overwrite", "--seed", "-1") == 0
    assert "2 patients stay held out for test" in capsys.readouterr().out
    assert run(root, "--overwrite", "-k", "1") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: -k must be at least 2.")


def test_one_centre_is_left_out_in_each_fold(root: Path, capsys) -> None:
    assert run(root, "--leave_one_center_out") == 0
    assert "One centre left out in each fold: A, B." in capsys.readouterr().out


def test_the_example_of_the_help_is_a_command_line_of_the_command() -> None:
    example = (build_parser().epilog or "").splitlines()[1].split()
    assert build_parser().parse_args(example[1:]).test_share == 0.2


def test_a_pool_needs_no_folds(tmp_path: Path, capsys) -> None:
    (write_raw_dataset(tmp_path / "rnnet_raw", shape_zyx=(20, 22, 24)).cases_csv).unlink()
    assert run(tmp_path) == 2
    assert "A data set to pretrain on needs no splits" in capsys.readouterr().err
