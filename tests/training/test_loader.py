from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from rnnet.core.errors import CaseFailedError, DatasetError, RnnetError
from rnnet.core.types import LesionCase
from rnnet.preprocessing.state import PreprocessedCase
from rnnet.training import loader
from rnnet.training.loader import epoch_order, free_bytes, load_crops
from tests.factories import make_cases
from tests.training.crops import read_case, read_case_or_fail

CPU = torch.device("cpu")


def test_a_batch_holds_the_asked_rows_image_first() -> None:
    cases = make_cases(4)
    table = load_crops(cases, read_case, device=CPU, dtype=torch.float16, show_progress=False)
    batch = table.batch(torch.tensor([5, 0]))
    assert batch.shape == (2, 2, 16, 16, 16)
    assert batch.dtype == torch.float32
    for row, case in zip(batch, (cases[5], cases[0]), strict=True):
        expected = read_case(case).array
        np.testing.assert_allclose(row.numpy(), expected, atol=2e-3)
        np.testing.assert_array_equal(row[1].numpy(), expected[1])
    assert table.images.dtype == torch.float16
    assert table.masks.dtype == torch.bool


def test_lesions_of_one_patient_have_the_same_index() -> None:
    table = load_crops(make_cases(3, 2), read_case, device=CPU, dtype=torch.float32, show_progress=False)
    assert table.patient_index().tolist() == [0, 0, 1, 1, 2, 2]


def test_every_lesion_without_a_crop_is_named() -> None:
    with pytest.raises(CaseFailedError, match=r"2 of 8 lesions.*P000_s1_1.*P000_s1_2"):
        load_crops(make_cases(4), read_case_or_fail, device=CPU, dtype=torch.float32, show_progress=False)


def test_lesions_without_a_crop_are_left_out_and_said_where_that_is_allowed(caplog: pytest.LogCaptureFixture) -> None:
    table = load_crops(
        make_cases(4), read_case_or_fail, device=CPU, dtype=torch.float32, skip_failed=True, show_progress=False
    )
    assert len(table) == len(table.images) == len(table.masks) == 6
    assert set(table.patient_ids) == {"P001", "P002", "P003"}
    np.testing.assert_allclose(table.images[0], read_case(make_cases(4)[2]).array[0])
    assert "Left out 2 of 8" in caplog.text


def test_no_case_and_crops_of_different_shape_are_errors() -> None:
    def uneven(case: LesionCase) -> PreprocessedCase:
        crop = read_case(case)
        return crop if case.lesion_value == 1 else replace(crop, array=crop.array[:, :8])

    with pytest.raises(DatasetError, match="no lesion"):
        load_crops([], read_case, device=CPU, dtype=torch.float32, show_progress=False)
    with pytest.raises(DatasetError, match=r"P000_s1_2.*\(2, 8, 16, 16\)"):
        load_crops(make_cases(2), uneven, device=CPU, dtype=torch.float32, show_progress=False)


def test_crops_that_fit_nowhere_are_refused_before_they_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loader, "free_bytes", lambda _: 10_000)
    with pytest.raises(RnnetError, match=r"8 crops need"):
        load_crops(make_cases(4), read_case, device=CPU, dtype=torch.float32, show_progress=False)


def test_free_memory_of_the_host_is_plausible() -> None:
    free = free_bytes(CPU)
    assert free is None or 2**20 < free < 2**50


def test_the_order_covers_every_row_and_follows_seed_and_epoch() -> None:
    first = epoch_order(10, 4, 7, 0)
    assert sorted(torch.cat(first).tolist()) == list(range(10))
    assert [len(b) for b in first] == [4, 4, 2]
    assert all(torch.equal(a, b) for a, b in zip(first, epoch_order(10, 4, 7, 0), strict=True))
    assert torch.cat(first).tolist() != torch.cat(epoch_order(10, 4, 7, 1)).tolist()
    assert torch.cat(first).tolist() != torch.cat(epoch_order(10, 4, 8, 0)).tolist()


def test_a_last_batch_of_one_row_is_left_out_but_an_only_batch_is_kept() -> None:
    assert [len(b) for b in epoch_order(9, 4, 0, 0)] == [4, 4]
    assert len({int(r) for e in range(20) for r in torch.cat(epoch_order(9, 4, 0, e))}) == 9
    assert [len(b) for b in epoch_order(1, 4, 0, 0)] == [1]
