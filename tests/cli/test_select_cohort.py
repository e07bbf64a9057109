"""rnnet_select_cohort on made-up masks, and on the real tables of MOLAB."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import pytest

from rnnet.cli.select_cohort import build_parser, main
from rnnet.core.codec import read_artefact
from rnnet.dataset.cohort.report import CohortReport
from tests.dataset.cohort.scans import write_followed_dataset

RN, PD = "radiation_necrosis", "progression"
WRITTEN = ["cohort.json", "flow_diagram.png", "flow_diagram.svg", "selection.csv"]


@pytest.fixture(scope="module")
def tables() -> list[str]:
    default = Path(__file__).resolve().parents[2].parent / "shared" / "data"
    folder = Path(os.environ.get("RNNET_TEST_DATA", default)) / "tables"
    names = ("OpenBTAI_MORPHOLOGICAL_MEASUREMENTS.xlsx", "OpenBTAI_METS_ClinicalData_Nov2023.xlsx")
    if not all((folder / name).is_file() for name in names):
        pytest.skip(f"no real tables in {folder}: set RNNET_TEST_DATA to the folder that holds them")
    return ["--table", str(folder / names[0]), "--clinical", str(folder / names[1])]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    rows = []
    for number in range(4):
        rows += [{"patient": f"P{number}", "day": day, "value": 1, "length": length, "outcome": (RN, PD)[number % 2]}
                 for day, length in ((0, 11), (90, 17), (180, 18))]
    write_followed_dataset(tmp_path / "rnnet_raw", rows)
    return tmp_path


def run(root: Path, *arguments: str) -> int:
    return main(["--root", str(root), "-np", "1", "-d", "1", "-o", str(root / "out"), *arguments])


def selection(folder: Path) -> list[dict[str, str]]:
    with (folder / "selection.csv").open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


@pytest.mark.parametrize(("unit", "by_outcome", "samples", "without_srs", "after_necrosis"), [
    ("lesion", {RN: (23, 23), PD: (45, 45)}, "68 lesions", (1, 22), 5),
    ("lesion_scan", {RN: (23, 42), PD: (45, 70)}, "112 lesion-scans of 68 lesions", (1, 34), 14),
])
def test_the_real_tables_give_the_counts_by_outcome(
    tables, tmp_path, capsys, unit, by_outcome, samples, without_srs, after_necrosis
):
    assert main([*tables, "--unit", unit, "-o", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert f"Selected: {samples}" in out
    assert f"Positive class: {RN}" in out
    assert f"Sample unit: {unit}" in out
    assert "Not applied: the table has no positions." in out
    report = read_artefact(tmp_path / "cohort.json", CohortReport, made_by="rnnet_select_cohort")
    assert report.unit == unit
    found = {o: (c.lesions, c.lesion_scans) for o, c in report.selected.by_outcome.items() if c.lesions}
    assert found == by_outcome
    steps = {step.rule: step.left for step in report.steps}
    assert (steps["candidates"].lesions, steps["candidates"].patients) == (160, 75)
    assert (steps["measured"].lesions, steps["measured"].lesion_scans) == (154, 499)
    assert report.steps[1].excluded == {"no measurement in the table": 6}
    rows = [r for r in selection(tmp_path) if r["selected"] == "yes"]
    assert len(rows) == sum(n for _, n in by_outcome.values())
    assert {r["unit"] for r in rows} == {unit}
    assert all(float(r["growth_mm"]) >= 5 and float(r["growth_percent"]) >= 20 for r in rows)
    doubts = {row.case_id: row.doubt for row in reversed(report.ambiguous)}
    assert doubts["MOLAB-040058_d2758_1"].startswith(
        "grown on day 2758, radiation necrosis on day 144, before the scan")
    assert sum("before the scan" in row.doubt for row in report.ambiguous) == after_necrosis
    assert tuple(c.lesion_scans for c in report.without_srs_by_outcome.values()) == without_srs
    assert report.without_srs_p < 0.001
    assert "--require_srs leaves these samples out" in report.warnings[0]
    assert f"Warning: {report.warnings[0]}" in out
    assert f"Note: {report.srs_note}" in out
    svg = " ".join((tmp_path / "flow_diagram.svg").read_text(encoding="utf-8").split())
    assert "gives the outcome away" in svg
    assert sorted(p.name for p in tmp_path.iterdir()) == WRITTEN


def test_fewer_of_the_real_lesions_have_had_radiosurgery_before(tables, tmp_path):
    assert main([*tables, "--unit", "lesion_scan", "--require_srs", "-o", str(tmp_path)]) == 0
    report = read_artefact(tmp_path / "cohort.json", CohortReport, made_by="rnnet_select_cohort")
    found = report.selected
    assert (report.without_srs_p, report.warnings) == (None, ())
    assert {o: c.lesion_scans for o, c in found.by_outcome.items()} == {RN: 41, PD: 36, "not_known": 0}
    assert (found.left.lesions, found.left.lesion_scans) == (46, 77)
    assert {o: c.lesions for o, c in found.by_outcome.items()} == {RN: 23, PD: 23, "not_known": 0}


def test_masks_are_measured_and_everything_is_written_and_replaced(root, capsys):
    assert run(root, "--unit", "lesion") == 0
    assert "Selected: 4 lesions; radiation_necrosis (positive class): 2 lesions; progression: 2 lesions." in (
        capsys.readouterr().out)
    assert run(root, "--unit", "lesion_scan") == 0
    assert sorted(p.name for p in (root / "out").iterdir()) == WRITTEN
    document = json.loads((root / "out" / "cohort.json").read_text())
    assert (document["schema_version"], document["unit"]) == (1, "lesion_scan")
    assert document["settings"]["diameter"] == "axial"
    assert [rule["name"] for rule in document["rules"]] == [
        "measured", "followed", "growth", "outcome", "motion", "neighbours", "unit"]
    assert len([r for r in selection(root / "out") if r["selected"] == "yes"]) == 8


def test_the_limits_and_the_diameter_are_settings(root):
    assert run(root, "--unit", "lesion", "--diameter", "feret", "--absolute_mm", "100") == 0
    document = json.loads((root / "out" / "cohort.json").read_text())
    assert document["steps"][-1]["left"]["lesions"] == 0
    assert {r["reason"] for r in selection(root / "out")} == {"no earlier measured scan",
                                                             "growth below 20 % or 100 mm"}


def test_the_samples_become_a_data_set_once(root, capsys):
    arguments = ("--unit", "lesion", "--as_dataset", "7", "-n", "Cohort")
    assert run(root, *arguments) == 0
    assert f"Written: {root / 'rnnet_raw' / 'Dataset007_Cohort'}" in capsys.readouterr().out
    assert run(root, *arguments) == 2
    assert "number 7 already: Dataset007_Cohort" in capsys.readouterr().err


def test_a_scan_that_cannot_be_read_is_named_and_the_exit_code_is_3(root, capsys):
    (root / "rnnet_raw" / "Dataset001_Followed" / "labelsTr" / "P0_d90.nii.gz").write_text("no image")
    assert run(root, "--unit", "lesion") == 3
    out = capsys.readouterr().out
    assert "Scans that could not be measured: 1" in out
    assert "P0_d90: " in out
    assert "Selected: 4 lesions" in out


@pytest.mark.parametrize(("arguments", "said"), [
    (["--table", "a.xlsx"], "--table and --clinical go together"),
    (["-d", "1", "--clinical", "a.xlsx"], "--table and --clinical go together"),
    (["--table", "a", "--clinical", "b", "--diameter", "feret"], "only the diameter of the table"),
    (["--table", "a", "--clinical", "b", "--as_dataset", "3", "-n", "x"], "without images"),
    (["-d", "1", "--as_dataset", "3"], "--as_dataset and -n go together"),
    (["--table", "no.xlsx", "--clinical", "no.xlsx"], "Not a readable Excel file"),
])
def test_arguments_that_do_not_fit_are_one_line_and_exit_code_2(tmp_path, monkeypatch, capsys, arguments, said):
    monkeypatch.chdir(tmp_path)
    assert main([*arguments, "--unit", "lesion", "-o", "out"]) == 2
    error = capsys.readouterr().err.strip()
    assert said in error
    assert "Traceback" not in error
    assert len(error.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_the_sample_unit_must_be_named(capsys):
    with pytest.raises(SystemExit):
        build_parser().parse_args(["-d", "1", "-o", "out"])
    assert "--unit" in capsys.readouterr().err


def test_the_example_in_the_help_parses():
    example = build_parser().format_help().split("example:\n")[1].split()
    assert build_parser().parse_args(example[1:]).as_dataset == 11


def test_a_cohort_without_a_sample_says_which_rule_took_the_last(root, capsys):
    assert run(root, "--unit", "lesion", "--absolute_mm", "500") == 0
    out = capsys.readouterr().out
    assert "Warning: Nothing was selected. After the step 'Grown by at least 20 % and 500 mm' no lesion" in out
    assert "samples have no radiosurgery" not in out


def test_per_cent_instead_of_a_share_is_refused(root, capsys):
    assert run(root, "--unit", "lesion", "--relative", "20") == 2
    assert "20 % is --relative 0.2" in capsys.readouterr().err
