"""Cross-validation folds, grouped by patient and stratified by outcome and centre, and their file."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from rnnet.core.codec import read_artefact, write_artefact
from rnnet.core.errors import DatasetError, FileFormatError, LeakageError, SettingError
from rnnet.core.seeding import seed_for
from rnnet.core.types import Fold, LesionCase, Scan
from rnnet.dataset.content import ScanContent

Held = TypeVar("Held", LesionCase, Scan, ScanContent)
# Grouping by patient makes single draws uneven; the most even of a few draws is taken.
_DRAWS = 20
_FOLDS_OPTION = "-k of rnnet_make_splits, --set n_folds=N in planning"
_FIX = "Correct the file, or make a new one: rnnet_make_splits -d DATASET --overwrite."
_FORM = '{"schema_version": 1, "folds": [{"index": 0, "train_case_ids": [...], "validation_case_ids": [...]}, ...]}'


@dataclass(frozen=True, slots=True)
class SplitsFile:
    """Content of splits_final.json.

    test_patient_ids: patients held out for test in addition to those that cases.csv holds out. rule: how the file was
    made, in words; empty for one that the user wrote.
    """

    folds: tuple[Fold, ...]
    test_patient_ids: tuple[str, ...] = ()
    rule: str = ""


def hold_out(items: Iterable[Held], patients: Collection[str]) -> tuple[Held, ...]:
    """Cases or scans, those of `patients` in the test split."""
    return tuple(replace(item, split="test") if item.patient_id in patients else item for item in items)


def make_splits(cases: Iterable[LesionCase], *, n_folds: int, seed: int) -> tuple[Fold, ...]:
    """Folds of the labelled training cases: the same for the same cases and seed, in whatever order they come.

    Of several draws of scikit-learn's StratifiedGroupKFold the one is taken whose parts all have both outcomes,
    and among those the one whose outcome shares differ least.

    Raises:
        SettingError: fewer than two folds.
        DatasetError: fewer patients of an outcome than folds.
    """
    if n_folds < 2:
        raise SettingError(f"There must be at least 2 folds. Got {n_folds}.", fix=f"Give more by {_FOLDS_OPTION}.")
    used = sorted((c for c in cases if c.split == "train" and c.outcome is not None), key=lambda c: c.case_id)
    patients = patients_per_outcome(used)
    if len(patients) < 2 or min(patients.values()) < n_folds:
        counts = ", ".join(f"{n} of {o}" for o, n in sorted(patients.items())) or "none"
        fewer = f", or make fewer folds by {_FOLDS_OPTION}" if n_folds > 2 else ""
        raise DatasetError(
            f"{n_folds} folds need at least {n_folds} training patients of both outcomes; there are {counts}.",
            fix=f"Add patients of the rarer outcome{fewer}.",
        )
    draws = (_draw(used, n_folds, seed_for(seed, "splits", attempt) % 2**32) for attempt in range(_DRAWS))
    best = min(draws, key=lambda folds: _unevenness(used, folds))
    check_folds(best, used)
    return best


def patients_per_outcome(cases: Iterable[LesionCase]) -> dict[str, int]:
    """Number of patients with at least one lesion of each outcome that occurs."""
    pairs = {(c.outcome, c.patient_id) for c in cases if c.outcome is not None}
    return dict(Counter(outcome for outcome, _ in pairs))


def _draw(cases: Sequence[LesionCase], n_folds: int, random_state: int) -> tuple[Fold, ...]:
    from sklearn.model_selection import StratifiedGroupKFold

    strata = [f"{c.outcome} {c.center}" for c in cases]
    if max(Counter(strata).values()) < n_folds:
        strata = [str(c.outcome) for c in cases]
    splitter = StratifiedGroupKFold(n_splits=n_folds, shuffle=True, random_state=random_state)
    with warnings.catch_warnings():
        # A small centre may have fewer lesions of an outcome than there are folds.
        warnings.filterwarnings("ignore", message="The least populated class", category=UserWarning)
        parts = list(splitter.split(cases, strata, groups=[c.patient_id for c in cases]))
    return tuple(
        Fold(i, tuple(cases[k].case_id for k in train), tuple(cases[k].case_id for k in validation))
        for i, (train, validation) in enumerate(parts)
    )


def _unevenness(cases: Sequence[LesionCase], folds: Sequence[Fold]) -> tuple[int, float]:
    """(parts that lack an outcome, summed deviation of the outcome shares of the validation parts)."""
    outcome = {c.case_id: c.outcome for c in cases}
    reference = sorted({str(o) for o in outcome.values()})[0]
    overall = sum(o == reference for o in outcome.values()) / len(outcome)
    lacking, deviation = 0, 0.0
    for fold in folds:
        for part in (fold.train_case_ids, fold.validation_case_ids):
            lacking += len({outcome[i] for i in part}) < 2
        found = sum(outcome[i] == reference for i in fold.validation_case_ids)
        deviation += abs(found / max(1, len(fold.validation_case_ids)) - overall)
    return lacking, deviation


def write_splits(
    path: Path, folds: Sequence[Fold], *, test_patient_ids: Iterable[str] = (), rule: str = "",
    inputs: dict[str, str] | None = None,
) -> None:
    """Store the folds, and the patients held out beside them, as splits_final.json."""
    write_artefact(path, SplitsFile(tuple(folds), tuple(sorted(test_patient_ids)), rule), inputs=inputs)


def read_test_patients(path: Path) -> frozenset[str]:
    """Patients that the splits file at `path` holds out for test; none where there is no file."""
    if not path.is_file():
        return frozenset()
    return frozenset(_read_file(path).test_patient_ids)


def _read_file(path: Path) -> SplitsFile:
    """The file as it stands. A cure must not cost users the folds that they have written."""
    try:
        return read_artefact(path, SplitsFile, made_by="rnnet_plan_experiment")
    except FileFormatError as error:
        raise FileFormatError(error.problem, where=path, fix=f"Folds of your own have the form {_FORM}.") from error


def read_splits(path: Path, cases: Iterable[LesionCase]) -> tuple[Fold, ...]:
    """The folds stored at `path`, checked against the cases of the data set; a user's own file is welcome.

    Raises:
        MissingStageError: no such file.
        FileFormatError: not of the form {"schema_version": 1, "folds": [{"index", "train_case_ids",
            "validation_case_ids"}], "test_patient_ids": []}; the last may be left out.
        DatasetError: a case is unknown or has no outcome, is validated twice or never, or a part lacks an outcome.
        LeakageError: a patient stands on both sides of a fold, or a test case is in it.
    """
    return read_splits_and_leaks(path, cases)[0]


def read_splits_and_leaks(
    path: Path, cases: Iterable[LesionCase], *, allow_leakage: bool = False
) -> tuple[tuple[Fold, ...], tuple[str, ...]]:
    """As read_splits; `allow_leakage` returns, as sentences, what leaks in the folds instead of raising it."""
    stored = _read_file(path)
    cases = hold_out(cases, stored.test_patient_ids)
    try:
        leaks = [leak for fold in stored.folds for leak in _check_fold(fold, cases)]
        if leaks and not allow_leakage:
            raise LeakageError(leaks[0])
        _check_validated_once(stored.folds, cases)
    except (DatasetError, LeakageError) as error:
        raise type(error)(error.problem, where=path, fix=_FIX) from error
    return stored.folds, tuple(leaks)


def check_folds(folds: Iterable[Fold], cases: Sequence[LesionCase]) -> None:
    """Return if the folds may be trained on.

    Raises:
        LeakageError: a patient stands on both sides of a fold, or a test case is in it.
        DatasetError: a case is unknown, stands there twice or has no outcome, or a training part lacks an outcome.
    """
    for fold in folds:
        for leak in _check_fold(fold, cases):
            raise LeakageError(leak, fix="Group the cases by patient.")


def _check_fold(fold: Fold, cases: Sequence[LesionCase]) -> list[str]:
    """What leaks in a fold, as sentences. Raises DatasetError for everything else that is wrong with it."""
    leaks = []
    try:
        fold.check(cases)
    except LeakageError as error:
        leaks.append(error.problem)
    by_id = {c.case_id: c for c in cases}
    for part, ids in (("training", fold.train_case_ids), ("validation", fold.validation_case_ids)):
        held_out = [i for i in ids if by_id[i].split == "test"]
        if held_out and not any(held_out[0] in leak for leak in leaks):
            leaks.append(f"Fold {fold.index} uses the test case '{held_out[0]}' for {part}.")
        unlabelled = [i for i in ids if by_id[i].outcome is None]
        if unlabelled:
            raise DatasetError(f"Fold {fold.index} has the case '{unlabelled[0]}', whose outcome is not known.")
        if len(set(ids)) < len(ids):
            twice = next(i for i in ids if ids.count(i) > 1)
            raise DatasetError(f"Fold {fold.index} names the case '{twice}' twice in its {part} part.")
    if len({by_id[i].outcome for i in fold.train_case_ids}) < 2:
        raise DatasetError(f"The training part of fold {fold.index} does not have both outcomes.")
    return leaks


def _check_validated_once(folds: Sequence[Fold], cases: Sequence[LesionCase]) -> None:
    """Stacking needs exactly one out-of-fold prediction of every labelled training case."""
    if [f.index for f in folds] != list(range(len(folds))) or len(folds) < 2:
        raise DatasetError(f"The folds must be numbered 0, 1, ... and be at least two. "
                           f"Got {[f.index for f in folds]} instead.")
    times = Counter(i for fold in folds for i in fold.validation_case_ids)
    expected = [c.case_id for c in cases if c.split == "train" and c.outcome is not None]
    wrong = [i for i in expected if times[i] != 1]
    if wrong:
        raise DatasetError(
            f"{len(wrong)} labelled training case(s) are not validated in exactly one fold, "
            f"for example '{wrong[0]}' in {times[wrong[0]]}."
        )


def fold_of(folds: Sequence[Fold], index: int) -> Fold:
    """The fold with this index.

    Raises:
        SettingError: there is none; the message names those that exist.
    """
    for fold in folds:
        if fold.index == index:
            return fold
    known = ", ".join(str(f.index) for f in folds)
    raise SettingError(f"There is no fold {index}.", fix=f"Choose one of {known}, or 'all' to use every training case.")
