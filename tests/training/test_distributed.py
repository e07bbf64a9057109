from __future__ import annotations

import json
import random
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest
import torch

from rnnet.core.errors import SettingError
from rnnet.core.workspace import FoldLayout
from rnnet.experiment.probe_lesions import ProbeLesions
from rnnet.training.distributed import ProcessGroup, group_from_environment, joined, was_restarted
from rnnet.training.interrupt import TrainingInterruptedError
from rnnet.training.loader import load_crops
from rnnet.training.pretrain import run_pretraining
from rnnet.training.pretrain_task import PretrainTask
from rnnet.training.step import take_step
from tests.factories import make_cases, make_plan
from tests.training.crops import read_case, read_case_or_fail
from tests.training.histories import read_history

PROJECT = Path(__file__).resolve().parents[2]
# Drop-path draws for the rows of one process, so it is off; 8 + 3 rows make shards of unequal size.
SETTINGS = ("pretrain.epochs=3", "pretrain.batch_size=8", "network.drop_path=0.0", "pretrain.contrastive_weight=0.5")
# One run of each kind; the last part of the second's last batch has a row for one process alone.
# The first has a probe, whose lesions only the first process reads.
RUNS = {
    "paper": ("pretrain.objective=paper", "pretrain.probe.every_epochs=1"),
    "accumulated": ("pretrain.accumulate_steps=4", "pretrain.masked_token_weight=0.5"),
}
LOSSES = {"paper": ["train_loss", "restoration", "contrastive"]}
LOSSES["accumulated"] = [*LOSSES["paper"], "masked_token"]
# Of the 3 x 3 pairs of the probe's lesions, one may change places where weights differ by a rounding.
ONE_PAIR = 1 / 9 + 1e-6


def pretrain(
    folder: Path, kind: str, group: ProcessGroup | None = None, *, resume: bool = False, stop_after: int = 99
) -> None:
    steps = iter(range(1, 100))
    run_pretraining(
        make_plan(*SETTINGS, *RUNS[kind]), make_cases(12, 1, outcomes=(None,)), read_case_or_fail,
        layout=FoldLayout(folder), final_checkpoint=folder / "final.pth", device="cpu", resume=resume,
        show_progress=False, precision="float32", group=group, stop_requested=lambda: next(steps) >= stop_after,
        probe=ProbeLesions(tuple(make_cases(6, 1))) if kind == "paper" else None,
    )


def gradients(group: ProcessGroup | None = None) -> dict[str, dict[str, torch.Tensor]]:
    """Of the last batch of an epoch, in unequal shards: curves alone do not show the gradients' scale."""
    group, found = group or ProcessGroup(), {}
    with joined(group, "cpu"):
        for kind, settings in RUNS.items():
            crops = load_crops(
                make_cases(12, 1, outcomes=(None,))[1:], read_case, device=torch.device("cpu"), dtype=torch.float16,
                show_progress=False, group=group,
            )
            task = PretrainTask(make_plan(*SETTINGS, *settings), crops, precision="float32", group=group)
            last = task.batches(0)[-1]
            assert len(last) == 3
            assert take_step(task, last, 0, 1, group) is not None
            found[kind] = {n: p.grad for n, p in task.model.named_parameters() if p.grad is not None}
    return found


def main(folder: str, environment: str) -> None:
    """One of the processes of the test below: it goes on with one run, and begins one that its rank 1 stops."""
    torch.set_num_threads(1)
    groups = {kind: group_from_environment(place) for kind, place in json.loads(environment).items()}
    pretrain(Path(folder) / "accumulated", "accumulated", groups["accumulated"], resume=True)
    rank_1 = groups["paper"] is not None and groups["paper"].rank == 1
    with pytest.raises(TrainingInterruptedError, match="epoch 2 after step 1"):
        pretrain(Path(folder) / "paper", "paper", groups["paper"], stop_after=3 if rank_1 else 99)
    found = gradients(groups["gradients"])
    if rank_1:
        torch.save(found, Path(folder) / "gradients.pt")


def free_ports(count: int) -> list[int]:
    """Below those that systems give to connections of their own accord: nothing takes them before they are used."""
    found: list[int] = []
    for port in random.Random().sample(range(20_000, 32_000), 1000):
        with socket.socket() as listener, suppress(OSError):
            listener.bind(("127.0.0.1", port))
            found.append(port)
        if len(found) == count:
            return found
    raise AssertionError("no free port")


def wait_for_all(processes: Sequence[subprocess.Popen[str]], *, seconds: float) -> None:
    """Until all have ended, or one with an error: the others would wait for it for ever."""
    end = time.monotonic() + seconds
    while any(process.poll() is None for process in processes) and not any(process.poll() for process in processes):
        assert time.monotonic() < end, "the processes do not end"
        time.sleep(0.1)


