from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rnnet.core.errors import DatasetError, LeakageError, MissingStageError, UnknownComponentError
from rnnet.core.types import LOGISTIC_CONFIGS, PUBLISHED_TABULAR_CONFIGS, TABULAR_CONFIGS
from rnnet.features.table import FeatureTable
from rnnet.fusion.blocks import blocks_of
from rnnet.fusion.remarks import NO_INPUT, prediction_remarks
from rnnet.fusion.tabular import IMAGING_LOGIT, TabularModel, fit_tabular
from tests.fusion.tabular_data import COLUMNS, TabularData, make_data, make_fusion_plan


def fit(config: str, data: TabularData, *settings: str, **changes: Any) -> TabularModel:
    arguments: dict[str, Any] = {
        "radiomics": data.radiomics, "columns": COLUMNS, "imaging_logits": data.logits,
        "plan": make_fusion_plan("fusion.head=logistic", *settings), "seed": 0, **changes,
    }
    return fit_tabular(config, data.train, **arguments)


def probabilities(model: TabularModel, data: TabularData) -> np.ndarray:
    found = model.predict(data.test, radiomics=data.radiomics, imaging_logits=data.logits)
    return np.array([p.probability for p in found])


def auc_on_test(model: TabularModel, data: TabularData) -> float:
    found = model.predict(data.test, radiomics=data.radiomics, imaging_logits=data.logits)
    positive = np.array([p.logit for p in found if p.outcome == 1])
    negative = np.array([p.logit for p in found if p.outcome == 0])
    return float((positive[:, None] > negative).mean())


def test_a_strong_clinical_column_is_found() -> None:
    data = make_data(clinical_signal=3.0)
    for config in ("clinical", "multimodal"):
        model = fit(config, data)
        assert "clinical_age" in model.selection.names
        assert auc_on_test(model, data) > 0.9


def test_each_configuration_uses_its_blocks_and_head() -> None:
    data = make_data(n_patients=14, n_features=3, radiomics_signal=3.0, clinical_signal=3.0)
    for config in TABULAR_CONFIGS:
        model = fit(config, data, "fusion.head=mlp")
        heads = {"radiomics": "random_forest", **dict.fromkeys(LOGISTIC_CONFIGS, "logistic")}
        assert model.parts[0].head_name == heads.get(config, "mlp")
        assert ("radiomics_r0" in model.input_names) == ("radiomics" in model.blocks)
        assert ("clinical_age" in model.input_names) == ("clinical" in model.blocks)
        assert (model.input_names[0] == IMAGING_LOGIT) == ("imaging" in model.blocks)
        assert model.blocks == blocks_of(config)


def test_a_useless_imaging_logit_is_kept_all_the_same() -> None:
    data = make_data(radiomics_signal=3.0)
    assert fit("multimodal", data).input_names[0] == IMAGING_LOGIT


def test_an_informative_imaging_logit_carries_the_fusion() -> None:
    data = make_data(imaging_signal=3.0)
    assert auc_on_test(fit("multimodal", data), data) > 0.9
    assert auc_on_test(fit("radiomics_clinical", data), data) < 0.8


def test_the_unit_of_the_imaging_logit_does_not_matter() -> None:
    data = make_data(imaging_signal=2.0)
    scaled = replace(data, logits={i: 100 * v - 7 for i, v in data.logits.items()})
    np.testing.assert_allclose(
        probabilities(fit("multimodal", scaled), scaled), probabilities(fit("multimodal", data), data), atol=1e-6)


def test_equal_imaging_logits_do_no_harm() -> None:
    data = make_data(clinical_signal=3.0)
    flat = replace(data, logits=dict.fromkeys(data.logits, 0.3))
    assert auc_on_test(fit("multimodal", flat), flat) > 0.9


def test_a_probability_is_the_sigmoid_of_its_logit() -> None:
    data = make_data(clinical_signal=1.0)
    for p in fit("clinical", data).predict(data.test):
        assert p.probability == pytest.approx(1 / (1 + math.exp(-p.logit)), abs=1e-12)


def test_predictions_carry_the_case_and_its_outcome() -> None:
    data = make_data(clinical_signal=1.0)
    unlabelled = [replace(case, outcome=None) for case in data.test[:1]]
    (found,) = fit("clinical", data).predict(unlabelled)
    case = data.test[0]
    assert (found.case_id, found.patient_id, found.center, found.split) == (
        case.case_id, case.patient_id, case.center, "test")
    assert found.outcome is None
    assert fit("clinical", data).predict(data.test[2:3])[0].outcome == 1


