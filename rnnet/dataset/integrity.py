"""Everything that is wrong with a raw data set, all at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rnnet.core.errors import DatasetError, RnnetError
from rnnet.core.parallel import map_cases
from rnnet.core.types import LesionCase, Problem, Scan
from rnnet.core.volume import image_stem
from rnnet.core.workspace import RawLayout
from rnnet.dataset.case import missing_files
from rnnet.dataset.cases_table import read_cases_table
from rnnet.dataset.center_check import check_centers
from rnnet.dataset.content import ScanContent
from rnnet.dataset.content_check import check_duplicates
from rnnet.dataset.manifest import Manifest, read_manifest
from rnnet.dataset.pool import SPLITS, image_files, other_folders, pool_scans
from rnnet.dataset.problems import error, warning
from rnnet.dataset.scan_check import ScanCheck, ScanJob, check_scan
from rnnet.dataset.splits import patients_per_outcome

USUAL_FOLDS = 5


@dataclass(frozen=True, slots=True)
class IntegrityReport:
    """Findings of check_dataset, errors first.

    scans: what comparisons with other data sets need. n_oriented: scans whose orientation was compared with the
    atlas, which this check cannot do (see rnnet.experiment.orientation_check).
    """

    dataset: str
    problems: tuple[Problem, ...]
    n_scans: int = 0
    n_cases: int = 0
    scans: tuple[ScanContent, ...] = ()
    n_oriented: int = 0

    @property
    def errors(self) -> tuple[Problem, ...]:
        """Problems that must be cured."""
        return tuple(p for p in self.problems if p.level == "error")

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """Problems that the data set can be used with."""
        return tuple(p for p in self.problems if p.level == "warning")

    def raise_if_errors(self) -> None:
        """Return if there is no error.

        Raises:
            DatasetError: there are errors; the message has their number and the first three.
        """
        if not self.errors:
            return
        first = "; ".join(f"{p.message} [{p.where}]" for p in self.errors[:3])
        raise DatasetError(
            f"{self.dataset} has {len(self.errors)} error(s): {first}",
            fix=f"Run rnnet_verify_dataset_integrity -d {self.dataset} to see all.",
        )


def check_dataset(layout: RawLayout, *, n_processes: int = 1) -> IntegrityReport:
    """All problems of the raw data set in `layout`; every file is read, by `n_processes` workers."""
    name = layout.folder.name
    try:
        manifest = read_manifest(layout)
    except DatasetError as failure:
        missing = not layout.dataset_json.is_file()
        code = "dataset-json-missing" if missing else "dataset-json-invalid"
        return IntegrityReport(name, (error(code, failure.where, failure.problem, failure.fix),))
    cases: tuple[LesionCase, ...] = ()
    problems: list[Problem]
    labelled = layout.cases_csv.is_file()
    if labelled:
        table = read_cases_table(layout, manifest)
        scans, cases, problems = table.scans, table.cases, list(table.problems)
        problems += [*missing_files(scans), *_check_outcomes(layout, manifest, cases)]
    else:
        scans, found = pool_scans(layout, manifest)
        problems = [*found, *_missing_pool_masks(layout, scans)]
    problems += _check_folders(layout, scans) + _check_counts(layout, manifest, scans)
    of_files, contents = _check_files(scans, cases if labelled else None, n_processes)
    problems += [*_own(layout, scans, of_files), *check_duplicates(contents)]
    problems += check_centers(layout.cases_csv if labelled else layout.folder, contents, cases)
    return IntegrityReport(name, ordered(problems), len(scans), len(cases), contents)


def ordered(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Errors first, else as they came."""
    return tuple(sorted(problems, key=lambda p: p.level != "error"))


def _own(layout: RawLayout, scans: Iterable[Scan], problems: Iterable[Problem]) -> list[Problem]:
    """Without the lesions that a data set leaves out of masks that belong to another one: that is its purpose."""
    shared = {str(s.mask_path) for s in scans if s.mask_path and s.mask_path.parent.parent != layout.folder}
    return [p for p in problems if p.code != "mask-without-case" or p.where not in shared]


