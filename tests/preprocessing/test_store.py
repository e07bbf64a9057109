from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from rnnet.core.errors import CaseFailedError, FileFormatError, MissingStageError
from rnnet.core.types import LesionCase
from rnnet.core.workspace import ScanStoreLayout
from rnnet.planning.plan import CropPlan
from rnnet.preprocessing.crop import crop_lesion, window
from rnnet.preprocessing.state import PreprocessedScan
from rnnet.preprocessing.store import STORE_FORMAT, ScanStore
from tests.factories import make_lesion_mask
from tests.preprocessing.scans import make_scan

INPUTS = {"image": "a1", "mask": "b2", "plan": "c3"}
# Longer than one chunk on one axis, with lesions in the middle and at two borders.
CENTERS = [(12, 14, 40), (1, 14, 69), (22, 2, 30)]


@pytest.fixture
def store(tmp_path: Path) -> ScanStore:
    return ScanStore(ScanStoreLayout(tmp_path / "scans_0"))


@pytest.fixture(scope="module")
def scan() -> PreprocessedScan:
    return make_scan(make_lesion_mask((24, 28, 72), CENTERS, radius_vox=3))


def lesion(value: int) -> LesionCase:
    return LesionCase(f"P001_s1_{value}", "P001_s1", "P001", "A", value)


def test_a_record_that_cannot_be_read_counts_as_absent(store: ScanStore, scan: PreprocessedScan) -> None:
    store.write_scan(scan, INPUTS)
    assert store.has_scan("P001_s1", INPUTS)
    assert not store.has_scan("P001_s1", {**INPUTS, "image": "a2"})
    path = store.layout.record("P001_s1")
    whole = path.read_bytes()
    for damaged in (b"", whole[:-9], b"[]", bytes(len(whole)), b"\xff" * 9):
        path.write_bytes(damaged)
        assert not store.has_scan("P001_s1", INPUTS)


def test_the_hash_of_what_a_scan_shows_stands_in_its_record(store: ScanStore, scan: PreprocessedScan) -> None:
    store.write_scan(scan, INPUTS, image_hash="atlas1:abc")
    assert store.read_record("P001_s1").image_hash == "atlas1:abc"
    store.write_scan(scan, INPUTS)
    assert store.read_record("P001_s1").image_hash == ""


def test_a_scan_is_read_back_bit_for_bit(store: ScanStore, scan: PreprocessedScan) -> None:
    store.write_scan(scan, INPUTS)
    again = store.read_scan("P001_s1")
    for name in ("image", "brain", "lesions", "to_atlas"):
        written, read = getattr(scan, name), getattr(again, name)
        assert read.dtype == written.dtype
        assert read.tobytes() == written.tobytes()
        assert read.shape == written.shape
    for name in ("scan_id", "native", "history", "warnings", "atlas_origin_xyz_mm"):
        assert getattr(again, name) == getattr(scan, name)


@pytest.mark.parametrize("center", ["bounding_box", "center_of_mass"])
@pytest.mark.parametrize("value", [1, 2, 3])
@pytest.mark.parametrize("edge", [9, 16])
def test_a_case_from_disk_is_the_case_from_memory(
    store: ScanStore, scan: PreprocessedScan, value: int, edge: int, center: Literal["bounding_box", "center_of_mass"]
) -> None:
    store.write_scan(scan, INPUTS)
    plan = CropPlan(edge, center)
    expected = crop_lesion(scan, case_id=f"P001_s1_{value}", lesion_value=value, plan=plan)
    found = store.read_case(lesion(value), plan)
    assert found.array.tobytes() == expected.array.tobytes()
    assert (found.case_id, found.start_zyx_vox, found.warnings) == (
        expected.case_id, expected.start_zyx_vox, expected.warnings
    )


def test_an_absent_lesion_names_the_record_and_the_lesions(store: ScanStore, scan: PreprocessedScan) -> None:
    store.write_scan(scan, INPUTS)
    with pytest.raises(CaseFailedError, match="no lesion 9") as caught:
        store.read_case(lesion(9), CropPlan(16))
    assert caught.value.where.endswith("P001_s1.json")
    assert "1, 2, 3" in caught.value.fix


