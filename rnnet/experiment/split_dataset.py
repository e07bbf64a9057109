"""Test patients and folds of a data set on the user's word, before or instead of those that planning makes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rnnet.core.errors import DatasetError, FileFormatError, SettingError
from rnnet.core.log import get_logger
from rnnet.core.types import Fold, LesionCase
from rnnet.core.wording import listed
from rnnet.core.workspace import Workspace
from rnnet.dataset.case import RawDataset, read_dataset, table_digests
from rnnet.dataset.identity import read_other_ids
from rnnet.dataset.leakage import same_people
from rnnet.dataset.split_balance import PartBalance, split_balance
from rnnet.dataset.split_centers import leave_one_center_out
from rnnet.dataset.split_holdout import draw_test_patients
from rnnet.dataset.splits import hold_out, make_splits, patients_per_outcome, read_test_patients, write_splits
from rnnet.experiment.stale_splits import stale_fingerprint, used_splits

log = get_logger(__name__)

USUAL_FOLDS = 5


@dataclass(frozen=True, slots=True)
class SplitResult:
    """What rnnet_make_splits made.

    held_out: what became of the test patients of the old file, in words. stale: what was made before and does not fit
    any more, with the cure.
    """

    path: Path
    rule: str
    positive_outcome: str
    balance: tuple[PartBalance, ...]
    held_out: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()


def split_dataset(
    workspace: Workspace, name: str, *, n_folds: int | None = None, test_share: float | None = None,
    more_test: bool = False, leave_one_center: bool = False, seed: int = 0, overwrite: bool = False,
) -> SplitResult:
    """Write splits_final.json of a data set: folds, and the patients held out beside those of cases.csv.

    Args:
        workspace: its folders.
        name: the data set.
        n_folds: None takes five, or as many as there are patients of the rarer outcome.
        test_share: of the labelled lesions that cases.csv leaves for training; None keeps the test patients of the
            splits that are there, 0 holds nobody else out.
        more_test: hold out further patients although cases.csv holds some out already.
        leave_one_center: one fold per centre instead of stratified ones.
        seed: of every draw.
        overwrite: replace folds that are there, and let what was made with them go stale.

    Raises:
        SettingError: settings that contradict each other.
        DatasetError: there is something that would go stale, or the patients do not suffice.
    """
    _check_settings(n_folds, test_share=test_share, more_test=more_test, leave_one_center=leave_one_center)
    raw = read_dataset(workspace.raw_dataset(name))
    _check_training(raw)
    layout = workspace.preprocessed_dataset(name)
    stale = used_splits(workspace, name)
    if stale and not overwrite:
        raise DatasetError(
            f"{name} has been used with other splits already: {'; '.join(what for what, _ in stale)}.",
            where=layout.folder, fix="--overwrite makes new ones; what must be made again is then listed.",
        )
    people = people_of(raw)
    before = _held_out_before(layout.splits_json)
    test = _test_patients(raw, people, before, share=test_share, more=more_test, seed=seed)
    folds, rule = _folds_beside(raw, people, test, n_folds=n_folds, leave_one_center=leave_one_center, seed=seed)
    if test:
        asked = f"{test_share:g} of the labelled lesions were asked for" if test_share else "those of the splits before"
        rule += f" {len(test)} patients held out for test ({asked})."
    write_splits(layout.splits_json, folds, test_patient_ids=test, rule=rule, inputs=table_digests(raw.layout))
    stale += stale_fingerprint(workspace, name)
    said = _account_of_test(before, test, is_drawn=test_share is not None)
    return SplitResult(
        layout.splits_json, rule, raw.manifest.positive_outcome, split_balance(hold_out(raw.cases, test), folds),
        said, tuple(f"{what}: {cure}" for what, cure in stale),
    )


def _check_settings(
    n_folds: int | None, *, test_share: float | None, more_test: bool, leave_one_center: bool
) -> None:
    if leave_one_center and n_folds is not None:
        raise SettingError("-k and --leave_one_center_out contradict each other.", fix="Leave one of them out.")
    if n_folds is not None and n_folds < 2:
        raise SettingError(f"-k must be at least 2. Got {n_folds} instead.", fix="Leave it out for the usual number.")
    if more_test and not test_share:
        raise SettingError("--more_test says nothing without --test_share.", fix="Add --test_share, for example 0.2.")


def _check_training(raw: RawDataset) -> None:
    """A pool and an external test set have nobody to make folds of."""
    if not any(case.outcome is not None for case in raw.cases):
        raise DatasetError(
            f"{raw.name} has no lesion with a known outcome: there is nobody to make folds of.",
            where=raw.layout.folder, fix="A data set to pretrain on needs no splits; outcomes stand in cases.csv.",
        )
    if (test := raw.test_cases()) and not raw.training_cases():
        raise DatasetError(
            f"All {len({c.patient_id for c in test})} patients of {raw.name} with a known outcome are test patients: "
            "there is nobody to make folds of.", where=raw.layout.cases_csv,
            fix="A data set to test on needs no splits; to train on it, write train in the column split.",
        )


def _held_out_before(path: Path) -> frozenset[str]:
    try:
        return read_test_patients(path)
    except FileFormatError as error:
        raise FileFormatError(
            error.problem, where=path, fix="Correct the file, or delete it: then cases.csv alone says who is held out.",
        ) from error


def _test_patients(
    raw: RawDataset, people: Mapping[str, str], before: Iterable[str], *, share: float | None, more: bool, seed: int
) -> tuple[str, ...]:
    """Patients to hold out beside those of cases.csv. before: those of the splits that are replaced."""
    if share is None:
        kept = {people[p] for p in before if p in people}
        return tuple(sorted(p for p, person in people.items() if person in kept))
    if share == 0:
        return ()
    there = sorted({c.patient_id for c in raw.cases if c.split == "test"})
    if there and not more:
        raise SettingError(
            f"cases.csv holds out {len(there)} patients for test already ({listed(there, 3)}).",
            where=raw.layout.cases_csv,
            fix="Leave out --test_share to test on them, or give --more_test to hold out further ones as well.",
        )
    drawn = set(draw_test_patients(by_person(raw.cases, people), share=share, seed=seed))
    return tuple(sorted(p for p, person in people.items() if person in drawn))


def _account_of_test(before: Iterable[str], test: Sequence[str], *, is_drawn: bool) -> tuple[str, ...]:
    """What became of the test patients of the splits that are replaced, as sentences."""
    before = set(before)
    kept, free = sorted(before & set(test)), sorted(before - set(test))
    if before and not is_drawn:
        said = [f"{len(kept)} patients stay held out for test, as in the splits before. --test_share draws others; "
                "--test_share 0 holds out nobody beside cases.csv."]
        return tuple(said + [f"Held out before and no longer in cases.csv: {listed(free)}."] * bool(free))
    if free:
        return (f"{len(free)} patients who were held out for test before are not any more: {listed(free)}.",)
    return ()


def people_of(raw: RawDataset) -> dict[str, str]:
    """Each patient_id of the cases to the one that stands for the same person by other_ids.csv."""
    return same_people((c.patient_id for c in raw.cases), read_other_ids(raw.layout.other_ids_csv))


def by_person(cases: Iterable[LesionCase], people: Mapping[str, str]) -> tuple[LesionCase, ...]:
    """The cases with one patient_id for each person."""
    return tuple(replace(c, patient_id=people[c.patient_id]) for c in cases)


def _folds_beside(
    raw: RawDataset, people: Mapping[str, str], test: Sequence[str], *, n_folds: int | None, leave_one_center: bool,
    seed: int,
) -> tuple[tuple[Fold, ...], str]:
    """The folds beside the patients `test`, and how they were made."""
    try:
        return _folds(by_person(hold_out(raw.cases, test), people), n_folds=n_folds, leave_one_center=leave_one_center,
                      seed=seed)
    except DatasetError as error:
        if not test:
            raise
        # What fails without them as well is not their fault, and raises its own error here.
        _folds(by_person(raw.cases, people), n_folds=n_folds, leave_one_center=leave_one_center, seed=seed)
        fix = f"Hold out fewer than these {len(test)} patients: give a smaller --test_share."
        raise DatasetError(error.problem, where=error.where, fix=fix) from error


def _folds(
    cases: Sequence[LesionCase], *, n_folds: int | None, leave_one_center: bool, seed: int
) -> tuple[tuple[Fold, ...], str]:
    """The folds, and how they were made."""
    if leave_one_center:
        folds = leave_one_center_out(cases)
        centers = sorted({c.center for c in cases if c.split == "train" and c.outcome is not None})
        return folds, f"One centre left out in each fold: {', '.join(centers)}."
    if n_folds is None:
        patients = patients_per_outcome(c for c in cases if c.split == "train")
        n_folds = max(2, min(USUAL_FOLDS, *patients.values())) if len(patients) == 2 else USUAL_FOLDS
        if n_folds < USUAL_FOLDS:
            log.info("%d folds: only so many training patients have the rarer outcome.", n_folds)
    folds = make_splits(cases, n_folds=n_folds, seed=seed)
    return folds, f"{n_folds} folds, grouped by patient, stratified by outcome and centre, seed {seed}."
