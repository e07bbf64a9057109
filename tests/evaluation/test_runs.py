from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rnnet.core.codec import read_artefact, write_artefact
from rnnet.core.errors import DatasetError, UnknownComponentError
from rnnet.core.provenance import make_run_record
from rnnet.core.types import LesionCase, LesionPrediction, positive_label
from rnnet.core.workspace import Workspace
from rnnet.evaluation.case_facts import SizeLimit, case_facts
from rnnet.evaluation.decision import Decision
from rnnet.evaluation.predictions import sigmoid, write_predictions
from rnnet.evaluation.results import EvaluatedLesion
from rnnet.evaluation.runs import EvaluationRequest, summarise_all
from rnnet.evaluation.summary import CROSS_VALIDATION, SAME_CENTER_TEST, Evaluation
from rnnet.experiment.data import ExperimentData
from rnnet.experiment.label_share import LabelShare
from rnnet.planning.plan import write_plan
from tests.experiment.workspaces import NAME, PLAN, write_dataset, write_planned, write_preprocessed

STRENGTH = {"multimodal": 2.0, "clinical": 0.6}
PART = replace(PLAN, name="half", finetune=replace(PLAN.finetune, label_share=0.5))


def write_fold(data: ExperimentData, config: str, fold: int, *, share: float = 1.0) -> None:
    """Predictions as a fold would leave them, without a training."""
    layout = data.results.fold(config, fold)
    _, validation = data.sides(fold, labels=LabelShare())
    for subset, cases in (("validation", validation), ("test", data.test_cases)):
        rows = [_predicted(case, config, fold) for case in cases]
        write_predictions(layout.predictions(subset), rows, positive_outcome=PLAN.positive_outcome)
    layout.tabular_model.touch()
    write_artefact(layout.run_json, make_run_record("rnnet_train", inputs=LabelShare(share, PLAN.seed).as_inputs()))


def _predicted(case: LesionCase, config: str, fold: int) -> LesionPrediction:
    y = positive_label(case, PLAN.positive_outcome) or 0
    rng = np.random.default_rng([fold, len(config), *case.case_id.encode()])
    logit = float(rng.normal() + STRENGTH[config] * (2 * y - 1))
    return LesionPrediction(case.case_id, case.patient_id, case.center, case.split, y, logit, sigmoid(logit))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> ExperimentData:
    """16 training and 8 test patients of two lesions; the outcome of every second patient is by histology."""
    workspace = Workspace.under(tmp_path_factory.mktemp("runs"))
    dataset = write_dataset(workspace, n_patients=16, n_test=8)
    table = dataset.layout.cases_csv
    lines = table.read_text().splitlines()
    table.write_text("\n".join(
        line.replace("made up", "histology" if int(line[1:4]) % 4 < 2 else "follow-up") if i else line
        for i, line in enumerate(lines)
    ) + "\n")
    write_planned(workspace, dataset)
    write_preprocessed(workspace, dataset)
    opened = ExperimentData.open(workspace, NAME, PLAN.name)
    for config in STRENGTH:
        for fold in (0, 1):
            write_fold(opened, config, fold)
    return opened


def request_of(data: ExperimentData, **settings: object) -> EvaluationRequest:
    return EvaluationRequest({data.name: case_facts(data.corpus, SizeLimit.of(data.corpus))}, **settings)  # type: ignore[arg-type]


def test_small_lesions_end_at_the_median_of_the_training_lesions(data: ExperimentData) -> None:
    limit = SizeLimit.of(data.corpus)
    assert limit.volume_mm3 is not None
    assert limit.level(limit.volume_mm3) == limit.level(1.0) == f"at most {limit.volume_mm3 / 1000:.2f} mL"
    assert limit.level(limit.volume_mm3 + 1).startswith("over ")
    assert limit.level(None) == SizeLimit(None).level(5.0) == "not given"


@pytest.fixture(scope="module")
def evaluated(data: ExperimentData) -> tuple[Evaluation, tuple[EvaluatedLesion, ...]]:
    return summarise_all(data, request_of(data))


def test_every_model_has_figures_by_lesion_and_by_patient(evaluated: tuple[Evaluation, object]) -> None:
    summaries = evaluated[0].summaries
    assert {(s.config, s.subset) for s in summaries} == {
        (c, s) for c in STRENGTH for s in (CROSS_VALIDATION, SAME_CENTER_TEST)}
    for s in summaries:
        assert {"auc", "balanced_accuracy", "f1", "brier"} <= set(s.intervals)
        assert s.patients is not None
        assert s.patients.pooled.n_positive + s.patients.pooled.n_negative == s.counts.patients
        assert "any lesion" in s.patients.rule


