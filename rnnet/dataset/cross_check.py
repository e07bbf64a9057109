"""Data sets that are used together: the same image or the same patient in two of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

from rnnet.core.types import Problem
from rnnet.core.wording import listed
from rnnet.dataset.content import ScanContent
from rnnet.dataset.integrity import IntegrityReport, ordered
from rnnet.dataset.problems import error, warning

Names = Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class _Side:
    """One data set's scans of one image or patient."""

    dataset: str
    scans: tuple[ScanContent, ...]
    held_out: bool

    def __str__(self) -> str:
        names = listed(s.scan_id for s in self.scans)
        return f"{self.dataset} ({'held out for test' if self.held_out else 'used for training'}: {names})"


def cross_check(
    reports: Mapping[str, IntegrityReport], names: Mapping[str, Names] | None = None
) -> dict[str, IntegrityReport]:
    """The reports, with what their data sets share added to the report of the later of the two.

    A patient is held out by a data set if one of its scans there is in the test split. Held out in one and usable for
    training or pretraining in another is an error: the test would not be independent. Files that two data sets share on
    purpose (column source_scan) and patients who are one person on purpose are no finding otherwise.

    Args:
        reports: by data set.
        names: by data set, the names of its patients that hold everywhere (leakage_sources.names_to_carry).
    """
    added: dict[str, list[Problem]] = {name: [] for name in reports}
    held_out = {
        name: {s.patient_id for s in report.scans if s.split == "test"} for name, report in reports.items()
    }
    for first, second in combinations(reports, 2):
        pair = reports[first], reports[second]
        images = [_same_image(*sides) for sides in _shared(*pair, held_out, "digest")]
        known = [(names or {}).get(name, {}) for name in (first, second)]
        patients = [_same_patient(*sides, *known) for sides in _shared(*pair, held_out, "patient_id")]
        added[second] += [problem for problem in (*images, *patients, *_held_out_home(*pair)) if problem is not None]
    return {
        name: replace(report, problems=ordered((*report.problems, *added[name]))) for name, report in reports.items()
    }


def _shared(
    a: IntegrityReport, b: IntegrityReport, held_out: Mapping[str, set[str]], key: str
) -> list[tuple[_Side, _Side]]:
    """The scans of both data sets that agree in `key`, value by value."""
    groups = [_grouped(report.scans, key) for report in (a, b)]
    return [
        (_side(a.dataset, groups[0][value], held_out), _side(b.dataset, groups[1][value], held_out))
        for value in groups[0] if value in groups[1]
    ]


def _grouped(scans: Iterable[ScanContent], key: str) -> dict[str, list[ScanContent]]:
    groups: dict[str, list[ScanContent]] = {}
    for scan in scans:
        if getattr(scan, key):
            groups.setdefault(getattr(scan, key), []).append(scan)
    return groups


def _side(dataset: str, scans: Sequence[ScanContent], held_out: Mapping[str, set[str]]) -> _Side:
    return _Side(dataset, tuple(scans), any(s.patient_id in held_out[dataset] for s in scans))


def _held_out_home(a: IntegrityReport, b: IntegrityReport) -> list[Problem]:
    """One warning if one of the two holds out patients whose scans it shares with the other, their home."""
    problems = []
    for home, other in ((a, b), (b, a)):
        there = {s.image: s for s in home.scans if _home(s) == home.dataset}
        patients = {s.patient_id for s in other.scans
                    if s.split == "test" and s.image in there and there[s.image].split == "train"}
        if patients:
            problems.append(warning(
                "image-in-two-datasets", other.dataset, f"{other.dataset} holds out {len(patients)} patient(s) whose "
                f"scans it shares with {home.dataset}, which does not.",
                f"Nothing need be done if {home.dataset} serves pretraining only, which leaves them out.",
            ))
    return problems


def _home(scan: ScanContent) -> str:
    """The data set in whose folder the image lies."""
    return Path(scan.image).parent.parent.name


def _is_home_of(home: _Side, other: _Side) -> bool:
    """Whether `other` holds out scans that lie in the folder of `home`, which uses them for training."""
    files = {s.image for s in home.scans if _home(s) == home.dataset}
    return other.held_out and not home.held_out and any(s.image in files for s in other.scans)


def _same_image(a: _Side, b: _Side) -> Problem | None:
    message = f"The same voxels in {a} and {b}."
    if _is_home_of(a, b) or _is_home_of(b, a):
        return None  # said once for all of them
    if a.held_out != b.held_out:
        return error("image-in-two-datasets", b.scans[0].image, f"{message} The test would not be independent.",
                     "Remove the scan from one of them, or hold its patient out in both.")
    if {s.image for s in a.scans} & {s.image for s in b.scans}:
        return None  # one file, which both data sets use
    return warning("image-in-two-datasets", b.scans[0].image, message,
                   "Pretraining keeps one copy; to train on both data sets, remove it from one of them.")


def _same_patient(a: _Side, b: _Side, names_a: Names, names_b: Names) -> Problem | None:
    """Two centres that count their patients from 1 have the same names for other people: mostly a warning."""
    patient = b.scans[0].patient_id
    message = f"The patient_id '{patient}' stands in {a} and {b}"
    if names_a.get(patient, frozenset()) & names_b.get(patient, frozenset()):
        if a.held_out == b.held_out or _is_home_of(a, b) or _is_home_of(b, a):
            return None
        return error("patient-in-two-datasets", f"{b.dataset}, patient {patient}",
                     f"{message}: it is one patient. The test would not be independent.", "Hold it out in both.")
    leaks = " If it is, the test would not be independent." if a.held_out != b.held_out else ""
    return warning("patient-in-two-datasets", f"{b.dataset}, patient {patient}",
                   f"{message}: possibly the same patient.{leaks}",
                   "If it is one patient, say so in other_ids.csv and hold it out in both; if not, nothing need be "
                   "done.")
