from __future__ import annotations

from pathlib import Path

from rnnet.core.types import Scan
from rnnet.core.workspace import RawLayout
from rnnet.dataset.write_tables import write_other_ids
from rnnet.experiment.left_out import PoolScan, copies, of_held_out_patients
from tests.dataset.hashes import made_up_hash


def pool_scan(root: Path, dataset: str, scan_id: str, patient: str, image: str = "", file: str = "") -> PoolScan:
    layout = RawLayout(root / dataset)
    path = root / file if file else layout.image_path(scan_id, "train", ".nii.gz")
    return PoolScan(dataset, layout, Scan(scan_id, patient, "A", None, path, None), image)


def test_who_is_held_out_is_followed_through_names_and_images(tmp_path: Path) -> None:
    """T is held out in D1; b shows his image, and is c by name."""
    write_other_ids(RawLayout(tmp_path / "D2"), {"b": ["c"]})
    scans = [
        pool_scan(tmp_path, "D1", "t1", "T", made_up_hash(1)), pool_scan(tmp_path, "D1", "a1", "a", made_up_hash(2)),
        pool_scan(tmp_path, "D2", "b1", "b", made_up_hash(1)), pool_scan(tmp_path, "D2", "b2", "b", made_up_hash(3)),
        pool_scan(tmp_path, "D3", "c1", "c", made_up_hash(4)), pool_scan(tmp_path, "D3", "d1", "d", made_up_hash(5)),
    ]
    found = of_held_out_patients(scans, {"D1": {"T"}, "D2": set(), "D3": set()})
    assert [(f.scan_id, f.reason, f.same_as) for f in found] == [
        ("t1", "held-out patient", ""), ("b1", "image of a held-out patient", "D1/t1"),
        ("b2", "image of a held-out patient", "D1/t1"), ("c1", "held-out patient under another name", "D2/b"),
    ]


def test_an_equal_id_in_two_data_sets_alone_holds_nobody_out(tmp_path: Path) -> None:
    scans = [pool_scan(tmp_path, name, "s1", "P001") for name in ("D1", "D2")]
    assert [f.dataset for f in of_held_out_patients(scans, {"D1": {"P001"}, "D2": set()})] == ["D1"]


def test_of_a_patients_scans_that_look_like_one_earlier_scan_only_the_nearest_is_its_copy(tmp_path: Path) -> None:
    first = pool_scan(tmp_path, "D1", "a1", "a", made_up_hash(1))
    later = [pool_scan(tmp_path, "D2", "b1", "b", made_up_hash(1, shift=2)),
             pool_scan(tmp_path, "D2", "b2", "b", made_up_hash(1))]
    assert [(f.scan_id, f.same_as) for f in copies([first, *later])] == [("b2", "D1/a1")]


def test_follow_up_scans_of_one_patient_are_kept_and_another_patients_copy_is_not(tmp_path: Path) -> None:
    scans = [pool_scan(tmp_path, "D1", f"{p}{n}", p, made_up_hash(1)) for p, n in (("a", 1), ("a", 2), ("b", 1))]
    assert [(f.scan_id, f.same_as) for f in copies(scans)] == [("b1", "D1/a1")]


def test_a_scan_that_shares_a_file_with_another_data_set_is_a_copy_without_any_hash(tmp_path: Path) -> None:
    shared = "D1/imagesTr/a1_0000.nii.gz"
    scans = [pool_scan(tmp_path, "D1", "a1", "a"), pool_scan(tmp_path, "D2", "x1", "a", file=shared),
             pool_scan(tmp_path, "D2", "x2", "b")]
    assert [(f.dataset, f.scan_id, f.reason) for f in copies(scans)] == [("D2", "x1", "copy of another scan")]
