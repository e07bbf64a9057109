from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from rnnet.core.errors import LeakageError, MissingStageError
from rnnet.core.seeding import rng_for
from rnnet.core.types import PUBLISHED_TABULAR_CONFIGS, Fold, LesionPrediction
from rnnet.core.workspace import FoldLayout
from rnnet.evaluation.predictions import read_predictions
from rnnet.features.table import FeatureTable
from rnnet.fusion.artefact import load_tabular
from rnnet.fusion.stacking import train_tabular_fold
from rnnet.fusion.tabular import fit_tabular
from tests.factories import OUTCOMES
from tests.fusion.tabular_data import COLUMNS, TabularData, make_data, make_folds, make_fusion_plan, permuted

FAST = ("fusion.head=logistic", "fusion.trees=20")


@dataclass(frozen=True)
class ImagingStandIn:
    """What an imaging model is to the fusion: logits out of fold, and each fold model's logits of the test rows."""

    oof: dict[str, float]
    test: tuple[dict[str, float], ...]


def imaging_stand_in(data: TabularData, folds: list[Fold], images: np.ndarray) -> ImagingStandIn:
    """A ridge regression of the outcome on made-up image content (n, d), fitted fold by fold."""
    row = {case.case_id: i for i, case in enumerate(data.cases)}
    y = np.array([1.0 if case.outcome == OUTCOMES[1] else -1.0 for case in data.cases])
    oof: dict[str, float] = {}
    test = []
    for fold in folds:
        train = [row[i] for i in fold.train_case_ids]
        gram = images[train].T @ images[train] + 5 * np.eye(images.shape[1])
        logits = images @ np.linalg.solve(gram, images[train].T @ (y[train] - y[train].mean()))
        oof.update({i: float(logits[row[i]]) for i in fold.validation_case_ids})
        test.append({case.case_id: float(logits[row[case.case_id]]) for case in data.test})
    return ImagingStandIn(oof, tuple(test))


def cross_validate(
    data: TabularData, folder: Path, config: str = "multimodal", *, signal: float = 0.0, seed: int = 0,
) -> tuple[list[tuple[LesionPrediction, ...]], list[tuple[LesionPrediction, ...]]]:
    """Validation and test predictions of each fold, through the whole fusion."""
    folds = make_folds(data.train)
    y = np.array([float(case.outcome == OUTCOMES[1]) for case in data.cases])
    images = rng_for(seed, "images").standard_normal((len(y), 5))
    images[:, 0] += signal * y
    imaging = imaging_stand_in(data, folds, images)
    found: tuple[list[tuple[LesionPrediction, ...]], ...] = ([], [])
    for fold in folds:
        layout = FoldLayout(folder / f"fold_{fold.index}")
        train_tabular_fold(
            make_fusion_plan(*FAST), config=config, fold=fold, cases=data.cases, columns=COLUMNS,
            radiomics=data.radiomics, oof_logits=imaging.oof, test_logits=imaging.test[fold.index], layout=layout,
            seed=seed,
        )
        for predictions, subset in zip(found, ("validation", "test"), strict=True):
            predictions.append(read_predictions(layout.predictions(subset)))
    return found[0], found[1]


def auc(predictions: tuple[LesionPrediction, ...]) -> float:
    positive = np.array([p.logit for p in predictions if p.outcome == 1])
    negative = np.array([p.logit for p in predictions if p.outcome == 0])
    gaps = positive[:, None] - negative
    return float((gaps > 0).mean() + 0.5 * (gaps == 0).mean())


def with_peeked_features(data: TabularData) -> TabularData:
    """Only the five radiomic features that fit the outcomes of all training rows best: selection before the folds."""
    values = data.radiomics.rows([case.case_id for case in data.train]).values
    y = [float(case.outcome == OUTCOMES[1]) for case in data.train]
    strength = [abs(np.corrcoef(column, y)[0, 1]) for column in values.T]
    best = np.argsort(strength)[-5:]
    return replace(data, radiomics=data.radiomics.select([data.radiomics.names[i] for i in best]))


@pytest.mark.slow
def test_permuted_outcomes_give_an_auc_near_one_half(tmp_path: Path) -> None:
    real = make_data(n_patients=36, n_test=16, n_features=200, radiomics_signal=3.0, clinical_signal=1.0)
    honest, peeked = [], []
    for seed in range(6):
        data = permuted(real, seed)
        validation, test = cross_validate(data, tmp_path / str(seed), seed=seed)
        honest.append(np.mean([auc(p) for p in (*validation, *test)]))
        leaky, _ = cross_validate(with_peeked_features(data), tmp_path / f"peeked{seed}", "radiomics_clinical",
                                  seed=seed)
        peeked.append(np.mean([auc(p) for p in leaky]))
    assert abs(np.mean(honest) - 0.5) < 0.07
    # The same measurement sees a selection that was made once, outside the folds.
    assert np.mean(peeked) > 0.65
    validation, test = cross_validate(real, tmp_path / "real", signal=1.0)
    assert np.mean([auc(p) for p in validation]) > 0.85
    assert np.mean([auc(p) for p in test]) > 0.85


def test_all_training_rows_are_validated_once_and_all_test_rows_by_every_fold(tmp_path: Path) -> None:
    data = make_data(n_patients=12, radiomics_signal=1.0)
    validation, test = cross_validate(data, tmp_path)
    assert sorted(p.case_id for fold in validation for p in fold) == sorted(case.case_id for case in data.train)
    for fold in test:
        assert [p.case_id for p in fold] == [case.case_id for case in data.test]


