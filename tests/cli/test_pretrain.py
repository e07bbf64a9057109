from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from rnnet import pipeline
from rnnet.cli import pretrain
from rnnet.cli.pretrain import main
from rnnet.core.errors import SettingError
from rnnet.core.log import get_logger
from rnnet.core.workspace import Workspace
from rnnet.planning.plan import write_plan
from rnnet.training import launcher
from tests.factories import make_plan


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


@pytest.fixture
def launched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, list[str]]]:
    """A planned data set, and the launches of several processes for it."""
    plan = make_plan("pretrain.batch_size=8")
    store = Workspace.under(tmp_path).preprocessed_dataset("Dataset001_Toy")
    write_plan(store.plans_json(plan.name), plan, inputs={})
    seen: list[tuple[int, list[str]]] = []
    monkeypatch.setattr(launcher, "launch", lambda n, arguments: seen.append((n, arguments)) or 2)
    return seen


def test_several_processes_get_what_was_typed_and_their_exit_code_is_the_commands(
    launched: list[tuple[int, list[str]]], tmp_path: Path
) -> None:
    typed = ["-d", "1", "--root", str(tmp_path), "-device", "cpu", "-num_gpus", "2"]
    assert main(typed) == 2
    assert launched == [(2, typed)]


@pytest.mark.parametrize(("given", "threads"), [("", "8"), ("3", "3")])
def test_the_processes_share_the_cores_unless_the_user_has_said_how_many_threads_each_has(
    given: str, threads: str, launched: list[tuple[int, list[str]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 16)
    monkeypatch.setenv("OMP_NUM_THREADS", given)
    if not given:
        monkeypatch.delenv("OMP_NUM_THREADS")
    main(["-d", "1", "--root", str(tmp_path), "-device", "cpu", "-num_gpus", "2"])
    assert len(launched) == 1
    assert os.environ["OMP_NUM_THREADS"] == threads


@pytest.mark.parametrize(("arguments", "said"), [
    (("-num_gpus", "3", "-device", "cpu"), "--set pretrain.batch_size=9"),
    (("-num_gpus", "2"), "-device cpu"),
])
def test_what_all_processes_would_refuse_is_one_line_before_any_is_started(
    arguments: tuple[str, ...], said: str, launched: list[tuple[int, list[str]]], tmp_path: Path, capsys: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert main(["-d", "1", "--root", str(tmp_path), *arguments]) == 2
    assert said in capsys.readouterr().err
    assert not launched


@pytest.mark.parametrize("rank", [0, 1])
def test_one_process_speaks_for_all_and_the_others_give_it_the_time(
    rank: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    def fake_pretrain(*args: Any, group: Any, **options: Any) -> Path:
        get_logger("rnnet.training").info("Pretraining on 8 crops.")
        get_logger("rnnet.training").warning("One scan failed.")
        if options["settings"]:
            raise SettingError("Wrong.", where="here", fix="Right.")
        return tmp_path / "checkpoint_final.pth"

    waited: list[float] = []
    monkeypatch.setattr(pipeline, "pretrain", fake_pretrain)
    monkeypatch.setattr(pretrain.time, "sleep", waited.append)
    place = {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "RANK": str(rank), "LOCAL_RANK": str(rank),
             "MASTER_ADDR": "localhost", "MASTER_PORT": "1"}
    for name, value in place.items():
        monkeypatch.setenv(name, value)
    command = ["-d", "1", "--root", str(tmp_path), "-device", "cpu"]
    assert main(command) == 0
    said = capsys.readouterr()
    assert ("Pretrained encoder" in said.out, "8 crops" in said.err) == (rank == 0, rank == 0)
    assert "One scan failed." in said.err
    assert main([*command, "--set", "seed=1"]) == 2
    assert capsys.readouterr().err.endswith(f"error: {'Process 1: ' * rank}Wrong. [here] Right.\n")
    assert len(waited) == rank


def test_a_batch_that_cannot_be_shared_out_is_refused_before_a_step_is_tried(
    launched: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = ["--set", "pretrain.batch_size=2", "pretrain.accumulate_steps=4"]
    assert main(["-d", "1", "--root", str(tmp_path), "-device", "cpu", *settings]) == 2
    assert "must be at least 2 for each of pretrain.accumulate_steps" in capsys.readouterr().err
