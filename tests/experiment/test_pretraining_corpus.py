from __future__ import annotations

import logging

import numpy as np
import pytest

from rnnet.core.codec import read_artefact
from rnnet.core.errors import DatasetError
from rnnet.core.types import NO_LESION
from rnnet.core.workspace import Workspace
from rnnet.dataset.case import RawDataset, read_dataset
from rnnet.dataset.write_tables import write_other_ids
from rnnet.experiment.access import store_of
from rnnet.experiment.pretraining_corpus import CorpusAccount, pretraining_corpus
from rnnet.experiment.pretraining_exposure import check_pretraining
from tests.experiment.workspaces import NAME, PLAN, show, write_dataset, write_preprocessed
from tests.factories import make_plan
from tests.preprocessing.scans import make_scan

POOL = "Dataset002_Pool"


@pytest.fixture
def labelled(workspace: Workspace) -> RawDataset:
    """Four training patients and two held-out ones."""
    dataset = write_dataset(workspace)
    write_preprocessed(workspace, dataset)
    return dataset


@pytest.fixture
def pool(workspace: Workspace) -> RawDataset:
    """Three patients of one scan."""
    dataset = write_dataset(workspace, POOL, labelled=False, n_patients=3, n_test=0)
    write_preprocessed(workspace, dataset)
    return dataset


def left_out(account: CorpusAccount) -> list[tuple[str, str, str, str]]:
    return [(found.dataset, found.scan_id, found.reason, found.same_as) for found in account.left_out]


def test_every_lesion_of_held_out_patients_is_left_out(
    workspace: Workspace, labelled: RawDataset, pool: RawDataset
) -> None:
    chosen = pretraining_corpus(workspace, [NAME, POOL], PLAN)
    corpus = chosen.corpus
    patients = {c.patient_id for c in corpus.cases}
    assert patients == {f"{NAME}/P00{i}" for i in range(4)} | {f"{POOL}/P00{i}_s1" for i in range(3)}
    assert len(corpus.cases) == 14
    assert all(corpus.read_array(case)[1].any() for case in corpus.cases)
    assert left_out(chosen.account) == [(NAME, f"T00{i}_s1", "held-out patient", "") for i in range(2)]
    assert [(s.dataset, s.n_scans, s.n_lesions, s.n_left_out) for s in chosen.account.datasets] == [
        (NAME, 4, 8, 2), (POOL, 3, 6, 0)]


def test_a_held_out_patient_is_left_out_under_other_names_and_with_copies_of_the_images(
    workspace: Workspace, labelled: RawDataset, pool: RawDataset
) -> None:
    write_other_ids(pool.layout, {"P000_s1": ["T000"]})
    show(store_of(workspace, NAME, PLAN), "T001_s1", 7)
    show(store_of(workspace, POOL, PLAN), "P002_s1", 7)
    chosen = pretraining_corpus(workspace, [NAME, POOL], PLAN)
    assert left_out(chosen.account)[2:] == [
        (POOL, "P000_s1", "held-out patient under another name", f"{NAME}/T000"),
        (POOL, "P002_s1", "image of a held-out patient", f"{NAME}/T001_s1"),
    ]
    assert {c.scan_id for c in chosen.corpus.cases if c.patient_id.startswith(POOL)} == {"P001_s1"}
    _, leaks = check_pretraining(workspace, [NAME, POOL], PLAN, chosen.corpus)
    assert leaks == ()


def test_ids_of_one_person_in_several_data_sets_and_in_one_are_brought_together(
    workspace: Workspace, labelled: RawDataset, pool: RawDataset
) -> None:
    write_other_ids(labelled.layout, {"P001": ["one person"], "P002": ["one person"]})
    write_other_ids(pool.layout, {"P000_s1": ["P003"]})
    chosen = pretraining_corpus(workspace, [NAME, POOL], PLAN)
    people = chosen.people
    assert people[f"{NAME}/P001"] == people[f"{NAME}/P002"]
    assert people[f"{POOL}/P000_s1"] == people[f"{NAME}/P003"]
    assert len({people[c.patient_id] for c in chosen.corpus.cases}) == 7 - 2


def test_where_leakage_is_allowed_nobody_is_held_out(
    workspace: Workspace, labelled: RawDataset, pool: RawDataset
) -> None:
    chosen = pretraining_corpus(workspace, [NAME, POOL], PLAN, keep_held_out=True)
    assert chosen.account.left_out == ()
    assert {c.patient_id for c in chosen.corpus.cases} >= {f"{NAME}/T000", f"{NAME}/T001"}


