"""The same statistics by Python libraries, each imported only where it is there: none of them is needed by rnnet."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from importlib import import_module

import numpy as np

from rnnet.benchmark.statistics_cases import ALPHAS, CUTS, FOLDS_A, FOLDS_B, P_VALUES, ScoredCase
from rnnet.benchmark.statistics_r import Values


def _scipy(cases: Sequence[ScoredCase]) -> Values:
    """The paired t-test, and the AUC as Mann-Whitney's U."""
    stats = import_module("scipy.stats")
    plain = stats.ttest_rel(FOLDS_A, FOLDS_B)
    values = {("folds", "t_uncorrected"): float(plain.statistic), ("folds", "p_uncorrected"): float(plain.pvalue)}
    for case in cases:
        positive, negative = case.a[case.y == 1], case.a[case.y == 0]
        u = stats.mannwhitneyu(positive, negative).statistic
        values[case.name, "auc_a"] = float(u) / (positive.size * negative.size)
    return values


def _statsmodels(cases: Sequence[ScoredCase]) -> Values:
    """The calibration line as a logistic regression and a GLM with offset; Holm."""
    api, multitest = import_module("statsmodels.api"), import_module("statsmodels.stats.multitest")
    values = {("holm", f"p{i}"): float(p) for i, p in enumerate(multitest.multipletests(P_VALUES, method="holm")[1], 1)}
    for case in cases:
        if not case.has_line:
            continue
        logits = np.log(case.a / (1 - case.a))
        line = api.Logit(case.y, api.add_constant(logits)).fit(disp=False, tol=1e-12, maxiter=200)
        family = api.families.Binomial()
        large = api.GLM(case.y, np.ones((case.y.size, 1)), family=family, offset=logits).fit(tol=1e-14, maxiter=200)
        values |= {
            (case.name, "calibration_intercept"): float(line.params[0]),
            (case.name, "calibration_slope"): float(line.params[1]),
            (case.name, "in_the_large"): float(large.params[0]),
        }
    return values


def _dcurves(cases: Sequence[ScoredCase]) -> Values:
    """Net benefit."""
    pandas, dcurves = import_module("pandas"), import_module("dcurves")
    values: Values = {}
    for case in cases:
        table = pandas.DataFrame({"y": case.y, "model": case.a})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            curve = dcurves.dca(data=table, outcome="y", modelnames=["model"], thresholds=np.array(CUTS))
        own = curve[curve["model"] == "model"]
        for cut, benefit in zip(own["threshold"], own["net_benefit"], strict=True):
            values[case.name, f"net_benefit_{cut:g}"] = float(benefit)
    return values


def _crepes(cases: Sequence[ScoredCase]) -> Values:
    """Class-conditional conformal sets."""
    crepes = import_module("crepes")
    values: Values = {}
    for case in cases:
        strangeness = np.where(case.y == 1, 1 - case.a, case.a)
        fitted = crepes.ConformalClassifier().fit(strangeness, bins=case.y)
        for alpha in ALPHAS:
            # crepes keeps an outcome with p >= alpha, rnnet with p > alpha as Vovk does: equality differs.
            confidence = 1 - alpha - 1e-9
            for k, alphas in enumerate((case.b, 1 - case.b)):
                sets = fitted.predict_set(
                    np.column_stack([alphas]), bins=np.full(case.y.size, k), confidence=confidence, smoothing=False)
                values |= {(case.name, f"conformal_{alpha:g}_{i}_{k}"): float(s[0]) for i, s in enumerate(sets)}
    return values


PEERS: dict[str, Callable[[Sequence[ScoredCase]], Values]] = {
    "scipy": _scipy, "statsmodels": _statsmodels, "dcurves": _dcurves, "crepes": _crepes,
}
