"""cases.csv: one row per lesion on one scan, typed by dataset.json."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import cast

from rnnet.core.errors import did_you_mean
from rnnet.core.types import ClinicalValue, LesionCase, Problem, Scan, Split
from rnnet.core.volume import image_stem
from rnnet.core.workspace import RawLayout, find_image, find_image_if_there
from rnnet.dataset.manifest import Manifest
from rnnet.dataset.problems import error, warning
from rnnet.dataset.table import TextTable, check_id, parse_clinical, parse_number, read_table, wrong_number

# Of a data set that shares another one's images: the raw data set and scan there, "Dataset001_MyCentre/P001".
SOURCE_SCAN = "source_scan"
REQUIRED_COLUMNS = (
    "case_id", "scan_id", "patient_id", "center", "days", "lesion_value", "split", "outcome", "label_source",
)


@dataclass(frozen=True, slots=True)
class CasesTable:
    """Scans and cases of cases.csv in the order of the file, and all that is wrong with the table.

    A row whose case cannot be told is left out; a single wrong cell is None.
    """

    scans: tuple[Scan, ...] = ()
    cases: tuple[LesionCase, ...] = ()
    problems: tuple[Problem, ...] = ()


def read_cases_table(layout: RawLayout, manifest: Manifest) -> CasesTable:
    """All of cases.csv; nothing is raised, every problem is listed."""
    table = read_table(layout.cases_csv, (*REQUIRED_COLUMNS, *manifest.clinical, *manifest.information))
    if table.problems:
        return CasesTable(problems=table.problems)
    problems: list[Problem] = _undeclared(table, manifest)
    cases: list[LesionCase] = []
    days: list[float | None] = []
    sources: dict[str, str] = {}
    for line, row in zip(table.lines, table.rows, strict=True):
        case, day, found = _read_row(table, line, row, manifest)
        problems += found
        if case is not None:
            cases.append(case)
            days.append(day)
            sources.setdefault(case.scan_id, row.get(SOURCE_SCAN, ""))
    problems += _duplicates(table, cases) + _conflicts(table, cases, days) + _both_splits(table, cases)
    problems += _source_problems(layout, table, sources)
    return CasesTable(_scans(layout, manifest, cases, days, sources), tuple(cases), tuple(problems))


def source_of(scan: Scan) -> str:
    """What a data set that shares a scan's images writes into source_scan: the folder they lie in, and their name."""
    name = image_stem(scan.image_path).removesuffix("_0000")
    return f"{scan.image_path.parent.parent.name}/{name}"


def _undeclared(table: TextTable, manifest: Manifest) -> list[Problem]:
    known = {*REQUIRED_COLUMNS, *manifest.clinical, *manifest.information, SOURCE_SCAN}
    return [
        warning("undeclared-column", table.path, f"The column '{c}' is not declared and is not used.",
                f"Declare it in dataset.json under clinical, or remove it. {did_you_mean(c, known)}")
        for c in table.columns if c not in known
    ]


def _read_row(
    table: TextTable, line: int, row: Mapping[str, str], manifest: Manifest
) -> tuple[LesionCase | None, float | None, list[Problem]]:
    problems = [check_id(row[c], table.where(line, c)) for c in ("case_id", "scan_id")]
    for column in ("patient_id", "center"):
        if not row[column]:
            problems.append(error("empty-value", table.where(line, column), "The cell is empty.", "Fill it in."))
    if row["split"] not in ("train", "test"):
        problems.append(error("unknown-split", table.where(line, "split"), f"The split '{row['split']}' is unknown.",
                              "Write train or test."))
    value = parse_number(row["lesion_value"])
    if value is None or not value.is_integer() or not 1 <= value <= 65535:
        problems.append(error(
            "lesion-value-not-integer", table.where(line, "lesion_value"),
            f"'{row['lesion_value']}' is not a whole number above 0.",
            "Write the value that the lesion has in the mask.",
        ))
    broken = [p for p in problems if p is not None]
    day, outcome, clinical, found = _read_cells(table, line, row, manifest)
    if broken or value is None:
        return None, None, [*broken, *found]
    case = LesionCase(
        row["case_id"], row["scan_id"], row["patient_id"], row["center"], int(value), cast(Split, row["split"]),
        outcome, row["label_source"], clinical, {name: row[name] for name in manifest.information},
    )
    return case, day, found


def _read_cells(
    table: TextTable, line: int, row: Mapping[str, str], manifest: Manifest
) -> tuple[float | None, str | None, dict[str, ClinicalValue], list[Problem]]:
    """Day, outcome and clinical values of a row; a wrong cell is None."""
    problems = []
    day = parse_number(row["days"])
    if row["days"] and day is None:
        problems.append(wrong_number(row["days"], "days", table.where(line, "days")))
    outcome = row["outcome"] or None
    if outcome is not None and outcome not in manifest.outcomes:
        problems.append(error(
            "unknown-outcome", table.where(line, "outcome"), f"The outcome '{outcome}' is unknown.",
            f"Write {' or '.join(manifest.outcomes)}, or leave the cell empty where the outcome is not known.",
        ))
        outcome = None
    clinical: dict[str, ClinicalValue] = {}
    for name, column in manifest.clinical.items():
        clinical[name], problem = parse_clinical(row[name], column, name, table.where(line, name))
        problems += [problem] if problem else []
    return day, outcome, clinical, problems


