"""Patients for a test set, drawn so that outcomes and centres stand in it as they do in the whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from rnnet.core.errors import DatasetError, SettingError
from rnnet.core.seeding import rng_for
from rnnet.core.types import LesionCase

# Patients are drawn whole, so that single draws are uneven in lesions; the most even one is taken.
_DRAWS = 200


def draw_test_patients(cases: Iterable[LesionCase], *, share: float, seed: int) -> tuple[str, ...]:
    """Patients with about `share` of the labelled training cases: the same for the same cases and seed in any order.

    Within each centre and each set of outcomes the share of the patients is drawn; of several draws the one is taken
    whose lesions come nearest to the share by outcome, by centre, by both together and in all.

    Raises:
        SettingError: the share does not lie between 0 and 1.
        DatasetError: no draw leaves both outcomes on both sides.
    """
    if not 0 < share < 1:
        raise SettingError(f"The share of the test set must lie between 0 and 1. Got {share:g} instead.",
                           fix="For example --test_share 0.2.")
    used = sorted((c for c in cases if c.split == "train" and c.outcome is not None), key=lambda c: c.case_id)
    strata = _strata(used)
    draws = [_draw(strata, share, rng_for(seed, "test patients", number)) for number in range(_DRAWS)]
    outcomes = {c.outcome for c in used}
    possible = [draw for draw in draws if all(_outcomes(used, draw, inside) == outcomes for inside in (True, False))]
    if len(outcomes) < 2 or not possible:
        raise DatasetError(
            f"A test set of {share:g} of {len({c.patient_id for c in used})} labelled training patients does not leave "
            f"both outcomes on both sides.", fix="Give another --test_share, or add patients of the rarer outcome.",
        )
    best = min(possible, key=lambda draw: (_unevenness(used, draw, share), sorted(draw)))
    return tuple(sorted(best))


def _strata(cases: Sequence[LesionCase]) -> list[list[str]]:
    """Patients by centre and set of outcomes."""
    about: dict[str, set[tuple[str, str]]] = {}
    for case in cases:
        about.setdefault(case.patient_id, set()).add((case.center, str(case.outcome)))
    groups: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for patient in sorted(about):
        groups.setdefault(tuple(sorted(about[patient])), []).append(patient)
    return list(groups.values())


def _draw(strata: Sequence[Sequence[str]], share: float, rng: np.random.Generator) -> frozenset[str]:
    """The share of each stratum; what rounding leaves over is carried to the next one, in random order."""
    drawn: list[str] = []
    carried = float(rng.uniform(-0.5, 0.5))
    for index in rng.permutation(len(strata)):
        patients = list(strata[index])
        carried += share * len(patients)
        count = min(len(patients), max(0, round(carried)))
        carried -= count
        drawn += [patients[i] for i in rng.permutation(len(patients))[:count]]
    return frozenset(drawn)


def _outcomes(cases: Iterable[LesionCase], drawn: frozenset[str], inside: bool) -> set[str | None]:
    return {c.outcome for c in cases if (c.patient_id in drawn) == inside}


def _unevenness(cases: Sequence[LesionCase], drawn: frozenset[str], share: float) -> float:
    """Summed deviation from the wanted numbers of lesions and patients."""
    test = [c for c in cases if c.patient_id in drawn]
    wanted, found = _counts(cases), _counts(test)
    patients = abs(len(drawn) - share * len({c.patient_id for c in cases}))
    return patients + sum(abs(found[key] - share * count) for key, count in wanted.items())


def _counts(cases: Iterable[LesionCase]) -> Counter[tuple[str, ...]]:
    return Counter(
        key
        for c in cases
        for key in ((), ("outcome", str(c.outcome)), ("center", c.center), (str(c.outcome), c.center))
    )
