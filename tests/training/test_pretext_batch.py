from __future__ import annotations

import pytest
import torch
from torch import Tensor

from rnnet.training.distributed import ProcessGroup
from rnnet.training.loader import CropTable, load_crops
from rnnet.training.pretext_batch import PretextData, PretextPart
from tests.factories import make_cases, make_plan
from tests.training.crops import read_case

CPU = torch.device("cpu")
# One row more than a multiple of what the processes share.
INDICES = torch.tensor([4, 9, 2, 3, 0, 1, 10])


@pytest.fixture(scope="module")
def crops() -> CropTable:
    return load_crops(make_cases(6), read_case, device=CPU, dtype=torch.float32, show_progress=False)


def parts_of(
    crops: CropTable, rank: int = 0, count: int = 1, parts: int = 1, indices: Tensor = INDICES
) -> tuple[PretextPart, ...]:
    plan = make_plan(
        "pretrain.batch_size=8", f"pretrain.accumulate_steps={parts}", "pretrain.masked_token_weight=1.0",
        "pretrain.masked_token_share=0.25", "pretrain.views.intensity_augmentation=true",
    )
    own = CropTable(
        crops.case_ids, crops.patient_ids, crops.images[rank::count], crops.masks[rank::count], CPU, rank, count
    )
    return PretextData(plan, own, seed=3, group=ProcessGroup(rank, count)).batch(indices, 1, 2)


def halves(part: PretextPart) -> list[Tensor]:
    assert part.hidden is not None
    return [half for tensor in (part.views, part.originals, part.hidden) for half in tensor.chunk(2)]


def test_the_views_of_a_lesion_do_not_depend_on_the_number_of_processes(crops: CropTable) -> None:
    (whole,) = parts_of(crops)
    owners = INDICES % 2
    assert whole.counts == (7,)
    for rank in range(2):
        (part,) = parts_of(crops, rank, 2)
        own = (owners == rank).nonzero().flatten()
        for mine, all_rows in zip(halves(part), halves(whole), strict=True):
            assert torch.equal(mine, all_rows[own])
        assert part.counts == (4, 3)
        assert part.n_own == len(own)
        assert part.own_share == pytest.approx(2 * len(own) / 7)
        order = torch.cat([INDICES[owners == r] for r in range(2)])
        assert torch.equal(part.patients, crops.patient_index()[order])


def test_the_parts_of_an_accumulated_batch_make_the_whole(crops: CropTable) -> None:
    (whole,) = parts_of(crops)
    parts = parts_of(crops, parts=2)
    assert [part.n_own for part in parts] == [4, 3]
    assert [part.is_last for part in parts] == [False, True]
    assert sum(part.share for part in parts) == sum(part.own_share for part in parts) == pytest.approx(1)
    for pieces, all_rows in zip(zip(*map(halves, parts), strict=True), halves(whole), strict=True):
        assert torch.equal(torch.cat(pieces), all_rows)


def test_a_process_without_a_row_takes_part_with_an_empty_cube_that_counts_nothing(crops: CropTable) -> None:
    (part,) = parts_of(crops, 1, 2, indices=torch.tensor([4, 2]))
    assert part.views.shape == (2, 2, 16, 16, 16)
    assert not part.views.any()
    assert (part.n_own, part.own_share, part.counts) == (0, 0.0, (2, 0))


def test_each_view_hides_the_planned_share_of_its_patches(crops: CropTable) -> None:
    (part,) = parts_of(crops)
    assert part.hidden is not None
    assert part.hidden.shape == (14, 8)
    assert part.hidden.sum(1).tolist() == [2] * 14
    assert len({tuple(row) for row in part.hidden.tolist()}) > 4
