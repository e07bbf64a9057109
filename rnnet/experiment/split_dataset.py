"""Test patients and folds of a data set on the user's word, before or instead of those that planning makes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rnnet.core.codec import read_json
from rnnet.core.errors import DatasetError, SettingError
from rnnet.core.log import get_logger
from rnnet.core.types import Fold, LesionCase
from rnnet.core.workspace import PreprocessedLayout, Workspace
from rnnet.dataset.case import RawDataset, read_dataset, table_digests
from rnnet.dataset.identity import read_other_ids
from rnnet.dataset.leakage import same_people
from rnnet.dataset.split_balance import PartBalance, split_balance
from rnnet.dataset.split_centers import leave_one_center_out
from rnnet.dataset.split_holdout import draw_test_patients
from rnnet.dataset.splits import hold_out, make_splits, patients_per_outcome, write_splits

log = get_logger(__name__)

USUAL_FOLDS = 5


@dataclass(frozen=True, slots=True)
class SplitResult:
    """What rnnet_make_splits made. stale: what was made before and does not fit any more, with the cure."""

    path: Path
    rule: str
    positive_outcome: str
    balance: tuple[PartBalance, ...]
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
        test_share: of the labelled lesions that cases.csv leaves for training; None holds nobody else out.
        more_test: hold out further patients although cases.csv holds some out already.
        leave_one_center: one fold per centre instead of stratified ones.
        seed: of every draw.
        overwrite: replace folds that are there, and let what was made with them go stale.

    Raises:
        SettingError: settings that contradict each other.
        DatasetError: there is something that would go stale, or the patients do not suffice.
    """
    if leave_one_center and n_folds is not None:
        raise SettingError("-k and --leave_one_center_out contradict each other.", fix="Leave one of them out.")
    raw = read_dataset(workspace.raw_dataset(name))
    layout = workspace.preprocessed_dataset(name)
    stale = _stale(workspace, layout, name)
    if stale and not overwrite:
        raise DatasetError(
            f"{name} has been used with other splits already: {'; '.join(what for what, _ in stale)}.",
            where=layout.folder, fix="--overwrite makes new ones; what must be made again is then listed.",
        )
    people = people_of(raw)
    test = _test_patients(raw, people, share=test_share, more=more_test, seed=seed)
    cases = hold_out(raw.cases, test)
    folds, rule = _folds(by_person(cases, people), n_folds=n_folds, leave_one_center=leave_one_center, seed=seed)
    if test:
        rule += f" {len(test)} patients held out for test ({test_share:g} of the labelled lesions were asked for)."
    write_splits(layout.splits_json, folds, test_patient_ids=test, rule=rule, inputs=table_digests(raw.layout))
    return SplitResult(
        layout.splits_json, rule, raw.manifest.positive_outcome, split_balance(cases, folds),
        tuple(f"{what}: {cure}" for what, cure in stale),
    )


def _test_patients(
    raw: RawDataset, people: Mapping[str, str], *, share: float | None, more: bool, seed: int
) -> tuple[str, ...]:
    """Patients to hold out beside those of cases.csv."""
    if share is None:
        return ()
    there = sorted({c.patient_id for c in raw.cases if c.split == "test"})
    if there and not more:
        raise SettingError(
            f"cases.csv holds out {len(there)} patients for test already ({', '.join(there[:3])}, ...).",
            where=raw.layout.cases_csv,
            fix="Leave out --test_share to test on them, or give --more_test to hold out further ones as well.",
        )
    drawn = set(draw_test_patients(by_person(raw.cases, people), share=share, seed=seed))
    return tuple(sorted(p for p, person in people.items() if person in drawn))


def people_of(raw: RawDataset) -> dict[str, str]:
    """Each patient_id of the cases to the one that stands for the same person by other_ids.csv."""
    return same_people((c.patient_id for c in raw.cases), read_other_ids(raw.layout.other_ids_csv))


def by_person(cases: Iterable[LesionCase], people: Mapping[str, str]) -> tuple[LesionCase, ...]:
    """The cases with one patient_id for each person."""
    return tuple(replace(c, patient_id=people[c.patient_id]) for c in cases)


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


def _stale(workspace: Workspace, layout: PreprocessedLayout, name: str) -> list[tuple[str, str]]:
    """(what was made with other splits, what to do about it)."""
    again = f"run rnnet_plan_and_preprocess -d {name} again (preprocessed scans are kept)"
    found = [("splits_final.json", "replaced")] if layout.splits_json.is_file() else []
    if layout.fingerprint_json.is_file():
        found.append(("the fingerprint", again))
    found += [(f"the plan {path.name}", again) for path in sorted(layout.folder.glob("*.json")) if _is_plan(path)]
    results = workspace.results / name
    if results.is_dir():
        trained = sorted(p.name for p in results.iterdir() if p.is_dir())
        found += [(f"the results {folder}", _again(folder, name)) for folder in trained]
    return found


def _is_plan(path: Path) -> bool:
    content = read_json(path)
    return isinstance(content, dict) and "planner" in content


def _again(folder: str, name: str) -> str:
    if folder.startswith("pretrain"):
        return f"if patients became test patients, run rnnet_pretrain -d {name} again; training refuses it otherwise"
    return f"delete {folder}, and make it again"
