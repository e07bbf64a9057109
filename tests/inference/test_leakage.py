"""A deliberate leak of each kind is refused, and let through and recorded only where that is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rnnet import pipeline
from rnnet.core.errors import LeakageError
from rnnet.core.provenance import read_leaks
from rnnet.core.workspace import Workspace
from rnnet.dataset.case import read_dataset
from rnnet.experiment.access import store_of
from tests.experiment.workspaces import NAME, PLAN, show, write_dataset, write_planned, write_preprocessed

OTHER = "Dataset003_Other"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A data set with a trained configuration, and another centre's with patients of its own."""
    made = Workspace.under(tmp_path)
    dataset = write_dataset(made)
    write_planned(made, dataset)
    write_preprocessed(made, dataset)
    for fold in (0, 1):
        pipeline.train(made, NAME, fold, config="clinical", plan_name=PLAN.name)
    write_preprocessed(made, write_dataset(made, OTHER, n_patients=0, n_test=4, seed=50), seed=50)
    return made


def evaluate(workspace: Workspace, **settings: Any) -> Any:
    return pipeline.evaluate(workspace, NAME, external=[OTHER], plan_name=PLAN.name, **settings)


def same_person(workspace: Workspace) -> None:
    """The external patient T001 is the training patient P002."""
    workspace.raw_dataset(OTHER).other_ids_csv.write_text(f"patient_id,other_id\nT001,{NAME}/P002\n")


def same_image(workspace: Workspace) -> None:
    """The external scan T001_s1 is the image of the training scan P002_s1."""
    ours, theirs = workspace.raw_dataset(NAME), workspace.raw_dataset(OTHER)
    lines = theirs.cases_csv.read_text().splitlines()
    rows = [f"{line},{NAME}/P002_s1" if "T001" in line else f"{line}," for line in lines[1:]]
    theirs.cases_csv.write_text("\n".join([lines[0] + ",source_scan", *rows]) + "\n")
    assert read_dataset(theirs).scan("T001_s1").image_path == ours.image_path("P002_s1", "train", ".nii.gz")


def same_look(workspace: Workspace) -> None:
    """The external scan T001_s1 is a copy of the training scan P002_s1 under another name; the others differ."""
    for number, (name, scan_ids) in enumerate(
        ((NAME, ("P000_s1", "P002_s1", "T000_s1")), (OTHER, ("T000_s1", "T001_s1", "T002_s1")))
    ):
        for k, scan_id in enumerate(scan_ids):
            show(store_of(workspace, name, PLAN), scan_id, seed=1 if k == 1 else 10 * number + 2 * k)


@pytest.mark.parametrize(("leak", "named"), [
    (same_look, f"1 image(s) of the external data set {OTHER}: {OTHER}/T001_s1 ({NAME}/P002_s1)"),
    (same_person, f"{OTHER}/T001 (there {NAME}/P002)"), (same_image, f"1 image(s) of the external data set {OTHER}: "
                                                                  f"{NAME}/P002_s1"),
])
def test_an_external_patient_or_image_that_was_trained_on_is_refused(workspace: Workspace, leak: Any, named: str
                                                                      ) -> None:
    assert evaluate(workspace).leaks == ()
    leak(workspace)
    with pytest.raises(LeakageError) as caught:
        evaluate(workspace)
    assert named in caught.value.problem
    assert caught.value.problem.startswith(f"Clinical of {NAME} has seen 1")
    result = evaluate(workspace, allow_leakage=True)
    assert result.leaks == (caught.value.problem,)
    page = result.report.read_text(encoding="utf-8")
    assert page.index('class="leaks"') < page.index('class="tiles"')
    assert "LEAKAGE, allowed by --allow_leakage" in page
    assert "LEAKAGE, allowed by --allow_leakage" in result.report.with_name("tables.md").read_text()


def test_a_model_that_was_trained_on_patients_who_are_test_patients_now_is_refused(workspace: Workspace) -> None:
    pipeline.make_splits(workspace, NAME, n_folds=2, overwrite=True)
    assert evaluate(workspace).leaks == ()
    path = workspace.preprocessed_dataset(NAME).splits_json
    text = path.read_text()
    path.write_text(text.replace('"test_patient_ids": []', '"test_patient_ids": ["P000"]'))
    with pytest.raises(LeakageError, match="P000"):  # stands in a fold
        evaluate(workspace)
    result = evaluate(workspace, allow_leakage=True)
    assert any(f"Clinical of {NAME} has seen 1 patient(s) of the test split of {NAME}: {NAME}/P000" in leak
               for leak in result.leaks)


def leak_a_test_case(workspace: Workspace) -> None:
    path = workspace.preprocessed_dataset(NAME).splits_json
    text = path.read_text()
    path.write_text(text.replace('"train_case_ids": [', '"train_case_ids": [\n"T000_s1_1",', 1))


def test_a_test_case_in_a_fold_is_refused_by_training_and_recorded_where_it_is_allowed(workspace: Workspace) -> None:
    leak_a_test_case(workspace)
    with pytest.raises(LeakageError, match="test cases T000_s1_1 are used for training"):
        pipeline.train(workspace, NAME, 0, config="clinical", plan_name=PLAN.name)
    folder = pipeline.train(workspace, NAME, 0, config="clinical", plan_name=PLAN.name, allow_leakage=True)
    leaks = read_leaks(folder / "run.json")
    assert any("T000_s1_1 are used for training" in leak for leak in leaks)
    assert any(f"{NAME}/T000" in leak for leak in leaks)
    assert evaluate(workspace, allow_leakage=True).leaks


def test_one_person_under_two_ids_on_both_sides_of_a_fold_is_refused(workspace: Workspace) -> None:
    first, second = (f.validation_case_ids[0][:4] for f in _folds(workspace))
    workspace.raw_dataset(NAME).other_ids_csv.write_text(f"patient_id,other_id\n{first},{second}\n")
    with pytest.raises(LeakageError, match=r"The training part of fold 0 has seen 1 patient\(s\) under another name"):
        pipeline.train(workspace, NAME, 0, config="clinical", plan_name=PLAN.name)


def _folds(workspace: Workspace) -> Any:
    from rnnet.dataset.splits import read_splits

    raw = read_dataset(workspace.raw_dataset(NAME))
    return read_splits(workspace.preprocessed_dataset(NAME).splits_json, raw.cases)


def test_a_recorded_leak_stands_in_every_later_report(workspace: Workspace) -> None:
    path = workspace.results_dataset(NAME, PLAN.name).fold("clinical", 0).run_json
    path.write_text(path.read_text().replace('"leaks": []', '"leaks": ["an old leak"]'))
    result = evaluate(workspace)
    assert result.leaks == ("clinical: an old leak",)
    assert "an old leak" in result.report.read_text(encoding="utf-8")
