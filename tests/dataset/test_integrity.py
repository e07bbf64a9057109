from __future__ import annotations

import ast
import gzip
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rnnet.core.codec import to_plain
from rnnet.core.errors import DatasetError
from rnnet.core.volume import Volume, read_volume, write_volume
from rnnet.core.workspace import RawLayout
from rnnet.dataset.case import read_dataset
from rnnet.dataset.integrity import check_dataset
from rnnet.dataset.problems import PROBLEM_CODES
from tests.factories import write_raw_dataset, write_scan


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> RawLayout:
    return write_raw_dataset(tmp_path_factory.mktemp("good"), n_patients=4, n_test=1)


@pytest.fixture
def layout(good: RawLayout, tmp_path: Path) -> RawLayout:
    return RawLayout(Path(shutil.copytree(good.folder, tmp_path / good.folder.name)))


def image(layout: RawLayout) -> Path:
    return layout.image_path("P000_s1", "train", ".nii.gz")


def mask(layout: RawLayout) -> Path:
    return layout.label_path("P000_s1", "train", ".nii.gz")


def change(path: Path, edit: Callable[[Volume], Volume]) -> None:
    write_volume(path, edit(read_volume(path)))


def voxels(edit: Callable[[np.ndarray], object], dtype: type = float) -> Callable[[Volume], Volume]:
    def apply(volume: Volume) -> Volume:
        array: np.ndarray = volume.array.astype(dtype)
        edit(array)
        return volume.with_array(array)

    return apply


def csv(old: str, new: str, count: int = 1) -> Callable[[RawLayout], None]:
    def apply(layout: RawLayout) -> None:
        text = layout.cases_csv.read_text()
        assert old in text
        layout.cases_csv.write_text(text.replace(old, new, count))

    return apply


def without_outcome(patient: str) -> Callable[[RawLayout], None]:
    def apply(layout: RawLayout) -> None:
        for value in (1, 2):
            csv(f"{patient},A,0,{value},train,progression", f"{patient},A,0,{value},train,")(layout)

    return apply


def manifest(key: str, value: object) -> Callable[[RawLayout], None]:
    def apply(layout: RawLayout) -> None:
        document = json.loads(layout.dataset_json.read_text())
        document[key] = value
        layout.dataset_json.write_text(json.dumps(document))

    return apply


def set_image(edit: Callable[[Volume], Volume]) -> Callable[[RawLayout], None]:
    return lambda layout: change(image(layout), edit)


def set_mask(edit: Callable[[Volume], Volume]) -> Callable[[RawLayout], None]:
    return lambda layout: change(mask(layout), edit)


def shift(x_mm: float) -> Callable[[Volume], Volume]:
    return lambda v: replace(v, origin_xyz_mm=(v.origin_xyz_mm[0] + x_mm, *v.origin_xyz_mm[1:]))


def smaller(volume: Volume) -> Volume:
    return replace(volume, array=volume.array[:, :, :-1])


def four_dimensional(layout: RawLayout) -> None:
    import SimpleITK as sitk

    volume = read_volume(image(layout)).to_sitk()
    sitk.WriteImage(sitk.JoinSeries([volume, volume]), str(image(layout)))


def cut_off(layout: RawLayout) -> None:
    image(layout).write_bytes(image(layout).read_bytes()[:2000])


def broken_qform(layout: RawLayout) -> None:
    import nibabel

    stored = nibabel.load(image(layout))
    header = stored.header.copy()
    header["quatern_b"] = 3.0  # no rotation has such a quaternion
    header["qform_code"] = 1
    nibabel.Nifti1Image(np.asarray(stored.dataobj), None, header).to_filename(image(layout))


