"""Folds that each hold one centre out for validation."""

from __future__ import annotations

from collections.abc import Iterable

from rnnet.core.errors import DatasetError
from rnnet.core.log import get_logger
from rnnet.core.types import Fold, LesionCase
from rnnet.dataset.splits import check_folds

log = get_logger(__name__)


def leave_one_center_out(cases: Iterable[LesionCase]) -> tuple[Fold, ...]:
    """One fold per centre of the labelled training cases, in the order of the centres' names; that centre validates.

    A centre with one outcome only is allowed, and logged: its fold has no AUC of its own.

    Raises:
        DatasetError: fewer than two centres, a patient in two of them, or the centres that are left to train on lack
            an outcome.
    """
    used = sorted((c for c in cases if c.split == "train" and c.outcome is not None), key=lambda c: c.case_id)
    centers = sorted({c.center for c in used})
    if len(centers) < 2:
        raise DatasetError(
            f"To leave one centre out there must be two or more; there is {', '.join(centers) or 'none'}.",
            fix="Combine the data sets of several centres (rnnet_combine_datasets), or leave out "
            "--leave_one_center_out.",
        )
    _check_patients(used)
    folds = []
    for index, center in enumerate(centers):
        train, validation = ([c for c in used if (c.center == center) == inside] for inside in (False, True))
        _check_outcomes(center, train, validation)
        folds.append(Fold(index, tuple(c.case_id for c in train), tuple(c.case_id for c in validation)))
    check_folds(folds, used)
    return tuple(folds)


def _check_patients(cases: Iterable[LesionCase]) -> None:
    centers: dict[str, set[str]] = {}
    for case in cases:
        centers.setdefault(case.patient_id, set()).add(case.center)
    both = [patient for patient, found in centers.items() if len(found) > 1]
    if both:
        raise DatasetError(
            f"{len(both)} patient(s) have lesions of two centres, for example '{both[0]}' of "
            f"{' and '.join(sorted(centers[both[0]]))}: they cannot be left out with one centre.",
            fix="Give all rows of one patient the same center in cases.csv (that of treatment).",
        )


def _check_outcomes(center: str, train: list[LesionCase], validation: list[LesionCase]) -> None:
    found = {c.outcome for c in train}
    if len(found) < 2:
        raise DatasetError(
            f"Without the centre {center} all {len(train)} training lesions are of the outcome "
            f"{', '.join(map(str, found))}.",
            fix="Add labelled lesions of the other outcome to another centre, or leave out --leave_one_center_out.",
        )
    only = {c.outcome for c in validation}
    if len(only) < 2:
        log.warning("All %d lesions of the centre %s are of the outcome %s: its fold alone has no AUC, and cannot "
                    "choose the best epoch by it.", len(validation), center, ", ".join(map(str, only)))
