"""Writing the tables of a raw data set: dataset.json, cases.csv, patients.csv, other_ids.csv."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from rnnet.core.codec import to_plain
from rnnet.core.csv_text import csv_text
from rnnet.core.files import write_text
from rnnet.core.types import ClinicalValue, LesionCase, Scan
from rnnet.core.workspace import RawLayout
from rnnet.dataset.cases_table import REQUIRED_COLUMNS, SOURCE_SCAN
from rnnet.dataset.identity import COLUMNS as OTHER_ID_COLUMNS
from rnnet.dataset.manifest import Manifest


def write_manifest(layout: RawLayout, manifest: Manifest) -> None:
    """dataset.json. Written last, it makes the folder a data set."""
    document = {k: v for k, v in to_plain(manifest).items() if v is not None}
    write_text(layout.dataset_json, json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def write_cases(
    layout: RawLayout, manifest: Manifest, cases: Iterable[LesionCase], scans: Mapping[str, Scan], *,
    sources: Mapping[str, str] | None = None,
) -> None:
    """cases.csv, one row per case, in the order given.

    scans: by scan_id; the days of a row come from there. sources: where the scan's images lie, as "DATASET/SCAN", for
    a data set that shares those of others.
    """
    header = [*REQUIRED_COLUMNS, *manifest.clinical, *manifest.information]
    if sources is not None:
        header.append(SOURCE_SCAN)
    rows = []
    for case in cases:
        row = [
            case.case_id, case.scan_id, case.patient_id, case.center, _cell(scans[case.scan_id].days),
            str(case.lesion_value), case.split, case.outcome or "", case.label_source,
            *(_cell(case.clinical.get(name)) for name in manifest.clinical),
            *(case.information.get(name, "") for name in manifest.information),
        ]
        rows.append(row if sources is None else [*row, sources[case.scan_id]])
    write_text(layout.cases_csv, csv_text(header, rows))


def write_patients(layout: RawLayout, scans: Iterable[Scan]) -> None:
    """patients.csv of a pool: whose scan each one is."""
    rows = [[s.scan_id, s.patient_id, s.center, _cell(s.days)] for s in scans]
    write_text(layout.patients_csv, csv_text(["scan_id", "patient_id", "center", "days"], rows))


def write_other_ids(layout: RawLayout, other_ids: Mapping[str, Iterable[str]]) -> None:
    """other_ids.csv; no file where there are none."""
    rows = [[patient, name] for patient in sorted(other_ids) for name in sorted(other_ids[patient])]
    if rows:
        write_text(layout.other_ids_csv, csv_text(OTHER_ID_COLUMNS, rows))


def _cell(value: ClinicalValue) -> str:
    """Whole numbers without a decimal point; empty where the value is missing."""
    if value is None:
        return ""
    if isinstance(value, float | int):
        return str(int(value)) if float(value).is_integer() else repr(float(value))
    return value
