"""One data set under one plan: cases, folds, crops and the place of the results."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rnnet.core.errors import DatasetError, SettingError, UnknownComponentError
from rnnet.core.log import get_logger
from rnnet.core.types import Fold, LesionCase
from rnnet.core.wording import listed
from rnnet.core.workspace import ResultsLayout, Workspace
from rnnet.dataset.case import RawDataset
from rnnet.dataset.leakage import Exposure, FoldExposures, warn_of_leaks
from rnnet.dataset.splits import fold_of, read_splits_and_leaks
from rnnet.experiment.access import raw_exposure, read_plan_of, read_raw, store_of
from rnnet.experiment.corpus import Corpus, open_corpus
from rnnet.experiment.held_out import check_plan
from rnnet.experiment.label_share import LabelShare
from rnnet.experiment.recall import recall
from rnnet.planning.plan import ExperimentPlan
from rnnet.preprocessing.skull_strip.record import STRIPPERS_INPUT, strippers_in, strippers_text
from rnnet.preprocessing.store import ScanStore

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ExperimentData:
    """What training, evaluation and explanation read. Cases whose scan failed are left out, and that is said.

    leaks: what leaks in the folds, in sentences; anything but () only where that was allowed.
    """

    name: str
    raw: RawDataset
    plan: ExperimentPlan
    folds: tuple[Fold, ...]
    corpus: Corpus
    store: ScanStore
    results: ResultsLayout
    workspace: Workspace
    leaks: tuple[str, ...] = ()

    @classmethod
    def open(
        cls, workspace: Workspace, name: str, plan_name: str, settings: Sequence[str] = (), *,
        allow_leakage: bool = False,
    ) -> ExperimentData:
        """Open a planned and preprocessed data set.

        Raises:
            MissingStageError: it was not planned or not preprocessed; the message names the command.
            DatasetError: it has no labelled case.
            LeakageError: the folds leak, unless `allow_leakage`.
            StaleArtefactError: the plan was made when other patients were held out, unless `allow_leakage`.
        """
        plan = read_plan_of(workspace, name, plan_name, settings)
        raw = read_raw(workspace, name)
        labelled = raw.labelled()
        if not labelled:
            raise DatasetError(
                f"{name} has no labelled case.",
                where=raw.layout.cases_csv,
                fix="Fill in the column outcome; an unlabelled pool serves rnnet_pretrain only.",
            )
        folds, leaks = read_splits_and_leaks(
            workspace.preprocessed_dataset(name).splits_json, raw.cases, allow_leakage=allow_leakage
        )
        leaks += check_plan(workspace, name, plan_name, allow_leakage=allow_leakage)
        warn_of_leaks(leaks)
        store = store_of(workspace, name, plan)
        corpus = open_corpus({name: labelled}, {name: store}, plan.crop)
        if corpus.missing:
            ids = listed(c.case_id for c in corpus.missing)
            log.warning("%d labelled lesions are left out, their scans failed: %s.", len(corpus.missing), ids)
        results = workspace.results_dataset(name, plan_name)
        return cls(name, raw, plan, folds, corpus, store, results, workspace, leaks)

    @property
    def training_cases(self) -> tuple[LesionCase, ...]:
        """Labelled cases of the training split."""
        return tuple(c for c in self.corpus.cases if c.split == "train")

    @property
    def test_cases(self) -> tuple[LesionCase, ...]:
        """Labelled cases of the held-out test split."""
        return tuple(c for c in self.corpus.cases if c.split == "test")

    def fold(self, fold: int | str) -> Fold | None:
        """The fold, or None for 'all'. Raises SettingError for a fold that does not exist."""
        if fold == "all":
            return None
        try:
            return fold_of(self.folds, int(fold))
        except ValueError as error:
            known = ", ".join(str(f.index) for f in self.folds)
            raise SettingError(f"There is no fold {fold}.", fix=f"Choose one of {known}, or 'all'.") from error

    @property
    def labels(self) -> LabelShare:
        """The share of the labels that the plan uses."""
        return LabelShare(self.plan.finetune.label_share, self.plan.seed)

    def sides(
        self, fold: int | str, *, labels: LabelShare | None = None
    ) -> tuple[tuple[LesionCase, ...], tuple[LesionCase, ...]]:
        """(training, validation) cases of a fold; every training case and none for 'all'.

        Of the training cases those of the plan's share of the labels, or of another.
        """
        labels = labels or self.labels
        chosen = self.fold(fold)
        if chosen is None:
            return labels.of(self.training_cases), ()
        train, validation = set(chosen.train_case_ids), set(chosen.validation_case_ids)
        cases = self.corpus.cases  # those of the folds are training cases, or their leak was allowed
        training = tuple(c for c in cases if c.case_id in train)
        return labels.of(training), tuple(c for c in cases if c.case_id in validation)

    def training_inputs(self, fold: int | str) -> dict[str, str]:
        """What a training run on a fold records beside its cases; says how many lesions a share of the labels leaves.

        The skull-strippers of the training scans, and the share of the labels.
        """
        if self.labels.share < 1.0:
            used, there = (self.sides(fold, labels=labels)[0] for labels in (self.labels, LabelShare()))
            n_used, n_there = (len({c.patient_id for c in cases}) for cases in (used, there))
            more = " (at least one of each outcome stays)" if n_used > self.labels.share * n_there + 1 else ""
            log.info(
                "Fold %s: finetune.label_share = %g leaves %d of %d labelled training lesions, %d of %d patients%s.",
                fold, self.labels.share, len(used), len(there), n_used, n_there, more,
            )
        return {**self.skull_strippers(), **self.labels.as_inputs()}

    def cases_named(self, case_ids: Sequence[str]) -> tuple[LesionCase, ...]:
        """Labelled cases by id. Raises UnknownComponentError for an id that is not there."""
        by_id = {c.case_id: c for c in self.corpus.cases}
        for case_id in case_ids:
            if case_id not in by_id:
                raise UnknownComponentError.of("case", case_id, by_id)
        return tuple(by_id[i] for i in case_ids)

    def skull_strippers(self) -> dict[str, str]:
        """What the training scans were skull-stripped with, as an input that a training run records."""
        names = strippers_in(self.store, (c.scan_id for c in self.training_cases))
        return {STRIPPERS_INPUT: strippers_text(names)}

    def recall(self, patients: Iterable[str]) -> Exposure:
        """Other names and images of qualified patients, as far as the data sets that are here know them."""
        return recall(self.workspace, patients)

    def exposure(self, name: str, cases: Iterable[LesionCase]) -> Exposure:
        """Patients and images of labelled cases, for the guard against leakage."""
        scan_ids = {case.scan_id for case in cases}
        return raw_exposure(self.raw.layout, self.store, name, (s for s in self.raw.scans if s.scan_id in scan_ids))

    def held_out(self) -> Exposure:
        """Every patient and image of the test split, with and without outcome."""
        held_out = (s for s in self.raw.scans if s.split == "test")
        return raw_exposure(self.raw.layout, self.store, f"the test split of {self.name}", held_out)

    def fold_exposures(self, fold: int | str) -> FoldExposures:
        """The two sides of a fold, and the test split."""
        training, validation = self.sides(fold)
        return FoldExposures(
            self.exposure(f"the training part of fold {fold}", training),
            self.exposure(f"the validation part of fold {fold}", validation), self.held_out(),
        )