@pytest.mark.parametrize(("level", "code", "spoil"), [
    ("error", "dataset-json-missing", lambda d: d.dataset_json.unlink()),
    ("error", "dataset-json-invalid", lambda d: d.dataset_json.write_text("{")),
    ("error", "dataset-json-invalid", manifest("positive_outcome", "nothing")),
    ("error", "dataset-json-invalid", manifest("outcomes", {"a": 0})),
    ("warning", "count-mismatch", manifest("numTraining", 7)),
    ("error", "unreadable-table", lambda d: d.cases_csv.write_bytes(b"\xff\xfe\x00")),
    ("error", "missing-column", csv("label_source", "source")),
    ("error", "duplicate-column", csv("label_source", "days")),
    ("warning", "undeclared-column", manifest("clinical", {"age": {"type": "numeric"}})),
    ("error", "no-cases", lambda d: d.cases_csv.write_text(d.cases_csv.read_text().splitlines()[0])),
    ("error", "empty-value", csv(",P000,A,", ",P000,,")),
    ("error", "bad-id", csv("P000_s1_1,", "P000 s1,")),
    ("error", "duplicate-case-id", csv("P000_s1_2,", "P000_s1_1,")),
    ("error", "duplicate-lesion", csv("A,0,2,", "A,0,1,")),
    ("error", "unknown-outcome", csv(",progression,", ",unclear,")),
    ("error", "unknown-split", csv(",train,", ",validation,")),
    ("error", "lesion-value-not-integer", csv("A,0,1,", "A,0,one,")),
    ("error", "wrong-type", csv(",40.0,", ",forty,")),
    ("error", "category-unknown", csv(",female", ",f")),
    ("error", "scan-of-two-patients", csv("P000_s1,P000,", "P000_s1,P009,")),
    ("error", "scan-conflict", csv("P000,A,0,", "P000,B,0,")),
    ("error", "patient-in-both-splits", csv("T000_s1,T000,", "T000_s1,P000,", 2)),
    ("warning", "unlabelled-test-case", csv(",test,progression", ",test,")),
    ("error", "one-outcome-missing", csv(",train,progression", ",train,", 4)),
    ("error", "too-few-patients", without_outcome("P000")),
    ("warning", "few-patients", lambda _: None),
    ("error", "missing-image", lambda d: image(d).unlink()),
    ("error", "missing-mask", lambda d: mask(d).unlink()),
    ("error", "zero-byte-file", lambda d: image(d).write_bytes(b"")),
    ("error", "zero-byte-file", lambda d: mask(d).write_bytes(b"")),
    ("error", "unreadable-image", lambda d: image(d).write_text("patient,age\n1,2\n")),
    ("error", "unreadable-image", lambda d: image(d).write_bytes(gzip.compress(b"no header"))),
    ("error", "unreadable-image", cut_off),
    ("error", "unreadable-mask", lambda d: mask(d).write_text("notes")),
    ("error", "not-3d", four_dimensional),
    ("error", "not-3d", set_image(lambda v: replace(v, array=v.array[:1]))),
    ("warning", "image-without-case", lambda d: write_scan(d, "X")),
    ("warning", "mask-without-image", lambda d: write_scan(d, "X")),
    ("warning", "image-name", lambda d: image(d).with_name("Y.nii.gz").write_bytes(image(d).read_bytes())),
    ("warning", "folder-passed-over", lambda d: (d.images("train") / "P000_s1").mkdir()),
    ("warning", "mask-other-grid", set_mask(smaller)),
    ("warning", "mask-other-grid", set_mask(shift(3.0))),
    ("warning", "mask-other-grid", set_mask(lambda v: replace(v, spacing_zyx_mm=(1.0, 1.0, 1.2)))),
    ("error", "mask-elsewhere", set_mask(shift(300.0))),
    ("error", "mask-elsewhere", set_mask(lambda v: replace(v, direction_xyz=(-1, 0, 0, 0, -1, 0, 0, 0, 1)))),
    ("error", "lesion-outside-image", set_mask(shift(-13.0))),
    ("warning", "geometry-slightly-off", set_mask(shift(0.1))),
    ("warning", "nan-or-inf", set_image(voxels(lambda a: a.__setitem__((0, 0, 0), np.nan)))),
    ("error", "nan-or-inf", set_image(voxels(lambda a: a.__setitem__((12, 14, 13), np.nan)))),
    ("error", "nan-or-inf", set_image(voxels(lambda a: a.__setitem__((9, 9, 9), np.inf)))),
    ("error", "constant-image", set_image(voxels(lambda a: a.fill(7)))),
    ("error", "empty-mask", set_mask(voxels(lambda a: a.fill(0), int))),
    ("error", "mask-values-not-whole", set_mask(voxels(lambda a: a.__setitem__((0, 0, 0), 0.5)))),
    ("error", "mask-values-not-whole", set_mask(voxels(lambda a: a.__setitem__((0, 0, 0), -1)))),
    ("error", "lesion-value-absent", csv("A,0,2,", "A,0,9,")),
    ("warning", "mask-without-case", set_mask(voxels(lambda a: a.__setitem__((0, 0, slice(0, 20)), 5), np.uint8))),
    ("error", "duplicate-image", lambda d: shutil.copy(d.image_path("P001_s1", "train", ".nii.gz"), image(d))),
    ("warning", "lesion-outside-head", set_mask(lambda v: v.with_array(np.roll(v.array, 10, axis=(0, 1))))),
    ("warning", "flat-lesion", set_mask(voxels(lambda a: a.__setitem__(np.arange(24) != 12, 0), np.uint8))),
    ("warning", "shared-label", set_mask(voxels(lambda a: a.__setitem__((slice(3),) * 3, 1), np.uint8))),
    ("warning", "header-mended", broken_qform),
    ("warning", "small-lesion", set_mask(voxels(lambda a: a.__setitem__(
        np.nonzero(a == 2), np.where(np.arange((a == 2).sum()) < 5, 2, 0)), np.uint8))),
])
def test_bad_input_is_found(layout: RawLayout, level: str, code: str, spoil: Callable[[RawLayout], object]) -> None:
    spoil(layout)
    found = [p for p in check_dataset(layout).problems if p.code == code]
    assert found, f"{code} was not found"
    for problem in found:
        assert problem.level == level
        assert "\n" not in f"{problem.message}{problem.where}{problem.fix}"
        assert problem.where
        assert problem.fix


