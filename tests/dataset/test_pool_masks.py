from __future__ import annotations

import logging
from pathlib import Path

import pytest

from rnnet.core.volume import read_volume, write_volume
from rnnet.dataset.case import read_dataset
from rnnet.dataset.integrity import check_dataset
from tests.factories import write_raw_dataset
from tests.logs import own_messages


@pytest.mark.parametrize("n_processes", [1, 2])
def test_bad_masks_of_a_pool_leave_their_scans_without_cases_and_are_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, n_processes: int
) -> None:
    monkeypatch.setattr(logging.getLogger("rnnet"), "propagate", True)
    layout = write_raw_dataset(tmp_path, n_patients=4, n_test=0, labelled=False)
    damaged, halves = (layout.label_path(f"P00{i}_s1", "train", ".nii.gz") for i in (1, 2))
    damaged.write_text("notes")
    mask = read_volume(halves)
    write_volume(halves, mask.with_array(mask.array.astype(float) / 2))
    with caplog.at_level(logging.WARNING, logger="rnnet"):
        dataset = read_dataset(layout, n_processes=n_processes)
    assert [s.scan_id for s in dataset.scans] == [f"P00{i}_s1" for i in range(4)]
    assert [c.case_id for c in dataset.cases] == ["P000_s1_1", "P000_s1_2", "P003_s1_1", "P003_s1_2"]
    assert not dataset.components
    (warning,) = own_messages(caplog, level=logging.WARNING)
    assert warning.startswith("2 of 4 masks")
    assert str(damaged) in warning
    assert str(halves) in warning
    found = {p.where: p.code for p in check_dataset(layout).errors}
    assert found == {str(damaged): "unreadable-mask", str(halves): "mask-values-not-whole"}
