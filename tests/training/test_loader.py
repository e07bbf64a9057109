from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch

from rnnet.core.errors import CaseFailedError, DatasetError
from rnnet.core.types import LesionCase
from rnnet.preprocessing.state import PreprocessedCase
from rnnet.training import crop_memory
from rnnet.training.distributed import ProcessGroup
from rnnet.training.loader import load_crops
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


def test_lesions_of_one_person_with_two_ids_have_the_same_index() -> None:
    people = {"P000": "P000", "P002": "P000"}
    table = load_crops(make_cases(3, 2), read_case, device=CPU, dtype=torch.float32, show_progress=False, people=people)
    assert table.patient_index().tolist() == [0, 0, 1, 1, 0, 0]
    assert set(table.patient_ids) == {"P000", "P001", "P002"}


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


def test_crops_with_values_that_are_not_finite_or_would_not_be_are_named() -> None:
    cases = make_cases(3, 1)
    extreme = {cases[0].case_id: np.nan, cases[2].case_id: 1e6}

    def read(case: LesionCase) -> PreprocessedCase:
        crop = read_case(case)
        crop.array[0, 0, 0, 0] = extreme.get(case.case_id, 0.0)
        return crop

    with pytest.raises(CaseFailedError, match=r"1 of 3 lesions.*not finite.*P000_s1_1"):
        load_crops(cases, read, device=CPU, dtype=torch.float32, show_progress=False)
    kept = load_crops(cases, read, device=CPU, dtype=torch.float16, skip_failed=True, show_progress=False)
    assert kept.patient_ids == ("P001",)


def test_no_case_and_crops_of_different_shape_are_errors() -> None:
    def uneven(case: LesionCase) -> PreprocessedCase:
        crop = read_case(case)
        return crop if case.lesion_value == 1 else replace(crop, array=crop.array[:, :8])

    with pytest.raises(DatasetError, match="no lesion"):
        load_crops([], read_case, device=CPU, dtype=torch.float32, show_progress=False)
    with pytest.raises(DatasetError, match=r"P000_s1_2.*\(2, 8, 16, 16\)"):
        load_crops(make_cases(2), uneven, device=CPU, dtype=torch.float32, show_progress=False)


def test_crops_that_fit_nowhere_are_read_when_they_are_needed(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    cases, rows = make_cases(4), torch.tensor([3, 0, 5])
    in_memory = load_crops(
        cases, read_case_or_fail, device=CPU, dtype=torch.float16, skip_failed=True, show_progress=False
    )
    monkeypatch.setattr(crop_memory, "free_bytes", lambda _: 10_000)
    on_disk = load_crops(
        cases, read_case_or_fail, device=CPU, dtype=torch.float16, skip_failed=True, show_progress=False
    )
    assert "read from the disk" in caplog.text
    assert len(on_disk.images) == 0
    assert len(on_disk) == 6
    assert torch.equal(on_disk.batch(rows), in_memory.batch(rows))


@dataclass(frozen=True)
class Alone(ProcessGroup):
    """A process that hears nothing of the others."""

    def gather_objects(self, rows: Sequence[Any]) -> list[Any]:
        return list(rows)


def test_a_process_keeps_its_rows_and_knows_of_all() -> None:
    cases, read = make_cases(4), []

    def counting(case: LesionCase) -> PreprocessedCase:
        read.append(case.case_id)
        return read_case(case)

    whole = load_crops(cases, read_case, device=CPU, dtype=torch.float16, show_progress=False)
    table = load_crops(cases, counting, device=CPU, dtype=torch.float16, show_progress=False, group=Alone(1, 3))
    assert read == [case.case_id for case in cases[1::3]]
    assert len(table.images) == len(table.masks) == 3
    assert (table.case_ids, table.patient_ids) == (whole.case_ids, whole.patient_ids)
    assert table.patient_index().tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    rows = torch.tensor([7, 1])
    assert torch.equal(table.batch(rows), whole.batch(rows))
