from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from rnnet import pipeline
from rnnet.cli.extract_fingerprint import main
from rnnet.core.workspace import Workspace
from rnnet.dataset.case import read_dataset
from rnnet.dataset.splits import make_splits, write_splits
from rnnet.experiment.fingerprints import current_fingerprint, distance_from_training
from tests.factories import write_raw_dataset


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A training data set of two centres, an external set like it, and one with thick slices."""
    shared = {"shape_zyx": (12, 14, 13), "lesions_per_patient": 1}
    raw = tmp_path / "rnnet_raw"
    write_raw_dataset(raw, n_patients=12, n_test=0, **shared)
    write_raw_dataset(raw, name="Dataset002_Like", n_patients=0, n_test=6, seed=50, **shared)
    write_raw_dataset(raw, name="Dataset003_Thick", n_patients=0, n_test=6, seed=90, spacing_zyx_mm=(6.0, 1.0, 1.0),
                      **shared)
    return Workspace.under(tmp_path)


def test_an_external_set_that_lies_far_is_said_with_what_differs(
    workspace: Workspace, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("rnnet"), "propagate", True)
    with caplog.at_level(logging.WARNING, logger="rnnet"):
        like, thick = (
            distance_from_training(workspace, "Dataset001_Toy", read_dataset(raw), n_processes=1)
            for raw in map(workspace.raw_dataset, ("Dataset002_Like", "Dataset003_Thick"))
        )
    assert like.warning == ""
    assert "Dataset003_Thick lies far from the training data (Dataset001_Toy)" in thick.warning
    assert thick.warning in {r.getMessage() for r in caplog.records}
    assert [d.quantity for d in thick.distances if d.far and "voxel" in d.quantity] == ["voxel_edge_largest_mm"]
    # The external set's clinical values are compared here, though its fingerprint does not hold them.
    assert {d.quantity for d in thick.distances if d.quantity.startswith("clinical")} == {
        "clinical: age", "clinical: sex"}


def test_a_fingerprint_is_read_again_only_when_its_tables_changed(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "Dataset002_Like"
    path = workspace.preprocessed_dataset(name).fingerprint_json
    first = current_fingerprint(workspace, name, n_processes=1)
    written = path.stat().st_mtime_ns
    assert current_fingerprint(workspace, name, n_processes=1) == first
    assert path.stat().st_mtime_ns == written
    cases = workspace.raw_dataset(name).cases_csv
    cases.write_text(cases.read_text().replace("T000,A", "T000,C"))
    assert "C" in current_fingerprint(workspace, name, n_processes=1).samples
    assert "C" not in first.samples
    assert "C" in json.loads(path.read_text())["samples"]
    document = json.loads(path.read_text())
    del document["samples"]
    path.write_text(json.dumps(document))
    assert current_fingerprint(workspace, name, n_processes=1).samples  # an older form is measured again


def test_patients_that_a_later_split_holds_out_leave_the_fingerprint(workspace: Workspace) -> None:
    name = "Dataset001_Toy"
    before = current_fingerprint(workspace, name, n_processes=1)
    raw = read_dataset(workspace.raw_dataset(name))
    held_out = ["P010", "P011"]
    kept = [c for c in raw.cases if c.patient_id not in held_out]
    path = workspace.preprocessed_dataset(name).splits_json
    write_splits(path, make_splits(kept, n_folds=2, seed=0), test_patient_ids=held_out)
    after = current_fingerprint(workspace, name, n_processes=1)
    assert [sum(s.n_patients for s in f.samples.values()) for f in (before, after)] == [12, 10]
    ages = [v for s in after.samples.values() for v in s.numeric["clinical: age"]]
    assert max(ages) == 49.0  # those held out are 50 and 51


def test_the_fingerprint_of_an_external_set_holds_no_clinical_value(workspace: Workspace) -> None:
    found = current_fingerprint(workspace, "Dataset003_Thick", n_processes=1)
    assert found.samples
    for sample in found.samples.values():
        assert not [q for q in (*sample.numeric, *sample.categorical) if q.startswith("clinical")]


def test_the_command_compares_centres_and_data_sets(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    root = str(workspace.raw.parent)
    assert main(["-d", "1", "3", "--root", root, "-np", "1"]) == 0
    said = capsys.readouterr()
    # A long name goes over several lines of its own column.
    names = " ".join(line.strip().split("  ")[0] for line in said.out.splitlines())
    assert "Dataset001_Toy, centre A and centre B" in names
    assert "Dataset003_Thick and Dataset001_Toy" in names
    assert "warning: Dataset003_Thick lies far from Dataset001_Toy in: largest voxel edge" in said.err
    assert "centre A lies far" not in said.err


def test_one_data_set_of_one_centre_has_nothing_to_compare(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_raw_dataset(tmp_path / "rnnet_raw", n_patients=2, n_test=0, centers=("A",), shape_zyx=(8, 9, 10))
    assert main(["-d", "1", "--root", str(tmp_path), "-np", "1"]) == 0
    assert "Distances" not in capsys.readouterr().out
    assert pipeline.compare_centers(Workspace.under(tmp_path), [1]) == []


def test_the_scans_of_an_external_set_that_are_evaluated_are_compared_and_no_others(workspace: Workspace) -> None:
    # Its training split is like ours; its test split, evaluated as well, has thick slices.
    layout = write_raw_dataset(workspace.raw, name="Dataset004_Both", n_patients=4, n_test=0, seed=20,
                               shape_zyx=(12, 14, 13), lesions_per_patient=1)
    thick = write_raw_dataset(workspace.raw, name="Dataset005_Thick", n_patients=0, n_test=6, seed=90,
                              shape_zyx=(12, 14, 13), spacing_zyx_mm=(6.0, 1.0, 1.0), lesions_per_patient=1)
    for part in ("imagesTs", "labelsTs"):
        (thick.folder / part).rename(layout.folder / part)
    rows = thick.cases_csv.read_text().splitlines()[1:]
    layout.cases_csv.write_text("\n".join([*layout.cases_csv.read_text().splitlines(), *rows]) + "\n")
    found = distance_from_training(workspace, "Dataset001_Toy", read_dataset(layout), n_processes=1)
    edge = next(d for d in found.distances if d.quantity == "voxel_edge_largest_mm")
    assert edge.n == (10, 12)
    assert edge.far
    assert "clinical: age" in {d.quantity for d in found.distances}
