from __future__ import annotations

from pathlib import Path

import pytest

from rnnet import pipeline
from rnnet.core.errors import LeakageError
from rnnet.core.provenance import read_leaks
from rnnet.core.workspace import Workspace
from rnnet.experiment.access import read_raw, store_of
from rnnet.experiment.corpus import open_corpus
from rnnet.experiment.pretraining_exposure import check_pretraining
from rnnet.training.checkpoint import read_checkpoint
from tests.experiment.workspaces import NAME, PLAN, show, write_dataset, write_planned, write_preprocessed

POOL = "Dataset002_Pool"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace.under(tmp_path)
    dataset = write_dataset(made)
    write_planned(made, dataset)
    write_preprocessed(made, dataset)
    write_preprocessed(made, write_dataset(made, POOL, labelled=False, n_patients=2, n_test=0, seed=50), seed=50)
    return made


def pretrain(workspace: Workspace, *changes: str, allow_leakage: bool = False) -> Path:
    settings = ["pretrain.epochs=1", *changes]
    return pipeline.pretrain(workspace, [1, 2], plan_name=PLAN.name, settings=settings, allow_leakage=allow_leakage)


def test_the_checkpoint_names_every_patient_and_image_that_was_seen(workspace: Workspace) -> None:
    checkpoint = read_checkpoint(pretrain(workspace), made_by="rnnet_pretrain")
    patients = {f"{NAME}/P00{i}" for i in range(4)} | {f"{POOL}/P00{i}_s1" for i in range(2)}
    assert set(checkpoint.patients_seen) == patients
    assert checkpoint.images_seen.keys() == {f"{NAME}/P00{i}_s1" for i in range(4)} | {
        f"{POOL}/P00{i}_s1" for i in range(2)
    }
    assert checkpoint.leaks == ()


def test_patients_of_the_test_split_get_in_only_where_leakage_is_allowed_and_then_training_refuses(
    workspace: Workspace,
) -> None:
    path = pretrain(workspace, allow_leakage=True)
    checkpoint = read_checkpoint(path, made_by="rnnet_pretrain")
    assert f"{NAME}/T000" in checkpoint.patients_seen
    assert any(f"{NAME}/T000, {NAME}/T001" in leak for leak in checkpoint.leaks)
    assert read_leaks(path.parent / "run.json") == checkpoint.leaks
    with pytest.raises(LeakageError, match=rf"Pretraining .* has seen 2 patient.*{NAME}/T000"):
        pipeline.train(workspace, NAME, 0, config="ssl_vit", plan_name=PLAN.name)
    folder = pipeline.train(workspace, NAME, 0, config="ssl_vit", plan_name=PLAN.name, allow_leakage=True)
    assert set(checkpoint.leaks) <= set(read_leaks(folder / "run.json"))


def test_a_test_image_that_a_pool_has_under_another_name_is_refused(workspace: Workspace) -> None:
    """Whether or not copies are left out before: the guard itself is asked."""
    stores = {name: store_of(workspace, name, PLAN) for name in (NAME, POOL)}
    corpus = open_corpus({POOL: read_raw(workspace, POOL).cases}, stores, PLAN.crop, qualify=True)
    for name, scan_id, seed in ((NAME, "T000_s1", 1), (NAME, "T001_s1", 2), (POOL, "P000_s1", 3)):
        show(stores[name], scan_id, seed)
    assert check_pretraining(workspace, [NAME, POOL], PLAN, corpus)[1] == ()
    show(stores[POOL], "P001_s1", 1)
    with pytest.raises(LeakageError, match=rf"Pretraining has seen 1 image.*{NAME}/T000_s1 \({POOL}/P001_s1\)"):
        check_pretraining(workspace, [NAME, POOL], PLAN, corpus)


def test_a_test_patient_whom_a_pool_knows_by_another_name_is_refused(workspace: Workspace) -> None:
    workspace.raw_dataset(POOL).other_ids_csv.write_text(f"patient_id,other_id\nP001_s1,{NAME}/T000\n")
    stores = {name: store_of(workspace, name, PLAN) for name in (NAME, POOL)}
    corpus = open_corpus({POOL: read_raw(workspace, POOL).cases}, stores, PLAN.crop, qualify=True)
    with pytest.raises(LeakageError, match=r"Pretraining has seen 1 patient\(s\) under another name"):
        check_pretraining(workspace, [NAME, POOL], PLAN, corpus)
    exposure, leaks = check_pretraining(workspace, [NAME, POOL], PLAN, corpus, allow_leakage=True)
    assert f"{NAME}/T000 (there {POOL}/P001_s1)" in leaks[0]
    assert exposure.names == {f"{POOL}/P001_s1": {f"{NAME}/T000"}}


def test_a_copy_of_a_test_image_is_left_out_and_with_the_override_seen_and_recorded(workspace: Workspace) -> None:
    for name, scan_id in ((NAME, "T000_s1"), (POOL, "P001_s1")):
        show(store_of(workspace, name, PLAN), scan_id, 1)
    checkpoint = read_checkpoint(pretrain(workspace), made_by="rnnet_pretrain")
    assert f"{POOL}/P001_s1" not in checkpoint.patients_seen
    assert checkpoint.leaks == ()
    path = pretrain(workspace, "pretrain.drop_duplicates=false", allow_leakage=True)
    checkpoint = read_checkpoint(path, made_by="rnnet_pretrain")
    assert f"{POOL}/P001_s1" in checkpoint.patients_seen
    assert any(f"{NAME}/T000_s1 ({POOL}/P001_s1)" in leak for leak in checkpoint.leaks)