def test_the_figures_come_from_the_stored_lesions(
    evaluated: tuple[Evaluation, tuple[EvaluatedLesion, ...]]
) -> None:
    evaluation, lesions = evaluated
    for s in evaluation.summaries:
        own = [x for x in lesions if (x.config, x.subset) == (s.config, s.subset)]
        assert s.pooled.accuracy == pytest.approx(np.mean([x.positive == x.outcome for x in own]))
        assert s.pooled.brier == pytest.approx(np.mean([(x.probability - x.outcome) ** 2 for x in own]))
        assert sorted(x.case_id for x in own) == list(s.case_ids)


def test_cross_validation_is_decided_by_the_other_folds_and_the_test_set_by_the_stored_decision(
    data: ExperimentData, evaluated: tuple[Evaluation, tuple[EvaluatedLesion, ...]]
) -> None:
    evaluation, lesions = evaluated
    stored = read_artefact(data.results.decision_json("clinical"), Decision, made_by="rnnet_evaluate")
    assert {s.decided_by for s in evaluation.summaries} == {
        "out-of-fold predictions of the other folds", "all out-of-fold predictions"}
    assert {x.threshold for x in lesions if x.config == "clinical" and x.subset == "test"} == {stored.threshold}
    of_folds = {x.fold: x.threshold for x in lesions if x.config == "clinical" and x.subset == CROSS_VALIDATION}
    assert set(of_folds) == {0, 1}
    assert stored.threshold not in of_folds.values()


def test_the_reference_is_compared_on_every_test_set(evaluated: tuple[Evaluation, object]) -> None:
    assert [(c.config_a, c.config_b, c.subset) for c in evaluated[0].comparisons] == [
        ("multimodal", "clinical", CROSS_VALIDATION), ("multimodal", "clinical", SAME_CENTER_TEST)]


def test_subgroups_are_those_of_the_cases(evaluated: tuple[Evaluation, object]) -> None:
    found = {(g.factor, g.level) for g in evaluated[0].subgroups}
    assert {("centre", "A"), ("sex", "female"), ("label source", "histology")} <= found
    assert {g.config for g in evaluated[0].subgroups} == set(STRENGTH)


def test_a_filter_on_the_label_source_leaves_those_lesions_alone_and_the_decision_as_it_was(
    data: ExperimentData, evaluated: tuple[Evaluation, object]
) -> None:
    filtered, lesions = summarise_all(data, request_of(data, label_sources=("histology",)))
    assert {x.facts["label source"] for x in lesions} == {"histology"}
    for some, of_all in zip(filtered.summaries, evaluated[0].summaries, strict=True):
        assert some.decision == of_all.decision
        assert 0 < len(some.case_ids) < len(of_all.case_ids)
        assert "histology" in some.subset_title


def test_a_label_source_that_no_case_has_is_named(data: ExperimentData) -> None:
    with pytest.raises(UnknownComponentError, match="histologie") as caught:
        summarise_all(data, request_of(data, label_sources=("histologie",)))
    assert "histology" in caught.value.fix


def test_models_of_other_folds_are_not_compared(data: ExperimentData) -> None:
    model = data.results.fold("clinical", 1).tabular_model
    model.rename(model.with_suffix(".away"))
    try:
        with pytest.raises(DatasetError, match="not evaluated on the same lesions of 'cross-validation'"):
            summarise_all(data, request_of(data))
    finally:
        model.with_suffix(".away").rename(model)


def test_plans_that_differ_in_the_share_of_the_labels_make_a_curve(data: ExperimentData) -> None:
    write_plan(data.workspace.preprocessed_dataset(NAME).plans_json(PART.name), PART, inputs={})
    part = ExperimentData.open(data.workspace, NAME, PART.name)
    write_fold(part, "clinical", 0, share=0.5)
    points = summarise_all(data, request_of(data))[0].label_shares
    assert [(p.config, p.subset, p.share, p.folds) for p in points] == [
        ("clinical", CROSS_VALIDATION, 0.5, ("0",)), ("clinical", CROSS_VALIDATION, 1.0, ("0", "1")),
        ("clinical", SAME_CENTER_TEST, 0.5, ("0",)), ("clinical", SAME_CENTER_TEST, 1.0, ("0", "1")),
    ]
    assert points[0].n_training_patients < points[1].n_training_patients
    write_fold(part, "clinical", 0, share=1.0)  # trained with all labels, against its plan
    assert summarise_all(data, request_of(data))[0].label_shares == ()
