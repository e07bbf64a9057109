"""Every file name inside the folders of a data set: raw, preprocessed and results."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rnnet.core.radiomics_layout import RadiomicsLayout
from rnnet.core.types import Split

DEFAULT_PLAN = "rnnet_plans"
_CONTROL = ".control_"
_SEED = "seed_"


def plan_option(plan_name: str) -> str:
    """What a command needs beside its other words for this plan: ' -p mine'; nothing for the default one."""
    return "" if plan_name == DEFAULT_PLAN else f" -p {plan_name}"


def control_config(config: str, control: str) -> str:
    """The name under which a negative control of a configuration stands; its own name where there is no control."""
    return f"{config}{_CONTROL}{control}" if control else config


def split_control(name: str) -> tuple[str, str]:
    """(configuration, control) of a name of control_config; the control is empty for the configuration itself."""
    config, _, control = name.partition(_CONTROL)
    return config, control


@dataclass(frozen=True, slots=True)
class RawLayout:
    """One raw data set: Dataset001_MOLAB."""

    folder: Path

    @property
    def dataset_json(self) -> Path:
        return self.folder / "dataset.json"

    @property
    def cases_csv(self) -> Path:
        return self.folder / "cases.csv"

    @property
    def patients_csv(self) -> Path:
        return self.folder / "patients.csv"

    @property
    def other_ids_csv(self) -> Path:
        """Names under which other data sets know the patients; optional."""
        return self.folder / "other_ids.csv"

    @property
    def conversion_json(self) -> Path:
        """What rnnet_convert_dataset took, dropped and did not know."""
        return self.folder / "conversion.json"

    def images(self, split: Split) -> Path:
        return self.folder / ("imagesTr" if split == "train" else "imagesTs")

    def labels(self, split: Split) -> Path:
        return self.folder / ("labelsTr" if split == "train" else "labelsTs")

    def brains(self, split: Split) -> Path:
        """Brain masks that the user brings along; the folder may be absent."""
        return self.folder / ("brainsTr" if split == "train" else "brainsTs")

    def image_path(self, scan_id: str, split: Split, file_ending: str) -> Path:
        return self.images(split) / f"{scan_id}_0000{file_ending}"

    def label_path(self, scan_id: str, split: Split, file_ending: str) -> Path:
        return self.labels(split) / f"{scan_id}{file_ending}"


@dataclass(frozen=True, slots=True)
class ScanStoreLayout:
    """Preprocessed scans of one data set under one preprocessing plan."""

    folder: Path

    @property
    def failures_json(self) -> Path:
        return self.folder / "failures.json"

    @property
    def scans(self) -> Path:
        return self.folder / "scans"

    def image(self, scan_id: str) -> Path:
        return self.scans / f"{scan_id}.b2nd"

    def labels(self, scan_id: str) -> Path:
        return self.scans / f"{scan_id}_lesions.b2nd"

    def brain(self, scan_id: str) -> Path:
        return self.scans / f"{scan_id}_brain.b2nd"

    def record(self, scan_id: str) -> Path:
        return self.scans / f"{scan_id}.json"

    @property
    def qc_html(self) -> Path:
        return self.folder / "qc.html"

    def qc_picture(self, scan_id: str) -> Path:
        return self.folder / "qc" / f"{scan_id}.png"

    def radiomics_csv(self, features_digest: str) -> Path:
        """Radiomics of the lesions under settings with this digest; jittered masks have a name after it."""
        return self.folder / "radiomics" / f"radiomics_{features_digest}.csv"


@dataclass(frozen=True, slots=True)
class PreprocessedLayout:
    """Everything made from one raw data set before training."""

    folder: Path

    @property
    def fingerprint_json(self) -> Path:
        return self.folder / "dataset_fingerprint.json"

    @property
    def cohort(self) -> Path:
        return self.folder / "cohort"

    @property
    def duplicates(self) -> DuplicatesLayout:
        return DuplicatesLayout(self.folder / "duplicates")

    @property
    def splits_json(self) -> Path:
        return self.folder / "splits_final.json"

    def plans_json(self, plan_name: str = DEFAULT_PLAN) -> Path:
        return self.folder / f"{plan_name}.json"

    def plan_html(self, plan_name: str = DEFAULT_PLAN) -> Path:
        return self.folder / f"{plan_name}.html"

    def store(self, data_identifier: str) -> ScanStoreLayout:
        return ScanStoreLayout(self.folder / data_identifier)


@dataclass(frozen=True, slots=True)
class FoldLayout:
    """Files of one fold of one configuration."""

    folder: Path

    @property
    def name(self) -> str:
        """'0' to 'k-1', or 'all'; of a folder of a fold alone."""
        return self.folder.name.removeprefix("fold_")

    @property
    def checkpoint_best(self) -> Path:
        return self.folder / "checkpoint_best.pth"

    @property
    def checkpoint_latest(self) -> Path:
        return self.folder / "checkpoint_latest.pth"

    @property
    def tabular_model(self) -> Path:
        return self.folder / "tabular_model.npz"

    @property
    def metrics_jsonl(self) -> Path:
        return self.folder / "metrics.jsonl"

    @property
    def progress_png(self) -> Path:
        return self.folder / "progress.png"

    @property
    def run_json(self) -> Path:
        return self.folder / "run.json"

    def predictions(self, subset: str) -> Path:
        """subset: 'validation', 'test', or the name of an external data set."""
        return self.folder / f"predictions_{subset}.csv"

    def part_predictions(self, blocks: Sequence[str]) -> Path:
        """Of the validation lesions, by the model for lesions that have these blocks of inputs alone."""
        return self.folder / f"part_predictions_{'_'.join(blocks)}.csv"

    def seed(self, seed: int) -> FoldLayout:
        """The same fold, trained once more with another seed than the plan's."""
        return FoldLayout(self.folder / f"{_SEED}{seed}")

    def seeds(self) -> dict[int, FoldLayout]:
        """By seed, the further runs of this fold that are there."""
        names = (p.name.removeprefix(_SEED) for p in self.folder.glob(f"{_SEED}*") if p.is_dir())
        return {seed: self.seed(seed) for seed in sorted(int(n) for n in names if n.isdigit())}


