"""A random forest as head, stored as plain arrays and evaluated in numpy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rnnet.core.seeding import seed_for
from rnnet.fusion.table import Arrays, FloatArray, balanced_weights
from rnnet.fusion.tuning import ForestSettings, tune_forest
from rnnet.planning.plan import FusionPlan

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class FittedForest:
    """All trees in one run of nodes.

    roots: (trees,) index of each tree's first node. For every node (nodes,): children_left, children_right (index of
    a node, or the node itself where it is a leaf), feature (column, 0 in a leaf), threshold (float64) and positive
    (share of the positive outcome among the weighted training rows in it). minimum_leaf and feature_share: scalars, the
    settings that it was grown with.
    """

    roots: IntArray
    children_left: IntArray
    children_right: IntArray
    feature: IntArray
    threshold: FloatArray
    positive: FloatArray
    minimum_leaf: IntArray
    feature_share: FloatArray

    def probability(self, x: FloatArray) -> FloatArray:
        """(n,) mean over trees of the leaf's share of the positive outcome: scikit-learn's predict_proba[:, 1]."""
        rows = x.astype(np.float32)  # scikit-learn compares float32 values with float64 thresholds
        row = np.arange(len(rows))[:, None]
        node = np.tile(self.roots, (len(rows), 1))  # (n, trees)
        while True:
            goes_left = rows[row, self.feature[node]] <= self.threshold[node]
            following = np.where(goes_left, self.children_left[node], self.children_right[node])
            if np.array_equal(following, node):
                break
            node = following
        probability: FloatArray = self.positive[node].mean(axis=1)
        return probability

    def logit(self, x: FloatArray) -> FloatArray:
        """(n,) logits of the probabilities, which are kept half a tree's vote away from 0 and 1."""
        margin = 0.5 / len(self.roots)
        p = np.clip(self.probability(x), margin, 1 - margin)
        logits: FloatArray = np.log(p) - np.log1p(-p)
        return logits

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """The arrays by their names."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class RandomForestHead:
    """scikit-learn's RandomForestClassifier with plan.trees trees, both outcomes weighted equally.

    With plan.tune its settings are chosen by cross-validation within the rows of fit, see tune_forest; otherwise they
    are scikit-learn's own.
    """

    plan: FusionPlan

    def fit(
        self, x: FloatArray, y: npt.NDArray[np.int64], *, seed: int, groups: Sequence[str] | None = None,
    ) -> FittedForest:
        """Trained on rows (n, k) and outcomes (n,); `seed` draws the bootstrap samples and the split candidates."""
        balanced_weights(y)  # both outcomes must be there
        settings = ForestSettings()
        if self.plan.tune:
            settings = tune_forest(x, y, groups, trees=self.plan.trees, seed=seed)
        model = settings.classifier(self.plan.trees, seed_for(seed, "random_forest"))
        return forest_of(model.fit(x, y), settings)

    @staticmethod
    def load(arrays: Arrays) -> FittedForest:
        """From FittedForest.to_arrays."""
        return FittedForest(**dict(arrays))


def forest_of(model: Any, settings: ForestSettings) -> FittedForest:
    """The arrays of a fitted two-class RandomForestClassifier with classes 0 and 1."""
    trees = [estimator.tree_ for estimator in model.estimators_]
    sizes = np.array([tree.node_count for tree in trees], dtype=np.int64)
    roots = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    own = np.arange(sizes.sum())
    offset = np.repeat(roots, sizes)
    left, right, feature, threshold = (
        np.concatenate([getattr(tree, name) for tree in trees])
        for name in ("children_left", "children_right", "feature", "threshold")
    )
    leaf = left < 0
    values = np.concatenate([tree.value[:, 0, :] for tree in trees])
    return FittedForest(
        roots=roots.astype(np.int64),
        children_left=np.where(leaf, own, left + offset), children_right=np.where(leaf, own, right + offset),
        feature=np.where(leaf, 0, feature).astype(np.int64), threshold=threshold.astype(np.float64),
        positive=values[:, 1] / values.sum(axis=1),
        minimum_leaf=np.array(settings.minimum_leaf), feature_share=np.array(settings.feature_share),
    )
