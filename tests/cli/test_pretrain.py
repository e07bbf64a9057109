from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rnnet import pipeline
from rnnet.cli.pretrain import main


@pytest.mark.parametrize(
    ("restarts", "arguments", "resumed"), [("0", (), False), ("1", (), True), ("0", ("--continue",), True)]
)
def test_a_run_that_torchrun_restarts_goes_on_by_itself(
    restarts: str, arguments: tuple[str, ...], resumed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []

    def fake_pretrain(*args: Any, resume: bool, **options: Any) -> Path:
        asked.append(resume)
        return tmp_path / "checkpoint_final.pth"

    monkeypatch.setattr(pipeline, "pretrain", fake_pretrain)
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", restarts)
    assert main(["-d", "1", "--root", str(tmp_path), "-device", "cpu", *arguments]) == 0
    assert asked == [resumed]
