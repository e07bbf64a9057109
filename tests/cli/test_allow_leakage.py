from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

from rnnet.core.workspace import Workspace
from tests.experiment.workspaces import NAME, PLAN, write_dataset, write_planned, write_preprocessed


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A data set with a test case in a fold."""
    workspace = Workspace.under(tmp_path)
    dataset = write_dataset(workspace)
    write_planned(workspace, dataset)
    write_preprocessed(workspace, dataset)
    path = workspace.preprocessed_dataset(NAME).splits_json
    text = path.read_text()
    path.write_text(text.replace('"train_case_ids": [', '"train_case_ids": [\n"T000_s1_1",', 1))
    return tmp_path


def run(command: str, *arguments: str) -> int:
    code: int = import_module(f"rnnet.cli.{command}").main([*arguments, "-p", PLAN.name])
    return code


def test_a_leak_is_one_line_with_its_cure_and_exit_code_2(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("train", "fuse", "evaluate"):
        fold = ["0", "-c", "clinical"] if command == "train" else []
        assert run(command, "1", *fold, "--root", str(root)) == 2
        (line,) = [x for x in capsys.readouterr().err.splitlines() if x.startswith("error:")]
        assert "T000_s1_1" in line
        assert "rnnet_make_splits" in line


def test_an_allowed_leak_is_said_in_the_log_and_again_at_the_end(root: Path, capsys: pytest.CaptureFixture[str]
                                                                ) -> None:
    for fold in ("0", "1"):
        assert run("train", "1", fold, "-c", "clinical", "--allow_leakage", "--root", str(root)) == 0
    said = capsys.readouterr().err
    assert "!!! LEAKAGE, allowed by --allow_leakage: Fold 0 leaks" in said
    assert "!" * 100 in said
    assert run("evaluate", "1", "--allow_leakage", "-device", "cpu", "--root", str(root)) == 0
    assert f"{NAME}/T000" in capsys.readouterr().err.split("!" * 100)[1]


@pytest.mark.parametrize("command", ["pretrain", "train", "fuse", "evaluate"])
def test_every_command_that_trains_or_evaluates_has_the_override(command: str) -> None:
    parser = import_module(f"rnnet.cli.{command}").build_parser()
    assert "--allow_leakage" in parser.format_help()
