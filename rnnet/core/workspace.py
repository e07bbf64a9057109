"""The one file that knows every file name: raw, preprocessed and results folders."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rnnet.core.errors import DatasetError, MissingStageError, did_you_mean
from rnnet.core.types import Split
from rnnet.core.volume import IMAGE_ENDINGS, is_series_folder

DATASET_PATTERN = re.compile(r"Dataset(\d{3})_(\w[\w-]*)")
DEFAULT_PLAN = "rnnet_plans"


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
    def cases_json(self) -> Path:
        return self.folder / "cases.json"

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
        return self.folder / "radiomics" / f"radiomics_{features_digest}.csv"


@dataclass(frozen=True, slots=True)
class PreprocessedLayout:
    """Everything made from one raw data set before training."""

    folder: Path

    @property
    def fingerprint_json(self) -> Path:
        return self.folder / "dataset_fingerprint.json"

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
    def facts_json(self) -> Path:
        return self.folder / "facts.json"

    def figure(self, name: str) -> Path:
        return self.folder / "figures" / f"{name}.png"


@dataclass(frozen=True, slots=True)
class ResultsLayout:
    """Results of one data set under one plan."""

    folder: Path
    plan_name: str

    @property
    def pretrain(self) -> FoldLayout:
        return FoldLayout(self.folder / f"pretrain__{self.plan_name}")

    @property
    def pretrained_checkpoint(self) -> Path:
        return self.pretrain.folder / "checkpoint_final.pth"

    def config(self, config: str) -> Path:
        return self.folder / f"{config}__{self.plan_name}"

    def fold(self, config: str, fold: int | str) -> FoldLayout:
        return FoldLayout(self.config(config) / f"fold_{fold}")

    def decision_json(self, config: str) -> Path:
        """Threshold of a configuration, fixed on its out-of-fold predictions."""
        return self.config(config) / "decision.json"

    @property
    def evaluation(self) -> Path:
        return self.folder / f"evaluation__{self.plan_name}"

    @property
    def report(self) -> ReportLayout:
        return ReportLayout(self.evaluation)

    @property
    def report_html(self) -> Path:
        return self.report.report_html

    @property
    def explanation(self) -> Path:
        return self.folder / f"explanation__{self.plan_name}"


@dataclass(frozen=True, slots=True)
class Workspace:
    """The three root folders, as in nnU-Net, and the folder of downloaded assets."""

    raw: Path
    preprocessed: Path
    results: Path
    # Downloaded assets (atlas, weights); the user's atlas overrules the cached one.
    cache: Path
    atlas: Path | None = None
    # HD-BET's weights: the user's folder overrules rnnet's cache and HD-BET's own one.
    hd_bet_weights: Path | None = None
    hd_bet_cache: Path | None = None

    @classmethod
    def under(
        cls, root: Path, *, cache: Path | None = None, atlas: Path | None = None, hd_bet_weights: Path | None = None,
        hd_bet_cache: Path | None = None,
    ) -> Workspace:
        """The three folders below one root; downloaded assets beside them unless `cache` says where."""
        return cls(
            root / "rnnet_raw", root / "rnnet_preprocessed", root / "rnnet_results", cache or root / "rnnet_cache",
            atlas, hd_bet_weights, hd_bet_cache,
        )

    @classmethod
    def from_settings(
        cls, root: Path | None, environment: Mapping[str, str], *, atlas: Path | None = None,
        hd_bet_weights: Path | None = None,
    ) -> Workspace:
        """From --root, or else from rnnet_raw, rnnet_preprocessed, rnnet_results, or else from rnnet_root.

        HD-BET's weights: the given folder, or else that of rnnet_hd_bet_weights.
        """
        cache = cache_folder(environment)
        named = environment.get("rnnet_hd_bet_weights")
        weights = hd_bet_weights or (Path(named) if named else None)
        hd_bet_cache = _home(environment) / "hd-bet_params"
        if root is not None:
            return cls.under(root, cache=cache, atlas=atlas, hd_bet_weights=weights, hd_bet_cache=hd_bet_cache)
        names = ("rnnet_raw", "rnnet_preprocessed", "rnnet_results")
        base = environment.get("rnnet_root")
        missing = [n for n in names if n not in environment]
        if missing and base is None:
            raise DatasetError(
                f"The environment variable {missing[0]} is not set.",
                fix="Set rnnet_raw, rnnet_preprocessed and rnnet_results, or rnnet_root, or give --root DIR.",
            )
        fallback = cls.under(Path(base)) if base is not None else None
        raw, preprocessed, results = (
            Path(environment[n]) if n in environment else getattr(fallback, n.removeprefix("rnnet_")) for n in names
        )
        return cls(raw, preprocessed, results, cache, atlas, weights, hd_bet_cache)

    def dataset_name(self, dataset: int | str) -> str:
        """Full folder name of a data set given by number or name.

        Raises:
            DatasetError: no such data set, or several with that number.
        """
        roots = (self.raw, self.preprocessed, self.results)
        known = sorted({p.name for r in roots if r.is_dir() for p in r.iterdir() if DATASET_PATTERN.fullmatch(p.name)})
        text = str(dataset)
        found = [n for n in known if n == text or (text.isdigit() and int(n[7:10]) == int(text))]
        if len(found) > 1:
            raise DatasetError(
                f"Several data sets have the number {text}: {', '.join(found)}.",
                where=self.raw,
                fix="Rename one, or give the full name.",
            )
        if not found:
            hint = did_you_mean(text, known) if known else "The folder holds no DatasetNNN_Name."
            raise DatasetError(f"There is no data set '{text}'.", where=self.raw, fix=hint)
        return found[0]

    def new_raw_dataset(self, number: int, name: str) -> RawLayout:
        """The place of a raw data set that is to be made.

        Raises:
            DatasetError: the number or name cannot be used, or a data set with another name has the number.
        """
        full = f"Dataset{number:03d}_{name}"
        if not (1 <= number <= 999 and DATASET_PATTERN.fullmatch(full)):
            raise DatasetError(f"'{full}' cannot be the name of a data set.",
                               fix="Use a number from 1 to 999, and letters, digits, '_' and '-' for the name.")
        roots = (self.raw, self.preprocessed, self.results)
        taken = {p.name for r in roots if r.is_dir() for p in r.glob(f"Dataset{number:03d}_*")} - {full}
        if taken:
            raise DatasetError(f"The number {number} is taken by {min(taken)}.", where=self.raw,
                               fix="Choose another number.")
        return RawLayout(self.raw / full)

    def raw_dataset(self, name: str) -> RawLayout:
        return RawLayout(self.raw / name)

    def preprocessed_dataset(self, name: str) -> PreprocessedLayout:
        return PreprocessedLayout(self.preprocessed / name)

    def results_dataset(self, name: str, plan_name: str = DEFAULT_PLAN) -> ResultsLayout:
        return ResultsLayout(self.results / name, plan_name)


def cache_folder(environment: Mapping[str, str]) -> Path:
    """Where downloaded assets are kept: rnnet_cache, or else the user's cache folder."""
    if "rnnet_cache" in environment:
        return Path(environment["rnnet_cache"])
    base = environment.get("XDG_CACHE_HOME") or environment.get("LOCALAPPDATA")
    return (Path(base) if base else _home(environment) / ".cache") / "rnnet"


