from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from rnnet.core.codec import write_artefact
from rnnet.core.errors import FileFormatError
from rnnet.core.provenance import RunRecord
from rnnet.core.types import LesionPrediction
from rnnet.core.workspace import FoldLayout, ResultsLayout
from rnnet.evaluation.predictions import read_predictions, sigmoid, write_predictions
from rnnet.evaluation.repeats import control_results, seed_spreads, trained_controls
from rnnet.evaluation.runs import trained_configs
from rnnet.evaluation.summary import CROSS_VALIDATION, SAME_CENTER_TEST
from tests.factories import make_plan

PLAN = make_plan()
SUBSETS = (CROSS_VALIDATION, SAME_CENTER_TEST)


def lesions(prefix: str, scores: Sequence[float]) -> list[LesionPrediction]:
    """Every second one positive."""
    return [
        LesionPrediction(f"{prefix}{i}", f"{prefix}p{i}", "A", "train", i % 2, z, sigmoid(z))
        for i, z in enumerate(scores)
    ]


def store(layout: FoldLayout, fold: int, seed: int, *, quality: float, control: str = "") -> None:
    """A trained fold without its model: predictions, and the record of the run."""
    rng = np.random.default_rng(100 * seed + fold)
    layout.folder.mkdir(parents=True, exist_ok=True)
    layout.checkpoint_best.touch()
    write_artefact(layout.run_json, RunRecord("rnnet_train", seed=seed))
    for subset, prefix in (("validation", f"v{fold}"), ("test", "t")):
        scores = rng.normal(size=20) + quality * (np.arange(20) % 2)
        write_predictions(
            layout.predictions(subset), lesions(prefix, scores.tolist()), positive_outcome=PLAN.positive_outcome,
            control=control,
        )


@pytest.fixture
def results(tmp_path: Path) -> ResultsLayout:
    results = ResultsLayout(tmp_path, PLAN.name)
    for fold in (0, 1):
        store(results.fold("ssl_vit", fold), fold, 0, quality=3.0)
        store(results.fold("ssl_vit", fold).seed(1), fold, 1, quality=2.0)
    store(results.fold("ssl_vit", 0).seed(2), 0, 2, quality=2.0)
    store(results.fold("ssl_vit.control_shuffled_labels", 0), 0, 0, quality=0.0, control="shuffled_labels")
    return results


def test_controls_and_further_seeds_are_no_trained_configurations(results: ResultsLayout) -> None:
    assert trained_configs(results) == ("ssl_vit",)
    assert trained_controls(results) == ("ssl_vit.control_shuffled_labels",)


def test_a_control_stands_beside_the_model_on_the_same_folds_and_lesions(results: ResultsLayout) -> None:
    by_subset = {c.subset: c for c in control_results(results, (*SUBSETS, "Dataset003_None"), PLAN)}
    assert set(by_subset) == set(SUBSETS)
    for found in by_subset.values():
        assert (found.config, found.control, found.folds) == ("ssl_vit", "shuffled_labels", ("0",))
        # Fold 0 alone: ten lesions of each outcome, though the model itself has forty by cross-validation.
        assert (found.n_positive, found.n_negative) == (10, 10)
        assert found.model_auc is not None
        assert found.auc.low < 0.5 < found.auc.high
        assert found.model_auc.value > 0.9
        assert found.positive_outcome == "radiation_necrosis"


def test_without_the_model_itself_the_control_stands_alone(results: ResultsLayout) -> None:
    results.fold("ssl_vit", 0).predictions("test").unlink()
    by_subset = {c.subset: c for c in control_results(results, SUBSETS, PLAN)}
    assert by_subset[SAME_CENTER_TEST].model_auc is None
    assert by_subset[CROSS_VALIDATION].model_auc is not None


def test_the_spread_is_over_the_seeds_that_all_repeated_folds_have(results: ResultsLayout) -> None:
    spreads = {s.subset: s for s in seed_spreads(results, ("ssl_vit",), SUBSETS, PLAN)}
    spread = spreads[CROSS_VALIDATION]
    assert (spread.seeds, spread.folds) == ((0, 1), ("0", "1"))
    assert (spread.n_positive, spread.n_negative) == (20, 20)
    assert spread.mean == pytest.approx(sum(spread.aucs) / 2)
    assert spread.sd == pytest.approx(abs(spread.aucs[0] - spread.aucs[1]) / 2**0.5)
    assert spreads[SAME_CENTER_TEST].n_positive == 10


def test_runs_that_are_left_out_are_in_no_figure(results: ResultsLayout) -> None:
    out = {results.fold("ssl_vit", 0).seed(1).folder, results.fold("ssl_vit.control_shuffled_labels", 0).folder}
    assert seed_spreads(results, ("ssl_vit",), SUBSETS, PLAN, out) == ()  # the folds share no further seed any more
    assert control_results(results, SUBSETS, PLAN, out) == ()


def test_one_seed_is_no_spread(results: ResultsLayout) -> None:
    assert seed_spreads(results, ("ssl_vit.control_shuffled_labels", "resnet50"), SUBSETS, PLAN) == ()


def test_predictions_of_a_control_are_not_taken_for_those_of_a_model_nor_the_other_way(results: ResultsLayout) -> None:
    control = results.fold("ssl_vit.control_shuffled_labels", 0).predictions("test")
    with pytest.raises(FileFormatError, match="shuffled_labels"):
        read_predictions(control)
    assert len(read_predictions(control, control="shuffled_labels")) == 20
    with pytest.raises(FileFormatError, match="control"):
        read_predictions(results.fold("ssl_vit", 0).predictions("test"), control="mask_only")