@pytest.mark.parametrize("config", PUBLISHED_TABULAR_CONFIGS)
def test_rows_outside_the_training_set_change_nothing(config: str) -> None:
    data = make_data(radiomics_signal=1.0, clinical_signal=1.0)
    values = np.array(data.radiomics.values)
    values[len(data.train):] = 1e9
    others = {case.case_id for case in data.test}
    changed = TabularData(
        tuple(replace(c, outcome=None, clinical={"age": 1e9}) if c.split == "test" else c for c in data.cases),
        FeatureTable(data.radiomics.case_ids, data.radiomics.names, values),
        {i: 1e9 if i in others else v for i, v in data.logits.items()},
    )
    one, two = fit(config, data), fit(config, changed)
    assert one.clinical == two.clinical
    assert [p.selection for p in one.parts] == [p.selection for p in two.parts]
    np.testing.assert_array_equal(probabilities(one, data), probabilities(two, data))


@pytest.mark.parametrize("config", PUBLISHED_TABULAR_CONFIGS)
def test_the_order_of_columns_does_not_matter(config: str) -> None:
    data = make_data(radiomics_signal=1.0, clinical_signal=1.0)
    turned = replace(data, radiomics=data.radiomics.select(data.radiomics.names[::-1]))
    columns = dict(reversed(list(COLUMNS.items())))
    np.testing.assert_array_equal(
        probabilities(fit(config, turned, columns=columns), turned), probabilities(fit(config, data), data))


@pytest.mark.parametrize("config", ["radiomics", "clinical", "multimodal"])
def test_forty_percent_missing_values_work(config: str) -> None:
    data = make_data(n_patients=40, radiomics_signal=3.0, clinical_signal=3.0, missing_share=0.4)
    assert auc_on_test(fit(config, data), data) > 0.65


def without_radiomics(data: TabularData, places: Sequence[int]) -> FeatureTable:
    values = np.array(data.radiomics.values)
    values[list(places)] = np.nan
    return FeatureTable(data.radiomics.case_ids, data.radiomics.names, values)


def test_each_combination_of_blocks_has_a_model_of_its_own() -> None:
    data = make_data(radiomics_signal=1.0)
    assert [p.blocks for p in fit("multimodal", data).parts] == [
        ("imaging", "radiomics", "clinical"), ("imaging", "radiomics"), ("imaging", "clinical"), ("imaging",)]
    assert [p.blocks for p in fit("radiomics_clinical", data).parts] == [
        ("radiomics", "clinical"), ("radiomics",), ("clinical",)]
    imaging = fit("multimodal", data).parts[-1]
    assert (imaging.head_name, imaging.input_names) == ("logistic", (IMAGING_LOGIT,))


def test_a_missing_block_is_handled_by_the_model_that_was_trained_without_it() -> None:
    data = make_data(radiomics_signal=2.0, clinical_signal=2.0, imaging_signal=1.0)
    whole, place = fit("multimodal", data), len(data.train)
    for blocks, radiomics, clinical in (
        (("imaging", "clinical"), without_radiomics(data, [place]), data.cases[place].clinical),
        (("imaging", "radiomics"), data.radiomics, {}),
        (("imaging",), without_radiomics(data, [place]), {"age": None, "sex": ""}),
    ):
        (case,) = lesion = [replace(data.cases[place], clinical=clinical)]
        given = {"radiomics": radiomics, "imaging_logits": data.logits}
        assert whole.inputs_of(lesion, **given) == {case.case_id: blocks}
        part = whole.part_for(blocks)
        alone = replace(whole, parts=(part,)).predict(lesion, **given)
        assert whole.predict(lesion, **given) == alone
        text = prediction_remarks(whole, lesion, **given)[case.case_id][0]
        assert f"the model for {' + '.join(blocks)} was used" in text


def test_what_the_missing_block_would_hold_does_not_reach_the_prediction() -> None:
    data = make_data(radiomics_signal=2.0, imaging_signal=1.0)
    shifted = replace(data, radiomics=FeatureTable(
        data.radiomics.case_ids, data.radiomics.names, data.radiomics.values + 50))
    lesion = [replace(data.test[0], clinical={})]
    one, two = (
        fit("multimodal", d).predict(lesion, radiomics=None, imaging_logits=d.logits) for d in (data, shifted))
    assert one == two


