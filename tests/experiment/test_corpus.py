from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rnnet.core.errors import MissingStageError
from rnnet.core.types import NO_LESION
from rnnet.core.workspace import Workspace
from rnnet.experiment.access import store_of
from rnnet.experiment.corpus import open_corpus
from rnnet.planning.plan import CropPlan
from tests.experiment.workspaces import PLAN, write_dataset, write_preprocessed

CROP = CropPlan(12)


def test_a_case_is_read_from_its_scan(workspace: Workspace) -> None:
    dataset = write_dataset(workspace)
    store = write_preprocessed(workspace, dataset)
    corpus = open_corpus({dataset.name: dataset.cases}, {dataset.name: store}, CROP)
    assert corpus.cases == dataset.cases
    assert corpus.missing == ()
    case = corpus.cases[3]
    expected = store.read_case(case, CROP)
    np.testing.assert_array_equal(corpus.read(case).array, expected.array)
    np.testing.assert_array_equal(corpus.read_array(case), expected.array)
    assert corpus.read(case).case_id == case.case_id
    assert corpus.scan_of(case).scan_id == case.scan_id


def test_ids_of_several_data_sets_are_qualified_and_kept_apart(workspace: Workspace) -> None:
    names = ("Dataset001_Toy", "Dataset002_Other")
    datasets = [write_dataset(workspace, name) for name in names]
    stores = {d.name: write_preprocessed(workspace, d, seed=100 * i) for i, d in enumerate(datasets)}
    corpus = open_corpus({d.name: d.cases for d in datasets}, stores, CROP, qualify=True)
    first, second = (next(c for c in corpus.cases if c.case_id == f"{name}/P000_s1_1") for name in names)
    assert len({c.case_id for c in corpus.cases}) == len(corpus.cases) == 24
    assert (first.patient_id, second.patient_id) == ("Dataset001_Toy/P000", "Dataset002_Other/P000")
    assert (first.scan_id, second.scan_id) == ("P000_s1", "P000_s1")
    for case, dataset in zip((first, second), datasets, strict=True):
        crop = corpus.read(case)
        assert crop.case_id == case.case_id
        np.testing.assert_array_equal(crop.array, stores[dataset.name].read_case(dataset.cases[0], CROP).array)
    assert not np.array_equal(corpus.read_array(first), corpus.read_array(second))


def test_cases_of_failed_scans_are_set_aside(workspace: Workspace) -> None:
    dataset = write_dataset(workspace)
    store = write_preprocessed(workspace, dataset, failed=["P001_s1"])
    corpus = open_corpus({dataset.name: dataset.cases}, {dataset.name: store}, CROP)
    assert [c.case_id for c in corpus.missing] == ["P001_s1_1", "P001_s1_2"]
    assert corpus.cases == tuple(c for c in dataset.cases if c not in corpus.missing)
    assert {c.scan_id for c in corpus.cases} == set(store.scan_ids())


def test_a_data_set_without_any_scan_names_the_command_unless_it_may_be_empty(workspace: Workspace) -> None:
    dataset = write_dataset(workspace)
    stores = {dataset.name: store_of(workspace, dataset.name, PLAN)}
    with pytest.raises(MissingStageError) as caught:
        open_corpus({dataset.name: dataset.cases}, stores, CROP)
    assert caught.value.fix == "Run rnnet_preprocess -d Dataset001_Toy."
    corpus = open_corpus({dataset.name: dataset.cases}, stores, CROP, empty_allowed=True)
    assert corpus.cases == ()
    assert corpus.missing == dataset.cases


def test_random_crops_of_brain_come_from_every_scan_and_are_the_same_each_time(workspace: Workspace) -> None:
    dataset = write_dataset(workspace)
    store = write_preprocessed(workspace, dataset)
    corpus = open_corpus({dataset.name: dataset.cases}, {dataset.name: store}, CROP, qualify=True)
    more = corpus.with_brain_crops(2, seed=3)
    added = more.cases[len(corpus.cases):]
    assert more.cases[: len(corpus.cases)] == corpus.cases
    assert len(added) == 2 * len(dataset.scans)
    assert {c.scan_id for c in added} == {s.scan_id for s in dataset.scans}
    assert all(c.outcome is None and c.lesion_value == NO_LESION for c in added)
    assert {c.patient_id for c in added} == {c.patient_id for c in corpus.cases}
    np.testing.assert_array_equal(more.read_array(added[0]), more.read_array(added[0]))
    assert more.read(added[0]).start_zyx_vox != more.read(added[1]).start_zyx_vox
    assert more.read(added[0]).start_zyx_vox != replace(more, seed=4).read(added[0]).start_zyx_vox
    assert more.read(added[0]).case_id == added[0].case_id


def test_without_brain_crops_the_corpus_is_as_it_was(workspace: Workspace) -> None:
    dataset = write_dataset(workspace)
    corpus = open_corpus({dataset.name: dataset.cases}, {dataset.name: write_preprocessed(workspace, dataset)}, CROP)
    assert corpus.with_brain_crops(0, seed=0).cases == corpus.cases