def test_one_copy_is_kept_that_of_the_first_data_set_unless_the_plan_keeps_all(
    workspace: Workspace, labelled: RawDataset, pool: RawDataset
) -> None:
    show(store_of(workspace, NAME, PLAN), "P001_s1", 3)
    show(store_of(workspace, POOL, PLAN), "P002_s1", 3)
    show(store_of(workspace, POOL, PLAN), "P001_s1", 4)
    copy = "copy of another scan"
    chosen = pretraining_corpus(workspace, [NAME, POOL], PLAN)
    assert left_out(chosen.account)[2:] == [(POOL, "P002_s1", copy, f"{NAME}/P001_s1")]
    assert f"{POOL}: 1 scans left out ({copy})" in chosen.account.summary
    other_way = pretraining_corpus(workspace, [POOL, NAME], PLAN)
    assert left_out(other_way.account)[2:] == [(NAME, "P001_s1", copy, f"{POOL}/P002_s1")]
    everything = pretraining_corpus(workspace, [NAME, POOL], make_plan("pretrain.drop_duplicates=false"))
    assert len(everything.corpus.cases) == len(chosen.corpus.cases) + 2
    assert not everything.account.drop_duplicates


def test_the_account_is_stored(workspace: Workspace, labelled: RawDataset) -> None:
    account = pretraining_corpus(workspace, [NAME], PLAN).account
    path = workspace.results_dataset(NAME).pretraining_corpus_json
    account.write(path)
    assert read_artefact(path, CorpusAccount, made_by="rnnet_pretrain") == account


def test_it_is_said_how_many_lesions_failed_scans_cost(workspace: Workspace, caplog: pytest.LogCaptureFixture) -> None:
    write_preprocessed(workspace, write_dataset(workspace), failed=["P002_s1"])
    with caplog.at_level(logging.WARNING, logger="rnnet"):
        corpus = pretraining_corpus(workspace, [NAME], PLAN).corpus
    assert {c.scan_id for c in corpus.missing} == {"P002_s1"}
    assert "2 lesions are left out" in caplog.text


def test_held_out_patients_only_are_an_error(workspace: Workspace) -> None:
    write_preprocessed(workspace, write_dataset(workspace, n_patients=0, n_test=2))
    with pytest.raises(DatasetError, match="No lesion is left for pretraining"):
        pretraining_corpus(workspace, [NAME], PLAN)


def without_masks(workspace: Workspace, pool: RawDataset) -> RawDataset:
    store = store_of(workspace, POOL, PLAN)
    for scan in pool.scans:
        assert scan.mask_path is not None
        scan.mask_path.unlink()
        brain = np.ones((20, 22, 24), bool)
        store.write_scan(make_scan(np.zeros(brain.shape, np.uint16), scan_id=scan.scan_id, brain=brain), {})
    return read_dataset(pool.layout)


def test_a_pool_without_masks_gives_random_crops_of_brain(workspace: Workspace, pool: RawDataset) -> None:
    assert without_masks(workspace, pool).cases == ()
    chosen = pretraining_corpus(workspace, [POOL], make_plan("pretrain.brain_crops_per_scan=2"))
    cases = chosen.corpus.cases
    assert len({c.case_id for c in cases}) == len(cases) == 6
    assert {c.lesion_value for c in cases} == {NO_LESION}
    assert {c.patient_id for c in cases} == {f"{POOL}/P00{i}_s1" for i in range(3)}
    assert [chosen.corpus.read(c).case_id for c in cases] == [c.case_id for c in cases]
    assert (chosen.account.datasets[0].n_lesions, chosen.account.datasets[0].n_brain_crops) == (0, 6)


def test_without_brain_crops_a_pool_without_masks_is_named_with_the_setting_that_makes_it_useful(
    workspace: Workspace, labelled: RawDataset, pool: RawDataset, caplog: pytest.LogCaptureFixture
) -> None:
    without_masks(workspace, pool)
    with caplog.at_level(logging.WARNING, logger="rnnet"):
        chosen = pretraining_corpus(workspace, [NAME, POOL], PLAN)
    assert {c.patient_id.partition("/")[0] for c in chosen.corpus.cases} == {NAME}
    assert f"{POOL} gives nothing to pretraining" in caplog.text
    assert "pretrain.brain_crops_per_scan=2" in caplog.text
    with pytest.raises(DatasetError) as caught:
        pretraining_corpus(workspace, [POOL], PLAN)
    assert "brain_crops_per_scan" in caught.value.fix


def test_failed_scans_without_lesions_are_set_apart(workspace: Workspace, pool: RawDataset) -> None:
    without_masks(workspace, pool)
    store_of(workspace, POOL, PLAN).discard_scan("P001_s1")
    corpus = pretraining_corpus(workspace, [POOL], make_plan("pretrain.brain_crops_per_scan=1")).corpus
    assert [c.scan_id for c in corpus.cases] == ["P000_s1", "P002_s1"]
    assert [c.scan_id for c in corpus.missing] == ["P001_s1"]


