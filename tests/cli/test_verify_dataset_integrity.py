from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from rnnet.cli.verify_dataset_integrity import main, report_lines
from rnnet.core.volume import read_volume, write_volume
from rnnet.core.workspace import RawLayout
from rnnet.dataset.integrity import IntegrityReport
from rnnet.dataset.problems import PROBLEM_CODES, error, warning
from tests.factories import write_raw_dataset


def lines(*problems, most=3):
    return list(report_lines(IntegrityReport("Dataset001_Toy", problems), most=most))


def test_a_thousand_equal_findings_are_a_few_lines_with_the_cure_once():
    many = [warning("small-lesion", f"mask{i}.nii.gz", f"The lesion 1 has only {i % 9} voxels.", "Check it.")
            for i in range(1000)]
    assert lines(*many) == [
        f"WARNING small-lesion (1000 times): {PROBLEM_CODES['small-lesion'].meaning}",
        "    [mask0.nii.gz] The lesion 1 has only 0 voxels.",
        "    [mask1.nii.gz] The lesion 1 has only 1 voxels.",
        "    [mask2.nii.gz] The lesion 1 has only 2 voxels.",
        "    and 997 more (--all prints them)",
        "    Cure: Check it.",
    ]
    assert sum("mask" in line for line in lines(*many, most=None)) == 1000


def test_cures_that_differ_stand_at_their_places_and_the_general_one_below():
    found = lines(error("bad-id", "row 1", "One.", "Write a."), error("bad-id", "row 2", "Two.", "Write b."))
    assert found[1:] == ["    [row 1] One. Write a.", "    [row 2] Two. Write b.",
                         f"    Cure: {PROBLEM_CODES['bad-id'].cure}"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for number, name in enumerate(("Dataset001_One", "Dataset002_Two")):
        layout = write_raw_dataset(tmp_path / "rnnet_raw", name=name, n_patients=4, n_test=1, seed=10 * number)
        text = layout.cases_csv.read_text()
        layout.cases_csv.write_text(text.replace("_s1,P0", f"_s1,P{number}").replace("_s1,T0", f"_s1,T{number}"))
    return tmp_path


def run(root: Path, *arguments: str) -> int:
    return main(["--root", str(root), "-np", "1", *arguments])


def test_sets_without_errors_end_with_0_and_say_that_flips_were_not_looked_for(root, capsys):
    assert run(root, "-d", "1", "2") == 0
    out = capsys.readouterr().out
    assert "WARNING few-patients: " in out
    assert "Dataset002_Two: 0 error(s), 1 warning(s) in 5 scan(s)" in out
    assert "the orientation of 5 of 5 scan(s) was not compared with the atlas: " in out


def test_the_image_of_a_held_out_patient_in_another_set_is_an_error_and_all_is_written_as_json(root, capsys):
    one, two = (RawLayout(root / "rnnet_raw" / name) for name in ("Dataset001_One", "Dataset002_Two"))
    shutil.copy(one.image_path("T000_s1", "test", ".nii.gz"), two.image_path("P001_s1", "train", ".nii.gz"))
    assert run(root, "-d", "1") == 0
    assert run(root, "-d", "2") == 0
    assert run(root, "-d", "1", "2", "--json", str(root / "found.json")) == 2
    out = capsys.readouterr().out
    assert "ERROR image-in-two-datasets: " in out
    assert "Dataset001_One (held out for test: T000_s1)" in out
    problems = json.loads((root / "found.json").read_text())["Dataset002_Two"]["problems"]
    assert [p["code"] for p in problems] == ["image-in-two-datasets", "few-patients"]


def test_every_bad_file_is_reported_and_the_rest_is_checked(root, capsys):
    layout = RawLayout(root / "rnnet_raw" / "Dataset001_One")
    layout.image_path("P000_s1", "train", ".nii.gz").write_text("no image")
    layout.image_path("T000_s1", "test", ".nii.gz").write_bytes(b"")
    mask = layout.label_path("P001_s1", "train", ".nii.gz")
    volume = read_volume(mask)
    write_volume(mask, volume.with_array(volume.array * 0))
    assert run(root, "-d", "1", "--all") == 2
    out = capsys.readouterr().out
    assert all(f"ERROR {code}: " in out for code in ("unreadable-image", "zero-byte-file", "empty-mask"))
