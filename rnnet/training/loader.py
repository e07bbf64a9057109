"""All crops in memory as tensors; batches are rows of them, so no data loader stands before the network."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from rnnet.core.errors import CaseFailedError, DatasetError
from rnnet.core.log import get_logger
from rnnet.core.types import LesionCase
from rnnet.core.wording import listed
from rnnet.preprocessing.state import PreprocessedCase
from rnnet.training.crop_memory import place_for
from rnnet.training.distributed import ProcessGroup

log = get_logger(__name__)

ReadCase = Callable[[LesionCase], PreprocessedCase]


@dataclass(frozen=True, slots=True, eq=False)
class CropTable:
    """The crops of many lesions: T1CE images, z-scored, and lesion masks.

    Row numbers are those of the whole table. Of several processes, each has the rows with number % count == rank and
    keeps no others.

    Attributes:
        case_ids: of all rows.
        patient_ids: of all rows.
        images: T1CE (m, z, y, x) of the own rows, in order; m is 0 where no memory has room for them.
        masks: bool (m, z, y, x), in the same place: the device, or the host where the device has no room
            (page-locked, for a GPU).
        device: where batches come out.
        rank: of this process.
        count: number of processes.
        read_row: gives the crop (2, z, y, x) of a row, where no memory has room for all.
        people: patient ids to the one that stands for the same person; an id that is not there stands for itself.
    """

    case_ids: tuple[str, ...]
    patient_ids: tuple[str, ...]
    images: Tensor
    masks: Tensor
    device: torch.device
    rank: int = 0
    count: int = 1
    read_row: Callable[[int], np.ndarray] | None = None
    people: Mapping[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.case_ids)

    def batch(self, indices: Tensor) -> Tensor:
        """(b, 2, z, y, x) float32 of own rows `indices` (b,), T1CE first, on `device`."""
        if self.read_row is not None:
            crops = torch.from_numpy(np.stack([self.read_row(i) for i in indices.tolist()]))
            # As a stored image: the place of the crops must change nothing.
            crops[:, 0] = crops[:, 0].to(self.images.dtype)
            crops[:, 1] = crops[:, 1] > 0.5
            return crops.to(self.device)
        batch = torch.empty((len(indices), 2, *self.images.shape[1:]), device=self.device)
        for channel, part in enumerate((self.images, self.masks)):
            # The narrow types travel to the device; they are widened there.
            batch[:, channel] = self._on_device(part, indices // self.count)
        return batch

    def _on_device(self, part: Tensor, rows: Tensor) -> Tensor:
        if self.device.type != "cuda" or part.is_cuda:
            return part[rows.to(part.device)].to(self.device)
        # From page-locked memory each row travels by itself, and nobody waits for it.
        found = torch.empty((len(rows), *part.shape[1:]), dtype=part.dtype, device=self.device)
        for to, row in zip(found, rows.tolist(), strict=True):
            to.copy_(part[row], non_blocking=True)
        return found

    def patient_index(self) -> Tensor:
        """(n,) integers on the CPU, equal for lesions of one person, for all rows."""
        people = [self.people.get(p, p) for p in self.patient_ids]
        number = {person: i for i, person in enumerate(sorted(set(people)))}
        return torch.tensor([number[person] for person in people])


def load_crops(
    cases: Sequence[LesionCase], read_case: ReadCase, *, device: torch.device, dtype: torch.dtype,
    skip_failed: bool = False, show_progress: bool = True, group: ProcessGroup | None = None,
    people: Mapping[str, str] | None = None,
) -> CropTable:
    """Read the crops of this process once and keep them, on `device` where they fit, else on the host.

    Where the host has no room either, crops are read when they are needed, and the log says so.

    Args:
        cases: the lesions, in the order of the table's rows; the same in all processes.
        read_case: gives the crop of one lesion.
        device: where the network trains.
        dtype: of the images; float16 halves the memory and is exact to a thousandth of a standard deviation.
        skip_failed: leave out lesions whose crop cannot be made or is not finite, and log them, instead of stopping.
        show_progress: a bar on standard error.
        group: the processes that share the table; they read at the same time and agree on what is left out.
        people: see CropTable.

    Raises:
        DatasetError: no case, fewer than processes, or crops of different shape.
        CaseFailedError: crops that cannot be made, all of them named, unless `skip_failed`.
    """
    group = group or ProcessGroup()
    shard = _read_shard(cases, read_case, device, dtype, show_progress, group)
    failures = dict(group.gather_objects(shard.failures))
    _report(list(failures.values()), len(cases), skip_failed, say=group.is_main)
    kept = [case for row, case in enumerate(cases) if row not in failures]
    if failures and group.count > 1:
        # Behind a gap every row has another number than before, and so another owner.
        del shard
        if device.type == "cuda":
            torch.cuda.empty_cache()  # what torch keeps for itself would look taken when a place is chosen
        shard = _read_shard(kept, read_case, device, dtype, show_progress, group)
        _report([reason for _, reason in group.gather_objects(shard.failures)], len(kept), skip_failed=False)
    if not kept or shard.images is None or shard.masks is None:
        raise DatasetError(
            f"There is no lesion to train on for {group.count} process(es).",
            fix="Check cases.csv, or the chosen data sets.",
        )
    ids, patients = tuple(c.case_id for c in kept), tuple(c.patient_id for c in kept)
    on_demand = (lambda row: read_case(kept[row]).array) if shard.is_on_disk else None
    return CropTable(ids, patients, shard.images, shard.masks, device, group.rank, group.count, on_demand,
                     people or {})


@dataclass(slots=True, eq=False)
class _Shard:
    """What one process has read: its crops (None before the first), and (row, reason) of those that failed."""

    failures: list[tuple[int, str]]
    images: Tensor | None = None
    masks: Tensor | None = None
    is_on_disk: bool = False


def _read_shard(
    cases: Sequence[LesionCase], read_case: ReadCase, device: torch.device, dtype: torch.dtype, show_progress: bool,
    group: ProcessGroup,
) -> _Shard:
    """The crops of the process's rows without those that failed; where they stay on the disk, a look at each."""
    shard, done, rows = _Shard([]), 0, range(group.rank, len(cases), group.count)
    for row in tqdm(rows, desc="Reading crops", leave=False, disable=not show_progress):
        try:
            array = read_case(cases[row]).array
            # In the type that is kept: a narrow one turns extreme values into infinite ones.
            image = torch.from_numpy(array[0]).to(dtype)
            if not bool(image.isfinite().all()):
                raise CaseFailedError(
                    f"The crop has values that are not finite, or too large for {str(dtype).removeprefix('torch.')}.",
                    where=cases[row].case_id,
                )
        except CaseFailedError as error:
            shard.failures.append((row, str(error)))
            continue
        if shard.images is None or shard.masks is None:
            place = place_for(len(rows), array.shape[1:], dtype, device, sharing=group.local_count)
            shard.is_on_disk = place is None
            shape = (0 if place is None else len(rows), *array.shape[1:])
            lock = device.type == "cuda" and place is not None and place.type == "cpu"
            shard.images = torch.empty(shape, dtype=dtype, device=place, pin_memory=lock)
            shard.masks = torch.empty(shape, dtype=torch.bool, device=place, pin_memory=lock)
        if array.shape != (2, *shard.images.shape[1:]):
            raise DatasetError(
                f"The crop of '{cases[row].case_id}' has the shape {array.shape}, "
                f"others {(2, *shard.images.shape[1:])}.",
                fix="Run rnnet_preprocess again.",
            )
        if not shard.is_on_disk:
            shard.images[done] = image
            shard.masks[done] = torch.from_numpy(array[1] > 0.5)
            done += 1
    if shard.images is not None and shard.masks is not None:
        shard.images, shard.masks = shard.images[:done], shard.masks[:done]
    return shard


def _report(failures: Sequence[str], n: int, skip_failed: bool, *, say: bool = True) -> None:
    if not failures:
        return
    reasons = listed(failures, separator="; ")
    if not skip_failed:
        raise CaseFailedError(
            f"{len(failures)} of {n} lesions have no usable crop: {reasons}.",
            fix="Correct them and run rnnet_preprocess again, or take them out of cases.csv.",
        )
    if say:
        log.warning("Left out %d of %d lesions without a usable crop: %s.", len(failures), n, reasons)
