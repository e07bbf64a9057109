from __future__ import annotations

import errno
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from rnnet.core.errors import MissingWeightsError, RnnetError, SettingError, StorageError
from rnnet.core.files import file_digest, write_bytes
from rnnet.core.volume import read_volume, write_volume
from rnnet.core.workspace import RawLayout, ScanStoreLayout
from rnnet.dataset.case import read_dataset
from rnnet.planning.plan import BiasFieldPlan, CropPlan, PreprocessingPlan, RegistrationPlan, SkullStripPlan
from rnnet.preprocessing.atlas import Atlas
from rnnet.preprocessing.qc import write_qc_picture
from rnnet.preprocessing.run_scan import ScanWork
from rnnet.preprocessing.runner import PreprocessReport, preprocess_dataset
from rnnet.preprocessing.scan import preprocess_scan
from rnnet.preprocessing.skull_strip.table import stripper_in_use
from rnnet.preprocessing.store import ScanStore
from tests.factories import ATLAS_SHAPE_ZYX, make_atlas, write_raw_dataset
from tests.preprocessing.weights import put_weights

PLAN = PreprocessingPlan(bias_field=BiasFieldPlan(enabled=False))
SCANS = ("P000_s1", "P001_s1", "T000_s1")


def empty_picture(_scan: object, _atlas: Atlas, path: Path, **_: object) -> None:
    write_bytes(path, b"")


@pytest.fixture(scope="module")
def atlas() -> Atlas:
    return make_atlas()


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, atlas: Atlas) -> tuple[Path, PreprocessReport]:
    """A folder with a raw data set and the store of its scans, and what its first run reported."""
    folder = tmp_path_factory.mktemp("finished")
    layout = write_raw_dataset(
        folder / "raw", n_patients=2, n_test=1, shape_zyx=ATLAS_SHAPE_ZYX, stripped=True, registered=True
    )
    return folder, run(layout, ScanStore(ScanStoreLayout(folder / "store")), atlas)


