"""Every finding that a check of raw data sets can have: its code, level, meaning and cure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from rnnet.core.errors import DatasetError, LeakageError
from rnnet.core.types import Problem


@dataclass(frozen=True, slots=True)
class ProblemKind:
    """What a code means and how it is cured. level: an error must be cured, a warning should be looked at."""

    meaning: str
    cure: str
    level: Literal["error", "warning", "error or warning"] = "error"


def _warned(meaning: str, cure: str) -> ProblemKind:
    return ProblemKind(meaning, cure, "warning")


def _either(meaning: str, cure: str) -> ProblemKind:
    return ProblemKind(meaning, cure, "error or warning")


_AGAIN = "Copy or export the file again from its source."
_SPELLING = "Correct the cell; dataset.json says what is allowed."
_GRID = "If the mask was drawn on this image, its header is wrong: copy the image's. Else nothing need be done."

PROBLEM_CODES: Mapping[str, ProblemKind] = {
    # dataset.json
    "dataset-json-missing": ProblemKind(
        "dataset.json is not there, or a conversion of the data set was interrupted.",
        "Copy it from rnnet_raw_template/Dataset000_Template and fill it in; or type the interrupted "
        "rnnet_convert_dataset again."),
    "dataset-json-invalid": ProblemKind(
        "dataset.json does not parse, or a field is unknown, missing or contradicts another.",
        "Correct the field that the message names."),
    "count-mismatch": _warned(
        "numTraining or numTest in dataset.json is not the number of scans.",
        "Write the number that was counted, or find the scans that are missing."),
    # cases.csv and patients.csv
    "unreadable-table": ProblemKind(
        "The table is not a UTF-8 comma-separated file, or its lines have different lengths.",
        "Save it as comma-separated UTF-8 text; put cells that hold a comma into quotes."),
    "missing-column": ProblemKind(
        "A required column, or a clinical column that dataset.json declares, is not in the table.",
        "Add the column; where a value is not known its cells may stay empty."),
    "duplicate-column": ProblemKind("A column name stands twice in the header.", "Keep one of the columns."),
    "undeclared-column": _warned(
        "cases.csv has a column that dataset.json does not declare; it is not used.",
        "Declare it in dataset.json under clinical, or remove it."),
    "no-cases": ProblemKind(
        "The table has a header and no rows, or the data set has no scans.",
        "Add rows, or put scans into imagesTr as SCAN_0000.nii.gz and their masks into labelsTr."),
    "empty-value": ProblemKind("A cell that must have a value is empty.", "Fill it in."),
    "bad-id": ProblemKind(
        "An identifier has characters that cannot stand in a file name.",
        "Use letters, digits, '_', '-', '.' and '+' only, beginning with a letter or digit."),
    "duplicate-case-id": ProblemKind("Two rows have the same case_id.", "Give every row a case_id of its own."),
    "duplicate-lesion": ProblemKind(
        "Two rows name the same lesion of the same scan.", "Keep one of the rows, or correct lesion_value."),
    "duplicate-scan": ProblemKind(
        "The same scan stands in two files or twice in patients.csv.", "Rename or remove one."),
    "unknown-outcome": ProblemKind(
        "The outcome is not one of those in dataset.json.",
        "Write one of them; leave the cell empty where the outcome is not known."),
    "unknown-split": ProblemKind("The split is neither train nor test.", "Write train or test."),
    "lesion-value-not-integer": ProblemKind(
        "lesion_value is not a whole number above 0.", "Write the value that the lesion has in the mask."),
    "wrong-type": ProblemKind(
        "A cell does not have the type of its column.",
        "Write decimals with a point; leave the cell empty where the value is missing."),
    "category-unknown": ProblemKind("A category is not among those that dataset.json declares.", _SPELLING),
    "scan-of-two-patients": ProblemKind("Rows of one scan name different patients.", "Correct scan_id or patient_id."),
    "unknown-source-scan": ProblemKind(
        "The cell source_scan does not name a scan of a raw data set that lies beside this one.",
        "Write DATASET/SCAN, for example Dataset001_MyCentre/P001."),
    "scan-conflict": ProblemKind(
        "Rows of one scan disagree about its centre, day or split.",
        "Give all rows of one scan the same center, days and split."),
    "patient-in-both-splits": ProblemKind(
        "A patient has lesions in training and in test: the test would not be independent.",
        "Give all rows of one patient the same split."),
    "unlabelled-test-case": _warned(
        "A test case has no outcome; it is neither trained on nor evaluated.",
        "Fill in the outcome, or move the patient to train."),
    "one-outcome-missing": ProblemKind(
        "The labelled training cases all have the same outcome: nothing can be learned.",
        "Add cases of both outcomes, or empty the outcome column to use all as unlabelled."),
    "too-few-patients": ProblemKind(
        "Fewer than two training patients have an outcome: cross-validation is impossible.",
        "Add patients of that outcome."),
    "few-patients": _warned(
        "Fewer than five training patients have an outcome: fewer folds, wide intervals.",
        "Add patients of that outcome if you can; the folds are made fewer by themselves."),
    # files
    "missing-image": _either(
        "The image of a scan is not there (of a row of patients.csv only: a warning).",
        "Add the file, or remove the scan's rows."),
    "missing-mask": _either(
        "The lesion mask of a scan is not there (in an unlabelled pool: a warning).",
        "Add the mask, or remove the scan's rows; a pool's scan without a mask has no lesion."),
    "zero-byte-file": ProblemKind("A file is empty.", _AGAIN),
    "unreadable-image": ProblemKind("An image cannot be read: damaged, cut off, or not what its ending says.", _AGAIN),
    "unreadable-mask": ProblemKind("A mask cannot be read: damaged, cut off, or not what its ending says.", _AGAIN),
    "unreadable-brain-mask": ProblemKind(
        "A brain mask cannot be read: damaged, cut off, or not what its ending says.",
        f"{_AGAIN} Without it the brain is found by the skull-stripper."),
    "not-3d": ProblemKind(
        "An image or mask is not one scalar three-dimensional volume.",
        "Save the one T1CE volume, or its mask, alone as a 3-D file."),
    "check-failed": ProblemKind(
        "A library stopped at this scan for a reason that the check does not know.",
        "Look at the image and its header; export it again as .nii.gz."),
    "image-without-case": _warned(
        "An image belongs to no row of cases.csv, or has no lesion; it is not used.",
        "Add rows to cases.csv, or remove the file."),
    "mask-without-image": _warned(
        "A mask or brain mask belongs to no scan; it is not used.",
        "Add the image or the rows in cases.csv, or correct the file's name, or remove it."),
    "image-name": _warned(
        "An image's name does not end in _0000; it is not used.", "Rename it to SCAN_0000 with its ending."),
    "folder-passed-over": _warned(
        "A subfolder of imagesTr or imagesTs does not have the name of a scan's DICOM series; nothing in it is used.",
        "If it holds the slices of one scan, call it SCAN_0000; else move it out of the folder of images."),
    # geometry
    "header-mended": _warned(
        "The reader found a fault in a file's header and mended it.",
        "Look whether image and mask lie where they should; save the file again to be rid of the warning."),
    "geometry-slightly-off": _warned(
        "Image and mask lie apart by less than half a voxel.",
        "The image's geometry is used for both; nothing need be done."),
    "mask-other-grid": _warned(
        "The mask overlaps with the image, but has a grid of its own; it is resampled by nearest neighbour from where "
        "its header says.", _GRID),
    "mask-elsewhere": ProblemKind(
        "Most of the mask lies outside the image.",
        "Is the mask of this scan? Resample it onto the image's grid (nearest neighbour), or correct its header."),
    "lesion-outside-image": ProblemKind(
        "A whole lesion lies outside the image.", "Correct the mask's header, or remove the lesion and its row."),
    # voxels
    "nan-or-inf": _either(
        "The image has voxels that are not finite numbers (outside the head, where they are taken as 0: a warning).",
        "Export the image again, without resampling it, or replace them."),
    "constant-image": ProblemKind("All voxels of the image have the same value.", "Export the image again."),
    "duplicate-image": _either(
        "Two scans of the set have the same voxels, whatever their files are called (an error if they belong to two "
        "patients or two splits).", "Remove one of them with its rows, or put the right image in its place."),
    "centers-differ": _warned(
        "The intensity ranges of two centres differ by more than a factor of three.",
        "N4 and the z-score take care of the scale. If the centres' outcome rates differ too, the model may learn the "
        "centre: read the results by centre."),
    "suspected-flip": _warned(
        "The brain fits the atlas clearly better when mirrored or turned round: an axis may be the wrong way round.",
        "Compare the scan with its source, and correct the header, or convert it from DICOM again."),
    "orientation-unknown": _warned(
        "A scan could not be compared with the atlas, for example because no brain was found in it.",
        "Look at the scan: does it show a whole head or brain?"),
    # lesions
    "empty-mask": _either(
        "The mask has no lesion (in an unlabelled pool: a warning).", "Draw the lesions, or remove the scan."),
    "mask-values-not-whole": ProblemKind(
        "The mask has values that are not whole numbers from 0 to 65535.",
        "Save the mask with whole numbers; resample masks by nearest neighbour only."),
    "lesion-value-absent": ProblemKind(
        "A lesion_value of cases.csv does not occur in the mask.", "Correct lesion_value in cases.csv, or the mask."),
    "small-lesion": _warned(
        "A lesion has fewer than 10 voxels: no radiomics.", "Check that it is a lesion, and that all of it is drawn."),
    "flat-lesion": _warned(
        "A lesion is one voxel thick along an axis: shape and texture say little.",
        "Check whether its neighbouring slices were forgotten; in thick slices it may be right."),
    "shared-label": _warned(
        "Several separate parts have the same value: they count as one lesion, with one outcome.",
        "Give every lesion a value and a row of its own; leave it if the parts are one lesion."),
    "lesion-outside-head": _warned(
        "A lesion lies in the air, or in the zeroed background of a skull-stripped scan, by more than a fifth.",
        "Look at image and mask together: the mask may be of another scan, flipped or shifted."),
    "mask-without-case": _warned(
        "A mask value belongs to no row of cases.csv; that lesion is not used.",
        "Add a row (the outcome may stay empty), or leave that lesion unused."),
    "ignored-specks": _warned(
        "Components of a binary mask with fewer than 10 voxels are not counted as lesions.",
        "Remove them if they are noise."),
    # brain masks
    "brain-mask-empty": ProblemKind(
        "A brain mask has no voxel of 0.5 or more.", "Draw it, or remove it: then the skull-stripper finds the brain."),
    "brain-mask-other-grid": _warned(
        "The brain mask overlaps with the image, but has a grid of its own.", _GRID),
    "brain-mask-elsewhere": ProblemKind(
        "Most of the brain mask lies outside the image.", "Is it of this scan? Correct its header, or remove it."),
    "lesion-outside-brain": _warned(
        "More than half of a lesion lies outside the brain mask.",
        "Look at both: correct the brain mask, or remove it so that the skull-stripper finds the brain."),
    # several data sets
    "image-in-two-datasets": _either(
        "Two data sets have the same voxels (an error if one of them holds the patient out for test and the other "
        "would train or pretrain on the image).", "Remove the scan from one of them, or hold it out in both."),
    "patient-in-two-datasets": _either(
        "Two data sets have the same patient_id: possibly one patient, whom rnnet takes for two (an error if it is "
        "known to be one, by other_ids.csv or because they share scans, and only one of them holds him out).",
        "If it is one, say so in other_ids.csv and hold the patient out in both. If they are two people, nothing need "
        "be done."),
    # who has seen whom (--leakage)
    "patient-seen": _either(
        "A patient of a test split has been seen, or would be: by the same id in the same data set, by other_ids.csv, "
        "or by the id that a converter gave (in a pool, from which pretraining leaves him out: a warning).",
        "Hold the patient out in both data sets, or remove him from one; train again what has seen him."),
    "image-seen": _either(
        "An image of a test split has been seen, or would be, whatever it is called (in a pool: a warning).",
        "Remove the image from one side; train again what has seen it."),
    "patient-possibly-seen": _warned(
        "The same patient_id stands in a test split and in another data set that is trained on: possibly one person.",
        "If it is one person, say so in other_ids.csv. If they are two people, nothing need be done."),
    "fold-leaks": ProblemKind(
        "In splits_final.json a patient or image stands on both sides of a fold, or a test case is in a fold.",
        "Make the splits again: rnnet_make_splits -d DATASET --overwrite."),
    "leak-recorded": _warned(
        "A model was trained with --allow_leakage, and this is what leaked.",
        "Do not publish its figures as an independent test; train it again without."),
    "made-with-other-splits": ProblemKind(
        "A fingerprint or plan was made while other patients were held out, or a fold was trained on other cases than "
        "it has now: it may have seen what it is judged by.",
        "Make it again with the command that the message names."),
    "image-not-compared": _warned(
        "Scans that a model saw were preprocessed by an older version, so that what they show is not known.",
        "Run rnnet_preprocess on their data sets again, then what was trained on them."),
    "origin-unknown": _warned(
        "A model starts from weights of another program, and nobody knows whom these have seen.",
        "Pretrain with rnnet_pretrain, or test on patients whom the authors of the weights cannot have had."),
    "leakage-unknown": ProblemKind(
        "Folds or models of the data set cannot be read or do not say whom they have seen, so that nobody knows.",
        "Do what the message says, or remove the damaged file."),
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
