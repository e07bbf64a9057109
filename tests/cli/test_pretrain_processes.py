"""Pretraining in several processes as users start it: -num_gpus, and torchrun."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rnnet.cli.pretrain import main
from rnnet.core.workspace import Workspace
from rnnet.training import launcher
from tests.cli.one_process_fails import PROBLEM
from tests.experiment.workspaces import NAME, write_dataset, write_planned, write_preprocessed
from tests.factories import make_plan
from tests.training.histories import read_history

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).resolve().parents[2]
PLAN = make_plan("pretrain.epochs=3", "pretrain.batch_size=4", "network.drop_path=0", "pretrain.checkpoint_minutes=0")
# Of bfloat16; test_distributed compares in float32.
ROUNDING = 2e-3
FAILING = "tests.cli.one_process_fails"


@pytest.fixture
def arguments(tmp_path: Path) -> list[str]:
    """Of a small data set that is ready for pretraining."""
    workspace = Workspace.under(tmp_path)
    dataset = write_dataset(workspace, n_test=0)
    write_preprocessed(workspace, dataset)
    write_planned(workspace, dataset, PLAN)
    return ["-d", "1", "--root", str(tmp_path), "-device", "cpu"]


def curve(root: Path) -> list[float]:
    results = Workspace.under(root).results_dataset(NAME, PLAN.name)
    assert results.pretrained_checkpoint.is_file()
    return [row["train_loss"] for row in read_history(results.pretrain.metrics_jsonl)]


def test_processes_that_the_command_starts_learn_what_one_learns_also_after_one_was_killed(
    arguments: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 0
    alone = curve(tmp_path)
    assert len(alone) == 3
    capfd.readouterr()
    assert main([*arguments, "-num_gpus", "2"]) == 0
    assert capfd.readouterr().out.count("Pretrained encoder") == 1
    assert curve(tmp_path) == pytest.approx(alone, abs=ROUNDING)

    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", "--max-restarts=1"]
    environment = {**os.environ, "FAILING_RANK": "1", "FAILING": "killed", "OMP_NUM_THREADS": "1",
                   "TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1"}
    run = subprocess.run([*torchrun, "-m", FAILING, *arguments], env=environment, cwd=PROJECT, check=False, timeout=300,
                         capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert run.stderr.count("Continuing after epoch 1, step 0.") == 1, run.stderr
    assert curve(tmp_path) == pytest.approx(alone, abs=ROUNDING)


@pytest.mark.parametrize("rank", ["0", "1"])
def test_the_error_of_one_process_is_said_once_with_its_exit_code_and_nothing_else(
    rank: str, arguments: list[str], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(launcher, "COMMAND", FAILING)
    monkeypatch.setenv("FAILING_RANK", rank)
    monkeypatch.setenv("FAILING", "error")
    monkeypatch.chdir(PROJECT)
    assert main([*arguments, "-num_gpus", "2"]) == 2
    said = capfd.readouterr().err
    assert said.count("error: ") == said.count(PROBLEM) == 1
    assert f"{'Process 1: ' if rank == '1' else ''}{PROBLEM} Buy more." in said
    assert "Traceback" not in said
    assert "Another process" not in said