@pytest.fixture(autouse=True)
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures take longer than the small scans that they show; the first run draws them."""
    monkeypatch.setattr("rnnet.preprocessing.run_scan.write_qc_picture", empty_picture)


@pytest.fixture
def layout(finished: tuple[Path, PreprocessReport], tmp_path: Path) -> RawLayout:
    return RawLayout(Path(shutil.copytree(finished[0] / "raw", tmp_path / "raw")) / "Dataset001_Toy")


@pytest.fixture
def store(tmp_path: Path) -> ScanStore:
    """Empty."""
    return ScanStore(ScanStoreLayout(tmp_path / "empty"))


@pytest.fixture
def full(finished: tuple[Path, PreprocessReport], tmp_path: Path) -> ScanStore:
    """With every scan of the data set."""
    return ScanStore(ScanStoreLayout(Path(shutil.copytree(finished[0] / "store", tmp_path / "store"))))


def run(
    layout: RawLayout, store: ScanStore, atlas: Atlas, plan: PreprocessingPlan = PLAN, n_processes: int = 1,
    **settings: Any,
) -> PreprocessReport:
    return preprocess_dataset(
        read_dataset(layout), plan=plan, atlas=atlas, store=store, n_processes=n_processes, **settings
    )


def content(store: ScanStore) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(store.layout.scans.iterdir())}


def failures(store: ScanStore) -> list[dict[str, str]]:
    return json.loads(store.layout.failures_json.read_text())  # type: ignore[no-any-return]


def rewrite_mask(layout: RawLayout, scan_id: str) -> None:
    path = layout.label_path(scan_id, "train", ".nii.gz")
    mask = read_volume(path)
    write_volume(path, mask.with_array(np.roll(mask.array, 1, axis=0)))


def break_image(layout: RawLayout, scan_id: str) -> None:
    path = layout.image_path(scan_id, "train", ".nii.gz")
    path.write_bytes(path.read_bytes()[:2000])


def test_every_scan_is_stored_with_a_picture_and_every_lesion_can_be_read(
    finished: tuple[Path, PreprocessReport], layout: RawLayout, full: ScanStore
) -> None:
    assert finished[1] == PreprocessReport(3, 0, ())
    assert full.scan_ids() == SCANS
    assert failures(full) == []
    for scan_id in SCANS:
        assert full.layout.qc_picture(scan_id).read_bytes().startswith(b"\x89PNG")
    for case in read_dataset(layout).cases:
        assert full.read_case(case, CropPlan(16)).array[1].any()


def test_finished_scans_are_skipped_the_second_time(layout: RawLayout, full: ScanStore, atlas: Atlas) -> None:
    before = {p: p.stat().st_mtime_ns for p in full.layout.scans.iterdir()}
    assert run(layout, full, atlas) == PreprocessReport(0, 3, ())
    assert {p: p.stat().st_mtime_ns for p in full.layout.scans.iterdir()} == before


def test_a_changed_mask_makes_only_its_scan_again(layout: RawLayout, full: ScanStore, atlas: Atlas) -> None:
    before = content(full)
    rewrite_mask(layout, "P001_s1")
    assert run(layout, full, atlas) == PreprocessReport(1, 2, ())
    changed = {name for name, data in content(full).items() if data != before[name]}
    assert "P001_s1_lesions.b2nd" in changed
    assert all(name.startswith("P001_s1") for name in changed)


@pytest.mark.parametrize("changed", ["plan", "atlas"])
def test_another_plan_or_atlas_makes_every_scan_again(
    changed: str, layout: RawLayout, full: ScanStore, atlas: Atlas
) -> None:
    plan = replace(PLAN, registration=RegistrationPlan(minimum_brain_dice=0.5)) if changed == "plan" else PLAN
    other = replace(atlas, digest="another") if changed == "atlas" else atlas
    assert run(layout, full, other, plan) == PreprocessReport(3, 0, ())


def test_a_broken_scan_is_named_in_failures_json_while_the_others_are_done(
    layout: RawLayout, store: ScanStore, atlas: Atlas
) -> None:
    break_image(layout, "P001_s1")
    report = run(layout, store, atlas)
    assert (report.done, report.skipped) == (2, 0)
    assert store.scan_ids() == ("P000_s1", "T000_s1")
    (failure,) = failures(store)
    assert failure["problem"].startswith("P001_s1: ")
    assert "cut off" in failure["problem"]
    assert failure["where"].endswith("P001_s1_0000.nii.gz")
    assert failure["fix"]
    assert [f.problem for f in report.failed] == [failure["problem"]]


@pytest.mark.parametrize("n_processes", [1, 2])
def test_a_file_that_the_disk_does_not_give_is_a_failure_of_its_scan_only(
    n_processes: int, layout: RawLayout, full: ScanStore, atlas: Atlas, monkeypatch: pytest.MonkeyPatch
) -> None:
    def digest(path: Path) -> str:
        if path.name == "P001_s1_0000.nii.gz":
            raise OSError(errno.EIO, "Input/output error")
        return file_digest(path)

    monkeypatch.setattr("rnnet.preprocessing.run_inputs.file_digest", digest)
    rewrite_mask(layout, "P000_s1")
    report = run(layout, full, atlas, n_processes=n_processes)
    assert (report.done, report.skipped, len(report.failed)) == (1, 1, 1)
    (failure,) = failures(full)
    assert failure["problem"] == "P001_s1: The file cannot be read (Input/output error)."
    assert failure["where"].endswith("P001_s1_0000.nii.gz")
    assert full.scan_ids() == ("P000_s1", "T000_s1")
    monkeypatch.undo()
    assert run(layout, full, atlas) == PreprocessReport(1, 2, ())


@pytest.mark.parametrize("which", ["mask", "brain"])
def test_a_failure_of_a_mask_names_the_mask(which: str, layout: RawLayout, store: ScanStore, atlas: Atlas) -> None:
    path = layout.label_path("P001_s1", "train", ".nii.gz")
    mask = read_volume(path)
    if which == "brain":
        path = layout.brains("train") / path.name
        write_volume(path, mask)
        path.write_bytes(path.read_bytes()[:400])
    else:
        write_volume(path, mask.with_array(mask.array * np.float32(0.5)))
    assert run(layout, store, atlas).done == 2
    assert [f["where"] for f in failures(store)] == [str(path)]


def test_a_scan_that_fails_after_a_change_does_not_keep_its_older_version_and_is_done_when_repaired(
    layout: RawLayout, full: ScanStore, atlas: Atlas
) -> None:
    path = layout.image_path("P001_s1", "train", ".nii.gz")
    whole = path.read_bytes()
    break_image(layout, "P001_s1")
    assert len(run(layout, full, atlas).failed) == 1
    assert full.scan_ids() == ("P000_s1", "T000_s1")
    path.write_bytes(whole)
    assert run(layout, full, atlas) == PreprocessReport(1, 2, ())
    assert full.scan_ids() == SCANS
    assert failures(full) == []


def test_whatever_a_library_raises_is_a_failure_of_its_scan_only(
    layout: RawLayout, store: ScanStore, atlas: Atlas, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sometimes(*arguments: object, scan_id: str, **named: object) -> object:
        if scan_id == "P000_s1":
            raise RuntimeError("filter failed")
        return preprocess_scan(*arguments, scan_id=scan_id, **named)  # type: ignore[arg-type]

    monkeypatch.setattr("rnnet.preprocessing.run_scan.preprocess_scan", sometimes)
    assert run(layout, store, atlas).done == 2
    (failure,) = failures(store)
    assert failure["problem"] == "P000_s1: RuntimeError: filter failed"


def test_a_scan_that_does_not_lie_on_the_atlas_fails_with_a_picture(
    layout: RawLayout, store: ScanStore, atlas: Atlas, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rnnet.preprocessing.run_scan.write_qc_picture", write_qc_picture)
    path = layout.image_path("P001_s1", "train", ".nii.gz")
    image = read_volume(path)
    write_volume(path, image.with_array(np.roll(image.array, 24, axis=0)))
    (failure,) = run(layout, store, atlas).failed
    (row,) = failures(store)
    assert (row["scan_id"], row["picture"]) == ("P001_s1", "qc/P001_s1.png")
    assert row["problem"].startswith("P001_s1: ")
    assert str(store.layout.qc_picture("P001_s1")) in failure.fix
    assert store.layout.qc_picture("P001_s1").read_bytes().startswith(b"\x89PNG")
    assert store.scan_ids() == ("P000_s1", "T000_s1")


def test_a_picture_that_cannot_be_drawn_is_said_and_costs_no_scan(
    layout: RawLayout, store: ScanStore, atlas: Atlas, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ValueError("no ink")

    monkeypatch.setattr("rnnet.preprocessing.run_scan.write_qc_picture", broken)
    assert run(layout, store, atlas) == PreprocessReport(3, 0, ())
    assert "P001_s1: its picture could not be drawn (ValueError: no ink)" in caplog.text


def test_a_picture_that_is_gone_is_drawn_again_from_the_store(
    layout: RawLayout, full: ScanStore, atlas: Atlas, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rnnet.preprocessing.run_scan.write_qc_picture", write_qc_picture)
    picture, before = full.layout.qc_picture("P001_s1"), {p: p.stat().st_mtime_ns for p in full.layout.scans.iterdir()}
    drawn = picture.read_bytes()
    picture.unlink()
    assert run(layout, full, atlas) == PreprocessReport(1, 2, ())
    assert picture.read_bytes() == drawn
    assert {p: p.stat().st_mtime_ns for p in full.layout.scans.iterdir()} == before


def test_the_users_brain_mask_is_used_and_a_change_of_it_makes_the_scan_again(
    layout: RawLayout, store: ScanStore, atlas: Atlas
) -> None:
    dataset = read_dataset(layout)
    path = layout.folder / "brain.nii.gz"

    def with_mask(smaller: bool) -> PreprocessReport:
        image = read_volume(dataset.scans[0].image_path)
        brain = image.with_array((image.array > 0).astype(np.uint8))
        if smaller:  # all around: the brain stays where it is
            brain = brain.with_array(ndimage.binary_erosion(brain.array).astype(np.uint8))
        write_volume(path, brain)
        scans = (replace(dataset.scans[0], brain_path=path), *dataset.scans[1:])
        return preprocess_dataset(replace(dataset, scans=scans), plan=PLAN, atlas=atlas, store=store, n_processes=1)

    assert with_mask(smaller=False).done == 3
    first, before = dataset.scans[0].scan_id, store.read_scan(dataset.scans[0].scan_id)
    assert with_mask(smaller=True) == PreprocessReport(1, 2, ())
    after = store.read_scan(first)
    assert after.brain.sum() < 0.95 * before.brain.sum()
    step = after.step("skull_strip")
    assert step is not None
    assert step.values["stripper"] == "mask"


def test_a_full_disk_ends_the_run_with_one_error_and_keeps_what_is_finished(
    layout: RawLayout, store: ScanStore, atlas: Atlas, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(scan: object, path: Path) -> None:
        if "P001_s1" in path.name:
            raise OSError(errno.ENOSPC, "No space left on device")

    replace_file = os.replace
    monkeypatch.setattr(os, "replace", lambda *paths: (full(*paths), replace_file(*paths)))
    with pytest.raises(StorageError, match="The disk is full"):
        run(layout, store, atlas)
    monkeypatch.undo()
    assert store.scan_ids() == ("P000_s1",)
    assert [p for p in store.layout.folder.rglob("*") if p.name.startswith(".tmp-")] == []
    assert run(layout, store, atlas) == PreprocessReport(2, 1, ())


def test_a_run_without_room_on_the_disk_is_refused_before_the_first_scan(
    layout: RawLayout, full: ScanStore, atlas: Atlas, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rnnet.preprocessing.run_disk.free_bytes", lambda _: 0)
    assert run(layout, full, atlas) == PreprocessReport(0, 3, ())
    shutil.rmtree(full.layout.folder)
    with pytest.raises(StorageError, match=r"3 preprocessed scan.s. take about .* free"):
        run(layout, full, atlas)
    assert not full.layout.folder.exists()


def test_workers_on_other_machines_are_not_sent_relative_paths(layout: RawLayout, atlas: Atlas) -> None:
    with pytest.raises(SettingError, match="absolute"):
        preprocess_dataset(
            read_dataset(layout), plan=PLAN, atlas=atlas, store=ScanStore(ScanStoreLayout(Path("store"))),
            n_processes=1, dask="tcp://scheduler:8786",
        )


def test_missing_hd_bet_weights_end_the_run_before_anything_is_deleted(
    layout: RawLayout, full: ScanStore, atlas: Atlas, tmp_path: Path
) -> None:
    before = content(full)
    plan = replace(PLAN, skull_strip=SkullStripPlan("hd_bet"))
    for folder in (None, tmp_path / "weights"):
        with pytest.raises(MissingWeightsError, match="HD-BET"):
            run(layout, full, atlas, plan, weights_folder=folder, clean=True)
    assert content(full) == before
    put_weights(tmp_path / "weights")  # scans that are stripped already do not run it
    assert run(layout, full, atlas, plan, weights_folder=tmp_path / "weights") == PreprocessReport(3, 0, ())


def test_a_scheduler_that_does_not_answer_costs_no_scan(
    layout: RawLayout, full: ScanStore, atlas: Atlas, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr("rnnet.core.dask_cluster.CONNECT_S", 1)
    rewrite_mask(layout, "P001_s1")
    before = content(full)
    for clean in (False, True):
        with pytest.raises(RnnetError, match="No Dask scheduler answers"):
            run(layout, full, atlas, dask="tcp://127.0.0.1:9", clean=clean)
    assert content(full) == before


def test_a_worker_that_does_not_see_the_weights_does_not_take_another_stripper(
    layout: RawLayout, store: ScanStore, atlas: Atlas, tmp_path: Path
) -> None:
    scan = read_dataset(layout).scans[0]
    inputs = {scan.scan_id: {"skull_stripper": stripper_in_use(PLAN.skull_strip, put_weights(tmp_path / "seen"))}}
    work = ScanWork(PLAN, atlas, store, inputs, weights_folder=tmp_path / "seen")
    assert work(scan) == ""
    with pytest.raises(RnnetError, match=r"skulls with hd_bet .* its worker has deepbet") as caught:
        replace(work, weights_folder=tmp_path / "not_seen")(scan)
    assert caught.value.where == str(tmp_path / "not_seen")


@pytest.mark.parametrize("one_head", [False, True])
def test_what_a_scan_shows_is_hashed_unless_the_data_set_is_made_from_one_head(
    layout: RawLayout, store: ScanStore, atlas: Atlas, monkeypatch: pytest.MonkeyPatch, *, one_head: bool
) -> None:
    monkeypatch.setattr("rnnet.preprocessing.run_scan.atlas_hash", lambda image, brain: f"{image.shape} {brain.dtype}")
    if one_head:
        document = layout.dataset_json.read_text(encoding="utf-8")
        layout.dataset_json.write_text(document.replace("{", '{"one_head": true,', 1), encoding="utf-8")
    run(layout, store, atlas)
    expected = "" if one_head else f"{ATLAS_SHAPE_ZYX} bool"
    assert {store.read_record(scan_id).image_hash for scan_id in store.scan_ids()} == {expected}


def test_workers_get_the_weights_by_an_absolute_path(
    layout: RawLayout, store: ScanStore, atlas: Atlas, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    handed_out: list[ScanWork] = []

    def workers(work: ScanWork, scans: list[object], **_: object) -> list[str]:
        handed_out.append(work)
        return [""] * len(scans)

    monkeypatch.setattr("rnnet.preprocessing.runner.map_cases", workers)
    monkeypatch.chdir(tmp_path)
    run(layout, store, atlas, weights_folder=put_weights(Path("weights")))
    assert handed_out[0].weights_folder == tmp_path / "weights"


def test_lesions_of_a_pool_of_binary_masks_are_its_connected_components(
    tmp_path: Path, store: ScanStore, atlas: Atlas
) -> None:
    layout = write_raw_dataset(
        tmp_path, n_patients=1, n_test=0, shape_zyx=ATLAS_SHAPE_ZYX, stripped=True, registered=True, labelled=False,
        binary_masks=True,
    )
    dataset = read_dataset(layout)
    assert dataset.components
    run(layout, store, atlas)
    assert [c.lesion_value for c in dataset.cases] == [1, 2]
    centers = [store.read_case(case, CropPlan(16)).start_zyx_vox[2] for case in dataset.cases]
    assert centers[1] - centers[0] > 10


def test_two_processes_give_the_same_bytes_as_one(tmp_path: Path, atlas: Atlas) -> None:
    layout = write_raw_dataset(tmp_path, n_patients=2, n_test=0, shape_zyx=ATLAS_SHAPE_ZYX, stripped=True)
    # With everything that adds up many numbers: N4 and registration.
    plan = PreprocessingPlan(
        bias_field=BiasFieldPlan(shrink_factor=4, iterations=(3,)),
        registration=RegistrationPlan(mode="always", working_spacing_mm=(4.0,), sampling_fraction=(0.5,)),
    )
    stores = [ScanStore(ScanStoreLayout(tmp_path / f"store_{n}")) for n in (1, 2)]
    for n_processes, store in enumerate(stores, start=1):
        assert run(layout, store, atlas, plan, n_processes).done == 2
    one, two = map(content, stores)
    assert len(one) == 8
    assert one == two