def test_a_scan_without_its_record_does_not_count(store: ScanStore, scan: PreprocessedScan) -> None:
    assert store.scan_ids() == ()
    store.write_scan(scan, INPUTS)
    assert store.scan_ids() == ("P001_s1",)
    store.layout.record("P001_s1").unlink()
    assert store.scan_ids() == ()
    assert not store.has_scan("P001_s1", INPUTS)
    with pytest.raises(MissingStageError) as caught:
        store.read_scan("P001_s1")
    assert "rnnet_preprocess" in caught.value.fix


def test_a_write_that_breaks_off_leaves_no_record_of_the_older_scan(
    store: ScanStore, scan: PreprocessedScan, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.write_scan(scan, INPUTS)

    def broken(*_: object, **__: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("rnnet.preprocessing.store.write_artefact", broken)
    with pytest.raises(OSError, match="disk full"):
        store.write_scan(make_scan(scan.lesions, seed=1), INPUTS)
    assert store.scan_ids() == ()


def test_a_scan_that_is_written_again_is_read_anew(store: ScanStore, scan: PreprocessedScan) -> None:
    store.write_scan(scan, INPUTS)
    store.read_case(lesion(1), CropPlan(16))
    moved = make_scan(make_lesion_mask((24, 28, 72), [(12, 14, 20)], radius_vox=3))
    store.write_scan(moved, INPUTS)
    expected = crop_lesion(moved, case_id="P001_s1_1", lesion_value=1, plan=CropPlan(16))
    assert store.read_case(lesion(1), CropPlan(16)).array.tobytes() == expected.array.tobytes()


@pytest.mark.parametrize(
    "changed", [{**INPUTS, "mask": "other"}, {"image": "a1", "plan": "c3"}, {**INPUTS, "atlas": "d4"}]
)
def test_a_scan_made_from_other_inputs_is_not_there(
    store: ScanStore, scan: PreprocessedScan, changed: dict[str, str]
) -> None:
    store.write_scan(scan, INPUTS)
    assert store.has_scan("P001_s1", INPUTS)
    assert not store.has_scan("P001_s1", changed)


@pytest.mark.parametrize("damage", ["cut", "overwritten", "missing", "text"])
def test_a_damaged_file_is_a_format_error(store: ScanStore, scan: PreprocessedScan, damage: str) -> None:
    store.write_scan(scan, INPUTS)
    path = store.layout.image("P001_s1")
    content = path.read_bytes()
    middle = len(content) // 2
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes({
            "cut": content[:middle], "text": b"not an array",
            "overwritten": content[:200] + bytes(len(content) - 400) + content[-200:],
        }[damage])
    for read in (lambda: store.read_scan("P001_s1"), lambda: store.read_case(lesion(1), CropPlan(16))):
        with pytest.raises(FileFormatError) as caught:
            read()
        assert caught.value.where == str(path)
        assert "rnnet_preprocess" in caught.value.fix


def test_a_crop_of_brain_is_centred_on_brain_and_shows_all_lesions_inside(store: ScanStore) -> None:
    brain = np.zeros((24, 28, 72), bool)
    brain[8:12, 10:20, 30:60] = True
    scan = make_scan(make_lesion_mask((24, 28, 72), CENTERS, radius_vox=3), brain=brain)
    store.write_scan(scan, INPUTS)
    for number in range(20):
        rng = np.random.default_rng(number)
        crop = store.read_brain_crop("P001_s1", CropPlan(16), rng, case_id="brain")
        middle = tuple(s + 8 for s in crop.start_zyx_vox)
        assert brain[middle]
        np.testing.assert_array_equal(crop.array[0], window(scan.image, crop.start_zyx_vox, 16))
        np.testing.assert_array_equal(crop.array[1], window(scan.lesions, crop.start_zyx_vox, 16) > 0)


@pytest.mark.parametrize(("inputs", "expected"), [
    ({"store": STORE_FORMAT}, ""), ({"store": "2"}, None), ({}, None),
], ids=["no hash by rule", "of an older format", "of an unknown format"])
def test_a_missing_hash_is_told_from_one_that_an_older_format_did_not_have(
    store: ScanStore, scan: PreprocessedScan, inputs: dict[str, str], expected: str | None
) -> None:
    store.write_scan(scan, inputs)
    assert store.image_hash("P001_s1") == expected
    store.write_scan(scan, inputs, image_hash="abc")
    assert store.image_hash("P001_s1") == "abc"
