from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from rnnet.core.errors import SettingError
from rnnet.core.workspace import FoldLayout
from rnnet.training.distributed import ProcessGroup, group_from_environment, joined, launch
from rnnet.training.history import read_history
from rnnet.training.pretrain import run_pretraining
from tests.factories import make_cases, make_plan
from tests.training.crops import read_case

PROJECT = Path(__file__).resolve().parents[2]
# Drop-path draws for the rows of one process, so it is off; 9 + 2 rows make shards of unequal size.
SETTINGS = ("pretrain.epochs=3", "pretrain.batch_size=9", "network.drop_path=0.0", "pretrain.contrastive_weight=0.5")

OBJECTIVES = ("sum", "paper")


def pretrain(folder: Path, objective: str, group: ProcessGroup | None = None) -> None:
    run_pretraining(
        make_plan(*SETTINGS, f"pretrain.objective={objective}"), make_cases(11, 1, outcomes=(None,)), read_case,
        layout=FoldLayout(folder), final_checkpoint=folder / "final.pth", device="cpu", resume=False,
        show_progress=False, precision="float32", group=group,
    )


def main(folder: str, environment: str) -> None:
    """One of the processes of the test below."""
    torch.set_num_threads(1)
    for objective in OBJECTIVES:
        pretrain(Path(folder) / objective, objective, group_from_environment(json.loads(environment)[objective]))


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.mark.slow
def test_two_processes_follow_the_loss_curve_of_one(tmp_path: Path) -> None:
    places = {o: {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())} for o in OBJECTIVES}
    code = "import sys; from tests.training.test_distributed import main; main(*sys.argv[1:])"
    processes = []
    for rank in range(2):
        environment = {o: {**place, "RANK": str(rank), "LOCAL_RANK": str(rank)} for o, place in places.items()}
        command = [sys.executable, "-c", code, str(tmp_path / "two"), json.dumps(environment)]
        processes.append(subprocess.Popen(command, cwd=PROJECT, stderr=subprocess.PIPE, text=True))
    try:
        for objective in OBJECTIVES:
            pretrain(tmp_path / "one" / objective, objective)
        errors = [process.communicate(timeout=120)[1] for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [0, 0], errors
    for objective in OBJECTIVES:
        one, two = (tmp_path / name / objective for name in ("one", "two"))
        curves = [read_history(FoldLayout(folder).metrics_jsonl) for folder in (one, two)]
        assert len(curves[0]) == len(curves[1]) == 3
        for a, b in zip(*curves, strict=True):
            for name in ("train_loss", "restoration", "contrastive"):
                assert b[name] == pytest.approx(a[name], abs=1e-5), (objective, name)
        weights = [torch.load(folder / "final.pth", weights_only=True)["model"] for folder in (one, two)]
        for name, tensor in weights[0].items():
            torch.testing.assert_close(weights[1][name], tensor, atol=1e-3, rtol=0, msg=name)


def test_one_process_exchanges_nothing() -> None:
    group = ProcessGroup()
    rows = torch.randn(3, 2)
    assert group.gather(rows, 3) is rows
    assert group.rows(3).tolist() == group.gathered_order(3).tolist() == [0, 1, 2]
    assert group.any(True, torch.device("cpu"))
    with joined(group, "mps") as device:
        assert device == "mps"


def test_every_row_of_a_batch_belongs_to_one_process() -> None:
    rows = torch.cat([ProcessGroup(rank, 3).rows(8) for rank in range(3)])
    assert sorted(rows.tolist()) == list(range(8))
    assert ProcessGroup(1, 3).gathered_order(8).tolist() == rows.tolist()


def test_the_group_is_what_torchrun_describes() -> None:
    assert group_from_environment({}) is None
    assert group_from_environment({"WORLD_SIZE": "1"}) is None
    described = {"WORLD_SIZE": "4", "RANK": "3", "LOCAL_RANK": "1", "MASTER_ADDR": "node1", "MASTER_PORT": "29500"}
    group = group_from_environment(described)
    assert group == ProcessGroup(3, 4, 1, "tcp://node1:29500")
    assert not group.is_main
    with pytest.raises(SettingError, match="LOCAL_RANK is not"):
        group_from_environment({k: v for k, v in described.items() if k != "LOCAL_RANK"})
    with pytest.raises(SettingError, match="Got 'mps'"), joined(ProcessGroup(0, 2), "mps"):
        pass


def test_launching_starts_the_command_through_torchrun(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[str]] = []

    def fake_run(command: list[str], *, check: bool) -> subprocess.CompletedProcess[bytes]:
        seen.append(command)
        return subprocess.CompletedProcess(command, 3)

    monkeypatch.setattr(subprocess, "run", fake_run)
    assert launch(2, ["-d", "1"]) == 3
    (command,) = seen
    assert command[:3] == [sys.executable, "-m", "torch.distributed.run"]
    assert command[-5:] == ["2", "-m", "rnnet.cli.pretrain", "-d", "1"]
