"""Yale-Brain-Mets-Longitudinal: many scans over time, without lesion masks."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from rnnet.core.errors import DatasetError
from rnnet.dataset.converters.folder_walk import NIFTI, FolderWalk, natural_key
from rnnet.dataset.converters.source import Dropped, Release, SourceInfo, SourceScan, StoredFile

_PAGE = "https://www.cancerimagingarchive.net/collection/yale-brain-mets-longitudinal/"
_INFO = SourceInfo(
    name="yale_longitudinal",
    title="Yale-Brain-Mets-Longitudinal",
    needs=("<patient>/<date>/*_POST.nii.gz, the date as yyyy-mm-dd or yyyymmdd",),
    gives="pool of scans without masks, over time",
    size="1,430 patients",
    licence=f"see the data use agreement at {_PAGE}",
    access=f"download from The Cancer Imaging Archive, {_PAGE}",
    reference="Chadha et al. 2025, Yale-Brain-Mets-Longitudinal, The Cancer Imaging Archive, doi:10.7937/3YAT-E768",
)
_SERIES = rf"(?:.*_)?(?P<kind>PRE|POST|T2|FLAIR){NIFTI}"
_DATE = re.compile(r"(?<!\d)(\d{4})([-_.]?)(\d{2})\2(\d{2})(?!\d)")


@dataclass(frozen=True, slots=True)
class _Study:
    """One date of one patient."""

    patient: str
    day: date

    @property
    def scan_id(self) -> str:
        return f"Yale-{self.patient}_{self.day:%Y%m%d}"


@dataclass(frozen=True, slots=True)
class YaleLongitudinal:
    """Converter of Yale's scans over time: one scan a date; patient "Yale-YG_0001" for the folder YG_0001.

    days: since the patient's first date in the release, whichever series it has. Of several POST series of one date
    the first by name is used, which is the earliest where the names hold the time of day.
    """

    @property
    def info(self) -> SourceInfo:
        """What --list prints."""
        return _INFO

    def read(self, folder: Path) -> Release:
        """Every series below `folder`.

        Raises:
            DatasetError: there is no _POST series in a patient's folder of a date.
        """
        walk = FolderWalk(folder)
        studies: dict[_Study, list[Path]] = {}
        kinds: Counter[str] = Counter()
        undated: list[Dropped] = []
        for path, match in walk.named(_SERIES):
            kind, study = match["kind"].upper(), _study(path, folder)
            if study is not None:
                post = studies.setdefault(study, [])
                post += [path] if kind == "POST" else []
                kinds[kind] += 1
                walk.claim(path)
            elif kind == "POST":
                undated.append(Dropped("scan", walk.relative(path), "neither its folder nor its name has a date"))
                walk.claim(path)
        if not any(studies.values()):
            raise DatasetError(
                "This does not look like Yale-Brain-Mets-Longitudinal: there is no <patient>/<date>/*_POST.nii.gz "
                "with a date such as 2015-03-20.",
                where=folder, fix="Give the folder that holds the patients' folders.",
            )
        scans, dropped = _scans(studies)
        return Release(
            scans, dropped=(*dropped, *undated), notes=(*_notes(kinds), *_table_notes(walk)),
            unknown_files=walk.unknown(),
        )


def _scans(studies: dict[_Study, list[Path]]) -> tuple[tuple[SourceScan, ...], list[Dropped]]:
    by_patient: dict[str, list[_Study]] = {}
    for study in studies:
        by_patient.setdefault(study.patient, []).append(study)
    scans: list[SourceScan] = []
    dropped: list[Dropped] = []
    for patient in sorted(by_patient, key=natural_key):
        dates = sorted(by_patient[patient], key=lambda s: s.day)
        if not any(studies[s] for s in dates):
            dropped.append(Dropped("patient", f"Yale-{patient}", f"no _POST series on any of {len(dates)} date(s)"))
            continue
        for study in dates:
            if not studies[study]:
                dropped.append(Dropped("scan", study.scan_id, "no _POST series on this date"))
                continue
            used, *others = studies[study]
            days = float((study.day - dates[0].day).days)
            scans.append(SourceScan(study.scan_id, f"Yale-{patient}", "Yale", StoredFile(used), None, days))
            dropped += [Dropped("scan", f"{study.scan_id}, {path.name}", f"{used.name} of the same date is used")
                        for path in others]
    return tuple(scans), dropped


def _notes(kinds: Counter[str]) -> list[str]:
    others = ", ".join(f"{kinds[kind]} {kind}" for kind in ("PRE", "T2", "FLAIR"))
    return [
        "The release has no lesion masks: this pool gives scans only. Pretraining can use crops of the brain; draw or "
        "predict masks and put them into labelsTr to use the lesions.",
        f"Other series ({others}) are known and not used.",
        "Patients of Pretreat-MetsToBrain-Masks may be among these; no table links them, so only the images tell.",
    ]


def _table_notes(walk: FolderWalk) -> list[str]:
    tables = [path for path, _ in walk.named(r"Yale-Brain-Mets-Longitudinal.*\.xlsx")]
    walk.claim(*tables)
    return [f"{path.name} is known; nothing is taken from it: a pool has no clinical columns." for path in tables]


def _study(path: Path, root: Path) -> _Study | None:
    """By the nearest folder with a date, which lies in the patient's; else by the file's own name in the patient's."""
    for above in path.parents:
        if above == root:
            break
        if (day := _day(above.name)) is not None:
            return _Study(_fit_for_a_file(above.parent.name), day)
    day = _day(path.name)
    return None if day is None else _Study(_fit_for_a_file(path.parent.name), day)


def _fit_for_a_file(name: str) -> str:
    return re.sub(r"[^\w.+-]+", "-", name, flags=re.ASCII).strip("-") or "unnamed"


def _day(text: str) -> date | None:
    match = _DATE.search(text)
    try:
        return None if match is None else date(int(match[1]), int(match[3]), int(match[4]))
    except ValueError:
        return None
