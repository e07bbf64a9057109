from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest

from rnnet.core.errors import DatasetError
from rnnet.core.volume import write_volume
from rnnet.core.workspace import RawLayout
from rnnet.dataset.manifest import read_manifest
from rnnet.inference.inputs import read_new_scans
from tests.factories import make_volume, write_raw_dataset


@pytest.fixture
def layout(tmp_path: Path) -> RawLayout:
    return write_raw_dataset(tmp_path, n_patients=2, n_test=0)


def test_scans_with_a_brain_mask_get_it_and_those_without_are_named(
    layout: RawLayout, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("rnnet"), "propagate", True)
    brains = tmp_path / "brains"
    write_volume(brains / "P001_s1.nii.gz", make_volume(dtype=np.uint8))
    images, masks, manifest = layout.images("train"), layout.labels("train"), read_manifest(layout)
    with caplog.at_level(logging.WARNING, logger="rnnet"):
        dataset, failures = read_new_scans(images, masks, None, manifest, brain_masks=brains)
    assert failures == []
    assert {s.scan_id: s.brain_path for s in dataset.scans} == {
        "P000_s1": None, "P001_s1": brains / "P001_s1.nii.gz",
    }
    assert "1 scan(s) have no brain mask" in caplog.text
    assert "P000_s1" in caplog.text
    caplog.clear()
    dataset, _ = read_new_scans(images, masks, None, manifest)
    assert [s.brain_path for s in dataset.scans] == [None, None]
    assert "brain mask" not in caplog.text


def test_a_folder_of_brain_masks_that_is_not_there_is_an_error(layout: RawLayout, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="brain masks") as caught:
        read_new_scans(layout.images("train"), layout.labels("train"), None, read_manifest(layout),
                       brain_masks=tmp_path / "mistyped")
    assert "--brain_masks" in caught.value.fix
