"""Which nodules train, which test, and which are pretrained on; the two outcomes have the same volumes.

Malignancy, the obvious question, goes with size: the volume alone nearly decides it, and at equal volume the outlines
say nothing of it (trials.nodule_look shows both, on training patients). The margin, rated from poorly defined (1) to
sharp (5), is readable from them.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from rnnet.core.seeding import rng_for
from trials.lidc import Nodule

OUTCOMES = {"sharp": 0, "poorly_defined": 1}
POSITIVE = "poorly_defined"
LEAST_READERS = 3
LEAST_MM3 = 50.0
# Volumes of a pair differ by no more than this factor.
PAIR_RATIO = 1.2
THIN_MM = 1.5
THICK_MM = 2.5
TRAINING_SHARE = 0.6

Outcome = Callable[[Nodule], int | None]


@dataclass(frozen=True, slots=True)
class SideSizes:
    """Most labelled nodules of a side, half of them of each outcome, and most nodules of the pool."""

    train: int = 90
    test: int = 60
    thick: int = 100
    pool: int = 1200


@dataclass(frozen=True, slots=True, eq=False)
class Sides:
    """No patient stands on two sides. train and test: thin slices; thick: the second centre; pool: both, unlabelled."""

    train: tuple[Nodule, ...]
    test: tuple[Nodule, ...]
    thick: tuple[Nodule, ...]
    pool: tuple[Nodule, ...]
    # What the pairs of the training side were chosen from.
    train_unmatched: tuple[Nodule, ...]
    # All well-rated nodules of the training side's patients, whatever the question.
    train_candidates: tuple[Nodule, ...]


def margin_outcome(nodule: Nodule) -> int | None:
    """1: poorly defined (the readers' median is 3 or less), 0: sharp (5), None: between."""
    margin = nodule.ratings["margin"]
    return 1 if margin <= 3 else 0 if margin >= 5 else None


def choose_sides(nodules: Sequence[Nodule], *, seed: int, sizes: SideSizes | None = None) -> Sides:
    """Divide the patients first, then pair the nodules of each side."""
    sizes = sizes or SideSizes()
    usable = [n for n in nodules if n.fits and n.volume_mm3 >= LEAST_MM3]
    slices: dict[str, set[str]] = defaultdict(set)
    for nodule in usable:
        slices[nodule.patient_id].add(_slice_kind(nodule))
    thin = sorted(p for p, kinds in slices.items() if kinds == {"thin"})
    order = rng_for(seed, "nodules", "patients").permutation(len(thin))
    training_patients = {thin[i] for i in order[: round(TRAINING_SHARE * len(thin))]}
    rated = [n for n in usable if n.n_readers >= LEAST_READERS]
    of_side = {
        "train": [n for n in rated if n.patient_id in training_patients],
        "test": [n for n in rated if slices[n.patient_id] == {"thin"} and n.patient_id not in training_patients],
        "thick": [n for n in rated if slices[n.patient_id] == {"thick"}],
    }
    chosen = {
        side: matched_pairs(members, margin_outcome, most=getattr(sizes, side), seed=seed)
        for side, members in of_side.items()
    }
    labelled = {n.patient_id for members in chosen.values() for n in members}
    others = [n for n in usable if n.patient_id not in labelled]
    order = rng_for(seed, "nodules", "pool").permutation(len(others))
    pool = tuple(others[i] for i in sorted(order[: sizes.pool]))
    unmatched = tuple(n for n in of_side["train"] if margin_outcome(n) is not None)
    return Sides(chosen["train"], chosen["test"], chosen["thick"], pool, unmatched, tuple(of_side["train"]))


def matched_pairs(nodules: Sequence[Nodule], outcome: Outcome, *, most: int, seed: int) -> tuple[Nodule, ...]:
    """As many nodules of one outcome as of the other, in pairs of nearly equal volume; in the order given.

    Greedy: the positive nodules in random order each take the free negative one that is nearest in volume.
    """
    positive = [n for n in nodules if outcome(n) == 1]
    free = [n for n in nodules if outcome(n) == 0]
    chosen: set[str] = set()
    for i in rng_for(seed, "nodules", "pairs").permutation(len(positive)):
        if not free or len(chosen) + 2 > most:
            break
        ratios = [abs(math.log(n.volume_mm3 / positive[i].volume_mm3)) for n in free]
        nearest = int(np.argmin(ratios))
        if ratios[nearest] <= math.log(PAIR_RATIO):
            chosen |= {positive[i].nodule_id, free.pop(nearest).nodule_id}
    return tuple(n for n in nodules if n.nodule_id in chosen)


def _slice_kind(nodule: Nodule) -> str:
    if nodule.slice_thickness_mm <= THIN_MM:
        return "thin"
    return "thick" if nodule.slice_thickness_mm >= THICK_MM else "between"
