"""Selection of tabular features on the training rows of one fold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rnnet.core.errors import DatasetError
from rnnet.core.log import get_logger
from rnnet.core.seeding import seed_for
from rnnet.features.table import FeatureTable, FloatArray
from rnnet.planning.plan import FeaturesPlan

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

log = get_logger(__name__)

_TITLES = {"lasso": "LASSO", "elastic_net": "elastic net", "stability": "stability selection"}


@dataclass(frozen=True, slots=True)
class FittedSelection:
    """The kept features with the training rows' statistics.

    names, medians, means, stds, weights: (k,); weights are those of the selector on z-scored features (0 where it did
    not decide): coefficients of LASSO and elastic net, shares of the subsamples of stability selection. remaining:
    (step, number of features after it), from the input to the end. note: what was done out of the ordinary, or ''.
    """

    names: tuple[str, ...]
    medians: tuple[float, ...]
    means: tuple[float, ...]
    stds: tuple[float, ...]
    weights: tuple[float, ...]
    remaining: tuple[tuple[str, int], ...]
    note: str = ""

    def transform(self, table: FeatureTable) -> FloatArray:
        """(n, k) float64: the kept columns, missing values replaced by the training median, z-scored.

        Raises:
            DatasetError: the table lacks one of the kept columns.
        """
        values = table.select(self.names).values
        filled = np.where(np.isnan(values), np.array(self.medians), values)
        z_scored: FloatArray = (filled - np.array(self.means)) / np.array(self.stds)
        return z_scored


def select_features(
    table: FeatureTable, outcomes: Sequence[int], groups: Sequence[str] | None, plan: FeaturesPlan, seed: int,
) -> FittedSelection:
    """The selection that these training rows teach. Pass the training rows of one fold only.

    table: (n, f), NaN = missing; outcomes: (n,) 0 or 1; groups: (n,) patients, kept together in the selector's own
    cross-validation. Features without any value are dropped; the steps of selection_pipeline follow. Columns are
    sorted by name first, so their order in the table has no effect at all.

    Raises:
        DatasetError: the outcomes are not both present, or no feature varies.
    """
    import pandas as pd

    labels = np.asarray(outcomes, dtype=np.int64)
    if set(labels.tolist()) != {0, 1}:
        raise DatasetError("Feature selection needs training rows of both outcomes (0 and 1).",
                           fix="Check the outcomes and the folds.")
    table = table.select(sorted(table.names))
    known = [table.names[i] for i in np.flatnonzero(~np.isnan(table.values).all(axis=0))]
    rows = pd.DataFrame(table.select(known).values, columns=known)
    steps = selection_pipeline(plan, seed)
    try:
        steps.fit(rows, labels, select__groups=groups)
    except ValueError as error:
        if known and "varies" not in str(error):
            raise
        raise DatasetError(
            f"None of the {len(table.names)} features varies over the {len(labels)} training rows.",
            fix="Check the feature table, or lower features.minimum_variance.",
        ) from error
    counts = (("all", len(table.names)), ("with a value", len(known)), *_counts(steps, plan))
    if note := steps["select"].note_:
        log.info("Feature selection: %s", note)
    return _fitted(steps, known, counts, note)


def selection_pipeline(plan: FeaturesPlan, seed: int) -> Pipeline:
    """The steps of arXiv 2511.18208 as a scikit-learn pipeline; fit it with y and select__groups.

    1. impute: the median of the training rows replaces missing values.
    2. variance: below plan.minimum_variance is dropped. As published, in the feature's own unit; with
       features.minimum_variance=0 the selection does not depend on units.
    3. correlation: of two features with |Pearson r| above plan.maximum_correlation the more associated one stays.
    4. scale: z-score. That the inner folds of step 5 come after it only informs the choice of a penalty.
    5. select: LASSO with plan.lasso_folds-fold cross-validation, as published; or elastic net; or stability selection.
    """
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    from rnnet.features.filters import CorrelationFilter, VarianceFilter
    from rnnet.features.sparse import PenalisedSelector, StabilitySelector

    # scikit-learn wants a 32-bit seed.
    random_state = seed_for(seed, "lasso") % 2**32
    select: Any = (
        StabilitySelector(random_state=random_state) if plan.selector == "stability"
        else PenalisedSelector(plan.selector, n_folds=plan.lasso_folds, random_state=random_state)
    )
    steps = Pipeline([
        ("impute", SimpleImputer(strategy="median")), ("variance", VarianceFilter(plan.minimum_variance)),
        ("correlation", CorrelationFilter(plan.maximum_correlation)), ("scale", StandardScaler()), ("select", select),
    ])
    # With names, the filters settle ties by name.
    return steps.set_output(transform="pandas")


def _counts(steps: Pipeline, plan: FeaturesPlan) -> tuple[tuple[str, int], ...]:
    titles = {
        "variance": f"variance >= {plan.minimum_variance:g}", "correlation": f"|r| <= {plan.maximum_correlation:g}",
        "select": _TITLES[plan.selector],
    }
    return tuple((title, int(steps[name].get_support().sum())) for name, title in titles.items())


def _fitted(
    steps: Pipeline, known: Sequence[str], counts: tuple[tuple[str, int], ...], note: str
) -> FittedSelection:
    names = [str(name) for name in steps.get_feature_names_out()]
    median = dict(zip(known, steps["impute"].statistics_.tolist(), strict=True))
    scale, kept = steps["scale"], steps["select"].get_support()
    means, stds, weights = (array[kept].tolist() for array in (scale.mean_, scale.scale_, steps["select"].weights_))
    return FittedSelection(
        names=tuple(names), medians=tuple(median[n] for n in names), means=tuple(means), stds=tuple(stds),
        weights=tuple(weights), remaining=counts, note=note,
    )
