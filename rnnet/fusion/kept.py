"""Which features the folds of a tabular configuration kept, and how often."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rnnet.core.workspace import ResultsLayout
from rnnet.features.selection import FittedSelection
from rnnet.fusion.artefact import load_tabular

COLUMNS = ("feature", "folds", "share_of_folds", "mean_weight", "kept_in")


@dataclass(frozen=True, slots=True)
class KeptFeature:
    """A feature that at least one fold kept.

    folds: names of the folds that kept it. share: their number among all folds. weight: mean of the selector's weights
    over these folds (LASSO: its coefficient on the z-scored feature, so positive speaks for the positive outcome;
    stability selection: the share of the subsamples; 0 where the selector did not decide).
    """

    name: str
    folds: tuple[str, ...]
    share: float
    weight: float


@dataclass(frozen=True, slots=True)
class KeptFeatures:
    """The kept features of a configuration, the most frequent first, then by name.

    folds: names of the folds compared. counts: by fold, (step of the selection, number of features after it).
    notes: by fold, what its selection did out of the ordinary; folds without a note are left out.
    """

    config: str
    folds: tuple[str, ...]
    features: tuple[KeptFeature, ...]
    counts: dict[str, tuple[tuple[str, int], ...]]
    notes: dict[str, str]

    def rows(self) -> list[tuple[str, ...]]:
        """One row of texts a feature, under COLUMNS; the last cell names the folds."""
        return [
            (f.name, str(len(f.folds)), f"{f.share:.2f}", f"{f.weight:.4f}", " ".join(f.folds)) for f in self.features
        ]


def kept_features(results: ResultsLayout, config: str, folds: Sequence[str | int]) -> KeptFeatures:
    """What the selections of these folds kept, read from their stored models.

    config: one of TABULAR_CONFIGS. The imaging logit is never selected away and is not listed.

    Raises:
        MissingStageError: a fold is not trained.
        FileFormatError: its model cannot be read.
    """
    names = tuple(str(fold) for fold in folds)
    return compare_selections(
        config, {name: load_tabular(results.fold(config, name).tabular_model).selection for name in names}
    )


def compare_selections(config: str, selections: dict[str, FittedSelection]) -> KeptFeatures:
    """The same from the selections themselves, by fold."""
    kept: dict[str, dict[str, float]] = {}
    for fold, selection in selections.items():
        for name, weight in zip(selection.names, selection.weights, strict=True):
            kept.setdefault(name, {})[fold] = weight
    features = [
        KeptFeature(name, tuple(weights), len(weights) / len(selections), sum(weights.values()) / len(weights))
        for name, weights in kept.items()
    ]
    return KeptFeatures(
        config=config, folds=tuple(selections),
        features=tuple(sorted(features, key=lambda f: (-len(f.folds), f.name))),
        counts={fold: selection.remaining for fold, selection in selections.items()},
        notes={fold: selection.note for fold, selection in selections.items() if selection.note},
    )
