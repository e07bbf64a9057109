"""What pretraining may see: the lesions of several data sets without held-out patients and without copies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rnnet.core.codec import write_artefact
from rnnet.core.errors import DatasetError
from rnnet.core.log import get_logger
from rnnet.core.types import NO_LESION, LesionCase, Scan
from rnnet.core.workspace import Workspace
from rnnet.dataset.case import RawDataset
from rnnet.dataset.people import people_across
from rnnet.experiment.access import held_out_patients, read_raw, store_of
from rnnet.experiment.corpus import Corpus, open_corpus
from rnnet.experiment.left_out import LeftOut, PoolScan, copies, of_held_out_patients
from rnnet.planning.plan import ExperimentPlan

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class DatasetShare:
    """What one data set gives to pretraining."""

    dataset: str
    n_scans: int
    n_lesions: int
    n_brain_crops: int
    n_left_out: int


@dataclass(frozen=True, slots=True)
class CorpusAccount:
    """What pretraining used, and which scans it left out and why."""

    datasets: tuple[DatasetShare, ...]
    left_out: tuple[LeftOut, ...]
    drop_duplicates: bool

    @property
    def summary(self) -> str:
        """In one line, for the record of a run."""
        return "; ".join(
            [f"{s.dataset}: {s.n_lesions} lesions and {s.n_brain_crops} brain crops of {s.n_scans} scans"
             for s in self.datasets]
            + [f"{dataset}: {n} scans left out ({reason})" for (dataset, reason), n in _counts(self.left_out).items()]
        )

    def write(self, path: Path) -> None:
        """Store the account."""
        write_artefact(path, self)


@dataclass(frozen=True, slots=True)
class PretrainingCorpus:
    """The cases that pretraining sees, and the account of how they were chosen.

    people: each patient id of the cases to the first of those that are the same person for certain.
    """

    corpus: Corpus
    account: CorpusAccount
    people: Mapping[str, str]


def pretraining_corpus(
    workspace: Workspace, names: Sequence[str], plan: ExperimentPlan, *, keep_held_out: bool = False
) -> PretrainingCorpus:
    """The lesions of the data sets, and random crops of brain as the plan wants, with ids qualified by data set.

    Left out: held-out patients of any of the data sets, also under other names and with copies of their images; and of
    scans that several data sets have, all but the first data set's, unless the plan keeps them. Copies are known by
    the hashes of the preprocessed scans, so that a close follow-up scan of the same patient may count as a copy.

    keep_held_out: leave nobody out, where leakage is allowed; copies are left out as the plan says.

    Raises:
        DatasetError: nothing is left.
        MissingStageError: a data set is not preprocessed.
    """
    datasets = {name: read_raw(workspace, name) for name in names}
    stores = {name: store_of(workspace, name, plan) for name in names}
    scans = [scan for name in names for scan in _pool_scans(workspace, datasets[name], plan)]
    left_out: list[LeftOut] = []
    if not keep_held_out:
        held_out = {name: held_out_patients(dataset) for name, dataset in datasets.items()}
        left_out += of_held_out_patients(scans, held_out)
    if plan.pretrain.drop_duplicates:
        gone = {(found.dataset, found.scan_id) for found in left_out}
        left_out += copies([s for s in scans if (s.dataset, s.scan.scan_id) not in gone])
    gone = {(found.dataset, found.scan_id) for found in left_out}
    per_scan = plan.pretrain.brain_crops_per_scan
    cases = {name: _cases(dataset, gone, bare_scans=per_scan > 0) for name, dataset in datasets.items()}
    corpus = open_corpus({name: found for name, found in cases.items() if found}, stores, plan.crop, qualify=True)
    corpus = corpus.with_brain_crops(per_scan, seed=plan.seed)
    if not corpus.cases:
        raise DatasetError(
            "No lesion is left for pretraining.", where=", ".join(names),
            fix="Name a data set with training patients or an unlabelled pool; scans without lesions serve with --set "
                "pretrain.brain_crops_per_scan=2.",
        )
    account = _account(corpus, names, left_out, drop_duplicates=plan.pretrain.drop_duplicates)
    _say(corpus, account)
    people = people_across({dataset.layout: dataset.scans for dataset in datasets.values()})
    return PretrainingCorpus(corpus, account, people)


def _pool_scans(workspace: Workspace, dataset: RawDataset, plan: ExperimentPlan) -> list[PoolScan]:
    store = store_of(workspace, dataset.name, plan)
    done = set(store.scan_ids())
    return [
        PoolScan(
            dataset.name, dataset.layout, scan, store.read_record(scan.scan_id).image_hash
            if scan.scan_id in done else "",
        )
        for scan in dataset.scans
    ]


def _cases(dataset: RawDataset, gone: set[tuple[str, str]], *, bare_scans: bool) -> list[LesionCase]:
    """The data set's lesions that stay; with bare_scans also a case without lesion for each scan that has none."""
    cases = [case for case in dataset.cases if (dataset.name, case.scan_id) not in gone]
    with_lesion = {case.scan_id for case in dataset.cases}
    bare = [s for s in dataset.scans if s.scan_id not in with_lesion and (dataset.name, s.scan_id) not in gone]
    if bare_scans:
        return cases + [_without_lesion(scan) for scan in bare]
    if bare and not cases:
        log.warning(
            "%s gives nothing to pretraining: none of its %d scans has a lesion mask. With --set "
            "pretrain.brain_crops_per_scan=2 it gives random crops of their brains.", dataset.name, len(bare),
        )
    return cases


def _without_lesion(scan: Scan) -> LesionCase:
    return LesionCase(scan.scan_id, scan.scan_id, scan.patient_id, scan.center, NO_LESION, scan.split)


def _account(
    corpus: Corpus, names: Iterable[str], left_out: Sequence[LeftOut], *, drop_duplicates: bool
) -> CorpusAccount:
    shares = []
    for name in names:
        own = [case for case in corpus.cases if case.patient_id.startswith(f"{name}/")]
        crops = sum(case.lesion_value == NO_LESION for case in own)
        n_left_out = sum(found.dataset == name for found in left_out)
        shares.append(DatasetShare(name, len({c.scan_id for c in own}), len(own) - crops, crops, n_left_out))
    return CorpusAccount(tuple(shares), tuple(left_out), drop_duplicates)


def _say(corpus: Corpus, account: CorpusAccount) -> None:
    for share in account.datasets:
        reasons = [f"{n} as {reason}" for (dataset, reason), n in _counts(account.left_out).items()
                   if dataset == share.dataset]
        log.info("%s: %d lesions and %d brain crops of %d scans; left out: %s.", share.dataset, share.n_lesions,
                 share.n_brain_crops, share.n_scans, ", ".join(reasons) or "none")
    lesions = sum(case.lesion_value != NO_LESION for case in corpus.missing)
    if corpus.missing:
        log.warning("%d lesions are left out: %d scans failed in preprocessing.", lesions,
                    len({(c.patient_id, c.scan_id) for c in corpus.missing}))


def _counts(left_out: Iterable[LeftOut]) -> Mapping[tuple[str, str], int]:
    counts: dict[tuple[str, str], int] = {}
    for found in left_out:
        counts[found.dataset, found.reason] = counts.get((found.dataset, found.reason), 0) + 1
    return counts
