from __future__ import annotations

from pathlib import Path

import pytest

from rnnet import pipeline
from rnnet.cli.train import build_parser, main
from rnnet.core.workspace import Workspace
from tests.experiment.workspaces import NAME, write_dataset, write_planned, write_preprocessed


def test_control_and_seeds_reach_the_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, object] = {}
    monkeypatch.setattr(pipeline, "train", lambda *_, **arguments: given.update(arguments) or tmp_path)
    line = ["1", "0", "--control", "volume_only", "--seeds", "3", "--root", str(tmp_path), "-device", "cpu"]
    assert main(line) == 0
    assert (given["control"], given["seeds"]) == ("volume_only", 3)
    assert "negative control volume_only" in capsys.readouterr().out


def test_the_fold_to_leave_out_reaches_the_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, object] = {}
    monkeypatch.setattr(pipeline, "train", lambda *_, **arguments: given.update(arguments) or tmp_path)
    assert main(["1", "0", "--without", "2", "--root", str(tmp_path), "-device", "cpu"]) == 0
    assert given["without"] == 2
    assert "without fold 2" in capsys.readouterr().out


def test_without_them_the_model_itself_is_trained_once() -> None:
    arguments = build_parser().parse_args(["1", "0"])
    assert (arguments.control, arguments.seeds) == ("", 1)


def test_predicting_again_is_refused_for_a_model_on_tables_instead_of_training_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = Workspace.under(tmp_path)
    dataset = write_dataset(workspace)
    write_planned(workspace, dataset)
    write_preprocessed(workspace, dataset)
    assert main([NAME, "0", "-c", "clinical", "--val", "--root", str(tmp_path), "-device", "cpu"]) == 2
    assert "--val are for imaging configurations" in capsys.readouterr().err
    assert not workspace.results_dataset(NAME).config("clinical").exists()


@pytest.mark.parametrize("useless", [["--set", "finetune.epochs=3"], ["-pretrained", "some.pth"]])
def test_predicting_again_takes_no_settings_that_it_would_ignore(
    useless: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["1", "0", "--val", *useless, "--root", str(tmp_path), "-device", "cpu"]) == 2
    assert "--set and -pretrained change nothing" in capsys.readouterr().err


@pytest.mark.parametrize("wrong", [["--seeds", "0"], ["--control", "no_image"]])
def test_what_cannot_be_is_refused(wrong: list[str]) -> None:
    with pytest.raises(SystemExit):
        build_parser().parse_args(["1", "0", *wrong])
