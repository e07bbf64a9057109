from __future__ import annotations

from pathlib import Path

import pytest

from rnnet.benchmark.duplicates import made_up_heads
from rnnet.cli.find_duplicates import build_parser, main, report_lines
from rnnet.core.volume import Volume, write_volume
from rnnet.core.workspace import RawLayout, Workspace
from rnnet.experiment.duplicate_groups import Duplicate, DuplicateReport, groups_of
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


def test_of_many_groups_the_first_are_printed() -> None:
    pairs = [Duplicate("image", "likely", f"a{i}", f"b{i}", "why", "p", "q", 0.1) for i in range(5)]
    pairs.append(Duplicate("image", "certain", "b0", "c", "so", "q", "r"))
    report = DuplicateReport("atlas", {}, {}, groups_of(pairs))
    lines = list(report_lines(report, most=2))
    assert lines[:3] == ["the same image, likely: a0 = b0 = c", "    a0 = b0: why (patients p, q)",
                         "    b0 = c: so (patients q, r)"]
    assert "and 3 more (--all prints them)" in lines
    assert sum(line.startswith("the same") for line in report_lines(report, most=None)) == 5


def test_the_example_of_the_help_parses() -> None:
    example = (build_parser().epilog or "").split("rnnet_find_duplicates", 1)[1].split()
    assert build_parser().parse_args(example).datasets == ["1", "2", "3"]
