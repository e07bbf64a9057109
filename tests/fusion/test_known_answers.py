"""The fusion on data whose answer is known: nothing to find, one strong column, many holes."""

from __future__ import annotations

import numpy as np

from rnnet.evaluation.statistics import Interval, clustered_bootstrap
from rnnet.fusion.tabular import fit_tabular
from tests.fusion.tabular_data import COLUMNS, TabularData, make_data, make_fusion_plan, permuted

# Of training patients, held-out patients and radiomic features.
SIZE = {"n_patients": 30, "n_test": 60, "n_features": 40}


def auc_on_test(data: TabularData, config: str, *, seed: int = 0) -> Interval:
    """AUC of the model of all training rows on the held-out rows, with its interval by patient.

    Not over validation rows: where nothing is to be found, folds that share their rows scatter more than a bootstrap
    of their joined predictions can tell.
    """
    given = {"radiomics": data.radiomics, "imaging_logits": data.logits}
    model = fit_tabular(config, data.train, columns=COLUMNS, plan=make_fusion_plan(), seed=seed, **given)
    found = model.predict(data.test, **given)
    return clustered_bootstrap([p.outcome for p in found], [p.logit for p in found], [p.patient_id for p in found],
                               n_resamples=500, seed=seed)


def test_on_permuted_outcomes_the_interval_of_the_auc_includes_one_half() -> None:
    real = make_data(**SIZE, radiomics_signal=3.0, clinical_signal=2.0, imaging_signal=2.0)
    intervals = [auc_on_test(permuted(real, seed), "multimodal_logistic") for seed in range(3)]
    intervals.append(auc_on_test(permuted(real, 3), "multimodal"))
    assert all(interval.low < 0.5 < interval.high for interval in intervals)
    # The same measurement finds what is there.
    assert auc_on_test(real, "multimodal_logistic").low > 0.8


def test_one_strong_clinical_column_among_noise_is_found() -> None:
    data = make_data(**SIZE, clinical_signal=3.0)
    assert auc_on_test(data, "multimodal_logistic").low > 0.8
    assert auc_on_test(data, "radiomics_logistic").low < 0.6


def test_a_table_with_forty_percent_missing_values_works() -> None:
    data = make_data(**SIZE, radiomics_signal=3.0, clinical_signal=3.0, missing_share=0.4)
    assert 0.35 < np.isnan(data.radiomics.values).mean() < 0.45
    assert auc_on_test(data, "multimodal_logistic").low > 0.6
