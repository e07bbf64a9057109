from __future__ import annotations

import numpy as np
import pytest

from rnnet.core.codec import read_artefact, write_artefact
from rnnet.core.errors import SettingError
from rnnet.core.types import LesionPrediction
from rnnet.evaluation.metrics import classification_metrics
from rnnet.evaluation.predictions import sigmoid
from rnnet.evaluation.summary import (
    CROSS_VALIDATION,
    METRIC_NAMES,
    SAME_CENTER_TEST,
    Evaluation,
    ModelSummary,
    outcomes_and_probabilities,
    pooled_predictions,
    summarise,
)

NAMES = {"positive_outcome": "radiation_necrosis", "negative_outcome": "progression", "seed": 0, "n_resamples": 200}


def lesions(n: int, seed: int, prefix: str = "c", strength: float = 1.5) -> list[LesionPrediction]:
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=n) + strength * (np.arange(n) % 2) - strength / 2
    return [
        LesionPrediction(f"{prefix}{i}", f"{prefix}{i // 2}", "A", "test", i % 2, float(z), sigmoid(float(z)))
        for i, z in enumerate(logits)
    ]


def unlabelled(case_id: str) -> LesionPrediction:
    return LesionPrediction(case_id, "P", "A", "test", None, 0.0, 0.5)


def test_a_test_set_gets_the_ensemble_and_the_mean_over_fold_models():
    folds = [lesions(24, seed) for seed in range(3)]
    s = summarise("ssl_vit", SAME_CENTER_TEST, folds, threshold=0.5, **NAMES)
    pairs = [outcomes_and_probabilities(f) for f in folds]
    aucs = [classification_metrics(y, p, threshold=0.5).auc for y, p in pairs]
    assert s.pooling == "ensemble"
    assert s.mean_sd["auc"].mean == pytest.approx(np.mean(aucs))
    assert s.mean_sd["auc"].sd == pytest.approx(np.std(aucs, ddof=1))
    assert [f.metrics.auc for f in s.folds] == pytest.approx(aucs)
    assert s.pooled.auc == s.intervals["auc"].value
    assert s.intervals["sensitivity"].value == pytest.approx(s.pooled.sensitivity)
    assert s.intervals["auc"].low < s.pooled.auc < s.intervals["auc"].high
    assert (s.counts.lesions_positive, s.counts.lesions_negative) == (12, 12)
    assert (s.counts.patients, s.counts.patients_positive) == (12, 12)
    assert s.subset_title == "Same-centre test"


def test_cross_validation_pools_the_out_of_fold_predictions():
    folds = [lesions(10, seed, prefix=f"f{seed}_") for seed in range(3)]
    s = summarise("radiomics", CROSS_VALIDATION, folds, threshold=0.4, **NAMES)
    joined = [p for f in folds for p in f]
    expected = classification_metrics(*outcomes_and_probabilities(joined), threshold=0.4)
    assert s.pooling == "out-of-fold"
    for name in METRIC_NAMES:
        assert getattr(s.pooled, name) == pytest.approx(getattr(expected, name)), name
    assert len(s.case_ids) == 30
    assert pooled_predictions(CROSS_VALIDATION, folds) == tuple(joined)


def test_lesions_without_outcome_are_left_out_and_counted():
    folds = [[*lesions(12, seed), unlabelled("x")] for seed in range(2)]
    s = summarise("ssl_vit", "Dataset002_Other", folds, threshold=0.5, **NAMES)
    assert s.counts.lesions_without_outcome == 1
    assert "x" not in s.case_ids
    assert s.subset_title == "External test, Dataset002_Other"


def test_a_fold_of_one_class_is_noted_and_not_averaged():
    one_class = [p for p in lesions(10, 5, prefix="g") if p.outcome == 1]
    s = summarise("clinical", CROSS_VALIDATION, [lesions(12, 0), lesions(12, 1, prefix="d"), one_class],
                  threshold=0.5, fold_numbers=(0, 2, 4), **NAMES)
    assert s.folds[2].metrics is None
    assert "not of both outcomes" in s.folds[2].note
    assert [f.fold for f in s.folds] == [0, 2, 4]
    assert s.mean_sd["auc"].n_models == 2


def test_one_fold_model_has_no_standard_deviation():
    s = summarise("ssl_vit", SAME_CENTER_TEST, [lesions(12, 0)], threshold=0.5, **NAMES)
    assert s.mean_sd["auc"].sd is None


def test_a_subset_of_one_class_is_refused():
    with pytest.raises(SettingError, match="same outcome"):
        summarise("ssl_vit", SAME_CENTER_TEST, [[p for p in lesions(12, 0) if p.outcome == 1]], threshold=0.5, **NAMES)


def test_a_stored_evaluation_reads_back_equal(tmp_path):
    # Threshold 1 calls nothing positive: the undefined predictive value must survive too.
    folds = [lesions(12, 0)]
    summaries = tuple(summarise("ssl_vit", SAME_CENTER_TEST, folds, threshold=t, **NAMES) for t in (0.5, 1.0))
    assert summaries[1].pooled.ppv is None
    path = tmp_path / "summary.json"
    write_artefact(path, Evaluation("Dataset001_A", "rnnet_plans", summaries))
    stored = read_artefact(path, Evaluation, made_by="rnnet_evaluate")
    assert stored.summaries == summaries
    assert all(isinstance(s, ModelSummary) for s in stored.summaries)
