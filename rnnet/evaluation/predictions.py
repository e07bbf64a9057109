"""predictions.csv, and how fold models are joined: the ensemble on a test set, out-of-fold on the training set."""

from __future__ import annotations

import csv
import io
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rnnet.core.csv_text import csv_text
from rnnet.core.errors import DatasetError, FileFormatError, RnnetError
from rnnet.core.files import write_text
from rnnet.core.types import LesionPrediction
from rnnet.core.wording import listed

COLUMNS = ("case_id", "patient_id", "center", "split", "outcome", "logit", "probability", "positive_outcome")
# A further column, in the files of negative controls alone: nobody takes those for predictions of the real model.
_CONTROL = "control"
_OUTCOMES = {"": None, "0": 0, "1": 1}


def write_predictions(
    path: Path, predictions: Sequence[LesionPrediction], *, positive_outcome: str, control: str = ""
) -> None:
    """Write one row per lesion. Floats keep every digit; an unknown outcome is an empty cell.

    Args:
        path: the CSV file; it appears whole or not at all.
        predictions: of one model, each lesion once.
        positive_outcome: the outcome that logit, probability and outcome = 1 belong to.
        control: the negative control that made them; it has a column of its own.

    Raises:
        DatasetError: a lesion stands there twice.
        RnnetError: a logit or a probability is not a number (the model diverged).
    """
    _check_once(predictions, what=f"The predictions for {path.name}")
    marked = ((_CONTROL,), (control,)) if control else ((), ())
    rows = []
    for p in predictions:
        if not (math.isfinite(p.logit) and 0 <= p.probability <= 1):
            raise RnnetError(
                f"The prediction of case '{p.case_id}' is not a number: logit {p.logit}, probability {p.probability}.",
                where=path, fix="The model diverged: train it again with a lower learning rate.",
            )
        outcome = "" if p.outcome is None else str(int(p.outcome))
        rows.append([p.case_id, p.patient_id, p.center, p.split, outcome,
                     repr(float(p.logit)), repr(float(p.probability)), positive_outcome, *marked[1]])
    write_text(path, csv_text([*COLUMNS, *marked[0]], rows))


