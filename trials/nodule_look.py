"""Can a rating be read from outlines at equal volume? Looked at on the training side's patients only."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from trials.lidc import Nodule
from trials.nodule_sides import Outcome, Sides, margin_outcome, matched_pairs

FEATURES = ("sphericity", "flatness", "elongation", "spread", "certain share", "rim sharpness", "box fill")
_FOLDS = 5


def shape_features(nodule: Nodule) -> list[float]:
    """Shape of the mask and how well the readers agree, in the order of FEATURES; the volume is none of them."""
    from scipy import ndimage

    share, mask = nodule.cube(), nodule.mask()
    voxels = int(mask.sum())
    smooth = ndimage.gaussian_filter(mask.astype(np.float32), 1)
    surface = float(np.sqrt(sum(g**2 for g in np.gradient(smooth))).sum())
    places = np.argwhere(mask)
    axes = np.sqrt(np.clip(np.linalg.eigvalsh(np.cov(places.T)), 1e-3, None)) if voxels > 3 else np.ones(3)
    return [
        np.pi ** (1 / 3) * (6 * voxels) ** (2 / 3) / max(surface, 1e-6),
        float(axes[0] / axes[2]), float(axes[1] / axes[2]),
        float((share > 0.05).sum()) / voxels, float((share > 0.95).sum()) / voxels,
        float(np.sqrt(sum(g**2 for g in np.gradient(share))).sum()) / max(surface, 1e-6),
        voxels / float(np.prod(np.ptp(places, axis=0) + 1)),
    ]


def look_table(sides: Sides, *, seed: int) -> str:
    """Markdown: for some questions, the AUC of the volume alone before and after pairing, and that of the shape.

    The shape's is that of a logistic regression on FEATURES, by cross-validation over patients.
    """
    lines = [
        "| question (positive against negative) | nodules | volume alone | in pairs | volume, pairs | shape, pairs |",
        "|---|---|---|---|---|---|",
    ]
    known: dict[str, list[float]] = {}
    for title, outcome in _QUESTIONS:
        rated = [n for n in sides.train_candidates if outcome(n) is not None]
        pairs = matched_pairs(rated, outcome, most=len(rated), seed=seed)
        before, after = (_auc_text([_known(outcome(n)) for n in some], _volumes(some)) for some in (rated, pairs))
        lines.append(
            f"| {title} | {len(rated)} | {before} | {len(pairs)} | {after} | {_shape_auc(pairs, outcome, known)} |"
        )
    return "\n".join(lines) + "\n"


def volume_auc(nodules: Sequence[Nodule]) -> float:
    """AUC (margin, positive: poorly defined) of the volume alone."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score([_known(margin_outcome(n)) for n in nodules], _volumes(nodules)))


def _marked(nodule: Nodule) -> int | None:
    spiculation, lobulation = nodule.ratings["spiculation"], nodule.ratings["lobulation"]
    if max(spiculation, lobulation) >= 3:
        return 1
    return 0 if max(spiculation, lobulation) <= 1 else None


def _malignant(nodule: Nodule) -> int | None:
    malignancy = nodule.ratings["malignancy"]
    return 1 if malignancy >= 4 else 0 if malignancy <= 2 else None


_QUESTIONS: tuple[tuple[str, Outcome], ...] = (
    ("malignancy: 4 and more against 2 and less", _malignant),
    ("margin: 3 and less (poorly defined) against 5 (sharp)", margin_outcome),
    ("spiculation or lobulation: 3 and more against none", _marked),
)


def _shape_auc(pairs: Sequence[Nodule], outcome: Outcome, known: dict[str, list[float]]) -> str:
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GroupKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    outcomes = [_known(outcome(n)) for n in pairs]
    patients = [n.patient_id for n in pairs]
    if len(set(patients)) < _FOLDS or len(set(outcomes)) < 2:
        return "too few"
    for nodule in pairs:
        if nodule.nodule_id not in known:
            known[nodule.nodule_id] = shape_features(nodule)
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.3, max_iter=1000))
    features = np.array([known[n.nodule_id] for n in pairs])
    scores = cross_val_predict(
        model, features, outcomes, groups=patients, cv=GroupKFold(_FOLDS), method="decision_function"
    )
    return _auc_text(outcomes, scores)


def _auc_text(outcomes: Sequence[int], scores: npt.ArrayLike) -> str:
    from sklearn.metrics import roc_auc_score

    return f"{roc_auc_score(outcomes, scores):.2f}" if len(set(outcomes)) == 2 else "one class"


def _volumes(nodules: Sequence[Nodule]) -> list[float]:
    return [n.volume_mm3 for n in nodules]


def _known(outcome: int | None) -> int:
    if outcome is None:
        raise ValueError("a nodule without outcome")
    return outcome
