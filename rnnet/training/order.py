"""In which order the rows of a table are learned from: batches of an epoch, fixed by seed and epoch alone."""

from __future__ import annotations

import torch
from torch import Tensor

from rnnet.core.seeding import seed_for

# A batch of fewer rows has nothing to compare them with.
_LEAST_ROWS = 2


def epoch_order(n: int, batch_size: int, seed: int, epoch: int) -> tuple[Tensor, ...]:
    """Row numbers (b,) of each batch of an epoch, shuffled by seed and epoch alone.

    The last batch may be smaller. A last batch of one row is left out, since it has nothing to be compared with,
    unless it is the only one; the shuffle leaves out another row in each epoch.
    """
    generator = torch.Generator().manual_seed(seed_for(seed, "order", epoch))
    order = torch.randperm(n, generator=generator)
    return _with_enough_rows(torch.split(order, batch_size))


def stratified_order(n: int, batch_size: int, seed: int, epoch: int) -> tuple[Tensor, ...]:
    """Row numbers (b,) of each batch of an epoch, every batch taking one row of each class i % batch_size.

    For any number of processes w that divides the batch size, a full batch then holds batch_size / w of the rows with
    i % w == r, for every r: each process can keep those rows and no others, and the batches are the same for every
    w. Each class is shuffled by seed and epoch. The last batch has the classes that have a row more than the others;
    it is left out as in `epoch_order`. For classes that mean nothing, shuffle the rows once (`fixed_shuffle`).
    """
    generator = torch.Generator().manual_seed(seed_for(seed, "order", epoch))
    rounds = -(-n // batch_size)
    # Sorting random keys shuffles every class at once; rows that do not exist come last in their class.
    keys = torch.rand(rounds, batch_size, generator=generator, dtype=torch.float64)
    rows = torch.arange(rounds * batch_size).view(rounds, batch_size)
    keys[rows >= n] = 2.0
    batches = rows.gather(0, keys.argsort(dim=0))
    return _with_enough_rows(tuple(batch[batch < n] for batch in batches))


def fixed_shuffle(n: int, seed: int) -> list[int]:
    """The numbers 0 to n - 1 in a random order that is the same in every epoch."""
    generator = torch.Generator().manual_seed(seed_for(seed, "rows"))
    order: list[int] = torch.randperm(n, generator=generator).tolist()
    return order


def _with_enough_rows(batches: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return batches[:-1] if len(batches) > 1 and len(batches[-1]) < _LEAST_ROWS else batches
