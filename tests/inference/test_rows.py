from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rnnet.core.types import LesionPrediction
from rnnet.core.workspace import ResultsLayout
from rnnet.dataset.manifest import Manifest
from rnnet.evaluation.decision import Decision, fit_decision
from rnnet.evaluation.predictions import out_of_fold, read_predictions, sigmoid
from rnnet.fusion.stacking import train_tabular_fold
from rnnet.inference.bundle import BundlePredictions, ModelBundle
from rnnet.inference.parts import decide_parts
from rnnet.inference.rows import prediction_rows, screen_table, write_rows
from tests.factories import OUTCOMES, make_cases, make_plan
from tests.fusion.tabular_data import COLUMNS, make_data, make_folds, make_fusion_plan

CASES = make_cases(4, 1)
WHOLE, WITHOUT_CLINICAL = ("imaging", "radiomics", "clinical"), ("imaging", "radiomics")
INPUTS = {case.case_id: blocks for case, blocks in zip(
    CASES, (WHOLE, WITHOUT_CLINICAL, ("imaging",), ()), strict=True)}


def decision(shift: float) -> Decision:
    rng = np.random.default_rng(0)
    y = np.arange(60) % 2
    return fit_decision(y, 3 * y + rng.standard_normal(60) + shift, positive_outcome=OUTCOMES[1],
                        negative_outcome=OUTCOMES[0])


def bundle(config: str = "multimodal") -> ModelBundle:
    return ModelBundle("Dataset001_Toy", config, make_plan(), Manifest("Toy", {"0": "T1CE"}, clinical={}), decision(0),
                       (), (), {WITHOUT_CLINICAL: decision(2)}, decision(-1))


def said(logits: tuple[float, ...] = (4.0, 4.0, -4.0, 9.0), inputs: dict[str, tuple[str, ...]] = INPUTS
         ) -> BundlePredictions:
    found = tuple(LesionPrediction(c.case_id, c.patient_id, c.center, "test", None, x, sigmoid(x))
                  for c, x in zip(CASES, logits, strict=True))
    return BundlePredictions({"0": found, "1": found}, {"0": found}, {"0": inputs, "1": inputs})


def test_each_row_names_its_inputs_and_holds_calibrated_probability_outcome_and_conformal_set() -> None:
    model = bundle()
    first = prediction_rows(model, CASES, said(), {})[0]
    p = model.decision.calibrated(4.0)
    assert first.inputs == "imaging + radiomics + clinical"
    assert first.probabilities == {OUTCOMES[1]: p, OUTCOMES[0]: 1 - p}
    assert p != sigmoid(4.0)
    assert first.positive_by_fold == {"0": p, "1": p}
    assert (first.decision, first.possible, first.verdict) == (OUTCOMES[1], (OUTCOMES[1],), OUTCOMES[1])
    assert first.imaging == model.imaging_decision.calibrated(4.0)  # type: ignore[union-attr]
    assert (first.fusion, first.logit) == (p, 4.0)


def test_a_lesion_that_lacks_a_block_is_judged_by_that_models_own_decision() -> None:
    model = bundle()
    _, second, third, _ = prediction_rows(model, CASES, said(), {})
    assert second.inputs == "imaging + radiomics"
    own = model.part_decisions[WITHOUT_CLINICAL]
    assert second.probabilities[OUTCOMES[1]] == own.calibrated(4.0) != model.decision.calibrated(4.0)
    assert second.threshold == own.threshold
    assert third.threshold == model.decision.threshold  # this combination could not be decided for itself


def test_a_lesion_without_any_input_is_undecided() -> None:
    row = prediction_rows(bundle(), CASES, said(), {})[3]
    assert (row.inputs, row.decision, row.verdict) == ("nothing", "undecided", "undecided")
    assert set(row.possible) == set(OUTCOMES)


def test_between_the_conformal_limits_both_outcomes_stay_possible() -> None:
    # Outcomes that overlap: the middle is possible for both.
    rng = np.random.default_rng(1)
    y = np.arange(80) % 2
    unsure = fit_decision(y, 0.5 * y + rng.standard_normal(80), positive_outcome=OUTCOMES[1],
                          negative_outcome=OUTCOMES[0])
    model = replace(bundle(), decision=unsure)
    row = prediction_rows(model, CASES, said((0.25,) * 4), {})[0]
    assert row.verdict == "undecided"
    assert row.decision in OUTCOMES


def test_folds_that_used_different_inputs_are_both_named() -> None:
    predictions = said()
    other = {**INPUTS, CASES[0].case_id: ("imaging",)}
    row = prediction_rows(bundle(), CASES, replace(predictions, inputs={"0": INPUTS, "1": other}), {})[0]
    assert row.inputs == "imaging + radiomics + clinical or imaging"


def test_the_file_says_which_inputs_were_used(tmp_path: Path) -> None:
    rows = prediction_rows(bundle(), CASES, said(), {CASES[1].case_id: ["No clinical data."]})
    write_rows(tmp_path / "predictions.csv", rows)
    with (tmp_path / "predictions.csv").open() as stream:
        stored = list(csv.DictReader(stream))
    assert [row["inputs"] for row in stored] == [
        "imaging + radiomics + clinical", "imaging + radiomics", "imaging", "nothing"]
    assert stored[3]["conformal"] == "undecided"
    assert stored[1]["warnings"] == "No clinical data."
    for row in stored:
        assert float(row[f"p_{OUTCOMES[0]}"]) + float(row[f"p_{OUTCOMES[1]}"]) == pytest.approx(1, abs=2e-6)
    headers, cells = screen_table(rows)
    assert all(len(row) == len(headers) for row in cells)


def test_models_for_missing_blocks_get_a_decision_from_their_own_out_of_fold_predictions(tmp_path: Path) -> None:
    data, plan = make_data(n_patients=12, n_test=0, imaging_signal=2.0), make_fusion_plan("fusion.head=logistic")
    results = ResultsLayout(tmp_path, plan.name)
    for fold in make_folds(data.train):
        train_tabular_fold(
            plan, config="multimodal", fold=fold, cases=data.cases, columns=COLUMNS, radiomics=data.radiomics,
            oof_logits=data.logits, test_logits={}, layout=results.fold("multimodal", fold.index), seed=0,
        )
    found = decide_parts(results, "multimodal", plan)
    assert list(found) == [("imaging", "radiomics"), ("imaging", "clinical"), ("imaging",)]
    assert {decision.n_cases for decision in found.values()} == {24}
    assert results.part_decision_json("multimodal", ("imaging",)).is_file()
    alone = out_of_fold([
        read_predictions(results.fold("multimodal", k).part_predictions(("imaging",))) for k in range(3)])
    # Imaging alone keeps the order of the imaging logits within a fold.
    for fold in make_folds(data.train):
        own = [p for p in alone if p.case_id in fold.validation_case_ids]
        assert sorted(own, key=lambda p: p.logit) == sorted(own, key=lambda p: data.logits[p.case_id])
    assert decide_parts(results, "ssl_vit", plan) == {}