def _check_files(
    scans: tuple[Scan, ...], cases: Iterable[LesionCase] | None, n_processes: int
) -> tuple[list[Problem], tuple[ScanContent, ...]]:
    values: dict[str, list[int]] = {}
    for case in cases or ():
        values.setdefault(case.scan_id, []).append(case.lesion_value)
    jobs = [ScanJob(s, None if cases is None else tuple(values.get(s.scan_id, ()))) for s in scans]
    problems: list[Problem] = []
    checks: list[ScanCheck] = []
    for job, result in zip(
        jobs, map_cases(check_scan, jobs, n_processes=n_processes, title="checking scans"), strict=True
    ):
        if isinstance(result, RnnetError):
            problems.append(error("check-failed", result.where or job.scan.image_path, result.problem, result.fix))
        else:
            checks.append(result)
    # As the reader of a pool decides it: components are lesions only if no mask has several values.
    components = all(c.n_values <= 1 for c in checks)
    for check in checks:
        problems += [*check.problems, *(check.if_components if components else check.if_values)]
    return problems, tuple(c.content for c in checks)


def _check_outcomes(layout: RawLayout, manifest: Manifest, cases: tuple[LesionCase, ...]) -> list[Problem]:
    """Whether the labelled training cases can be learned from."""
    where = layout.cases_csv.name
    problems = [
        warning("unlabelled-test-case", f"{where}, case {c.case_id}", "A test case has no outcome and is not used.",
                "Fill in the outcome, or move the patient to train.")
        for c in cases if c.split == "test" and c.outcome is None
    ]
    patients = patients_per_outcome(c for c in cases if c.split == "train")
    if not patients:
        return problems
    if len(patients) < len(manifest.outcomes):
        absent = next(o for o in manifest.outcomes if o not in patients)
        return [*problems, error("one-outcome-missing", where, f"No labelled training case has the outcome '{absent}'.",
                                 "Add cases of both outcomes, or empty the outcome column to use all as unlabelled.")]
    outcome, count = min(patients.items(), key=lambda item: item[1])
    if count < 2:
        return [*problems, error("too-few-patients", where, f"Only {count} training patient has the outcome "
                                 f"'{outcome}'.", "Add patients: cross-validation needs at least two of each outcome.")]
    if count < USUAL_FOLDS:
        problems.append(warning("few-patients", where, f"Only {count} training patients have the outcome '{outcome}'.",
                                f"Expect {count} folds instead of {USUAL_FOLDS} and wide intervals."))
    return problems


def _missing_pool_masks(layout: RawLayout, scans: tuple[Scan, ...]) -> list[Problem]:
    return [
        warning("missing-mask", layout.labels(s.split), f"The scan '{s.scan_id}' has no mask, so no lesion.",
                "Add a mask if it has lesions.")
        for s in scans if s.mask_path is None
    ]


def _check_folders(layout: RawLayout, scans: tuple[Scan, ...]) -> list[Problem]:
    """Files in the folders of images and masks that nothing refers to, and subfolders that are no images."""
    images = {s.image_path for s in scans}
    used = {path for s in scans for path in (s.mask_path, s.brain_path)}
    problems = []
    for split in SPLITS:
        for path in image_files(layout.images(split)):
            if path.is_symlink() and not path.exists():
                continue  # a missing image
            if not image_stem(path).endswith("_0000"):
                problems.append(warning("image-name", path, "The image's name does not end in _0000; it is not used.",
                                        "Rename it to SCAN_0000 with its ending."))
            elif path not in images:
                problems.append(warning("image-without-case", path, "The image belongs to no case and is not used.",
                                        "Add rows to cases.csv, or remove the file."))
        problems += [
            warning("folder-passed-over", path, "The folder's name does not end in _0000; nothing in it is used.",
                    "Rename it to SCAN_0000 if it holds the DICOM slices of a scan, else move it elsewhere.")
            for path in other_folders(layout.images(split))
        ]
        masks = [*image_files(layout.labels(split)), *image_files(layout.brains(split))]
        problems += [
            warning("mask-without-image", path, "The mask belongs to no scan and is not used.",
                    "Add the image or the rows in cases.csv, or remove the file.")
            for path in masks if path not in used
        ]
    return problems


def _check_counts(layout: RawLayout, manifest: Manifest, scans: tuple[Scan, ...]) -> list[Problem]:
    declared = {"train": ("numTraining", manifest.numTraining), "test": ("numTest", manifest.numTest)}
    problems = []
    for split, (field, number) in declared.items():
        found = sum(s.split == split for s in scans)
        if found != number:
            problems.append(warning("count-mismatch", layout.dataset_json.name,
                                    f"{field} is {number}, but there are {found} {split} scans.",
                                    f"Set {field} to {found}."))
    return problems
