"""Made-up scores to compare statistics on: few lesions, ties, clusters, separation, worse than chance, certainty."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rnnet.core.csv_text import csv_text
from rnnet.core.files import write_text
from rnnet.core.seeding import rng_for

# Thresholds of the net benefit, levels of intervals, shares of misses of conformal sets.
CUTS = (0.0, 0.1, 0.3, 0.5, 0.85, 0.99)
LEVELS = (0.95, 0.8)
ALPHAS = (0.1, 0.3)
# A figure of two models in five folds, the lesions of a fold's two sides, and p-values to adjust.
FOLDS_A, FOLDS_B, N_TRAIN, N_TEST = (0.91, 0.88, 0.95, 0.83, 0.90), (0.87, 0.86, 0.90, 0.84, 0.85), 87, 22
P_VALUES = (0.01, 0.04, 0.03, 0.04, 0.5, 0.0001)
_HEADER = ("case", "y", "a", "b", "group")


@dataclass(frozen=True, slots=True, eq=False)
class ScoredCase:
    """Outcomes y (n,) of 0 and 1, probabilities a and b (n,) of two models, and the patient (n,) of each lesion."""

    name: str
    y: npt.NDArray[np.int64]
    a: npt.NDArray[np.float64]
    b: npt.NDArray[np.float64]
    group: tuple[str, ...]

    @property
    def has_line(self) -> bool:
        """Whether the outcomes overlap in a, and its logits are finite, so that there is a calibration slope."""
        positive, negative = self.a[self.y == 1], self.a[self.y == 0]
        overlap = negative.max() > positive.min() and positive.max() > negative.min()
        return bool(overlap and self.a.min() > 0 and self.a.max() < 1)


def made_up_cases(seed: int = 0) -> tuple[ScoredCase, ...]:
    """Cases of several sizes; `ties` has scores of one digit, `clustered` about three lesions a patient.

    `wrong` ranks so badly that no threshold helps; `certain` has probabilities of exactly 0 and 1 of both outcomes.
    """
    cases = [
        _case(name, n, n_patients, digits, strength, seed)
        for name, n, n_patients, digits, strength in (
            ("few", 22, 22, 6, 1.5), ("ties", 40, 40, 1, 1.0), ("clustered", 60, 18, 4, 0.8),
            ("worse", 30, 30, 3, -0.7), ("many", 400, 150, 6, 1.0),
        )
    ]
    perfect = ScoredCase("perfect", np.array([0, 0, 0, 1, 1]), np.array([0.1, 0.2, 0.3, 0.7, 0.9]),
                         np.array([0.2, 0.6, 0.4, 0.5, 0.8]), ("P0", "P1", "P2", "P3", "P4"))
    fewest = ScoredCase("two of each", np.array([1, 1, 0, 0]), np.array([0.6, 0.3, 0.5, 0.2]),
                        np.array([0.7, 0.4, 0.1, 0.5]), ("P0", "P1", "P0", "P1"))
    patients = tuple(f"P{i}" for i in range(6))
    wrong = ScoredCase("wrong", np.array([1, 1, 0, 0, 1, 0]), np.array([0.1, 0.2, 0.6, 0.7, 0.3, 0.2]),
                       np.array([0.4, 0.2, 0.6, 0.3, 0.1, 0.5]), patients)
    certain = ScoredCase("certain", np.array([1, 0, 1, 0, 1, 0]), np.array([0.0, 0.0, 1.0, 1.0, 0.6, 0.2]),
                         np.array([0.1, 0.0, 0.8, 0.5, 1.0, 0.3]), patients)
    return (*cases, perfect, fewest, wrong, certain)


def write_cases(path: Path, cases: Sequence[ScoredCase]) -> None:
    """One line per lesion."""
    write_text(path, csv_text(_HEADER, (
        (case.name, *row) for case in cases
        for row in zip(case.y.tolist(), case.a.tolist(), case.b.tolist(), case.group, strict=True)
    )))


def read_cases(path: Path) -> tuple[ScoredCase, ...]:
    """The cases of write_cases."""
    with path.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    return tuple(
        ScoredCase(
            name, np.array([int(r["y"]) for r in own]), np.array([float(r["a"]) for r in own]),
            np.array([float(r["b"]) for r in own]), tuple(r["group"] for r in own),
        )
        for name in dict.fromkeys(r["case"] for r in rows) if (own := [r for r in rows if r["case"] == name])
    )


def _case(name: str, n: int, n_patients: int, digits: int, strength: float, seed: int) -> ScoredCase:
    rng = rng_for(seed, "statistics", name)
    y = np.r_[1, 1, 0, 0, rng.integers(0, 2, n - 4)]
    patient = np.arange(n) % n_patients
    # What both models see alike, and what the lesions of a patient have in common.
    shared = rng.normal(size=n) * 0.7 + rng.normal(size=n_patients)[patient] * 0.5
    a, b = (
        np.clip(np.round(1 / (1 + np.exp(-(shared + rng.normal(size=n) * 0.6 + k * y))), digits), 0.02, 0.98)
        for k in (strength, strength / 2)
    )
    return ScoredCase(name, y, a, b, tuple(f"P{p}" for p in patient))
