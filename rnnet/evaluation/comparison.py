"""Two models on the same lesions, or an error that says which lesions they do not share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from rnnet.core.errors import DatasetError, MissingStageError, SettingError
from rnnet.core.wording import listed
from rnnet.evaluation.checks import FloatArray, IntArray
from rnnet.evaluation.delong import DelongTest, delong_test
from rnnet.evaluation.fold_tests import FoldTTest, holm, nadeau_bengio_ttest
from rnnet.evaluation.lesions import arrays
from rnnet.evaluation.names import model_name
from rnnet.evaluation.results import EvaluatedLesion, ModelComparison
from rnnet.evaluation.statistics import auc, clustered_draws, interval_of
from rnnet.evaluation.summary import ModelSummary

# Against which all others are compared when the user names no models.
_REFERENCES = ("multimodal", "ssl_vit")
_LISTED = 20


@dataclass(frozen=True, slots=True)
class FoldSizes:
    """Training and validation lesions of each fold, by its number."""

    training: Mapping[int, int]
    validation: Mapping[int, int]


def chosen_pairs(trained: Sequence[str], compare: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Which models are compared.

    Without `compare` the reference (multimodal, else ssl_vit, else the first) with every other one; with one name that
    model with every other one; with several each with each.

    Raises:
        MissingStageError: a named model is not trained.
        SettingError: a model is named twice.
    """
    for config in compare:
        if config not in trained:
            raise MissingStageError(f"'{config}' is not trained, so that it cannot be compared.",
                                    fix=f"Train it, or choose from {', '.join(trained)}.")
    if len(set(compare)) < len(compare):
        raise SettingError("A model cannot be compared with itself.", fix="Name every model once.")
    if len(compare) > 1:
        return tuple(combinations(compare, 2))
    reference = compare[0] if compare else next((r for r in _REFERENCES if r in trained), trained[0])
    return tuple((reference, other) for other in trained if other != reference)


def compare_models(
    pairs: Sequence[tuple[str, str]], lesions: Mapping[str, Sequence[EvaluatedLesion]],
    summaries: Mapping[str, ModelSummary], sizes: FoldSizes, *, seed: int, n_resamples: int = 2000,
) -> tuple[ModelComparison, ...]:
    """All pairs on one test set, adjusted for being several (Holm). Pairs without figures there are left out.

    lesions, summaries: by configuration, of this test set.

    Raises:
        DatasetError: two models have not predicted the same lesions; it lists the difference.
    """
    found = [
        _compare(lesions[a], lesions[b], summaries[a], summaries[b], sizes, seed=seed, n_resamples=n_resamples)
        for a, b in pairs if a in lesions and b in lesions
    ]
    adjusted = {
        "delong_p_holm": _holm([c.delong.p_value if c.delong else None for c in found]),
        "bootstrap_p_holm": _holm([c.bootstrap_p for c in found]),
        "over_folds_p_holm": _holm([c.over_folds.p_value if c.over_folds else None for c in found]),
    }
    return tuple(
        replace(c, n_comparisons=len(found), delong_p_holm=adjusted["delong_p_holm"][i],
                bootstrap_p_holm=adjusted["bootstrap_p_holm"][i], over_folds_p_holm=adjusted["over_folds_p_holm"][i])
        for i, c in enumerate(found)
    )


def check_same_cases(a: Sequence[EvaluatedLesion], b: Sequence[EvaluatedLesion]) -> None:
    """Raise DatasetError unless both models were evaluated on the same lesions with the same outcomes."""
    names = model_name(a[0].config), model_name(b[0].config)
    first, second = ({x.case_id: x.outcome for x in lesions} for lesions in (a, b))
    only = [sorted(one.keys() - other.keys()) for one, other in ((first, second), (second, first))]
    if any(only):
        parts = [f"only by {name}: {listed(ids, _LISTED)}" for name, ids in zip(names, only, strict=True) if ids]
        raise DatasetError(
            f"{names[0]} and {names[1]} were not evaluated on the same lesions of '{a[0].subset}' "
            f"({'; '.join(parts)}).",
            fix="Train and predict both on the same folds and scans, or compare others with --compare.",
        )
    differ = sorted(i for i in first if first[i] != second[i])
    if differ:
        raise DatasetError(f"{names[0]} and {names[1]} know other outcomes of: {listed(differ, _LISTED)}.",
                           fix="cases.csv has changed between their trainings: train again.")


def _compare(
    a: Sequence[EvaluatedLesion], b: Sequence[EvaluatedLesion], summary_a: ModelSummary, summary_b: ModelSummary,
    sizes: FoldSizes, *, seed: int, n_resamples: int,
) -> ModelComparison:
    check_same_cases(a, b)
    by_case = {lesion.case_id: lesion for lesion in b}
    y, first, _ = arrays(a)
    _, second, _ = arrays([by_case[lesion.case_id] for lesion in a])
    patients = [lesion.patient_id for lesion in a]

    def difference(outcomes: IntArray, _: FloatArray, weights: FloatArray) -> FloatArray:
        gain: FloatArray = auc(outcomes, first, weights) - auc(outcomes, second, weights)
        return gain

    draws = clustered_draws(y, first, patients, difference, n_resamples=n_resamples, seed=seed)
    auc_a, auc_b = (float(auc(y, scores, np.ones((1, y.size)))[0]) for scores in (first, second))
    notes: list[str] = []
    delong = _try_delong(y, first, second, notes)
    return ModelComparison(
        config_a=summary_a.config, config_b=summary_b.config, subset=summary_a.subset,
        subset_title=summary_a.subset_title, positive_outcome=summary_a.positive_outcome,
        negative_outcome=summary_a.negative_outcome, n_positive=int(y.sum()), n_negative=int(y.size - y.sum()),
        n_patients=len(set(patients)), auc_a=auc_a, auc_b=auc_b, difference=interval_of(auc_a - auc_b, draws),
        bootstrap_p=bootstrap_p(draws), delong=delong, over_folds=_over_folds(summary_a, summary_b, sizes, notes),
        notes=tuple(notes),
    )


def bootstrap_p(draws: FloatArray) -> float:
    """Two-sided p of no difference: twice the smaller share of resampled differences on one side of 0, 0 included.

    One is added to both counts (Davison and Hinkley 1997), so that p is never 0.
    """
    defined = draws[np.isfinite(draws)]
    side = min(int((defined <= 0).sum()), int((defined >= 0).sum()))
    return min(1.0, 2 * (side + 1) / (defined.size + 1))


def _try_delong(y: IntArray, first: FloatArray, second: FloatArray, notes: list[str]) -> DelongTest | None:
    try:
        return delong_test(y, first, second)
    except SettingError as error:
        notes.append(f"DeLong: {error.problem}")
        return None


def _over_folds(a: ModelSummary, b: ModelSummary, sizes: FoldSizes, notes: list[str]) -> FoldTTest | None:
    """The t-test over the folds in which both models have an AUC."""
    first, second = ({f.fold: f.metrics.auc for f in s.folds if f.metrics is not None} for s in (a, b))
    shared = [fold for fold in first if fold in second and fold in sizes.training]
    try:
        return nadeau_bengio_ttest(
            [first[f] for f in shared], [second[f] for f in shared],
            [sizes.training[f] for f in shared], [sizes.validation[f] for f in shared],
        )
    except SettingError as error:
        notes.append(f"t-test over folds: {error.problem}")
        return None


def _holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Adjusted for those that are there; the others stay None."""
    adjusted = iter(holm([p for p in p_values if p is not None]))
    return [None if p is None else next(adjusted) for p in p_values]
