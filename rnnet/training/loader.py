"""All crops in memory as tensors; batches are rows of them, so no data loader stands before the network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from rnnet.core.errors import CaseFailedError, DatasetError, RnnetError
from rnnet.core.log import get_logger
from rnnet.core.seeding import seed_for
from rnnet.core.types import LesionCase
from rnnet.preprocessing.state import PreprocessedCase

log = get_logger(__name__)

ReadCase = Callable[[LesionCase], PreprocessedCase]
# Share of the free memory that crops may take; the rest belongs to the network.
_USABLE_SHARE = 0.6


@dataclass(frozen=True, slots=True, eq=False)
class CropTable:
    """The crops of many lesions: T1CE images (n, z, y, x), z-scored, and boolean masks (n, z, y, x).

    Both lie on one device, which may be the host where the training device has no room; batches come out on
    `device`.
    """

    case_ids: tuple[str, ...]
    patient_ids: tuple[str, ...]
    images: Tensor
    masks: Tensor
    device: torch.device

    def __len__(self) -> int:
        return len(self.case_ids)

    def batch(self, indices: Tensor) -> Tensor:
        """(b, 2, z, y, x) float32 of the rows `indices` (b,), T1CE first, on `device`."""
        rows = indices.to(self.images.device)
        # The narrow types travel to the device; they are widened there.
        image, mask = (part[rows].to(self.device) for part in (self.images, self.masks))
        return torch.stack([image.float(), mask.float()], dim=1)

    def patient_index(self) -> Tensor:
        """(n,) integers on `device`, equal for lesions of one patient."""
        number = {patient: i for i, patient in enumerate(sorted(set(self.patient_ids)))}
        return torch.tensor([number[p] for p in self.patient_ids], device=self.device)


def load_crops(
    cases: Sequence[LesionCase], read_case: ReadCase, *, device: torch.device, dtype: torch.dtype,
    skip_failed: bool = False, show_progress: bool = True,
) -> CropTable:
    """Read every crop once and keep all of them, on `device` where they fit, else on the host.

    Args:
        cases: the lesions, in the order of the table's rows.
        read_case: gives the crop of one lesion.
        device: where the network trains.
        dtype: of the images; float16 halves the memory and is exact to a thousandth of a standard deviation.
        skip_failed: leave out lesions whose crop cannot be made, and log them, instead of stopping.
        show_progress: a bar on standard error.

    Raises:
        DatasetError: no case, or crops of different shape.
        CaseFailedError: crops that cannot be made, all of them named, unless `skip_failed`.
        RnnetError: the crops fit neither on the device nor on the host.
    """
    images: Tensor | None = None
    masks: Tensor | None = None
    kept: list[LesionCase] = []
    failures: list[CaseFailedError] = []
    for case in tqdm(cases, desc="Reading crops", leave=False, disable=not show_progress):
        try:
            array = read_case(case).array
        except CaseFailedError as error:
            failures.append(error)
            continue
        if images is None or masks is None:
            place = _place_for(len(cases), array.shape[1:], dtype, device)
            images = torch.empty((len(cases), *array.shape[1:]), dtype=dtype, device=place)
            masks = torch.empty(images.shape, dtype=torch.bool, device=place)
        if array.shape != (2, *images.shape[1:]):
            raise DatasetError(
                f"The crop of '{case.case_id}' has the shape {array.shape}, others {(2, *images.shape[1:])}.",
                fix="Run rnnet_preprocess again.",
            )
        images[len(kept)] = torch.from_numpy(array[0]).to(dtype)
        masks[len(kept)] = torch.from_numpy(array[1] > 0.5)
        kept.append(case)
    _report(failures, len(cases), skip_failed)
    if images is None or masks is None:
        raise DatasetError("There is no lesion to train on.", fix="Check cases.csv, or the chosen data sets.")
    ids, patients = tuple(c.case_id for c in kept), tuple(c.patient_id for c in kept)
    return CropTable(ids, patients, images[: len(kept)], masks[: len(kept)], device)


def epoch_order(n: int, batch_size: int, seed: int, epoch: int) -> tuple[Tensor, ...]:
    """Row numbers (b,) of each batch of an epoch, shuffled by seed and epoch alone.

    The last batch may be smaller. A last batch of one row is left out, since it has nothing to be compared with,
    unless it is the only one; the shuffle leaves out another row in each epoch.
    """
    generator = torch.Generator().manual_seed(seed_for(seed, "order", epoch))
    order = torch.randperm(n, generator=generator)
    batches = tuple(order[start : start + batch_size] for start in range(0, n, batch_size))
    return batches[:-1] if len(batches) > 1 and len(batches[-1]) < 2 else batches


def free_bytes(device: torch.device) -> int | None:
    """Free memory of a CUDA device or of the host; None where it is not known."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    table = Path("/proc/meminfo")
    if device.type != "cpu" or not table.is_file():
        return None
    rows = dict(line.split(":", 1) for line in table.read_text(encoding="ascii").splitlines())
    return int(rows["MemAvailable"].split()[0]) * 1024


def _place_for(n: int, shape_zyx: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> torch.device:
    voxels = n * shape_zyx[0] * shape_zyx[1] * shape_zyx[2]
    needed = voxels * (torch.finfo(dtype).bits // 8 + 1)  # the mask takes one byte
    host = torch.device("cpu")
    for place in (device, host):
        free = free_bytes(place)
        if free is None or needed <= _USABLE_SHARE * free:
            if place != device:
                log.warning("%d crops (%.1f GB) do not fit on %s; they stay on the host.", n, needed / 1e9, device)
            return place
    raise RnnetError(
        f"{n} crops need {needed / 1e9:.1f} GB; {(free_bytes(host) or 0) / 1e9:.1f} GB are free.",
        fix="Use fewer lesions, a smaller crop.edge_vox, or a machine with more memory.",
    )


def _report(failures: Sequence[CaseFailedError], n: int, skip_failed: bool) -> None:
    if not failures:
        return
    listed = "; ".join(str(error) for error in failures[:5])
    more = f"; and {len(failures) - 5} more" if len(failures) > 5 else ""
    if not skip_failed:
        raise CaseFailedError(
            f"{len(failures)} of {n} lesions have no crop: {listed}{more}.",
            fix="Correct them and run rnnet_preprocess again, or take them out of cases.csv.",
        )
    log.warning("Left out %d of %d lesions without a crop: %s%s.", len(failures), n, listed, more)