def test_a_good_data_set_has_no_error(layout: RawLayout) -> None:
    report = check_dataset(layout)
    assert [(p.level, p.code) for p in report.problems] == [("warning", "few-patients")]
    assert (report.n_scans, report.n_cases) == (5, 10)
    report.raise_if_errors()


def test_all_problems_come_at_once_with_errors_first_in_any_number_of_processes(layout: RawLayout) -> None:
    csv(",progression,", ",unclear,")(layout)
    csv(",40.0,", ",forty,")(layout)
    image(layout).write_text("no image")
    layout.label_path("P001_s1", "train", ".nii.gz").unlink()
    report = check_dataset(layout)
    assert {"unknown-outcome", "wrong-type", "unreadable-image", "missing-mask"} <= {p.code for p in report.errors}
    assert [p.level for p in report.problems] == sorted((p.level for p in report.problems), key=lambda v: v != "error")
    assert check_dataset(layout, n_processes=2) == report
    with pytest.raises(DatasetError, match=f"{len(report.errors)} error") as caught:
        report.raise_if_errors()
    assert caught.value.fix == "Run rnnet_verify_dataset_integrity -d Dataset001_Toy to see all."


def test_every_finding_has_a_documented_code_and_level() -> None:
    calls = [c for tree in sources() for c in ast.walk(tree) if isinstance(c, ast.Call) and len(c.args) == 4]
    found = 0
    for call in calls:
        name, code = getattr(call.func, "id", ""), call.args[0]
        if name in ("error", "warning") and isinstance(code, ast.Constant):
            assert name in PROBLEM_CODES[code.value].level.split(" or "), code.value
            found += 1
    assert found > 50


def test_every_documented_code_can_be_found_and_has_a_meaning_and_a_cure() -> None:
    texts = {c.value for tree in sources() for c in ast.walk(tree) if isinstance(c, ast.Constant)}
    put_together = {"unreadable-image", "unreadable-mask", "unreadable-brain-mask"}
    assert set(PROBLEM_CODES) - put_together <= texts
    for kind in PROBLEM_CODES.values():
        assert kind.meaning.endswith(".")
        assert kind.cure.endswith((".", "?"))


def sources() -> list[ast.Module]:
    """The parsed modules of rnnet, without the table of codes."""
    folder = Path(check_dataset.__code__.co_filename).parents[1]
    return [ast.parse(p.read_text(encoding="utf-8")) for p in folder.rglob("*.py") if p.name != "problems.py"]


def test_what_a_renamed_text_file_is_stands_in_the_message(layout: RawLayout) -> None:
    image(layout).write_text("patient,age\n1,2\n")
    found = next(p for p in check_dataset(layout).errors if p.code == "unreadable-image")
    assert "plain text" in found.message


def test_a_report_can_be_stored_as_json(layout: RawLayout) -> None:
    plain = json.loads(json.dumps(to_plain(check_dataset(layout))))
    assert plain["problems"][0]["code"] == "few-patients"


def test_a_pool_is_checked(tmp_path: Path) -> None:
    layout = write_raw_dataset(tmp_path, n_patients=2, n_test=0, labelled=False, binary_masks=True)
    assert check_dataset(layout).problems == ()
    change(mask(layout), voxels(lambda a: a.__setitem__((0, 0, 0), 1), np.uint8))
    layout.label_path("P001_s1", "train", ".nii.gz").unlink()
    layout.patients_csv.write_text("scan_id,patient_id\nnobody,anna\n")
    report = check_dataset(layout)
    assert {p.code for p in report.warnings} == {"ignored-specks", "missing-mask", "missing-image"}
    assert report.errors == ()
    image(layout).unlink()
    layout.image_path("P001_s1", "train", ".nii.gz").unlink()
    assert {p.code for p in check_dataset(layout).errors} == {"no-cases"}


def test_the_check_and_the_reader_agree_about_the_first_error(layout: RawLayout) -> None:
    csv(",progression,", ",unclear,")(layout)
    with pytest.raises(DatasetError) as caught:
        read_dataset(layout)
    assert caught.value.problem == check_dataset(layout).errors[0].message


def test_real_scans_verify_as_a_pool(tmp_path: Path, test_data: Path) -> None:
    layout = RawLayout(tmp_path / "Dataset005_Real")
    layout.images("train").mkdir(parents=True)
    layout.labels("train").mkdir()
    layout.dataset_json.write_text(json.dumps({
        "name": "Real", "channel_names": {"0": "T1CE"}, "file_ending": ".nrrd", "numTraining": 2,
    }))
    for name in ("brain1", "brain2"):
        (layout.images("train") / f"{name}_0000.nrrd").symlink_to(test_data / "t1ce" / f"{name}_image.nrrd")
        (layout.labels("train") / f"{name}.nrrd").symlink_to(test_data / "t1ce" / f"{name}_label.nrrd")
    assert check_dataset(layout).errors == ()
    assert [c.case_id for c in read_dataset(layout).cases] == ["brain1_1", "brain1_2", "brain2_1"]
