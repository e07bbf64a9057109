from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from rnnet.core.errors import SettingError
from rnnet.core.types import Fold
from rnnet.core.workspace import Workspace
from rnnet.dataset.case import RawDataset
from rnnet.dataset.splits import read_splits, write_splits
from rnnet.dataset.write_tables import write_other_ids
from rnnet.experiment.pretraining_corpus import pretraining_corpus
from rnnet.experiment.probe_lesions import ProbeLesions, probe_lesions
from rnnet.planning.plan import ExperimentPlan
from tests.experiment.workspaces import NAME, PLAN, write_dataset, write_planned, write_preprocessed
from tests.factories import make_plan

OTHER = "Dataset002_Other"


@pytest.fixture
def dataset(workspace: Workspace) -> RawDataset:
    """Six training patients and two held-out ones, with two folds."""
    dataset = write_dataset(workspace, n_patients=6)
    write_preprocessed(workspace, dataset)
    write_planned(workspace, dataset)
    return dataset


def lesions(
    workspace: Workspace, names: Sequence[str] = (NAME,), *, plan: ExperimentPlan = PLAN, keep_held_out: bool = False
) -> ProbeLesions:
    corpus = pretraining_corpus(workspace, names, plan, keep_held_out=keep_held_out).corpus
    return probe_lesions(workspace, names[0], plan, corpus)


def folds(workspace: Workspace, dataset: RawDataset) -> tuple[Fold, ...]:
    return read_splits(workspace.preprocessed_dataset(NAME).splits_json, dataset.cases)


@pytest.mark.parametrize("fold", [0, 1])
def test_they_are_those_that_the_fold_trains_on(fold: int, workspace: Workspace, dataset: RawDataset) -> None:
    found = lesions(workspace, plan=make_plan(f"pretrain.probe.fold={fold}"))
    assert sorted(c.case_id for c in found.cases) == sorted(
        f"{NAME}/{i}" for i in folds(workspace, dataset)[fold].train_case_ids
    )
    assert all(c.outcome is not None and c.split == "train" for c in found.cases)
    assert found.exposure.patients == {c.patient_id for c in found.cases}
    assert set(found.exposure.images) == {f"{NAME}/{c.scan_id}" for c in found.cases}
    assert f"fold {fold} of {NAME}" in found.exposure.name


def test_splits_that_leak_let_nobody_in(workspace: Workspace, dataset: RawDataset) -> None:
    first, second = folds(workspace, dataset)
    test = [c.case_id for c in dataset.cases if c.split == "test"]
    leaky = replace(first, train_case_ids=(*first.train_case_ids, *first.validation_case_ids[:1], *test[:1]))
    write_splits(workspace.preprocessed_dataset(NAME).splits_json, (leaky, second))
    found = lesions(workspace, keep_held_out=True)
    assert sorted(c.case_id for c in found.cases) == sorted(f"{NAME}/{i}" for i in first.train_case_ids)


def test_whom_another_data_set_holds_out_the_probe_does_not_see(workspace: Workspace, dataset: RawDataset) -> None:
    other = write_dataset(workspace, OTHER, n_patients=2, n_test=1)
    write_preprocessed(workspace, other)
    patient = lesions(workspace).cases[0].patient_id
    write_other_ids(other.layout, {"T000": [patient]})
    found = lesions(workspace, (NAME, OTHER))
    assert patient not in {c.patient_id for c in found.cases}
    assert patient not in found.exposure.patients
    # Labelled lesions of the second data set are not asked, whatever their outcomes.
    assert {c.patient_id.split("/")[0] for c in found.cases} == {NAME}


def test_a_person_with_two_ids_is_one_patient_and_never_on_both_sides(
    workspace: Workspace, dataset: RawDataset
) -> None:
    first = folds(workspace, dataset)[0]
    patient_of = {c.case_id: c.patient_id for c in dataset.cases}
    one, other, *_ = sorted({patient_of[i] for i in first.train_case_ids})
    write_other_ids(dataset.layout, {one: ["one person"], other: ["one person"]})
    names = {c.case_id: c.patient_id for c in lesions(workspace).cases}
    assert {names[f"{NAME}/{i}"] for i in first.train_case_ids if patient_of[i] in (one, other)} == {f"{NAME}/{one}"}
    validated = patient_of[first.validation_case_ids[0]]
    write_other_ids(dataset.layout, {one: ["one person"], validated: ["one person"]})
    assert {one, other} & {patient_of[c.case_id.split("/")[1]] for c in lesions(workspace).cases} == {other}


def test_a_share_of_the_labels_holds_for_the_probe_as_well(workspace: Workspace, dataset: RawDataset) -> None:
    larger = max(range(2), key=lambda k: len(folds(workspace, dataset)[k].train_case_ids))
    plans = [make_plan(f"pretrain.probe.fold={larger}", f"finetune.label_share={share}") for share in (0.5, 1)]
    half, whole = ({c.patient_id for c in lesions(workspace, plan=plan).cases} for plan in plans)
    assert half < whole
    assert half


def test_random_crops_of_brain_are_none_of_them(workspace: Workspace, dataset: RawDataset) -> None:
    found = lesions(workspace, plan=make_plan("pretrain.brain_crops_per_scan=1"))
    assert all(c.lesion_value > 0 for c in found.cases)
    assert len(found.cases) == len(lesions(workspace).cases)


def test_without_splits_there_are_none_and_it_is_said(workspace: Workspace) -> None:
    write_preprocessed(workspace, write_dataset(workspace, labelled=False, n_test=0))
    assert lesions(workspace) == ProbeLesions(reason=f"{NAME} has no splits", exposure=ProbeLesions().exposure)


def test_splits_of_other_cases_give_none_and_it_is_said(workspace: Workspace, dataset: RawDataset) -> None:
    first, second = folds(workspace, dataset)
    gone = replace(first, train_case_ids=(*first.train_case_ids, "P999_s1_1"))
    write_splits(workspace.preprocessed_dataset(NAME).splits_json, (gone, second))
    found = lesions(workspace)
    assert found.cases == ()
    assert "P999_s1_1" in found.reason


def test_a_plan_without_a_probe_asks_for_none(workspace: Workspace, dataset: RawDataset) -> None:
    found = lesions(workspace, plan=make_plan("pretrain.probe.every_epochs=0", "pretrain.probe.fold=7"))
    assert (found.cases, found.reason) == ((), "")


def test_a_fold_that_does_not_exist_is_an_error(workspace: Workspace, dataset: RawDataset) -> None:
    with pytest.raises(SettingError, match="There is no fold 7"):
        lesions(workspace, plan=make_plan("pretrain.probe.fold=7"))
