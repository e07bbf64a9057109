from __future__ import annotations

from dataclasses import replace

import pytest

from rnnet.dataset.content import ScanContent
from rnnet.dataset.cross_check import Names, cross_check
from rnnet.dataset.integrity import IntegrityReport
from rnnet.dataset.problems import warning

OLD = warning("count-mismatch", "dataset.json", "old", "old")
A = ScanContent("a", "p1", "A", "train", "one/a_0000.nii.gz", "", "d1")
B = ScanContent("b", "p2", "B", "train", "two/b_0000.nii.gz", "", "d2")


def check(
    first: list[ScanContent], second: list[ScanContent], names: dict[str, Names] | None = None
) -> list[tuple[str, str, str]]:
    reports = {
        "Dataset001_One": IntegrityReport("Dataset001_One", (), scans=tuple(first)),
        "Dataset002_Two": IntegrityReport("Dataset002_Two", (OLD,), scans=tuple(second)),
    }
    found = cross_check(reports, names)
    assert found["Dataset001_One"] == reports["Dataset001_One"]
    assert OLD in found["Dataset002_Two"].problems
    return [(p.level, p.code, p.message) for p in found["Dataset002_Two"].problems if p != OLD]


def test_data_sets_that_share_nothing_have_no_finding() -> None:
    assert check([A], [B]) == []
    assert check([replace(A, digest="")], [replace(B, digest="")]) == []


def test_the_same_voxels_in_two_sets_are_a_warning() -> None:
    (level, code, message), = check([A], [replace(B, digest="d1")])
    assert (level, code) == ("warning", "image-in-two-datasets")
    assert "Dataset001_One (used for training: a)" in message
    assert "Dataset002_Two (used for training: b)" in message


def test_the_same_patient_id_in_two_sets_is_possibly_the_same_patient() -> None:
    more = [replace(A, scan_id=f"a{i}", digest=str(i)) for i in range(7)]
    (level, code, message), = check(more, [replace(B, patient_id="p1")])
    assert (level, code) == ("warning", "patient-in-two-datasets")
    assert "possibly the same patient" in message
    assert "a0, a1, a2, a3, a4 and 2 more" in message


@pytest.mark.parametrize("held_out", [0, 1])
@pytest.mark.parametrize(("shared", "expected"), [({"digest": "d1"}, "error"), ({"patient_id": "p1"}, "warning")])
def test_held_out_in_one_and_used_in_the_other_is_an_error_for_an_image_and_a_warning_for_a_name(
    held_out: int, shared: dict[str, str], expected: str
) -> None:
    sides = [A, replace(B, **shared)]
    sides[held_out] = replace(sides[held_out], split="test")
    ((level, _, message),) = check([sides[0]], [sides[1]])
    assert level == expected
    assert "would not be independent" in message
    assert [p[0] for p in check(*([replace(s, split="test")] for s in sides))] == ["warning"]


def test_a_training_scan_of_a_patient_who_is_held_out_counts_as_held_out() -> None:
    visits = [A, replace(A, scan_id="a2", split="test", digest="d9")]
    assert [p[0] for p in check(visits, [replace(B, digest="d1")])] == ["error"]


def test_errors_come_first_and_three_sets_are_compared_in_pairs() -> None:
    names = ("Dataset001_One", "Dataset002_Two", "Dataset003_Three")
    scans = (A, replace(B, patient_id="p1"), replace(B, patient_id="p1", split="test"))
    found = cross_check({n: IntegrityReport(n, (OLD,), scans=(s,)) for n, s in zip(names, scans, strict=True)})
    assert [len(r.problems) for r in found.values()] == [1, 2, 4]
    last = [p.level for p in found[names[2]].problems]
    assert last == sorted(last)


ONE_PATIENT = {
    "Dataset001_One": {"p1": frozenset({"Dataset001_One/p1"})},
    "Dataset002_Two": {"p1": frozenset({"Dataset002_Two/p1", "Dataset001_One/p1"})},
}


HOME = replace(A, image="Dataset001_One/imagesTr/a_0000.nii.gz")


def test_a_file_that_two_sets_share_is_no_finding() -> None:
    assert check([HOME], [replace(B, digest="d1", image=HOME.image)]) == []


def test_a_selection_that_holds_out_scans_of_its_home_is_told_once() -> None:
    homes = [replace(HOME, scan_id=f"a{n}", digest=f"d{n}", image=f"Dataset001_One/imagesTr/a{n}_0000.nii.gz")
             for n in range(3)]
    held_out = [replace(scan, split="test") for scan in homes]
    names = {name: {"p1": frozenset({"Dataset001_One/p1"})} for name in ("Dataset001_One", "Dataset002_Two")}
    ((level, code, message),) = check(homes, held_out, names)
    assert (level, code) == ("warning", "image-in-two-datasets")
    assert "Dataset002_Two holds out 1 patient(s) whose scans it shares with Dataset001_One" in message


def test_a_selection_that_trains_on_what_its_home_holds_out_is_an_error() -> None:
    found = check([replace(HOME, split="test")], [replace(B, digest="d1", image=HOME.image)])
    assert [p[0] for p in found] == ["error"]


def test_a_patient_known_to_be_one_is_a_finding_only_if_one_set_holds_him_out() -> None:
    same = replace(B, patient_id="p1")
    assert check([A], [same], ONE_PATIENT) == []
    ((level, code, message),) = check([A], [replace(same, split="test")], ONE_PATIENT)
    assert (level, code) == ("error", "patient-in-two-datasets")
    assert "it is one patient" in message