def run_fold(data: TabularData, folder: Path, fold: Fold | None, *, config: str = "multimodal",
             oof: dict[str, float] | None = None, test: dict[str, float] | None = None) -> FoldLayout:
    layout = FoldLayout(folder)
    train_tabular_fold(
        make_fusion_plan(*FAST), config=config, fold=fold, cases=data.cases, columns=COLUMNS,
        radiomics=data.radiomics, oof_logits=oof, test_logits=test, layout=layout, seed=0,
    )
    return layout


def test_each_row_uses_the_logit_that_is_meant_for_it(tmp_path: Path) -> None:
    data = make_data(imaging_signal=2.0)
    oof = {case.case_id: data.logits[case.case_id] for case in data.train}
    test = {case.case_id: data.logits[case.case_id] + 1.0 for case in data.test}
    fold = make_folds(data.train)[0]
    layout = run_fold(data, tmp_path, fold, oof=oof, test=test)
    by_id = {case.case_id: case for case in data.cases}
    model = fit_tabular(
        "multimodal", [by_id[i] for i in fold.train_case_ids], radiomics=data.radiomics, columns=COLUMNS,
        imaging_logits={i: oof[i] for i in fold.train_case_ids}, plan=make_fusion_plan(*FAST), seed=0,
    )
    validation = model.predict([by_id[i] for i in fold.validation_case_ids], radiomics=data.radiomics,
                               imaging_logits=oof)
    assert read_predictions(layout.predictions("validation")) == validation
    held_out = model.predict(data.test, radiomics=data.radiomics, imaging_logits=test)
    assert read_predictions(layout.predictions("test")) == held_out


@pytest.mark.parametrize("config", PUBLISHED_TABULAR_CONFIGS)
def test_validation_and_test_rows_never_influence_the_model(tmp_path: Path, config: str) -> None:
    data = make_data(n_patients=12, radiomics_signal=1.0, clinical_signal=1.0)
    fold = make_folds(data.train)[1]
    outside = {case.case_id for case in data.cases} - set(fold.train_case_ids)
    flipped = {OUTCOMES[0]: OUTCOMES[1], OUTCOMES[1]: OUTCOMES[0]}
    values = np.array(data.radiomics.values)
    values[[case.case_id in outside for case in data.cases]] *= -100
    changed = TabularData(
        tuple(replace(c, outcome=flipped[str(c.outcome)], clinical={"age": 7.0, "sex": "male"})
              if c.case_id in outside else c for c in data.cases),
        FeatureTable(data.radiomics.case_ids, data.radiomics.names, values),
        {i: -5 * v if i in outside else v for i, v in data.logits.items()},
    )
    models = []
    for name, version in (("one", data), ("two", changed)):
        layout = run_fold(version, tmp_path / name, fold, config=config, oof=version.logits, test=version.logits)
        models.append(load_tabular(layout.tabular_model))
    one, two = models
    assert one.clinical == two.clinical
    for part, other in zip(one.parts, two.parts, strict=True):
        assert (part.blocks, part.selection, part.imaging) == (other.blocks, other.selection, other.imaging)
        for name, array in part.head.to_arrays().items():
            np.testing.assert_array_equal(array, other.head.to_arrays()[name])


def test_the_fold_all_trains_on_every_training_row(tmp_path: Path) -> None:
    data = make_data(n_patients=12, clinical_signal=2.0)
    layout = run_fold(data, tmp_path, None, config="clinical")
    assert load_tabular(layout.tabular_model).train_patient_ids == tuple(sorted({c.patient_id for c in data.train}))
    assert not layout.predictions("validation").exists()
    assert [p.case_id for p in read_predictions(layout.predictions("test"))] == [c.case_id for c in data.test]


def test_unlabelled_cases_are_left_out_and_no_test_cases_mean_no_test_file(tmp_path: Path) -> None:
    data = make_data(n_patients=12, clinical_signal=2.0)
    only = replace(data, cases=tuple(
        replace(case, outcome=None) if case.split == "test" or case.patient_id == "P000" else case
        for case in data.cases))
    layout = run_fold(only, tmp_path, None, config="clinical")
    assert "P000" not in load_tabular(layout.tabular_model).train_patient_ids
    assert not layout.predictions("test").exists()


def test_two_runs_with_the_same_seed_write_the_same_predictions(tmp_path: Path) -> None:
    data = make_data(n_patients=12, radiomics_signal=1.0)
    fold = make_folds(data.train)[0]
    one, two = (run_fold(data, tmp_path / str(i), fold, oof=data.logits, test=data.logits) for i in range(2))
    assert one.predictions("validation").read_bytes() == two.predictions("validation").read_bytes()
    assert one.predictions("test").read_bytes() == two.predictions("test").read_bytes()


def test_a_patient_in_training_and_test_is_a_leak(tmp_path: Path) -> None:
    data = make_data(n_patients=12)
    moved = replace(data, cases=tuple(
        replace(case, patient_id="P000") if case.split == "test" else case for case in data.cases))
    with pytest.raises(LeakageError, match="P000"):
        run_fold(moved, tmp_path, None, config="clinical")


def test_a_patient_on_both_sides_of_the_fold_is_a_leak(tmp_path: Path) -> None:
    data = make_data(n_patients=12)
    ids = [case.case_id for case in data.train]
    with pytest.raises(LeakageError, match="both sides"):
        run_fold(data, tmp_path, Fold(0, tuple(ids[1:]), tuple(ids[:1])), config="clinical")


def test_missing_out_of_fold_logits_are_named_before_anything_is_written(tmp_path: Path) -> None:
    data = make_data(n_patients=12)
    fold = make_folds(data.train)[0]
    with pytest.raises(MissingStageError, match="rnnet_train"):
        run_fold(data, tmp_path / "fold_0", fold, oof={}, test={})
    assert not (tmp_path / "fold_0").exists()
