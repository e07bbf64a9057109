from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from rnnet import pipeline
from rnnet.cli.verify_dataset_integrity import main
from rnnet.core.codec import to_plain
from rnnet.core.workspace import Workspace
from rnnet.experiment.access import read_raw
from rnnet.inference.audit import LeakageAudit
from rnnet.training.checkpoint import Checkpoint, write_checkpoint
from rnnet.training.state import FitState
from tests.dataset.shared_data import selection_of
from tests.experiment.workspaces import NAME, PLAN, show, write_dataset, write_planned, write_preprocessed

POOL, OTHER = "Dataset002_Pool", "Dataset003_Other"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A planned data set with a test split, a pool, and another labelled data set; all of different images."""
    made = Workspace.under(tmp_path)
    write_planned(made, write_dataset(made))
    write_dataset(made, POOL, labelled=False, n_patients=2, n_test=0, seed=100)
    write_dataset(made, OTHER, n_patients=4, n_test=0, seed=200)
    return made


def audit(workspace: Workspace) -> LeakageAudit:
    return pipeline.audit_leakage(workspace, pipeline.verify_dataset_integrity(workspace, [1, 2, 3]))


def found(result: LeakageAudit) -> set[tuple[str, str]]:
    return {(p.level, p.code) for p in result.problems}


def other_ids(workspace: Workspace, dataset: str, text: str) -> None:
    workspace.raw_dataset(dataset).other_ids_csv.write_text("patient_id,other_id\n" + text)


def write_pretrained(workspace: Workspace, **seen: object) -> None:
    write_checkpoint(workspace.results_dataset(NAME, PLAN.name).pretrained_checkpoint, Checkpoint(
        kind="pretrain", plan=to_plain(PLAN), config="pretrain", in_channels=2, channel_names=PLAN.channels,
        positive_outcome="", state=FitState(), model={"w": torch.zeros(1)}, rnnet_version="0",
        **{"patients_seen": (f"{NAME}/P000",), **seen},  # type: ignore[arg-type]
    ))


def test_data_sets_apart_have_a_table_and_no_error(workspace: Workspace) -> None:
    result = audit(workspace)
    assert result.held_out == ((f"the test split of {NAME}", 2),)
    assert [(row.seen, row.patients, row.images) for row in result.rows] == [
        (f"the training split of {NAME}", 4, 4), (f"the training split of {POOL}", 2, 2),
        (f"the training split of {OTHER}", 4, 4),
    ]
    assert result.problems == ()


def test_the_data_set_that_scans_were_selected_from_is_a_warning_and_a_sister_selection_an_error(
    workspace: Workspace,
) -> None:
    home = workspace.raw_dataset(OTHER)
    selection_of(workspace.raw, home, "Dataset004_Selection", {"P000_s1", "P001_s1", "P002_s1", "P003_s1"})
    selection_of(workspace.raw, home, "Dataset005_Sister", {"P000_s1", "P001_s1"})
    folder = workspace.raw / "Dataset004_Selection"
    table = (folder / "cases.csv").read_text()
    (folder / "cases.csv").write_text("\n".join(
        line.replace(",train,", ",test,") if line.startswith("P000_") else line for line in table.splitlines()
    ))
    pair = pipeline.audit_leakage(workspace, pipeline.verify_dataset_integrity(workspace, [3, 4]))
    assert found(pair) == {("warning", "patient-seen"), ("warning", "image-seen")}
    sisters = pipeline.audit_leakage(workspace, pipeline.verify_dataset_integrity(workspace, [4, 5]))
    assert {("error", "patient-seen"), ("error", "image-seen")} <= found(sisters)


def test_a_test_patient_under_another_name_is_an_error_and_in_a_pool_a_warning(workspace: Workspace) -> None:
    other_ids(workspace, POOL, f"P001_s1,{NAME}/T000\n")
    assert found(audit(workspace)) == {("warning", "patient-seen")}
    other_ids(workspace, OTHER, f"P001,{NAME}/T000\n")
    result = audit(workspace)
    assert found(result) == {("warning", "patient-seen"), ("error", "patient-seen")}
    assert [row.shared for row in result.rows] == [("",), ("1 patient(s)",), ("1 patient(s)",)]
    (problem,) = result.errors
    assert f"{NAME}/T000 (there {OTHER}/P001)" in problem.message


def test_an_equal_patient_id_is_a_possible_patient(workspace: Workspace) -> None:
    cases = workspace.raw_dataset(OTHER).cases_csv
    cases.write_text(cases.read_text().replace(",P001,", ",T000,"))
    assert found(audit(workspace)) == {("warning", "patient-possibly-seen")}


def test_the_image_of_a_test_scan_under_another_name_is_an_error(workspace: Workspace) -> None:
    ours, theirs = (workspace.raw_dataset(n) for n in (NAME, OTHER))
    shutil.copy(ours.image_path("T000_s1", "test", ".nii.gz"), theirs.image_path("P003_s1", "train", ".nii.gz"))
    result = audit(workspace)
    assert ("error", "image-seen") in found(result)
    assert f"{NAME}/T000_s1 ({OTHER}/P003_s1)" in result.errors[0].message


def test_a_preprocessed_copy_is_found_by_what_it_shows(workspace: Workspace) -> None:
    stores = {n: write_preprocessed(workspace, read_raw(workspace, n)) for n in (NAME, OTHER)}
    for name, scan_id, seed in ((NAME, "T000_s1", 1), (NAME, "T001_s1", 2), (OTHER, "P003_s1", 3)):
        show(stores[name], scan_id, seed)
    assert audit(workspace).problems == ()
    show(stores[OTHER], "P002_s1", 1)
    result = audit(workspace)
    assert found(result) == {("error", "image-seen")}
    assert f"{NAME}/T000_s1 ({OTHER}/P002_s1)" in result.errors[0].message


def test_a_pretrained_encoder_that_saw_a_test_patient_is_an_error(workspace: Workspace) -> None:
    write_pretrained(workspace)
    assert audit(workspace).problems == ()
    write_pretrained(workspace, patients_seen=(f"{POOL}/X",), names_seen={f"{POOL}/X": (f"{NAME}/T001",)})
    result = audit(workspace)
    assert found(result) == {("error", "patient-seen")}
    assert result.errors[0].message.startswith(f"Pretraining of {NAME} (rnnet_plans) has seen 1 patient(s) under")
    write_pretrained(workspace, images_seen={f"{NAME}/T001_s1": ""})
    assert found(audit(workspace)) == {("error", "image-seen")}


def test_whose_outcomes_chose_an_encoder_stand_in_the_table_and_may_be_an_error(workspace: Workspace) -> None:
    chosen = f"the choice of the encoder of {NAME} (rnnet_plans) by outcomes"
    write_pretrained(workspace)
    assert chosen not in [row.seen for row in audit(workspace).rows]
    write_pretrained(workspace, steered_by=(f"{NAME}/P000",), steered_scans=(f"{NAME}/P000_s1",))
    result = audit(workspace)
    assert [(row.patients, row.images) for row in result.rows if row.seen == chosen] == [(1, 1)]
    assert result.problems == ()
    write_pretrained(workspace, steered_by=(f"{NAME}/T000",))
    (problem,) = audit(workspace).errors
    assert problem.message.startswith(f"T{chosen[1:]} has seen 1 patient(s) of the test split of {NAME}")


def test_what_trained_folds_have_seen_stands_in_the_table_and_may_be_an_error(workspace: Workspace) -> None:
    write_preprocessed(workspace, write_dataset(workspace))
    pipeline.train(workspace, NAME, 0, config="clinical", plan_name=PLAN.name)
    result = audit(workspace)
    assert f"clinical of {NAME} (rnnet_plans)" in [row.seen for row in result.rows]
    assert not result.errors
    path = workspace.preprocessed_dataset(NAME).splits_json
    path.write_text(path.read_text().replace('"test_patient_ids": []', '"test_patient_ids": ["P000"]'))
    assert found(audit(workspace)) >= {("error", "patient-seen"), ("error", "fold-leaks")}


def test_two_ids_of_one_person_on_both_sides_of_a_fold_are_an_error(workspace: Workspace) -> None:
    fold = json.loads(workspace.preprocessed_dataset(NAME).splits_json.read_text())["folds"][0]
    train, validation = (fold[f"{side}_case_ids"][0][:4] for side in ("train", "validation"))
    other_ids(workspace, NAME, f"{train},{validation}\n")
    result = audit(workspace)
    assert found(result) == {("error", "fold-leaks")}
    assert f"The training part of fold 0 of {NAME} has seen 1 patient(s) under another name" in result.errors[0].message


def test_a_recorded_leak_and_a_damaged_model_are_told(workspace: Workspace) -> None:
    results = workspace.results_dataset(NAME, PLAN.name)
    write_pretrained(workspace)
    results.pretrain.run_json.write_text('{"schema_version": 1, "command": "rnnet_pretrain", "leaks": ["an old leak"]}')
    assert found(audit(workspace)) == {("warning", "leak-recorded")}
    results.pretrained_checkpoint.write_bytes(b"no checkpoint")
    assert ("error", "leakage-unknown") in found(audit(workspace))


def test_the_command_prints_the_table_and_ends_with_2_for_a_leak(workspace: Workspace, capsys, tmp_path: Path) -> None:
    def run(*arguments: str) -> int:
        return main(["--root", str(tmp_path), "-np", "1", "-d", "1", "3", "--leakage", *arguments])

    assert run() == 0
    assert f"the test split of {NAME} (2 patients)" in " ".join(capsys.readouterr().out.split())
    other_ids(workspace, OTHER, f"P001,{NAME}/T000\n")
    assert run("--json", str(tmp_path / "found.json")) == 2
    assert "ERROR patient-seen" in capsys.readouterr().out
    assert json.loads((tmp_path / "found.json").read_text())["leakage"]["problems"][0]["code"] == "patient-seen"
