"""Start pretraining in several processes of this machine, as torchrun does, and pass on how they ended."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from rnnet.core.errors import SettingError
from rnnet.core.log import get_logger
from rnnet.planning.plan import ExperimentPlan

log = get_logger(__name__)

COMMAND = "rnnet.cli.pretrain"
# Exit codes of a process that has said itself why it ended: an error, failed cases, Ctrl-C.
_SAID = (2, 3, 130)


def check_batch_size(plan: ExperimentPlan, n_processes: int) -> None:
    """Nothing, if every process can have the same share of every part of a batch.

    Raises:
        SettingError: the batch is too small, or cannot be shared out; names the next one that can.
    """
    pretrain = plan.pretrain
    if pretrain.batch_size < 2 * pretrain.accumulate_steps:
        raise SettingError(
            f"The field 'pretrain.batch_size' must be at least 2 for each of pretrain.accumulate_steps: a lesion alone "
            f"has no negatives. Got {pretrain.batch_size} and {pretrain.accumulate_steps} instead."
        )
    shares = n_processes * pretrain.accumulate_steps
    if pretrain.batch_size % shares:
        raise SettingError(
            f"The field 'pretrain.batch_size' must be a multiple of {shares}: each process ({n_processes}) has the "
            f"same share of every part (pretrain.accumulate_steps: {pretrain.accumulate_steps}). "
            f"Got {pretrain.batch_size} instead.",
            fix=f"Use --set pretrain.batch_size={-(-pretrain.batch_size // shares) * shares}.",
        )


def check_devices(n_processes: int, device: str, *, asked: str, n_gpus: int) -> None:
    """Nothing, if each process of this machine can have a device of its own, or the CPU was asked for.

    Args:
        n_processes: on this machine.
        device: that each would take.
        asked: what the user gave; 'auto' is no word for the CPU.
        n_gpus: that torch can use here.

    Raises:
        SettingError: too few GPUs, or none.
    """
    if n_processes < 2 or asked == "cpu":
        return
    if device != "cuda":
        raise SettingError(
            f"{n_processes} processes need a GPU each, and torch finds none on this machine.",
            fix=f"Train with one process, or give -device cpu for {n_processes} processes on the processor.",
        )
    if n_processes > n_gpus:
        raise SettingError(
            f"{n_processes} processes need a GPU each, and this machine has {n_gpus}.",
            fix=f"Start {n_gpus} (-num_gpus {n_gpus}, or torchrun's --nproc_per_node), or give -device cpu.",
        )


def launch(n_processes: int, arguments: Sequence[str]) -> int:
    """Run rnnet_pretrain with `arguments` in several processes of this machine; returns the exit code.

    That of the first process that failed; 128 and more after a signal, which the processes get as well.
    """
    from torch.distributed import run
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    # The processes speak for themselves; torchrun would add tables about them and advice on threads.
    for name in ("torch.distributed.elastic", *logging.root.manager.loggerDict):
        if name.startswith(("torch.distributed.run", "torch.distributed.elastic")):
            logging.getLogger(name).setLevel(logging.CRITICAL)
    command = ["--standalone", "--nproc_per_node", str(n_processes), "-m", COMMAND, *arguments]
    try:
        run.run(run.parse_args(command))  # type: ignore[no-untyped-call]
    except ChildFailedError as error:
        rank, failure = error.get_first_failure()
        if failure.exitcode not in _SAID:
            log.error("Process %d of %d ended without a result: %s", rank, n_processes, _manner(failure.exitcode))
        return failure.exitcode if failure.exitcode > 0 else 128 - failure.exitcode
    except SignalException as error:
        return 128 + int(error.sigval)
    return 0


def _manner(exit_code: int) -> str:
    if exit_code > 0:
        return f"exit code {exit_code}. What it wrote last says why."
    killed = " The system kills a process for which the memory of the host is not enough." if exit_code == -9 else ""
    return f"it was ended by signal {-exit_code}.{killed}"