def read_predictions(
    path: Path, *, positive_outcome: str | None = None, control: str = ""
) -> tuple[LesionPrediction, ...]:
    """The predictions of one model, in the order of the file.

    Args:
        path: a file of write_predictions. Further columns are ignored.
        positive_outcome: when given, the file must be of this positive outcome.
        control: the negative control that the file must be of; empty for a real model.

    Raises:
        FileFormatError: no such file, of another control or none, a missing column, or a cell that does not fit, with
            its line and column.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise FileFormatError("There is no such predictions file.", where=path,
                              fix="Run rnnet_train or rnnet_predict, which write it.") from error
    except UnicodeDecodeError as error:
        raise FileFormatError("Not a UTF-8 text file.", where=path, fix="Save it as UTF-8.") from error
    reader = csv.DictReader(io.StringIO(text), strict=True)
    missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
    if missing:
        raise FileFormatError(f"The column '{missing[0]}' is missing.", where=f"{path}, line 1",
                              fix=f"The columns must be {', '.join(COLUMNS)}.")
    rows: list[LesionPrediction] = []
    seen: dict[str, int] = {}
    try:
        for row in reader:
            found = row.get(_CONTROL) or ""
            if found != control:
                raise _bad(path, reader.line_num, _CONTROL, f"must be '{control}'. Got '{found}' instead")
            prediction = _parse(row, path, reader.line_num, positive_outcome)
            if prediction.case_id in seen:
                raise _bad(path, reader.line_num, "case_id",
                           f"'{prediction.case_id}' stands in line {seen[prediction.case_id]} already")
            seen[prediction.case_id] = reader.line_num
            rows.append(prediction)
    except csv.Error as error:
        raise FileFormatError(f"Not valid CSV: {error}.", where=f"{path}, line {reader.line_num}",
                              fix="Correct that line.") from error
    return tuple(rows)


def ensemble(folds: Sequence[Sequence[LesionPrediction]]) -> tuple[LesionPrediction, ...]:
    """The ensemble of fold models on the same lesions: mean logit, and its sigmoid as probability.

    Logits are averaged, not probabilities: the fusion model takes a logit as its feature, so that both agree on
    what the fold models say together. The order of the lesions is that of the first fold.

    Raises:
        DatasetError: no fold, a lesion twice in one fold, or folds that differ in lesions or outcomes.
    """
    if not folds:
        raise DatasetError("An ensemble needs the predictions of at least one fold model.")
    first = {p.case_id: p for p in folds[0]}
    for number, fold in enumerate(folds):
        _check_once(fold, what=f"Fold model {number}")
        _check_same(folds[0], fold, number)
    sums = dict.fromkeys(first, 0.0)
    for fold in folds:
        for p in fold:
            sums[p.case_id] += p.logit
    means = {case_id: total / len(folds) for case_id, total in sums.items()}
    return tuple(replace(p, logit=means[i], probability=sigmoid(means[i])) for i, p in first.items())


def out_of_fold(folds: Sequence[Sequence[LesionPrediction]]) -> tuple[LesionPrediction, ...]:
    """The validation predictions of all folds, one after the other: each lesion by the model that never saw it.

    Raises:
        DatasetError: a lesion was validated in two folds.
    """
    joined = tuple(p for fold in folds for p in fold)
    _check_once(joined, what="The validation predictions of all folds")
    return joined


def sigmoid(logit: float) -> float:
    """1 / (1 + exp(-logit)) without overflow."""
    if logit >= 0:
        return 1.0 / (1.0 + math.exp(-logit))
    odds = math.exp(logit)
    return odds / (1.0 + odds)


def _check_once(predictions: Sequence[LesionPrediction], *, what: str) -> None:
    counts = Counter(p.case_id for p in predictions)
    twice = sorted(case_id for case_id, n in counts.items() if n > 1)
    if twice:
        raise DatasetError(f"{what}: {len(twice)} lesions stand there twice: {listed(twice, 10)}.",
                           fix="Predict or train again; every lesion belongs there once.")


def _check_same(first: Sequence[LesionPrediction], other: Sequence[LesionPrediction], number: int) -> None:
    of_first, of_other = {p.case_id: p.outcome for p in first}, {p.case_id: p.outcome for p in other}
    lost, added = sorted(of_first.keys() - of_other.keys()), sorted(of_other.keys() - of_first.keys())
    if lost or added:
        parts = [f"only in fold model 0: {listed(lost, 10)}"] if lost else []
        parts += [f"only in fold model {number}: {listed(added, 10)}"] if added else []
        raise DatasetError(f"Fold models 0 and {number} predicted different lesions ({'; '.join(parts)}).",
                           fix="Predict the same cases with every fold.")
    differing = sorted(i for i, outcome in of_first.items() if outcome != of_other[i])
    if differing:
        raise DatasetError(f"Fold models 0 and {number} hold different outcomes for {listed(differing, 10)}.",
                           fix="cases.csv changed between them: predict again with every fold.")


def _parse(
    row: dict[str | None, str | None], path: Path, line: int, positive_outcome: str | None
) -> LesionPrediction:
    if None in row:
        raise FileFormatError("The line has more cells than the header.", where=f"{path}, line {line}",
                              fix="Correct that line.")
    text = {name: row[name] or "" for name in COLUMNS}
    for name in ("case_id", "patient_id", "positive_outcome"):
        if not text[name]:
            raise _bad(path, line, name, "the cell is empty")
    if text["outcome"] not in _OUTCOMES:
        raise _bad(path, line, "outcome", f"must be 0, 1 or empty. Got '{text['outcome']}' instead")
    if positive_outcome is not None and text["positive_outcome"] != positive_outcome:
        raise _bad(path, line, "positive_outcome",
                   f"must be '{positive_outcome}'. Got '{text['positive_outcome']}' instead")
    logit = _number(text["logit"], path, line, "logit")
    probability = _number(text["probability"], path, line, "probability")
    if not 0 <= probability <= 1:
        raise _bad(path, line, "probability", f"must be between 0 and 1. Got {probability} instead")
    return LesionPrediction(
        case_id=text["case_id"], patient_id=text["patient_id"], center=text["center"], split=text["split"],
        outcome=_OUTCOMES[text["outcome"]], logit=logit, probability=probability,
    )


def _number(text: str, path: Path, line: int, column: str) -> float:
    try:
        value = float(text)
    except ValueError as error:
        raise _bad(path, line, column, f"must be a number. Got '{text}' instead") from error
    if not math.isfinite(value):
        raise _bad(path, line, column, f"must be a finite number. Got '{text}' instead")
    return value


def _bad(path: Path, line: int, column: str, what: str) -> FileFormatError:
    return FileFormatError(f"Column '{column}': {what}.", where=f"{path}, line {line}",
                           fix="Correct the cell, or make the file again.")
