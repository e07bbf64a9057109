from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from rnnet.core.errors import DatasetError, MissingStageError, MissingWeightsError, SettingError
from rnnet.core.files import write_bytes
from rnnet.core.workspace import Workspace
from rnnet.experiment.access import (
    held_out_patients,
    preprocess_missing,
    read_plan_of,
    store_of,
    workspace_atlas,
)
from rnnet.preprocessing.assets import atlas_folder
from tests.experiment.workspaces import NAME, PLAN, write_dataset, write_planned, write_preprocessed
from tests.factories import ATLAS_SHAPE_ZYX, make_atlas, make_plan, write_atlas


def test_the_plan_is_read_with_the_users_changes(workspace: Workspace) -> None:
    write_planned(workspace, write_dataset(workspace))
    assert read_plan_of(workspace, NAME, PLAN.name) == PLAN
    assert read_plan_of(workspace, NAME, PLAN.name, ["finetune.epochs=7"]).finetune.epochs == 7
    with pytest.raises(SettingError):
        read_plan_of(workspace, NAME, PLAN.name, ["finetune.epoch=7"])


def test_without_a_plan_the_error_names_the_command(workspace: Workspace) -> None:
    with pytest.raises(MissingStageError, match=f"{NAME} has no plan '{PLAN.name}'") as caught:
        read_plan_of(workspace, NAME, PLAN.name)
    assert caught.value.fix == f"Run rnnet_plan_experiment -d {NAME}."


def test_a_misspelt_plan_is_answered_with_the_plans_that_there_are(workspace: Workspace) -> None:
    write_planned(workspace, write_dataset(workspace))
    with pytest.raises(MissingStageError) as caught:
        read_plan_of(workspace, NAME, "mine")
    assert caught.value.fix.startswith(f"Its plans are {PLAN.name}: choose with -p")


def test_a_file_with_a_mistake_of_its_own_does_not_hide_what_is_missing(workspace: Workspace) -> None:
    write_planned(workspace, write_dataset(workspace))
    path = workspace.preprocessed_dataset(NAME).plans_json(PLAN.name)
    path.write_text(path.read_text().replace('"layer_decay": 0.9', '"layer_decay": 9'))
    workspace.preprocessed_dataset(NAME).plans_json("broken").write_text("{")
    for name, plan in ((NAME, "mine"), ("Dataset002_Pool", PLAN.name)):
        write_dataset(workspace, name)
        with pytest.raises(MissingStageError, match=f"{name} has no plan '{plan}'"):
            read_plan_of(workspace, name, plan)


def test_scans_that_were_preprocessed_under_another_data_sets_plan_are_no_reason_for_a_plan_of_their_own(
    workspace: Workspace,
) -> None:
    write_planned(workspace, write_dataset(workspace))
    write_preprocessed(workspace, write_dataset(workspace, "Dataset002_Pool"))
    with pytest.raises(MissingStageError) as caught:
        read_plan_of(workspace, "Dataset002_Pool", PLAN.name)
    assert f"--plan_of {NAME}" in caught.value.fix
    assert f"-d {NAME} Dataset002_Pool" in caught.value.fix
    assert "rnnet_plan_experiment" not in caught.value.fix


def test_plans_that_preprocess_alike_share_a_store(workspace: Workspace) -> None:
    here = store_of(workspace, NAME, PLAN).layout.folder
    assert store_of(workspace, NAME, make_plan("finetune.epochs=9")).layout.folder == here
    assert store_of(workspace, NAME, make_plan("preprocessing.bias_field.enabled=true")).layout.folder != here


def test_patients_of_the_test_split_are_held_out(workspace: Workspace) -> None:
    assert held_out_patients(write_dataset(workspace)) == {"T000", "T001"}


def test_the_atlas_is_the_one_that_was_named_else_the_one_in_the_cache(tmp_path: Path, workspace: Workspace) -> None:
    with pytest.raises(MissingWeightsError) as caught:
        workspace_atlas(workspace)
    assert "rnnet_download_assets" in caught.value.fix
    cached, named = make_atlas(), make_atlas((61, 72, 64))
    write_atlas(atlas_folder(workspace.cache), cached)
    write_atlas(tmp_path / "mine", named)
    assert workspace_atlas(workspace).head.array.shape == ATLAS_SHAPE_ZYX
    for chosen in (tmp_path / "mine", tmp_path / "mine" / "t1_brats_space.nii.gz"):
        assert workspace_atlas(replace(workspace, atlas=chosen)).head.array.shape == (61, 72, 64)
    with pytest.raises(MissingWeightsError):
        workspace_atlas(replace(workspace, atlas=tmp_path / "nowhere"))


def test_missing_scans_are_preprocessed_and_clean_makes_all_of_them_again(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "rnnet.preprocessing.run_scan.write_qc_picture", lambda _scan, _atlas, path, **_: write_bytes(path, b"")
    )
    write_dataset(
        workspace, n_patients=2, n_test=0, lesions_per_patient=1, shape_zyx=ATLAS_SHAPE_ZYX, stripped=True,
        registered=True,
    )
    atlas = make_atlas()
    first = preprocess_missing(workspace, NAME, PLAN, atlas, n_processes=1)
    again = preprocess_missing(workspace, NAME, PLAN, atlas, n_processes=1)
    left_over = store_of(workspace, NAME, PLAN).layout.scans / "of_another_day.b2nd"
    left_over.write_bytes(b"")
    clean = preprocess_missing(workspace, NAME, PLAN, atlas, n_processes=1, clean=True)
    assert [(r.done, r.skipped, r.failed) for r in (first, again, clean)] == [(2, 0, ()), (0, 2, ()), (2, 0, ())]
    assert not left_over.exists()


def test_clean_deletes_nothing_if_the_data_set_or_the_weights_are_wrong(workspace: Workspace, tmp_path: Path) -> None:
    dataset = write_dataset(workspace)
    store = write_preprocessed(workspace, dataset)
    nowhere = replace(workspace, hd_bet_weights=tmp_path / "nowhere")
    with pytest.raises(MissingWeightsError):
        preprocess_missing(nowhere, NAME, PLAN, make_atlas(), n_processes=1, clean=True)
    dataset.scans[0].image_path.unlink()
    with pytest.raises(DatasetError):
        preprocess_missing(workspace, NAME, PLAN, make_atlas(), n_processes=1, clean=True)
    assert len(store.scan_ids()) == len(dataset.scans)
