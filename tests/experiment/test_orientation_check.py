from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rnnet.core.files import file_digest
from rnnet.core.volume import Volume, read_volume, write_volume
from rnnet.core.workspace import Workspace
from rnnet.dataset.case import RawDataset
from rnnet.dataset.integrity import IntegrityReport, check_dataset
from rnnet.experiment.access import store_of
from rnnet.experiment.orientation_check import add_orientation
from rnnet.planning.plan import with_settings, write_plan
from rnnet.preprocessing.atlas import Atlas
from rnnet.preprocessing.registration.flips import FlipFinding
from rnnet.preprocessing.state import StepRecord
from tests.experiment.workspaces import NAME, PLAN, write_dataset
from tests.factories import make_atlas, make_head_scan
from tests.preprocessing.scans import make_scan

MESSAGE = "The scan may be mirrored."


@pytest.fixture
def dataset(workspace: Workspace) -> RawDataset:
    dataset = write_dataset(workspace, n_patients=2, n_test=0, stripped=True)
    write_plan(workspace.preprocessed_dataset(NAME).plans_json(), PLAN, inputs={})
    return dataset


def write_record(workspace: Workspace, dataset: RawDataset, number: int, suspected: str | None) -> None:
    """A preprocessed scan, compared with the atlas unless `suspected` is None."""
    scan = dataset.scans[number]
    assert scan.mask_path is not None
    done = make_scan(read_volume(scan.mask_path).array, scan_id=scan.scan_id, seed=number)
    if suspected is not None:
        done = replace(done, history=(*done.history, StepRecord("orientation", {"suspected": suspected})))
    store_of(workspace, NAME, PLAN).write_scan(done, {"image": file_digest(scan.image_path)})


def orientation(report: IntegrityReport) -> list[tuple[str, str]]:
    return [(Path(p.where).name, p.message) for p in report.problems if p.code == "suspected-flip"]


def test_what_preprocessing_found_stands_in_the_report(workspace: Workspace, dataset: RawDataset) -> None:
    report = check_dataset(dataset.layout)
    assert add_orientation(workspace, report) == report
    write_record(workspace, dataset, 0, MESSAGE)
    write_record(workspace, dataset, 1, "")
    found = add_orientation(workspace, report)
    assert orientation(found) == [("P000_s1_0000.nii.gz", MESSAGE)]
    assert (report.n_oriented, found.n_oriented) == (0, 2)
    assert set(report.problems) < set(found.problems)


def test_records_of_another_image_or_without_the_comparison_do_not_count(
    workspace: Workspace, dataset: RawDataset
) -> None:
    write_record(workspace, dataset, 0, MESSAGE)
    write_record(workspace, dataset, 1, None)
    image = read_volume(dataset.scans[0].image_path)
    write_volume(dataset.scans[0].image_path, image.with_array(image.array + 1))
    found = add_orientation(workspace, check_dataset(dataset.layout))
    assert (orientation(found), found.n_oriented) == ([], 0)


def test_damaged_records_and_plans_are_as_if_they_were_not_there(workspace: Workspace, dataset: RawDataset) -> None:
    report = check_dataset(dataset.layout)
    write_record(workspace, dataset, 0, MESSAGE)
    store_of(workspace, NAME, PLAN).layout.record("P000_s1").write_text("{")
    assert add_orientation(workspace, report).n_oriented == 0
    workspace.preprocessed_dataset(NAME).plans_json().write_text("{")
    assert add_orientation(workspace, report) == report


def test_a_pool_is_looked_up_under_the_plan_of_another_data_set(workspace: Workspace, dataset: RawDataset) -> None:
    pool = write_dataset(workspace, "Dataset002_Pool", n_patients=1, n_test=0, labelled=False, seed=50)
    scan = pool.scans[0]
    done = replace(make_scan(np.ones((9, 9, 9), np.uint16), scan_id=scan.scan_id),
                   history=(StepRecord("orientation", {"suspected": MESSAGE}),))
    store_of(workspace, pool.name, PLAN).write_scan(done, {"image": file_digest(scan.image_path)})
    report = check_dataset(pool.layout)
    assert add_orientation(workspace, report).n_oriented == 0
    assert add_orientation(workspace, report, plan_of=(pool.name, NAME)).n_oriented == 1


