from __future__ import annotations

from pathlib import Path

import pytest

from rnnet import pipeline
from rnnet.cli.fuse import build_parser, main
from rnnet.core.workspace import Workspace
from tests.experiment.workspaces import NAME, write_dataset


def test_the_configuration_reaches_the_fusion(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, object] = {}
    monkeypatch.setattr(pipeline, "fuse", lambda *_, **arguments: given.update(arguments) or tmp_path)
    assert main(["1", "-c", "radiomics_logistic", "--root", str(tmp_path)]) == 0
    assert given["config"] == "radiomics_logistic"
    assert str(tmp_path) in capsys.readouterr().out


def test_the_stacking_model_is_the_default() -> None:
    assert build_parser().parse_args(["1"]).config == "multimodal"


def test_an_imaging_configuration_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_dataset(Workspace.under(tmp_path))
    assert main([NAME, "-c", "ssl_vit", "--root", str(tmp_path)]) == 2
    assert "Unknown tabular configuration 'ssl_vit'" in capsys.readouterr().err
