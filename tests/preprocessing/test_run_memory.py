from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest

from rnnet.core.volume import write_volume
from rnnet.preprocessing.atlas import Atlas
from rnnet.preprocessing.run_memory import fitting_processes, worker_bytes
from tests.factories import make_volume
from tests.logs import own_messages


@pytest.fixture
def images(tmp_path: Path) -> list[Path]:
    """Three scans, the second of them the largest, and a file that is none."""
    paths = []
    for number, shape in enumerate([(8, 8, 8), (40, 50, 60), (20, 20, 20)]):
        paths.append(tmp_path / f"{number}.nii.gz")
        write_volume(paths[-1], make_volume(shape))
    paths.append(tmp_path / "text.nii.gz")
    paths[-1].write_text("no image")
    return paths


def test_the_rule_holds_for_the_scans_that_it_was_measured_on() -> None:
    grid = make_volume((155, 240, 240))
    atlas = Atlas("SRI24's size", grid, grid, "")
    for voxels, stripper, peak in ((8_928_000, "", 570e6), (47_710_208, "", 1.438e9), (1_490_944, "deepbet", 1.667e9),
                                   (47_710_208, "deepbet", 1.927e9)):
        assert peak < worker_bytes(voxels, atlas, stripper) < 1.15 * peak


def test_so_many_processes_run_as_fit_for_the_largest_scan(
    images: list[Path], atlas: Atlas, caplog: pytest.LogCaptureFixture
) -> None:
    each = worker_bytes(40 * 50 * 60, atlas, "deepbet")
    memory = int(2.5 * each / 0.85)
    assert fitting_processes(4, images, atlas, stripper="deepbet", memory_bytes=memory) == 2
    assert "1.nii.gz" in caplog.text
    assert "2 instead of 4 processes" in caplog.text
    caplog.clear()
    assert fitting_processes(2, images, atlas, stripper="deepbet", memory_bytes=memory) == 2
    assert own_messages(caplog) == []


def test_a_machine_too_small_for_one_scan_is_warned_of_and_tried(
    images: list[Path], atlas: Atlas, caplog: pytest.LogCaptureFixture
) -> None:
    assert fitting_processes(4, images, atlas, stripper="", memory_bytes=10**8) == 1
    assert "the system may kill it" in caplog.text


def test_workers_elsewhere_are_not_bounded_but_what_they_need_is_said(
    images: list[Path], atlas: Atlas, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "rnnet"):
        assert fitting_processes(8, images, atlas, stripper="", dask="tcp://s:8786", memory_bytes=10**8) == 8
    assert "A worker needs about" in caplog.text


def test_a_header_that_promises_more_than_its_file_can_hold_counts_for_little(
    tmp_path: Path, atlas: Atlas, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "a.nii"
    write_volume(path, make_volume((8, 8, 8)))
    content = bytearray(path.read_bytes())
    content[42:48] = np.array([30000, 30000, 30000], np.int16).tobytes()
    path.write_bytes(content)
    assert fitting_processes(2, [path, path], atlas, stripper="", memory_bytes=4 * 10**9) == 2
