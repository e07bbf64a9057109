"""Every finding that a check of a raw data set can have, with its code and meaning."""

from __future__ import annotations

from collections.abc import Mapping

from rnnet.core.errors import DatasetError, LeakageError
from rnnet.core.types import Problem

PROBLEM_CODES: Mapping[str, str] = {
    # dataset.json
    "dataset-json-missing": "dataset.json is not there.",
    "dataset-json-invalid": "dataset.json does not parse, or a field is unknown, missing or contradicts another.",
    "count-mismatch": "numTraining or numTest in dataset.json is not the number of scans.",
    # cases.csv and patients.csv
    "unreadable-table": "The table is not a UTF-8 comma-separated file, or its lines have different lengths.",
    "missing-column": "A required column, or a clinical column that dataset.json declares, is not in the table.",
    "duplicate-column": "A column name stands twice in the header.",
    "undeclared-column": "cases.csv has a column that dataset.json does not declare; it is not used.",
    "no-cases": "The table has a header and no rows, or the data set has no scans.",
    "empty-value": "A cell that must have a value is empty.",
    "bad-id": "An identifier has characters that cannot stand in a file name.",
    "duplicate-case-id": "Two rows have the same case_id.",
    "duplicate-lesion": "Two rows name the same lesion of the same scan.",
    "duplicate-scan": "The same scan stands in two files or twice in patients.csv.",
    "unknown-outcome": "The outcome is not one of those in dataset.json.",
    "unknown-split": "The split is neither train nor test.",
    "lesion-value-not-integer": "lesion_value is not a whole number above 0.",
    "wrong-type": "A cell does not have the type of its column.",
    "category-unknown": "A category is not among those that dataset.json declares.",
    "scan-of-two-patients": "Rows of one scan name different patients.",
    "scan-conflict": "Rows of one scan disagree about its centre, day or split.",
    "patient-in-both-splits": "A patient has lesions in training and in test: the test would not be independent.",
    "unlabelled-test-case": "A test case has no outcome; it is neither trained on nor evaluated.",
    "one-outcome-missing": "The labelled training cases all have the same outcome: nothing can be learned.",
    "too-few-patients": "Fewer than two training patients have an outcome: cross-validation is impossible.",
    "few-patients": "Fewer than five training patients have an outcome: fewer folds, wide intervals.",
    # files
    "missing-image": "The image of a scan is not there.",
    "missing-mask": "The lesion mask of a scan is not there (in an unlabelled pool: a warning).",
    "zero-byte-file": "A file is empty.",
    "unreadable-image": "An image cannot be read: damaged, cut off, or not what its ending says.",
    "unreadable-mask": "A mask cannot be read: damaged, cut off, or not what its ending says.",
    "not-3d": "An image or mask is not one scalar three-dimensional volume.",
    "image-without-case": "An image belongs to no row of cases.csv, or has no lesion; it is not used.",
    "mask-without-image": "A mask has no image.",
    "image-name": "An image's name does not end in _0000; it is not used.",
    # voxels
    "shape-mismatch": "Image and mask have different numbers of voxels.",
    "geometry-mismatch": "Image and mask lie more than half a voxel apart in the world.",
    "geometry-slightly-off": "Image and mask lie apart by less than half a voxel.",
    "nan-or-inf": "The image has voxels that are not finite numbers.",
    "constant-image": "All voxels of the image have the same value.",
    "empty-mask": "The mask has no lesion.",
    "mask-values-not-whole": "The mask has values that are not whole numbers from 0 to 65535.",
    "lesion-value-absent": "A lesion_value of cases.csv does not occur in the mask.",
    "small-lesion": "A lesion has fewer than 10 voxels: no radiomics.",
    "mask-without-case": "A mask value belongs to no row of cases.csv; that lesion is not used.",
    "ignored-specks": "Components of a binary mask with fewer than 10 voxels are not counted as lesions.",
}


def error(code: str, where: object, message: str, fix: str) -> Problem:
    """A problem that must be cured before the data set can be used."""
    return Problem("error", code, str(where), message, fix)


def warning(code: str, where: object, message: str, fix: str) -> Problem:
    """A problem that the data set can be used with."""
    return Problem("warning", code, str(where), message, fix)


def as_exception(problem: Problem, dataset: str) -> DatasetError | LeakageError:
    """The error to raise for a problem; it points to the command that lists them all."""
    kind = LeakageError if problem.code == "patient-in-both-splits" else DatasetError
    fix = f"{problem.fix} rnnet_verify_dataset_integrity -d {dataset} lists all problems at once."
    return kind(problem.message, where=problem.where, fix=fix)
