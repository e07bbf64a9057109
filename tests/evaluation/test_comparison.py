from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from rnnet.core.errors import DatasetError, MissingStageError, SettingError
from rnnet.core.types import LesionPrediction
from rnnet.evaluation.comparison import FoldSizes, bootstrap_p, chosen_pairs, compare_models
from rnnet.evaluation.deciding import Decisions
from rnnet.evaluation.decision import fixed_threshold
from rnnet.evaluation.delong import delong_test
from rnnet.evaluation.lesions import evaluated_lesions
from rnnet.evaluation.results import EvaluatedLesion, ModelComparison
from rnnet.evaluation.summary import SAME_CENTER_TEST, ModelSummary, summarise
from tests.evaluation.lesions import predictions

SIZES = FoldSizes({0: 80, 1: 80, 2: 80}, {0: 20, 1: 20, 2: 20})
HALF = Decisions(fixed_threshold(0.5, positive_outcome="rn", negative_outcome="progression"))
Evaluated = tuple[ModelSummary, tuple[EvaluatedLesion, ...]]


def evaluated(config: str, folds: Sequence[list[LesionPrediction]]) -> Evaluated:
    summary = summarise(config, SAME_CENTER_TEST, folds, decisions=HALF, positive_outcome="rn",
                        negative_outcome="progression", seed=0, n_resamples=20)
    by_fold = dict(enumerate(folds))
    return summary, evaluated_lesions(config, SAME_CENTER_TEST, by_fold, HALF, is_cross_validation=False)


def compare(models: Sequence[Evaluated], pairs: Sequence[tuple[str, str]]) -> tuple[ModelComparison, ...]:
    summaries = {s.config: s for s, _ in models}
    lesions = {s.config: found for s, found in models}
    return compare_models(pairs, lesions, summaries, SIZES, seed=0, n_resamples=300)


def model(config: str, strength: float, seed: int = 0, n: int = 40) -> Evaluated:
    return evaluated(config, [predictions(n, seed=seed + k, strength=strength) for k in range(3)])


def test_a_pair_has_every_test_on_the_same_lesions() -> None:
    strong, weak = model("multimodal", 3.0), model("clinical", 0.2, seed=10)
    (found,) = compare([strong, weak], [("multimodal", "clinical")])
    y = [x.outcome for x in strong[1]]
    assert found.delong == delong_test(y, [x.logit for x in strong[1]], [x.logit for x in weak[1]])
    assert found.difference.value == pytest.approx(strong[0].pooled.auc - weak[0].pooled.auc)
    assert found.difference.low > 0
    assert found.bootstrap_p < 0.05
    assert found.over_folds is not None
    assert found.over_folds.n_folds == 3
    assert found.over_folds.test_train_ratio == 0.25
    assert abs(found.over_folds.t) < abs(found.over_folds.t_uncorrected)
    assert (found.n_positive, found.n_negative, found.n_patients, found.n_comparisons) == (20, 20, 20, 1)


def test_several_comparisons_are_adjusted_for_their_number() -> None:
    models = [model("multimodal", 3.0), model("clinical", 0.2, seed=10), model("radiomics", 0.5, seed=20)]
    found = compare(models, [("multimodal", "clinical"), ("multimodal", "radiomics"), ("clinical", "radiomics")])
    assert [c.n_comparisons for c in found] == [3, 3, 3]
    for c in found:
        assert c.delong is not None
        assert c.delong_p_holm is not None
        assert c.delong_p_holm >= c.delong.p_value
        assert c.bootstrap_p_holm >= c.bootstrap_p  # type: ignore[operator]
    smallest = min(found, key=lambda c: c.delong.p_value if c.delong else 1)
    assert smallest.delong_p_holm == pytest.approx(min(1.0, 3 * smallest.delong.p_value))  # type: ignore[union-attr]


def test_a_model_beside_its_copy_has_p_one_everywhere() -> None:
    (found,) = compare([model("multimodal", 1.0), model("clinical", 1.0)], [("multimodal", "clinical")])
    assert found.delong is not None
    assert found.over_folds is not None
    assert (found.delong.p_value, found.bootstrap_p, found.over_folds.p_value) == (1.0, 1.0, 1.0)


def test_other_lesions_are_an_error_that_lists_them() -> None:
    fewer = evaluated("clinical", [predictions(38)])
    with pytest.raises(DatasetError, match=r"only by Multimodal: c38, c39"):
        compare([model("multimodal", 1.0), fewer], [("multimodal", "clinical")])


def test_other_outcomes_of_the_same_lesion_are_an_error() -> None:
    rows = predictions(40)
    rows[3] = replace(rows[3], outcome=0)
    with pytest.raises(DatasetError, match="other outcomes of: c3"):
        compare([model("multimodal", 1.0), evaluated("clinical", [rows])], [("multimodal", "clinical")])


def test_what_cannot_be_tested_is_noted() -> None:
    one = evaluated("multimodal", [predictions(40)])
    other = evaluated("clinical", [predictions(40, seed=3)])
    (found,) = compare([one, other], [("multimodal", "clinical")])
    assert found.over_folds is None
    assert found.over_folds_p_holm is None
    assert any("t-test over folds" in note for note in found.notes)


def test_a_pair_without_figures_on_a_test_set_is_left_out() -> None:
    assert compare([model("multimodal", 1.0)], [("multimodal", "clinical")]) == ()


@pytest.mark.parametrize(("trained", "named", "pairs"), [
    (("ssl_vit", "radiomics", "multimodal"), (), [("multimodal", "ssl_vit"), ("multimodal", "radiomics")]),
    (("ssl_vit", "radiomics"), (), [("ssl_vit", "radiomics")]),
    (("clinical",), (), []),
    (("ssl_vit", "radiomics", "multimodal"), ("radiomics",), [("radiomics", "ssl_vit"), ("radiomics", "multimodal")]),
    (("ssl_vit", "radiomics", "multimodal"), ("radiomics", "ssl_vit"), [("radiomics", "ssl_vit")]),
])
def test_what_is_compared(trained: Sequence[str], named: Sequence[str], pairs: list[tuple[str, str]]) -> None:
    assert list(chosen_pairs(trained, named)) == pairs


def test_what_cannot_be_compared_is_named() -> None:
    with pytest.raises(MissingStageError, match="'radiomics' is not trained"):
        chosen_pairs(("ssl_vit",), ("radiomics",))
    with pytest.raises(SettingError, match="itself"):
        chosen_pairs(("ssl_vit",), ("ssl_vit", "ssl_vit"))


def test_the_bootstraps_p_counts_the_smaller_side_twice_and_is_never_zero() -> None:
    assert bootstrap_p(np.array([-1.0, 1.0, 1.0, 1.0, np.nan])) == pytest.approx(2 * 2 / 5)
    assert bootstrap_p(np.ones(99)) == pytest.approx(0.02)
    assert bootstrap_p(np.zeros(9)) == 1.0