@pytest.mark.slow
def test_one_process_and_two_learn_the_same_also_when_one_goes_on_where_the_others_stopped(tmp_path: Path) -> None:
    with pytest.raises(TrainingInterruptedError):
        pretrain(tmp_path / "mixed" / "accumulated", "accumulated", stop_after=3)
    groups = (*RUNS, "gradients")
    places = {k: {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
              for k, port in zip(groups, free_ports(len(groups)), strict=True)}
    code = "import sys; from tests.training.test_distributed import main; main(*sys.argv[1:])"
    processes, said = [], [tmp_path / f"stderr_{rank}.txt" for rank in range(2)]
    for rank in range(2):
        environment = {k: {**place, "RANK": str(rank), "LOCAL_RANK": str(rank)} for k, place in places.items()}
        command = [sys.executable, "-c", code, str(tmp_path / "mixed"), json.dumps(environment)]
        with said[rank].open("w") as stream:
            processes.append(subprocess.Popen(command, cwd=PROJECT, stderr=stream, text=True))
    try:
        for kind in RUNS:
            pretrain(tmp_path / "one" / kind, kind)
        wait_for_all(processes, seconds=300)
    finally:
        for process in processes:
            process.kill()
            process.wait()
    errors = [path.read_text() for path in said]
    assert [process.returncode for process in processes] == [0, 0], "\n".join(errors)
    assert "Left out 1 of 12 lesions" in errors[0]
    shared = torch.load(tmp_path / "mixed" / "gradients.pt", weights_only=True)
    for kind, alone in gradients().items():
        assert shared[kind].keys() == alone.keys()
        for name, gradient in alone.items():
            atol = 1e-4 * float(gradient.abs().max()) + 1e-8
            torch.testing.assert_close(shared[kind][name], gradient, atol=atol, rtol=1e-3, msg=f"{kind}, {name}")
    pretrain(tmp_path / "mixed" / "paper", "paper", resume=True)
    for kind in RUNS:
        one, mixed = (tmp_path / name / kind for name in ("one", "mixed"))
        curves = [read_history(FoldLayout(folder).metrics_jsonl) for folder in (one, mixed)]
        assert len(curves[0]) == len(curves[1]) == 3
        for a, b in zip(*curves, strict=True):
            for name in LOSSES[kind]:
                assert b[name] == pytest.approx(a[name], abs=1e-5), (kind, name)
            assert ("probe_auc" in a) == ("probe_auc" in b) == (kind == "paper")
            assert b.get("probe_auc", 0) == pytest.approx(a.get("probe_auc", 0), abs=ONE_PAIR)
        weights = [torch.load(folder / "final.pth", weights_only=True)["model"] for folder in (one, mixed)]
        for name, tensor in weights[0].items():
            torch.testing.assert_close(weights[1][name], tensor, atol=1e-3, rtol=0, msg=name)


def test_one_process_exchanges_nothing() -> None:
    group = ProcessGroup()
    rows = torch.randn(3, 2)
    assert group.gather(rows, (3,)) is rows
    assert group.gather_objects(["a"]) == ["a"]
    assert group.owners(torch.tensor([5, 8])).tolist() == [0, 0]
    group.wait()
    with joined(group, "mps") as device:
        assert device == "mps"


def test_a_restart_by_torchrun_is_known() -> None:
    assert was_restarted({"TORCHELASTIC_RESTART_COUNT": "1"})
    assert not was_restarted({"TORCHELASTIC_RESTART_COUNT": "0"})
    assert not was_restarted({})


def test_the_group_is_what_torchrun_describes() -> None:
    assert group_from_environment({}) is None
    assert group_from_environment({"WORLD_SIZE": "1"}) is None
    described = {"WORLD_SIZE": "4", "RANK": "3", "LOCAL_RANK": "1", "MASTER_ADDR": "node1", "MASTER_PORT": "29500"}
    group = group_from_environment(described)
    assert group == ProcessGroup(3, 4, 1, "tcp://node1:29500")
    with_local = group_from_environment({**described, "LOCAL_WORLD_SIZE": "2"})
    assert with_local is not None
    assert with_local.local_count == 2
    assert not group.is_main
    with pytest.raises(SettingError, match="LOCAL_RANK is not"):
        group_from_environment({k: v for k, v in described.items() if k != "LOCAL_RANK"})
    with pytest.raises(SettingError, match="Got 'mps'"), joined(ProcessGroup(0, 2), "mps"):
        pass
