"""The command from preprocessed scans to tables, on made-up scans with a flat and a tiny lesion among them."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from rnnet.cli.extract_radiomics import _PRESETS, main
from rnnet.core.codec import artefact_inputs
from rnnet.core.errors import StaleArtefactError
from rnnet.core.worker import one_thread
from rnnet.core.workspace import Workspace
from rnnet.experiment.access import read_plan_of, store_of
from rnnet.features.presets import PRESETS
from rnnet.features.radiomics_settings import parameters_text
from rnnet.features.stored_preset import store_preset
from rnnet.features.table import read_table
from rnnet.planning.plan import USER_RULE
from tests.experiment.workspaces import NAME, PLAN, write_dataset, write_planned, write_preprocessed
from tests.factories import make_lesion_mask
from tests.preprocessing.scans import make_scan


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return make_workspace(tmp_path_factory.mktemp("root"))


def make_workspace(root: Path) -> Workspace:
    """Two scans of two lesions each: a ball and one slice, a ball and two voxels. Two scans are not preprocessed."""
    workspace = Workspace.under(root)
    dataset = write_dataset(workspace, n_patients=4, n_test=0)
    write_planned(workspace, dataset)
    write_preprocessed(workspace, dataset, failed=[s.scan_id for s in dataset.scans])
    store = store_of(workspace, NAME, PLAN)
    for number, scan in enumerate(dataset.scans[:2]):
        labels = make_lesion_mask((18, 18, 22), [(9, 9, 6), (9, 9, 16)], radius_vox=3.0)
        second = np.argwhere(labels == 2)
        dropped = second[second[:, 0] != 9] if number == 0 else second[2:]
        labels[tuple(dropped.T)] = 0
        store.write_scan(make_scan(labels, scan_id=scan.scan_id, seed=number), {})
    return workspace


def run(workspace: Workspace, *arguments: str) -> int:
    return main(["1", "--root", str(workspace.raw.parent), "-np", "1", *arguments])


def test_every_lesion_has_a_row_and_those_without_values_a_reason(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(workspace) == 0
    layout = workspace.results_dataset(NAME).radiomics
    table = read_table(layout.radiomics_csv)
    assert len(table.case_ids) == 4
    assert len(table.names) == 107
    assert np.isnan(table.values).all(axis=1).tolist() == [False, True, False, True]
    assert not any("diagnostics" in name for name in table.names)
    with layout.diagnostics_csv.open(encoding="utf-8") as stream:
        reasons = [row["reason_for_no_radiomics"] for row in csv.DictReader(stream)]
    assert [bool(r) for r in reasons] == [False, True, False, True]
    assert "flat" in reasons[1]
    assert "2 voxel(s)" in reasons[3]
    assert layout.parameters_yaml.read_text(encoding="utf-8") == parameters_text(PLAN.features, name="pyradiomics.yaml")
    printed = capsys.readouterr()
    assert "2 of 4 lesions have radiomics: 107 features each, the plan's own settings" in printed.out
    assert "is flat" in printed.err
    assert "Its scan is not preprocessed" in printed.err


def test_a_second_run_extracts_nothing_again(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    run(workspace)
    stored = store_of(workspace, NAME, PLAN).layout.folder / "radiomics"
    before = {p.name: p.read_bytes() for p in stored.iterdir()}
    monkeypatch.setattr("rnnet.features.radiomics.fast_extractor", lambda _: None)  # a call of it would fail
    assert run(workspace) == 0
    assert {p.name: p.read_bytes() for p in stored.iterdir()} == before
    assert not np.isnan(read_table(workspace.results_dataset(NAME).radiomics.radiomics_csv).values[0]).any()


def test_exported_files_give_pyradiomics_the_same_values(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    from radiomics.featureextractor import RadiomicsFeatureExtractor

    assert run(workspace, "--export", "2") == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if line.startswith("  pyradiomics ")]
    table = read_table(workspace.results_dataset(NAME).radiomics.radiomics_csv)
    rows = table.values[[0, 2]]
    assert len(lines) == 2
    for (_, image, mask, _, yaml, *_), row in zip(lines, rows, strict=True):
        with one_thread():
            theirs = RadiomicsFeatureExtractor(yaml).execute(image, mask)
        np.testing.assert_array_equal([float(theirs[name]) for name in table.names], row)


def test_a_preset_becomes_the_stored_plan_so_that_training_uses_it(tmp_path: Path) -> None:
    workspace = Workspace.under(tmp_path)
    write_planned(workspace, write_dataset(workspace))
    path = workspace.preprocessed_dataset(NAME).plans_json()
    inputs = artefact_inputs(path, made_by="")
    changed = store_preset(workspace, NAME, PLAN.name, "molab", configs=("radiomics",))
    stored = read_plan_of(workspace, NAME, PLAN.name)
    assert stored == changed != PLAN
    assert stored.features.normalize == "image"
    assert all(c.rule != USER_RULE for c in stored.rationale)
    assert artefact_inputs(path, made_by="") == inputs


def test_a_preset_does_not_pull_the_features_from_under_a_trained_model(tmp_path: Path) -> None:
    workspace = Workspace.under(tmp_path)
    write_planned(workspace, write_dataset(workspace))
    model = workspace.results_dataset(NAME).fold("multimodal", 0).tabular_model
    model.parent.mkdir(parents=True)
    model.write_bytes(b"")
    with pytest.raises(StaleArtefactError, match=r"'multimodal'.*'ibsi' would change.*rnnet_plan_experiment"):
        store_preset(workspace, NAME, PLAN.name, "ibsi", configs=("radiomics", "multimodal"))
    assert read_plan_of(workspace, NAME, PLAN.name) == PLAN
    store_preset(workspace, NAME, PLAN.name, "ibsi", configs=("radiomics",))


def test_a_data_set_without_any_usable_lesion_is_an_error_with_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = Workspace.under(tmp_path)
    dataset = write_dataset(workspace, lesions_per_patient=1)
    write_planned(workspace, dataset)
    labels = np.zeros((18, 18, 18), np.uint16)
    labels[5, 5, 5] = 1
    store_of(workspace, NAME, PLAN).write_scan(make_scan(labels, scan_id=dataset.scans[0].scan_id), {})
    assert run(workspace) == 2
    assert "No lesion of Dataset001_Toy has radiomics" in capsys.readouterr().err


def test_the_help_names_every_preset() -> None:
    assert tuple(PRESETS) == _PRESETS


@pytest.mark.slow
def test_a_preset_gives_1130_features(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    workspace = make_workspace(tmp_path)
    assert run(workspace, "-preset", "ibsi") == 0
    assert "2 of 4 lesions have radiomics: 1130 features each, preset ibsi" in capsys.readouterr().out
    assert "binCount: 32" in workspace.results_dataset(NAME).radiomics.parameters_yaml.read_text(encoding="utf-8")
