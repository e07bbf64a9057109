"""The data of a pretraining step: two corrupted views of each lesion, of a process's rows of the global batch."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from rnnet.augmentation.corruption import corrupt_in_place
from rnnet.augmentation.draws import Rows
from rnnet.augmentation.views import make_view
from rnnet.core.seeding import seed_for
from rnnet.planning.plan import ExperimentPlan
from rnnet.training.distributed import ProcessGroup
from rnnet.training.loader import CropTable


@dataclass(frozen=True, slots=True, eq=False)
class PretextPart:
    """What is worked on at once: a whole batch, or with gradient accumulation a part of it.

    A process without a row in the part has one empty cube in place of its rows, which counts nothing: all processes
    must take part in every exchange.

    Attributes:
        views: corrupted (2b, c, z, y, x), first views before second views.
        originals: T1CE (2b, 1, z, y, x) of the same views before they were corrupted.
        hidden: bool (2b, grid**3), patches to hide from the encoder; None hides none.
        patients: integers (m,), equal for lesions of one patient: of all processes' rows, in the order of the ranks.
        counts: how many rows each process has; they sum to m.
        n_own: b, or 0 where the process has no row.
        own_share: what the mean over the own rows weighs in the mean over the processes, to be summed over parts.
        share: m over the rows of the whole batch.
        is_last: whether the batch has no part after this one.
    """

    views: Tensor
    originals: Tensor
    hidden: Tensor | None
    patients: Tensor
    counts: tuple[int, ...]
    n_own: int
    own_share: float
    share: float
    is_last: bool


class PretextData:
    """Makes the batches of pretraining from a table of crops.

    The views of all rows of a global batch are drawn by every process, since numbers cost little, and made for its
    own rows alone: they do not depend on the number of processes, nor on the number of parts.
    """

    def __init__(self, plan: ExperimentPlan, crops: CropTable, *, seed: int, group: ProcessGroup) -> None:
        self._plan = plan.pretrain
        self._crops = crops
        self._seed = seed
        self._group = group
        self._patients = crops.patient_index()
        self._shape = plan.input_shape
        self._n_tokens = (plan.crop.edge_vox // plan.network.token_edge_vox) ** 3

    def batch(self, indices: Tensor, epoch: int, step: int) -> tuple[PretextPart, ...]:
        """The parts of the global batch with the rows `indices` (n,)."""
        n, owners = len(indices), self._group.owners(indices)
        own = (owners == self._group.rank).nonzero().flatten()
        views, originals = self._views(indices, own, epoch, step)
        hidden = self._hidden(n, own, epoch, step)
        size = self._plan.batch_size // self._plan.accumulate_steps
        parts = []
        for start in range(0, n, size):
            first, end = torch.searchsorted(own, torch.tensor([start, start + size])).tolist()
            parts.append(self._part(
                indices[start : start + size], n, views[:, first:end], originals[:, first:end],
                None if hidden is None else hidden[:, first:end], is_last=start + size >= n,
            ))
        return tuple(parts)

    def _views(self, indices: Tensor, own: Tensor, epoch: int, step: int) -> tuple[Tensor, Tensor]:
        """Corrupted views (2, b, c, z, y, x) of the rows `own` (b,) of the batch, and their T1CE before."""
        if not len(own):
            empty = torch.zeros(2, 0, *self._shape, device=self._crops.device)
            return empty, empty[:, :, :1]
        rows = Rows(own, len(indices))
        crops = self._crops.batch(indices[own])
        generators = [
            torch.Generator().manual_seed(seed_for(self._seed, "view", epoch, step, number)) for number in (0, 1)
        ]
        views = torch.empty(len(generators), *crops.shape, device=crops.device)
        for view, generator in zip(views, generators, strict=True):
            make_view(crops, self._plan.views, generator, rows=rows, out=view)
        originals = views[:, :, :1].clone()
        for view, generator in zip(views, generators, strict=True):
            corrupt_in_place(view, self._plan.corruption, generator, rows=rows)
        return views, originals

    def _hidden(self, n: int, own: Tensor, epoch: int, step: int) -> Tensor | None:
        """bool (2, b, grid**3), the same number of hidden patches in each view; None where the plan hides none."""
        if not self._plan.masked_token_weight:
            return None
        generator = torch.Generator().manual_seed(seed_for(self._seed, "hidden tokens", epoch, step))
        keys = torch.rand(2, n, self._n_tokens, generator=generator)[:, own]
        count = max(1, round(self._plan.masked_token_share * self._n_tokens))
        return (keys.argsort(-1).argsort(-1) < count).to(self._crops.device)

    def _part(
        self, indices: Tensor, n: int, views: Tensor, originals: Tensor, hidden: Tensor | None, *, is_last: bool
    ) -> PretextPart:
        owners = self._group.owners(indices)
        n_own = views.shape[1]
        if not n_own:
            views, originals = (part.new_zeros(2, 1, *part.shape[2:]) for part in (views, originals))
            hidden = None if hidden is None else hidden.new_ones(2, 1, self._n_tokens)
        return PretextPart(
            views=views.flatten(0, 1), originals=originals.flatten(0, 1),
            hidden=None if hidden is None else hidden.flatten(0, 1),
            patients=self._patients[indices[owners.argsort(stable=True)]].to(self._crops.device),
            counts=tuple(owners.bincount(minlength=self._group.count).tolist()), n_own=n_own,
            own_share=n_own * self._group.count / n, share=len(indices) / n, is_last=is_last,
        )
