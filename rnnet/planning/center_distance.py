"""How far two groups of patients lie from each other: spacing, intensity, lesion size, clinical values."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rnnet.core.seeding import rng_for
from rnnet.planning.center_samples import CLINICAL, QUANTITIES, CenterSamples, pooled

FloatArray = npt.NDArray[np.float64]
# A shift of 0.8 SD is what is called a large effect (Cohen 1988); two normal distributions that far apart have a total
# variation distance of 0.31.
FAR_SD = 0.8
FAR_SHARE = 0.31
# Differences that chance makes as large in 1 of 100 redistributions of the patients are not reported as far.
LEVEL = 0.01
# With so few patients that no redistribution can reach LEVEL (4 and 4, or 1 and any number) only what lies this far
# apart is reported, and said to be untested.
FAR_UNTESTED_SD = 3.0
_PERMUTATIONS = 999
# Differences below this share of the values' size are small even where a group does not vary at all: voxels of
# 0.94 mm at one centre and of 1 mm at the other are no news.
_LEAST_RELATIVE_SD = 0.1


@dataclass(frozen=True, slots=True)
class Distance:
    """Distance of one quantity between two groups of patients.

    numeric: Wasserstein's distance in units of the SD inside the groups; otherwise total variation (0 to 1), the
    share of patients that would have to change category. n: patients with a value in each. p: share of random
    redistributions of the patients that lie at least as far apart.
    """

    quantity: str
    numeric: bool
    value: float
    p: float
    n: tuple[int, int]

    @property
    def far(self) -> bool:
        """Whether it is large and not explained by the small number of patients."""
        return self.value >= (FAR_SD if self.numeric else FAR_SHARE) and self.p < LEVEL

    @property
    def far_untested(self) -> bool:
        """Whether a number is very large and the patients are too few for a test of its own to reach LEVEL.

        It must exceed what Student's t would let pass as well: the SD of three or four patients is a poor one. Of two
        single patients, and of categories, nothing is said.
        """
        if not self.numeric or smallest_p(*self.n) < LEVEL or self.value < FAR_UNTESTED_SD:
            return False
        return self.value > _student_limit_sd(*self.n)

    @property
    def title(self) -> str:
        """Readable name of the quantity."""
        return QUANTITIES.get(self.quantity, self.quantity.removeprefix(CLINICAL).replace("_", " "))

    @property
    def text(self) -> str:
        """The distance with its unit."""
        return f"{self.value:.2f} SD" if self.numeric else f"{self.value:.0%} of patients"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two groups of patients, quantity by quantity; only what is known of both.

    warning: one line with a sentence for what lies far apart, and one for what does so and cannot be tested.
    """

    first: str
    second: str
    distances: tuple[Distance, ...]

    @property
    def warning(self) -> str:
        """One line that names what lies far apart; '' if nothing does."""
        far = [
            f"{d.title} ({d.text}, p {d.p:.3f}, {d.n[0]} and {d.n[1]} patients)" for d in self.distances if d.far
        ]
        untested = [f"{d.title} ({d.text}, {d.n[0]} and {d.n[1]} patients)" for d in self.distances if d.far_untested]
        kinds = (("lies far from", far), ("lies far from, with too few patients to test it,", untested))
        return " ".join(f"{self.first} {how} {self.second} in: {'; '.join(what)}." for how, what in kinds if what)


def compare(first: str, a: CenterSamples, second: str, b: CenterSamples) -> Comparison:
    """Compare two groups of patients.

    Numbers by Wasserstein's distance, which says how far apart distributions lie and for a mere shift equals Cohen's
    d. The statistic of Kolmogorov and Smirnov cannot: it is 1 for spacings of 0.99 and 1.00 mm as for 1 and 6 mm.
    """
    distances = [
        _numeric(name, np.asarray(a.numeric[name]), np.asarray(b.numeric[name]))
        for name in a.numeric if name in b.numeric
    ]
    distances += [
        _categorical(name, a.categorical[name], b.categorical[name]) for name in a.categorical if name in b.categorical
    ]
    return Comparison(first, second, tuple(distances))