def test_a_lesion_with_no_input_at_all_is_even_and_said() -> None:
    data = make_data(radiomics_signal=3.0)
    model, radiomics = fit("radiomics", data), without_radiomics(data, [len(data.cases) - 1])
    found = model.predict(data.test, radiomics=radiomics)
    assert found[-1].probability == 0.5
    assert model.inputs_of(data.test, radiomics=radiomics)[data.test[-1].case_id] == ()
    remarks = prediction_remarks(model, data.test, radiomics=radiomics)
    assert remarks == {data.test[-1].case_id: (NO_INPUT,)}


def test_training_rows_without_a_block_teach_the_models_that_go_without_it() -> None:
    data = make_data(radiomics_signal=2.0)
    model = fit("multimodal", data, radiomics=without_radiomics(data, range(10)))
    assert [p.n_rows for p in model.parts] == [38, 38, 48, 48]


def test_single_missing_features_are_said() -> None:
    data = make_data(radiomics_signal=3.0)
    values = np.array(data.radiomics.values)
    values[-1, 0] = np.nan
    radiomics = FeatureTable(data.radiomics.case_ids, data.radiomics.names, values)
    model = fit("radiomics", data)
    k = len(model.selection.names)
    assert prediction_remarks(model, data.test, radiomics=radiomics) == {
        data.test[-1].case_id: (f"1 of {k} radiomic features are missing: training medians stand in.",)}


def test_clinical_remarks_reach_the_prediction() -> None:
    data = make_data(clinical_signal=3.0)
    old = replace(data.test[0], clinical={"age": 500.0, "sex": "other"})
    (texts,) = prediction_remarks(fit("clinical", data), [old]).values()
    assert len(texts) == 2
    (texts,) = prediction_remarks(fit("clinical", data), [replace(old, clinical={"sex": "male"})]).values()
    assert texts[0].startswith("age is missing: the training median")


def test_training_without_a_block_and_imaging_without_logits_are_errors() -> None:
    data = make_data(radiomics_signal=1.0)
    with pytest.raises(MissingStageError, match="'radiomics' needs radiomics"):
        fit("radiomics", data, radiomics=None)
    with pytest.raises(MissingStageError, match="imaging logit of every case; 48 have none"):
        fit("multimodal", data, imaging_logits=None)
    model = fit("multimodal", data)
    with pytest.raises(MissingStageError, match=f"1 have none: {data.test[0].case_id}"):
        model.predict(data.test[:1], radiomics=data.radiomics, imaging_logits={})
    with pytest.raises(DatasetError, match="not a finite number"):
        model.predict(data.test[:1], radiomics=data.radiomics, imaging_logits={data.test[0].case_id: math.nan})


def test_rows_that_teach_nothing_with_all_blocks_leave_the_smaller_models() -> None:
    data = make_data(radiomics_signal=2.0)
    positive = [i for i, case in enumerate(data.cases) if case.outcome == data.cases[2].outcome]
    model = fit("multimodal", data, radiomics=without_radiomics(data, positive))
    assert [p.blocks for p in model.parts] == [("imaging", "clinical"), ("imaging",)]
    with pytest.raises(DatasetError, match="both outcomes"):
        fit("radiomics", data, radiomics=without_radiomics(data, positive))


def test_clinical_configurations_need_declared_columns() -> None:
    data = make_data(radiomics_signal=2.0)
    for config in ("clinical", "radiomics_clinical"):
        with pytest.raises(DatasetError, match="declares none"):
            fit(config, data, columns={})
    assert fit("multimodal", data, columns={}).clinical is None


def test_wrong_training_rows_are_refused() -> None:
    data = make_data()
    arguments: dict[str, Any] = {"radiomics": data.radiomics, "columns": COLUMNS, "imaging_logits": data.logits,
                                 "plan": make_fusion_plan(), "seed": 0}
    with pytest.raises(LeakageError, match="Test cases are among the training rows"):
        fit_tabular("clinical", data.cases, **arguments)
    with pytest.raises(DatasetError, match="without an outcome"):
        fit_tabular("clinical", [*data.train[1:], replace(data.train[0], outcome=None)], **arguments)
    with pytest.raises(UnknownComponentError, match="Did you mean 'clinical'"):
        fit_tabular("clinicl", data.train, **arguments)
