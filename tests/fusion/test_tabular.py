from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rnnet.core.errors import DatasetError, LeakageError, MissingStageError, UnknownComponentError
from rnnet.core.types import TABULAR_CONFIGS
from rnnet.features.table import FeatureTable
from rnnet.fusion.tabular import IMAGING_LOGIT, TabularModel, fit_tabular
from tests.fusion.tabular_data import COLUMNS, TabularData, make_data, make_fusion_plan


def fit(config: str, data: TabularData, *settings: str, **changes: Any) -> TabularModel:
    arguments: dict[str, Any] = {
        "radiomics": data.radiomics, "columns": COLUMNS, "imaging_logits": data.logits,
        "plan": make_fusion_plan(*settings), "seed": 0, **changes,
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
    for config in ("clinical", "radiomics_clinical", "multimodal"):
        model = fit(config, data)
        assert "clinical_age" in model.selection.names
        assert auc_on_test(model, data) > 0.9


def test_each_configuration_uses_its_blocks_and_head() -> None:
    data = make_data(radiomics_signal=2.0, clinical_signal=2.0)
    for config in TABULAR_CONFIGS:
        model = fit(config, data, "fusion.head=logistic")
        assert ("radiomics_r0" in model.input_names) == (config != "clinical")
        assert ("clinical_age" in model.input_names) == (config != "radiomics")
        assert (model.input_names[0] == IMAGING_LOGIT) == (config == "multimodal")
        assert model.head_name == ("random_forest" if config == "radiomics" else "logistic")


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


@pytest.mark.parametrize("config", TABULAR_CONFIGS)
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
    assert (one.selection, one.clinical, one.imaging) == (two.selection, two.clinical, two.imaging)
    np.testing.assert_array_equal(probabilities(one, data), probabilities(two, data))


@pytest.mark.parametrize("config", TABULAR_CONFIGS)
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


def test_a_lesion_without_radiomics_is_predicted_and_warned_of() -> None:
    data = make_data(radiomics_signal=3.0)
    values = np.array(data.radiomics.values)
    values[-1] = np.nan
    radiomics = FeatureTable(data.radiomics.case_ids, data.radiomics.names, values)
    model = fit("radiomics", data)
    found = model.predict(data.test, radiomics=radiomics)
    assert 0 < found[-1].probability < 1
    warnings = model.warnings(data.test, radiomics=radiomics)
    assert list(warnings) == [data.test[-1].case_id]
    k = len(model.selection.names)
    assert warnings[data.test[-1].case_id] == (
        f"{k} of {k} radiomic features are missing: training medians stand in.",)


def test_clinical_warnings_reach_the_prediction() -> None:
    data = make_data(clinical_signal=3.0)
    old = replace(data.test[0], clinical={"age": 500.0, "sex": "other"})
    (texts,) = fit("clinical", data).warnings([old]).values()
    assert len(texts) == 2


def test_a_missing_block_is_named() -> None:
    data = make_data(radiomics_signal=1.0)
    with pytest.raises(MissingStageError, match="'radiomics' needs radiomics"):
        fit("radiomics", data, radiomics=None)
    with pytest.raises(MissingStageError, match="imaging logit of every case; 48 have none"):
        fit("multimodal", data, imaging_logits=None)
    model = fit("multimodal", data)
    with pytest.raises(MissingStageError, match="needs radiomics"):
        model.predict(data.test, imaging_logits=data.logits)
    with pytest.raises(MissingStageError, match=f"1 have none: {data.test[0].case_id}"):
        model.predict(data.test[:1], radiomics=data.radiomics, imaging_logits={})
    with pytest.raises(DatasetError, match="not a finite number"):
        model.predict(data.test[:1], radiomics=data.radiomics, imaging_logits={data.test[0].case_id: math.nan})


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
