"""The three root folders and the data sets below them; with rnnet.core.layouts the one place that knows file names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rnnet.core.errors import DatasetError, MissingStageError, SettingError, did_you_mean
from rnnet.core.layouts import (
    DEFAULT_PLAN,
    CohortLayout,
    DuplicatesLayout,
    FoldLayout,
    PreprocessedLayout,
    RawLayout,
    ReportLayout,
    ResultsLayout,
    ScanStoreLayout,
)
from rnnet.core.volume import IMAGE_ENDINGS, is_series_folder

__all__ = [
    "DATASET_PATTERN",
    "DEFAULT_PLAN",
    "CohortLayout",
    "DuplicatesLayout",
    "FoldLayout",
    "PreprocessedLayout",
    "RawLayout",
    "ReportLayout",
    "ResultsLayout",
    "ScanStoreLayout",
    "Workspace",
    "cache_folder",
    "find_image",
    "find_image_if_there",
    "trained_folds",
]

DATASET_PATTERN = re.compile(r"Dataset(\d{3})_(\w[\w-]*)")


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

    def new_raw_dataset(self, number: int, name: str, *, begun: bool = False) -> RawLayout:
        """The place of a raw data set that is to be made. begun: it may be there already, unfinished.

        Raises:
            SettingError: the number or name cannot be used.
            DatasetError: a data set has the number.
        """
        full = f"Dataset{number:03d}_{name}"
        if not (1 <= number <= 999 and DATASET_PATTERN.fullmatch(full)):
            raise SettingError(f"'{full}' cannot be the name of a data set.",
                               fix="Use a number from 1 to 999, and letters, digits, '_' and '-' for the name.")
        roots = (self.raw, self.preprocessed, self.results)
        taken = {p.name for r in roots if r.is_dir() for p in r.glob(f"Dataset{number:03d}_*")}
        taken -= {full} if begun else set()
        if taken:
            raise DatasetError(f"There is a data set with the number {number} already: {min(taken)}.", where=self.raw,
                               fix="Choose another number, or remove that one.")
        return RawLayout(self.raw / full)

    def raw_dataset(self, name: str) -> RawLayout:
        return RawLayout(self.raw / name)

    def preprocessed_dataset(self, name: str) -> PreprocessedLayout:
        return PreprocessedLayout(self.preprocessed / name)

    def results_dataset(self, name: str, plan_name: str = DEFAULT_PLAN) -> ResultsLayout:
        return ResultsLayout(self.results / name, plan_name)


def characteristics_file(folder: Path, by: str, ending: str) -> Path:
    """The characteristics table of a cohort, by patient and by lesion; ending: md, csv or tex."""
    return folder / f"characteristics_by_{by}.{ending}"


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
    done = [
        fold.name for fold in results.folds(config)
        if fold.name.isdigit() and (fold.checkpoint_best.is_file() or fold.tabular_model.is_file())
    ]
    if not done:
        raise MissingStageError(f"No fold of '{config}' is trained.", where=results.config(config),
                                fix=f"Run {made_by}.")
    return done