def _home(environment: Mapping[str, str]) -> Path:
    return Path(environment.get("HOME") or environment.get("USERPROFILE") or ".")


def find_image(folder: Path, stem: str, file_ending: str) -> Path:
    """`stem` with the data set's ending, or else with any image ending that exists; the former if none does.

    A folder `<scan>_0000` without an ending is an image too: a DICOM series.
    """
    for ending in (file_ending, *IMAGE_ENDINGS):
        if (folder / f"{stem}{ending}").is_file():
            return folder / f"{stem}{ending}"
    return folder / stem if is_series_folder(folder / stem) else folder / f"{stem}{file_ending}"


def find_image_if_there(folder: Path, stem: str, file_ending: str) -> Path | None:
    """As find_image; None where no such file exists."""
    path = find_image(folder, stem, file_ending)
    return path if path.is_file() else None


def trained_folds(results: ResultsLayout, config: str, made_by: str) -> list[str]:
    """Names of the numbered folds of a configuration that hold a model, in order."""
    folder = results.config(config)
    names = [p.name.removeprefix("fold_") for p in folder.glob("fold_*") if p.is_dir()]
    done = [
        n
        for n in names
        if n.isdigit()
        and (results.fold(config, n).checkpoint_best.is_file() or results.fold(config, n).tabular_model.is_file())
    ]
    if not done:
        raise MissingStageError(f"No fold of '{config}' is trained.", where=folder, fix=f"Run {made_by}.")
    return sorted(done, key=int)
