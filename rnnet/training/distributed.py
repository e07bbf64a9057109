"""Several processes on one global batch, through torchrun: shards, gathered negatives, averaged gradients."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from rnnet.core.errors import SettingError
from rnnet.training.precision import open_device


@dataclass(frozen=True, slots=True)
class ProcessGroup:
    """The processes that share each global batch; one process by default, and then nothing is communicated.

    rank: number of this process, local_rank: its number on its machine. address: where they meet, tcp://host:port.
    """

    rank: int = 0
    count: int = 1
    local_rank: int = 0
    address: str = ""

    @property
    def is_main(self) -> bool:
        """Whether this process writes files and shows progress."""
        return self.rank == 0

    def rows(self, n: int) -> Tensor:
        """Rows (b,) of a global batch of `n` that this process works on."""
        return torch.arange(self.rank, n, self.count)

    def gathered_order(self, n: int) -> Tensor:
        """Rows (n,) of the global batch in the order in which `gather` returns them."""
        return torch.cat([torch.arange(rank, n, self.count) for rank in range(self.count)])

    def gather(self, rows: Tensor, n: int) -> Tensor:
        """All rows (n, d) of the global batch from each process's (b, d), with gradients back to their owners."""
        if self.count == 1:
            return rows
        longest = -(-n // self.count)
        # Collectives need equal shapes; the padding is cut off again.
        padded = torch.cat([rows, rows.new_zeros(longest - len(rows), rows.shape[1])])
        parts: Tensor = _Gather.apply(padded, self)  # type: ignore[no-untyped-call]
        return torch.cat([part[: len(range(rank, n, self.count))] for rank, part in enumerate(parts)])

    def mean(self, values: Tensor) -> Tensor:
        """Mean of `values` over the processes."""
        if self.count == 1:
            return values
        total = values.clone()
        dist.all_reduce(total)
        return total / self.count

    def any(self, flag: bool, device: torch.device) -> bool:
        """Whether the flag is set in at least one process; all of them get the same answer."""
        if self.count == 1:
            return flag
        return bool(self.mean(torch.tensor(float(flag), device=device)) > 0)

    def parallel(self, model: nn.Module, device: torch.device) -> nn.Module:
        """The model whose backward pass averages gradients over the processes."""
        if self.count == 1:
            return model
        return DistributedDataParallel(model, device_ids=[device] if device.type == "cuda" else None)


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
    )


@contextmanager
def joined(group: ProcessGroup, device: str) -> Iterator[str]:
    """Inside, the processes can exchange tensors; gives this process's device: with 'cuda' a GPU of its own.

    Raises:
        SettingError: several processes on a device that they cannot share out.
    """
    if group.count == 1:
        yield device
        return
    if device not in ("cpu", "cuda"):
        raise SettingError(f"Several processes train on cpu or cuda. Got '{device}' instead.")
    own = f"cuda:{group.local_rank}" if device == "cuda" else "cpu"
    if device == "cuda":
        torch.cuda.set_device(open_device(own))
    backend = "nccl" if device == "cuda" else "gloo"
    dist.init_process_group(backend, rank=group.rank, world_size=group.count, init_method=group.address)
    try:
        yield own
    finally:
        dist.destroy_process_group()


def launch(n_processes: int, arguments: Sequence[str]) -> int:
    """Run rnnet_pretrain with `arguments` in several processes of this machine; returns its exit status."""
    command = [
        sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(n_processes),
        "-m", "rnnet.cli.pretrain", *arguments,
    ]
    return subprocess.run(command, check=False).returncode