def _duplicates(table: TextTable, cases: Iterable[LesionCase]) -> list[Problem]:
    problems = []
    ids: set[str] = set()
    lesions: dict[tuple[str, int], str] = {}
    for case in cases:
        where = f"{table.path.name}, case {case.case_id}"
        if case.case_id in ids:
            problems.append(error("duplicate-case-id", where, f"The case_id '{case.case_id}' stands in several rows.",
                                  "Give every row a case_id of its own."))
        elif (case.scan_id, case.lesion_value) in lesions:
            other = lesions[case.scan_id, case.lesion_value]
            problems.append(error("duplicate-lesion", where, f"The same lesion as case '{other}'.",
                                  "Keep one of the rows, or correct lesion_value."))
        ids.add(case.case_id)
        lesions.setdefault((case.scan_id, case.lesion_value), case.case_id)
    return problems


def _conflicts(table: TextTable, cases: list[LesionCase], days: list[float | None]) -> list[Problem]:
    """Rows of one scan that disagree about what belongs to the scan."""
    problems = []
    first: dict[str, tuple[LesionCase, float | None]] = {}
    for case, day in zip(cases, days, strict=True):
        other, other_day = first.setdefault(case.scan_id, (case, day))
        where = f"{table.path.name}, case {case.case_id}"
        if case.patient_id != other.patient_id:
            problems.append(error(
                "scan-of-two-patients", where, f"The scan '{case.scan_id}' belongs to the patients "
                f"'{other.patient_id}' and '{case.patient_id}'.", "Correct scan_id or patient_id."))
        if case.patient_id != other.patient_id or (case.center, case.split, day) == (
            other.center, other.split, other_day
        ):
            continue
        problems.append(error(
            "scan-conflict", where, f"The rows of scan '{case.scan_id}' disagree about its centre, day or split.",
            "Give all rows of one scan the same center, days and split."))
    return problems


def _both_splits(table: TextTable, cases: Iterable[LesionCase]) -> list[Problem]:
    splits: dict[str, set[str]] = {}
    for case in cases:
        splits.setdefault(case.patient_id, set()).add(case.split)
    return [
        error("patient-in-both-splits", f"{table.path.name}, patient {patient}",
              f"The patient '{patient}' has lesions in training and in test.",
              "Give all rows of one patient the same split.")
        for patient, found in splits.items() if len(found) > 1
    ]


def _source_problems(layout: RawLayout, table: TextTable, sources: Mapping[str, str]) -> list[Problem]:
    """What is wrong with the references to other data sets' scans."""
    problems = []
    for scan_id, source in sources.items():
        dataset, _, name = source.partition("/")
        if source and not (dataset and name and (layout.folder.parent / dataset).is_dir()):
            problems.append(error(
                "unknown-source-scan", f"{table.path.name}, scan {scan_id}",
                f"The source_scan '{source}' is not of the form DATASET/SCAN, or there is no such data set.",
                "Write the folder's name of a raw data set that lies beside this one, and a scan_id of it.",
            ))
    return problems


def _scans(
    layout: RawLayout, manifest: Manifest, cases: list[LesionCase], days: list[float | None],
    sources: Mapping[str, str],
) -> tuple[Scan, ...]:
    scans: dict[str, Scan] = {}
    for case, day in zip(cases, days, strict=True):
        if case.scan_id in scans:
            continue
        home, split, scan_id = _home(layout, manifest, case, sources[case.scan_id])
        image = find_image(home.images(split), f"{scan_id}_0000", manifest.file_ending)
        mask = find_image(home.labels(split), scan_id, manifest.file_ending)
        brain = find_image_if_there(home.brains(split), scan_id, manifest.file_ending)
        scans[case.scan_id] = Scan(case.scan_id, case.patient_id, case.center, day, image, mask, case.split, brain)
    return tuple(scans.values())


def _home(layout: RawLayout, manifest: Manifest, case: LesionCase, source: str) -> tuple[RawLayout, Split, str]:
    """The data set, folder and name under which the files of a case's scan lie."""
    if not source:
        return layout, case.split, case.scan_id
    dataset, _, scan_id = source.partition("/")
    home = RawLayout(layout.folder.parent / dataset)
    # The data set that shares the images may hold other patients out.
    in_test = find_image(home.images("test"), f"{scan_id}_0000", manifest.file_ending).exists()
    return home, "test" if in_test else "train", scan_id