@dataclass(frozen=True, slots=True)
class ReportLayout:
    """The report and, beside it, the files that its figures come from."""

    folder: Path

    @property
    def report_html(self) -> Path:
        return self.folder / "report.html"

    @property
    def summary_json(self) -> Path:
        return self.folder / "summary.json"

    @property
    def metrics_csv(self) -> Path:
        return self.folder / "metrics.csv"

    @property
    def tables_md(self) -> Path:
        return self.folder / "tables.md"

    @property
    def tables_tex(self) -> Path:
        return self.folder / "tables.tex"

    def table_csv(self, name: str) -> Path:
        """One table of the report as it is printed there."""
        return self.folder / "tables" / f"{name}.csv"

    @property
    def facts_json(self) -> Path:
        return self.folder / "facts.json"

    @property
    def cohorts_json(self) -> Path:
        """The characteristics of the labelled cases of the data set and of each external one."""
        return self.folder / "cohorts.json"

    @property
    def selection_json(self) -> Path:
        """A copy of the account of rnnet_select_cohort, where there is one."""
        return self.folder / "selection.json"

    @property
    def checklists_csv(self) -> Path:
        return self.folder / "checklists.csv"

    @property
    def lesions_csv(self) -> Path:
        """What every model says of every evaluated lesion: all figures and curves come from it."""
        return self.folder / "lesions.csv"

    def figure(self, name: str) -> Path:
        return self.folder / "figures" / f"{name}.png"


@dataclass(frozen=True, slots=True)
class DuplicatesLayout:
    """What rnnet_find_duplicates writes."""

    folder: Path

    @property
    def duplicates_csv(self) -> Path:
        return self.folder / "duplicates.csv"

    @property
    def duplicates_json(self) -> Path:
        return self.folder / "duplicates.json"