def compare_centers(samples: Mapping[str, CenterSamples], *, dataset: str = "") -> tuple[Comparison, ...]:
    """Each centre against all others together; two centres once, a single one not at all."""
    prefix = f"{dataset}, " if dataset else ""
    if len(samples) < 2:
        return ()
    if len(samples) == 2:
        (a, first), (b, second) = samples.items()
        return (compare(f"{prefix}centre {a}", first, f"centre {b}", second),)
    return tuple(
        compare(f"{prefix}centre {name}", own, "the other centres", pooled(s for n, s in samples.items() if n != name))
        for name, own in samples.items()
    )


def _numeric(name: str, a: FloatArray, b: FloatArray) -> Distance:
    def statistic(x: FloatArray, y: FloatArray, axis: int = -1) -> Any:  # noqa: ARG001 - scipy hands it over
        return wasserstein(x, y)

    scale = max(_sd_inside(a, b), _LEAST_RELATIVE_SD * float(np.abs(np.concatenate([a, b])).mean()))
    distance = float(wasserstein(a, b))
    value = distance / scale if distance > 0 else 0.0
    return Distance(name, True, value, _permutation_p(name, a, b, statistic), (a.size, b.size))


def _categorical(name: str, a: Mapping[str, int], b: Mapping[str, int]) -> Distance:
    categories = sorted({*a, *b})
    x, y = (np.repeat(np.arange(len(categories)), [counts.get(c, 0) for c in categories]) for counts in (a, b))

    def statistic(x: npt.NDArray[Any], y: npt.NDArray[Any], axis: int = -1) -> Any:  # noqa: ARG001 - scipy hands it over
        shares = [np.abs((x == k).mean(axis=-1) - (y == k).mean(axis=-1)) for k in range(len(categories))]
        return np.sum(shares, axis=0) / 2

    p = _permutation_p(name, x, y, statistic)
    return Distance(name, False, float(statistic(x, y)), p, (x.size, y.size))


def wasserstein(x: FloatArray, y: FloatArray) -> FloatArray:
    """Wasserstein's distance of order 1 of samples (..., n) and (..., m): the area between their distributions."""
    both = np.concatenate([x, y], axis=-1)
    order = np.argsort(both, axis=-1)
    n, m = x.shape[-1], y.shape[-1]
    difference = np.cumsum(np.where(order < n, 1 / n, -1 / m), axis=-1)[..., :-1]
    gaps = np.diff(np.take_along_axis(both, order, axis=-1), axis=-1)
    area: FloatArray = np.sum(np.abs(difference) * gaps, axis=-1)
    return area


def smallest_p(n: int, m: int) -> float:
    """The smallest p-value that groups of n and m patients can give."""
    if min(n, m) < 2:
        return 1.0
    redistributions = math.comb(n + m, n)
    if redistributions > _PERMUTATIONS:
        return 1 / (_PERMUTATIONS + 1)
    # Two groups of one size can change places, which gives the same distance.
    return (2 if n == m else 1) / redistributions


def _student_limit_sd(n: int, m: int) -> float:
    """Difference of two means, in SD inside the groups, beyond which Student's t-test has p < LEVEL."""
    from scipy.stats import t

    freedom = n + m - 2
    return float(t.ppf(1 - LEVEL / 2, freedom)) * math.sqrt(1 / n + 1 / m) if freedom else math.inf


def _sd_inside(a: FloatArray, b: FloatArray) -> float:
    """Pooled standard deviation around each group's own mean."""
    freedom = a.size + b.size - 2
    squares = sum(float(np.sum((v - v.mean()) ** 2)) for v in (a, b))
    return float(np.sqrt(squares / freedom)) if freedom else 0.0


def _permutation_p(name: str, a: npt.NDArray[Any], b: npt.NDArray[Any], statistic: Callable[..., Any]) -> float:
    """Exact for few patients, where all redistributions are looked at. A single patient proves nothing."""
    from scipy.stats import permutation_test

    if np.ptp(np.concatenate([a, b])) == 0 or min(a.size, b.size) < 2:
        return 1.0
    result = permutation_test(
        (a, b), statistic, permutation_type="independent", vectorized=True, n_resamples=_PERMUTATIONS, batch=100,
        alternative="greater", axis=-1, random_state=rng_for(0, "center_distance", name),
    )
    return float(result.pvalue)