def test_scans_without_a_record_are_compared_on_demand(
    workspace: Workspace, dataset: RawDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    head, _ = make_head_scan(make_atlas())
    left = head.array.shape[2] // 4  # a mark that a mirror takes to the other side
    head.array[:, :, left] *= 2
    turned = replace(head, array=head.array[:, ::-1, ::-1], direction_xyz=(-1, 0, 0, 0, -1, 0, 0, 0, 1))
    write_volume(dataset.scans[0].image_path, turned)
    write_volume(dataset.scans[1].image_path, head.with_array(head.array[:, :, ::-1]))
    brains = []

    def suspect(brain: Volume, _atlas: Atlas) -> FlipFinding | None:
        brains.append(brain)
        is_marked = brain.array[:, :, left].mean() > brain.array[:, :, -1 - left].mean()
        return None if is_marked else FlipFinding("left-right", 1.0, 2.0)

    monkeypatch.setattr("rnnet.experiment.orientation_check.suspect_flip", suspect)
    found = add_orientation(workspace, check_dataset(dataset.layout), atlas=make_atlas())
    assert found.n_oriented == 2
    assert orientation(found) == [("P001_s1_0000.nii.gz", FlipFinding("left-right", 1.0, 2.0).message)]
    assert all(b.direction_xyz == (1, 0, 0, 0, 1, 0, 0, 0, 1) and (b.array[0] == 0).all() for b in brains)


def test_no_more_workers_compare_scans_than_fit_into_the_memory(
    workspace: Workspace, dataset: RawDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    used: list[int] = []

    def workers(_: object, scans: list[object], *, n_processes: int, title: str) -> list[str]:
        used.append(n_processes)
        return [""] * len(scans)

    monkeypatch.setattr("rnnet.experiment.orientation_check.map_cases", workers)
    report = check_dataset(dataset.layout)
    for memory in (10**12, 5 * 10**8):
        monkeypatch.setattr("rnnet.preprocessing.run_memory.host_memory_bytes", lambda memory=memory: memory)
        add_orientation(workspace, report, atlas=make_atlas(), n_processes=2)
    assert used == [2, 1]


def test_a_scan_that_lies_right_is_no_finding_of_the_real_comparison(workspace: Workspace, dataset: RawDataset) -> None:
    atlas = make_atlas()
    write_volume(dataset.scans[0].image_path, make_head_scan(atlas)[0])
    write_record(workspace, dataset, 1, "")
    found = add_orientation(workspace, check_dataset(dataset.layout), atlas=atlas)
    assert (orientation(found), found.n_oriented) == ([], 2)


def test_a_scan_that_cannot_be_compared_is_said_and_the_others_are_counted(
    workspace: Workspace, dataset: RawDataset
) -> None:
    write_record(workspace, dataset, 0, "")
    store = store_of(workspace, NAME, PLAN)
    write_plan(workspace.preprocessed_dataset(NAME).plans_json(), with_settings(PLAN, [
        "preprocessing.skull_strip.stripper=mask"]), inputs={})
    moved = store_of(workspace, NAME, with_settings(PLAN, ["preprocessing.skull_strip.stripper=mask"]))
    store.layout.folder.rename(moved.layout.folder)
    found = add_orientation(workspace, check_dataset(dataset.layout), atlas=make_atlas())
    assert found.n_oriented == 1
    assert [(p.level, Path(p.where).name) for p in found.problems if p.code == "orientation-unknown"] == [
        ("warning", "P001_s1_0000.nii.gz")]
