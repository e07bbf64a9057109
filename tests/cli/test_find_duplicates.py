from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest

from rnnet.benchmark.duplicates import made_up_heads
from rnnet.cli.find_duplicates import build_parser, main, report_lines
from rnnet.core.volume import Volume, write_volume
from rnnet.core.workspace import RawLayout, Workspace
from rnnet.experiment.duplicate_groups import Certainty, Duplicate, DuplicateReport, groups_of
from tests.dataset.shared_data import selection_of, write_followed
from tests.factories import write_manifest


def write_pool(root: Path, name: str, heads: dict[str, Volume]) -> RawLayout:
    layout = RawLayout(root / "rnnet_raw" / name)
    write_manifest(layout)
    for scan_id, head in heads.items():
        write_volume(layout.image_path(scan_id, "train", ".nii.gz"), head)
    return layout


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two pools that share a head."""
    first, second = (Volume(h.array[::2, ::2, ::2], (4.0, 4.0, 4.0)) for h in made_up_heads(2).values())
    write_pool(tmp_path, "Dataset001_A", {"a": first})
    write_pool(tmp_path, "Dataset002_B", {"b": second, "c": first.with_array(2 * first.array)})
    return tmp_path


def test_groups_are_printed_with_both_ids_and_the_reason_and_written(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    raw = sorted((root / "rnnet_raw").rglob("*"))
    assert main(["-d", "1", "2", "--root", str(root), "-np", "1"]) == 0
    said = capsys.readouterr().out
    layout = Workspace.under(root).preprocessed_dataset("Dataset001_A").duplicates
    assert "the same image, certain: Dataset001_A/a = Dataset002_B/c" in said
    assert "(patients Dataset001_A/a, Dataset002_B/c)" in said
    assert "Dataset002_B: 2 of 2 image(s) could be compared" in said
    assert "skull-stripped" in said  # what raw images cannot show
    for path in (layout.duplicates_csv, layout.duplicates_json):
        assert f"Written: {path}" in said
        assert path.is_file()
    assert sorted((root / "rnnet_raw").rglob("*")) == raw


def test_the_files_go_where_the_user_wants_and_nothing_found_is_no_error(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["-d", "1", "-o", str(root / "here"), "--root", str(root), "-np", "1"]) == 0
    assert "images in several places: 0 certain, 0 likely" in capsys.readouterr().out
    assert sorted(p.name for p in (root / "here").iterdir()) == ["duplicates.csv", "duplicates.json"]


def image(certainty: Certainty, first: str, second: str) -> Duplicate:
    return Duplicate("image", certainty, first, second, "why", "p", "q", 0.1)


def test_of_many_groups_the_first_are_printed_and_certain_ones_stand_apart() -> None:
    pairs = [image("likely", f"a{i}", f"b{i}") for i in range(25)]
    pairs += [image("certain", "b0", "c"), image("likely", "b0", "d")]
    report = DuplicateReport("atlas", {}, {}, groups_of(pairs))
    lines = list(report_lines(report))
    assert lines[:5] == ["the same image, certain: b0 = c", "    why (patients p, q)",
                         "the same image, likely: a0 = b0 = d", "    a0 = b0: why (patients p, q)",
                         "    b0 = d: why (patients p, q)"]
    assert "and 6 more (--all prints them)" in lines
    assert sum(line.startswith("the same") for line in report_lines(report, everything=True)) == 26


def test_of_a_large_group_the_first_members_and_pairs_are_printed() -> None:
    members = [f"m{i:03d}" for i in range(100)]
    pairs = [image("likely", one, other) for one, other in combinations(members, 2)]
    report = DuplicateReport("atlas", {}, {}, groups_of(pairs))
    first, *others = report_lines(report)
    assert first == "the same image, likely: m000 = m001 = m002 = m003 = ... (100 in all)"
    assert others[3] == "    and 4947 more pairs (all are in duplicates.csv)"
    assert len(list(report_lines(report, everything=True))) > 4950


def test_a_selection_and_its_home_are_no_find_and_what_small_images_allow_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = write_followed(tmp_path / "rnnet_raw")
    selection_of(tmp_path / "rnnet_raw", home, "Dataset006_Selection", {"P004_s1", "P001_s1"})
    assert main(["-d", "5", "6", "--root", str(tmp_path), "-np", "1"]) == 0
    said, warned = capsys.readouterr()
    assert said.splitlines()[:5] == [
        "patients with several names: 0 certain, 0 likely", "images in several places: 0 certain, 0 likely",
        "Dataset005_Home and Dataset006_Selection use the same files of 2 image(s), 2 patient(s): shared by design "
        "(source_scan), no find",
        "Dataset005_Home: 0 of 8 image(s) could be compared, 8 by equal voxels alone (the head is too small: 8)",
        "Dataset006_Selection: 0 of 2 image(s) could be compared, 2 by equal voxels alone (the head is too small: 2)",
    ]
    assert "10 of 10 image(s) could not be compared by what they show" in warned


def test_the_example_of_the_help_parses() -> None:
    example = (build_parser().epilog or "").split("rnnet_find_duplicates", 1)[1].split()
    assert build_parser().parse_args(example).datasets == ["1", "2", "3"]
