from __future__ import annotations

from pathlib import Path

import pytest

from rnnet.core.errors import MissingStageError
from rnnet.core.workspace import ResultsLayout
from rnnet.features.selection import FittedSelection
from rnnet.fusion.artefact import save_tabular
from rnnet.fusion.kept import COLUMNS, compare_selections, kept_features
from rnnet.fusion.tabular import fit_tabular
from tests.fusion.tabular_data import COLUMNS as CLINICAL_COLUMNS
from tests.fusion.tabular_data import make_data, make_folds, make_fusion_plan


def selection(weights: dict[str, float], note: str = "") -> FittedSelection:
    k = len(weights)
    return FittedSelection(tuple(weights), (0.0,) * k, (0.0,) * k, (1.0,) * k, tuple(weights.values()),
                           (("all", 9), ("LASSO", k)), note)


def test_features_are_counted_over_the_folds_and_the_most_frequent_stand_first() -> None:
    kept = compare_selections("clinical", {
        "0": selection({"b": 0.2, "age": 0.5}), "1": selection({"age": 0.3, "c": -0.1}),
        "2": selection({"age": 0.1}, note="LASSO kept no feature."),
    })
    assert [(f.name, f.folds) for f in kept.features] == [("age", ("0", "1", "2")), ("b", ("0",)), ("c", ("1",))]
    assert kept.features[0].share == 1.0
    assert kept.features[0].weight == pytest.approx(0.3)
    assert kept.notes == {"2": "LASSO kept no feature."}
    assert kept.counts["1"] == (("all", 9), ("LASSO", 2))
    assert kept.rows()[1] == ("b", "1", "0.33", "0.2000", "0")
    assert all(len(row) == len(COLUMNS) for row in kept.rows())


def test_they_are_read_from_the_stored_models_of_the_folds(tmp_path: Path) -> None:
    data = make_data(n_patients=12, clinical_signal=3.0)
    results = ResultsLayout(tmp_path, "rnnet_plans")
    by_id = {case.case_id: case for case in data.cases}
    for fold in make_folds(data.train)[:2]:
        model = fit_tabular("clinical", [by_id[i] for i in fold.train_case_ids], radiomics=None,
                            columns=CLINICAL_COLUMNS, imaging_logits=None, plan=make_fusion_plan(), seed=0)
        save_tabular(results.fold("clinical", fold.index).tabular_model, model)
    kept = kept_features(results, "clinical", [0, 1])
    assert kept.features[0].name == "clinical_age"
    assert kept.features[0].share == 1.0
    with pytest.raises(MissingStageError):
        kept_features(results, "clinical", [0, 1, 2])
