"""One data set under one plan: cases, folds, crops and the place of the results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rnnet.core.errors import DatasetError, SettingError, UnknownComponentError
from rnnet.core.log import get_logger
from rnnet.core.types import Fold, LesionCase
from rnnet.core.workspace import ResultsLayout, Workspace
from rnnet.dataset.case import RawDataset, read_dataset
from rnnet.dataset.splits import fold_of, read_splits
from rnnet.experiment.access import held_out_patients, read_plan_of, store_of
from rnnet.experiment.corpus import Corpus, open_corpus, qualified
from rnnet.planning.plan import ExperimentPlan
from rnnet.preprocessing.skull_strip.record import STRIPPERS_INPUT, strippers_in, strippers_text
from rnnet.preprocessing.store import ScanStore

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ExperimentData:
    """What training, evaluation and explanation read. Cases whose scan failed are left out, and that is said."""

    name: str
    raw: RawDataset
    plan: ExperimentPlan
    folds: tuple[Fold, ...]
    corpus: Corpus
    store: ScanStore
    results: ResultsLayout

    @classmethod
    def open(cls, workspace: Workspace, name: str, plan_name: str, settings: Sequence[str] = ()) -> ExperimentData:
        """Open a planned and preprocessed data set.

        Raises:
            MissingStageError: it was not planned or not preprocessed; the message names the command.
            DatasetError: it has no labelled case.
        """
        plan = read_plan_of(workspace, name, plan_name, settings)
        raw = read_dataset(workspace.raw_dataset(name))
        labelled = raw.labelled()
        if not labelled:
            raise DatasetError(
                f"{name} has no labelled case.",
                where=raw.layout.cases_csv,
                fix="Fill in the column outcome; an unlabelled pool serves rnnet_pretrain only.",
            )
        folds = read_splits(workspace.preprocessed_dataset(name).splits_json, raw.cases)
        store = store_of(workspace, name, plan)
        corpus = open_corpus({name: labelled}, {name: store}, plan.crop)
        if corpus.missing:
            ids = ", ".join(c.case_id for c in corpus.missing[:5])
            log.warning("%d labelled lesions are left out, their scans failed: %s.", len(corpus.missing), ids)
        results = workspace.results_dataset(name, plan_name)
        return cls(name, raw, plan, folds, corpus, store, results)

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

    def sides(self, fold: int | str) -> tuple[tuple[LesionCase, ...], tuple[LesionCase, ...]]:
        """(training, validation) cases of a fold; every training case and none for 'all'."""
        chosen = self.fold(fold)
        if chosen is None:
            return self.training_cases, ()
        train, validation = set(chosen.train_case_ids), set(chosen.validation_case_ids)
        cases = self.training_cases
        return (tuple(c for c in cases if c.case_id in train), tuple(c for c in cases if c.case_id in validation))

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

    def held_out_patient_ids(self) -> set[str]:
        """Patients of the test split, as pretraining checkpoints name them."""
        return {qualified(self.name, p) for p in held_out_patients(self.raw)}
