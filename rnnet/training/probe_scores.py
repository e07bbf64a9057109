"""How well an outcome can be read off frozen features: cross-validated scores of a simple classifier."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from rnnet.evaluation.checks import FloatArray, IntArray

# Few lesions and many features: the penalty decides, and a strong one comes close to the difference of the two means.
_INVERSE_PENALTY = 0.01
_NEIGHBOURS = 10
# Of the weights exp(cosine / temperature) of the neighbours (Wu 2018, instance discrimination).
_TEMPERATURE = 0.07

# Rows to fit on and rows to score.
Part = tuple[IntArray, IntArray]


def out_of_fold_scores(
    features: FloatArray, labels: IntArray, parts: Sequence[Part], classifier: Literal["linear", "nearest"]
) -> FloatArray:
    """Score (n,) of the positive outcome of every lesion, by a classifier that has not seen its part.

    Args:
        features: (n, d), finite.
        labels: (n,) of 0 and 1.
        parts: rows to fit on, with both outcomes, and rows to score; every row is scored once.
        classifier: 'linear' is a logistic regression with balanced outcomes, 'nearest' the weighted vote of the
            nearest neighbours by cosine. Both see features z-scored by the rows that they are fitted on.
    """
    scores = np.full(len(labels), np.nan)
    for fitted, scored in parts:
        model = _classifier(classifier, len(fitted))
        model.fit(features[fitted], labels[fitted])
        scores[scored] = model.predict_proba(features[scored])[:, 1]
    # Where features carry nothing, noise in the last digits would tell the parts apart and make an AUC of it.
    return np.round(scores, 6)


def _classifier(name: Literal["linear", "nearest"], n_rows: int) -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if name == "linear":
        head: Any = LogisticRegression(C=_INVERSE_PENALTY, class_weight="balanced", max_iter=1000)
    else:
        head = KNeighborsClassifier(min(_NEIGHBOURS, n_rows), metric="cosine", weights=_vote)
    return make_pipeline(StandardScaler(), head)


def _vote(cosine_distances: FloatArray) -> FloatArray:
    return np.asarray(np.exp(-cosine_distances / _TEMPERATURE))
