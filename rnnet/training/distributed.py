"""Several processes on one global batch, through torchrun: shards, gathered negatives, averaged gradients."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from rnnet.core.errors import RnnetError, SettingError
from rnnet.training.interrupt import TrainingInterruptedError
from rnnet.training.precision import open_device

_T = TypeVar("_T")
_GLOO_LETS_GO_S = 0.5
_OTHERS_SPEAK_S = 3.0


class LostProcessError(RnnetError):
    """Another process of the run has ended before its time."""


@dataclass(frozen=True, slots=True)
class ProcessGroup:
    """The processes that share each global batch; one process by default, and then nothing is communicated.

    rank: number of this process, local_rank: its number on its machine, local_count: how many are on that machine.
    address: where they meet, tcp://host:port.
    """

    rank: int = 0
    count: int = 1
    local_rank: int = 0
    address: str = ""
    local_count: int = 1

    @property
    def is_main(self) -> bool:
        """Whether this process writes files and shows progress."""
        return self.rank == 0

    def device(self, device: str) -> str:
        """This process's own: of 'cuda' the GPU with its number on its machine."""
        return f"cuda:{self.local_rank}" if device == "cuda" and self.count > 1 else device

    def owners(self, indices: Tensor) -> Tensor:
        """Rank (n,) of the process that has each row `indices` (n,) of the corpus."""
        return indices % self.count

    def gather(self, rows: Tensor, counts: Sequence[int]) -> Tensor:
        """All rows (n, d) from each process's (b, d), in the order of the ranks, with gradients back to their owners.

        counts: how many rows each process has.
        """
        if self.count == 1:
            return rows
        # Collectives need equal shapes; the padding is cut off again.
        padded = torch.cat([rows, rows.new_zeros(max(counts) - len(rows), rows.shape[1])])
        parts: Tensor = _Gather.apply(padded, self)  # type: ignore[no-untyped-call]
        return torch.cat([part[:count] for part, count in zip(parts, counts, strict=True)])

    def gather_objects(self, rows: Sequence[_T]) -> list[_T]:
        """Plain objects of every process, in the order of the ranks."""
        if self.count == 1:
            return list(rows)
        found: list[list[_T]] = [[] for _ in range(self.count)]
        dist.all_gather_object(found, list(rows))
        return [row for part in found for row in part]

    def mean(self, values: Tensor) -> Tensor:
        """Mean of `values` over the processes."""
        if self.count == 1:
            return values
        total = values.clone()
        dist.all_reduce(total)
        return total / self.count

    def wait(self) -> None:
        """Go on when all processes are here."""
        if self.count > 1:
            dist.barrier()

    def parallel(self, model: nn.Module, device: torch.device) -> nn.Module:
        """The model whose backward pass averages gradients over the processes."""
        if self.count == 1:
            return model
        return DistributedDataParallel(model, device_ids=[device] if device.type == "cuda" else None)


def unsynchronised(model: nn.Module, *, unless: bool) -> AbstractContextManager[None]:
    """The gradients of a forward pass inside stay with this process, to be averaged with those of a later one."""
    return nullcontext() if unless or not isinstance(model, DistributedDataParallel) else model.no_sync()


class _Gather(torch.autograd.Function):
    """Rows (m, d) of every process as (processes, m, d), differentiable: the gradients of all come back summed."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, group: ProcessGroup) -> Tensor:
        """Collect."""
        ctx.rank = group.rank
        parts = [torch.empty_like(rows) for _ in range(group.count)]
        dist.all_gather(parts, rows.contiguous())
        return torch.stack(parts)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        """Sum over the processes of what each wants from this one's rows."""
        total = gradients[0].contiguous().clone()
        dist.all_reduce(total)
        return total[ctx.rank], None


def group_from_environment(environment: Mapping[str, str]) -> ProcessGroup | None:
    """The processes that torchrun started, as it describes them in `environment`; None where it started none.

    Raises:
        SettingError: the description is incomplete.
    """
    if int(environment.get("WORLD_SIZE", "1")) == 1:
        return None
    missing = [n for n in ("RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT") if n not in environment]
    if missing:
        raise SettingError(
            f"WORLD_SIZE is set and {missing[0]} is not.", fix="Start with torchrun, or with -num_gpus N."
        )
    return ProcessGroup(
        rank=int(environment["RANK"]), count=int(environment["WORLD_SIZE"]),
        local_rank=int(environment["LOCAL_RANK"]),
        address=f"tcp://{environment['MASTER_ADDR']}:{environment['MASTER_PORT']}",
        local_count=int(environment.get("LOCAL_WORLD_SIZE", "1")),
    )


def was_restarted(environment: Mapping[str, str]) -> bool:
    """Whether torchrun started this process again after a failure: there is something to go on from."""
    return int(environment.get("TORCHELASTIC_RESTART_COUNT", "0")) > 0


@contextmanager
def joined(group: ProcessGroup, device: str) -> Iterator[str]:
    """Inside, the processes can exchange tensors; gives this process's device: with 'cuda' a GPU of its own.

    After an error the first process leaves the others at once, and they learn that it is gone. Another one stays
    until it has said its error and calls `leave`: the first, which waits for it, would else end before.

    Raises:
        SettingError: several processes on a device that they cannot share out.
        LostProcessError: another process has ended.
    """
    if group.count == 1:
        yield device
        return
    if device not in ("cpu", "cuda"):
        raise SettingError(f"Several processes train on cpu or cuda. Got '{device}' instead.")
    own = group.device(device)
    if device == "cuda":
        torch.cuda.set_device(open_device(own))
    backend = "nccl" if device == "cuda" else "gloo"
    try:
        dist.init_process_group(backend, rank=group.rank, world_size=group.count, init_method=group.address)
    except RuntimeError as error:
        if not _is_lost_connection(error):
            raise
        # torch issue 135712; in torch 2.13 it is there again.
        raise LostProcessError(
            "The processes of this run did not find each other: after a restart torchrun may still give out the "
            "addresses of those that have ended.", fix="Set TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1 before torchrun.",
        ) from error
    stays = False
    try:
        yield own
    except Exception as error:
        stays = not group.is_main and not isinstance(error, TrainingInterruptedError)
        if _is_lost_connection(error):
            # torchrun, which ends the others, gets the time to do so before this one speaks.
            time.sleep(_OTHERS_SPEAK_S)
            raise LostProcessError(
                "Another process of this run has ended.", fix="What it wrote last says why; --continue goes on."
            ) from error
        raise
    finally:
        if not stays:
            leave()


def leave() -> None:
    """Leave the other processes. Nothing, where there are none."""
    if not dist.is_initialized():
        return
    if dist.get_backend() == "gloo":
        # torch (2.13) ends gloo's threads while it holds the interpreter's lock, and such a thread needs that lock
        # to let go of the tensors of its last work: if it comes second, both wait for ever. Sleeping gives the
        # lock away until the threads have nothing left.
        time.sleep(_GLOO_LETS_GO_S)
    dist.destroy_process_group()


def _is_lost_connection(error: Exception) -> bool:
    # Gloo has no error class of its own.
    return isinstance(error, dist.DistError) or (isinstance(error, RuntimeError) and "gloo/transport" in str(error))