@dataclass(frozen=True, slots=True)
class CohortLayout:
    """What the inclusion rules selected, and why."""

    folder: Path

    @property
    def selection_csv(self) -> Path:
        return self.folder / "selection.csv"

    @property
    def cohort_json(self) -> Path:
        return self.folder / "cohort.json"

    @property
    def flow_diagram_png(self) -> Path:
        return self.folder / "flow_diagram.png"

    @property
    def flow_diagram_svg(self) -> Path:
        return self.folder / "flow_diagram.svg"


@dataclass(frozen=True, slots=True)
class ResultsLayout:
    """Results of one data set under one plan."""

    folder: Path
    plan_name: str
    # Of an evaluation of some cases only; it lies beside that of all.
    selection: str = ""

    def of_selection(self, label_sources: Sequence[str]) -> ResultsLayout:
        """The same, with the evaluation of the cases of these label sources alone; of all cases without any."""
        names = (re.sub(r"\W+", "_", source) for source in label_sources)
        return replace(self, selection="_".join(names))

    @property
    def pretrain(self) -> FoldLayout:
        return FoldLayout(self.folder / f"pretrain__{self.plan_name}")

    @property
    def pretraining_corpus_json(self) -> Path:
        """How many scans and lesions pretraining used, and which scans were left out and why."""
        return self.pretrain.folder / "pretraining_corpus.json"

    @property
    def pretrained_checkpoint(self) -> Path:
        return self.pretrain.folder / "checkpoint_final.pth"

    def imported_checkpoint(self, stem: str) -> Path:
        """Where weights of another program are kept, after they were fitted to the plan's network."""
        return self.folder / f"imported__{self.plan_name}" / f"{stem}.pth"

    def config(self, config: str) -> Path:
        return self.folder / f"{config}__{self.plan_name}"

    def fold(self, config: str, fold: int | str) -> FoldLayout:
        return FoldLayout(self.config(config) / f"fold_{fold}")

    def folds(self, config: str) -> tuple[FoldLayout, ...]:
        """The folds of a configuration that are there: the numbered ones in their order, then 'all'."""
        found = (FoldLayout(path) for path in self.config(config).glob("fold_*") if path.is_dir())
        return tuple(sorted(found, key=lambda fold: (not fold.name.isdigit(), fold.name.zfill(9))))

    def validated_folds(self, config: str) -> tuple[FoldLayout, ...]:
        """The numbered ones that have out-of-fold predictions."""
        return tuple(f for f in self.folds(config) if f.name.isdigit() and f.predictions("validation").is_file())

    def without(self, config: str, first: int, second: int) -> ResultsLayout:
        """Of a model that has seen neither of two folds, for nested cross-validation."""
        low, high = sorted((first, second))
        return ResultsLayout(self.config(config) / f"without_{low}_{high}", self.plan_name)

    @property
    def radiomics(self) -> RadiomicsLayout:
        return RadiomicsLayout(self.folder / f"radiomics_features__{self.plan_name}")

    def decision_json(self, config: str) -> Path:
        """Threshold of a configuration, fixed on its out-of-fold predictions."""
        return self.config(config) / "decision.json"

    def part_decision_json(self, config: str, blocks: Sequence[str]) -> Path:
        """The same for lesions that have these blocks of inputs alone."""
        return self.config(config) / f"decision_{'_'.join(blocks)}.json"

    @property
    def evaluation(self) -> Path:
        return self.folder / f"evaluation__{self.plan_name}{self.selection and f'__{self.selection}'}"

    @property
    def report(self) -> ReportLayout:
        return ReportLayout(self.evaluation)

    @property
    def report_html(self) -> Path:
        return self.report.report_html

    @property
    def explanation(self) -> Path:
        return self.folder / f"explanation__{self.plan_name}"


def import_report(checkpoint: Path) -> Path:
    """Beside imported weights: what became of each tensor of the foreign file."""
    return checkpoint.with_suffix(".json")
