from __future__ import annotations

import signal
from argparse import Namespace
from typing import Any

import pytest
from torch.distributed import run
from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, ProcessFailure

from rnnet.core.errors import SettingError
from rnnet.training.launcher import check_batch_size, check_devices, launch
from tests.factories import make_plan
from tests.logs import own_messages


def failed(*exit_codes: int) -> ChildFailedError:
    return ChildFailedError("rnnet.cli.pretrain", {r: ProcessFailure(r, 0, c, "") for r, c in enumerate(exit_codes)})


def test_the_command_runs_in_every_process_as_it_was_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Namespace] = []
    monkeypatch.setattr(run, "run", seen.append)
    assert launch(2, ["-d", "1", "-device", "cpu"]) == 0
    (arguments,) = seen
    assert (arguments.nproc_per_node, arguments.standalone, arguments.module) == ("2", True, True)
    assert arguments.training_script == "rnnet.cli.pretrain"
    assert arguments.training_script_args == ["-d", "1", "-device", "cpu"]


@pytest.mark.parametrize(("end", "code", "said"), [
    (failed(2, 2), 2, ""),
    (failed(130, 130), 130, ""),
    (failed(1), 1, "Process 0 of 2 ended without a result: exit code 1. What it wrote last says why."),
    (failed(-9), 137, "signal 9. The system kills a process for which the memory"),
    (SignalException("", signal.SIGTERM), 143, ""),
])
def test_the_exit_code_of_the_first_failure_passes_through_and_is_said_where_no_process_could(
    end: Exception, code: int, said: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: Any) -> None:
        raise end

    monkeypatch.setattr(run, "run", fail)
    assert launch(2, []) == code
    assert (said in caplog.text) if said else own_messages(caplog) == []


def test_a_batch_that_cannot_be_shared_out_is_refused_with_one_that_can() -> None:
    check_batch_size(make_plan("pretrain.batch_size=8"), 4)
    with pytest.raises(SettingError, match=r"multiple of 3.*Got 8.*--set pretrain\.batch_size=9"):
        check_batch_size(make_plan("pretrain.batch_size=8"), 3)
    with pytest.raises(SettingError, match="at least 2 for each"):
        check_batch_size(make_plan("pretrain.batch_size=3", "pretrain.accumulate_steps=2"), 1)


def test_several_processes_need_a_gpu_each_or_the_word_cpu() -> None:
    check_devices(1, "cpu", asked="auto", n_gpus=0)
    check_devices(2, "cpu", asked="cpu", n_gpus=0)
    check_devices(2, "cuda", asked="auto", n_gpus=2)
    for device in ("cpu", "mps"):
        with pytest.raises(SettingError, match=r"2 processes need a GPU each.*-device cpu"):
            check_devices(2, device, asked="auto", n_gpus=0)
    with pytest.raises(SettingError, match=r"this machine has 2.*-num_gpus 2"):
        check_devices(3, "cuda", asked="cuda", n_gpus=2)
