"""Data sets that are used together: the same image or the same patient in two of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from rnnet.core.types import Problem
from rnnet.dataset.content import ScanContent
from rnnet.dataset.integrity import IntegrityReport, ordered
from rnnet.dataset.problems import error, warning

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class _Side:
    """One data set's scans of one image or patient."""

    dataset: str
    scans: tuple[ScanContent, ...]
    held_out: bool

    def __str__(self) -> str:
        names = ", ".join(s.scan_id for s in self.scans[:_SHOWN]) + (", ..." if len(self.scans) > _SHOWN else "")
        return f"{self.dataset} ({'held out for test' if self.held_out else 'used for training'}: {names})"


def cross_check(reports: Mapping[str, IntegrityReport]) -> dict[str, IntegrityReport]:
    """The reports, with what their data sets share added to the report of the later of the two.

    A patient is held out by a data set if one of its scans there is in the test split. Held out in one and usable for
    training or pretraining in another is an error: the test would not be independent.
    """
    added: dict[str, list[Problem]] = {name: [] for name in reports}
    held_out = {
        name: {s.patient_id for s in report.scans if s.split == "test"} for name, report in reports.items()
    }
    for first, second in combinations(reports, 2):
        pair = reports[first], reports[second]
        added[second] += [_same_image(*sides) for sides in _shared(*pair, held_out, "digest")]
        added[second] += [_same_patient(*sides) for sides in _shared(*pair, held_out, "patient_id")]
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


def _same_image(a: _Side, b: _Side) -> Problem:
    message = f"The same voxels in {a} and {b}."
    if a.held_out != b.held_out:
        return error("image-in-two-datasets", b.scans[0].image, f"{message} The test would not be independent.",
                     "Remove the scan from one of them, or hold its patient out in both.")
    return warning("image-in-two-datasets", b.scans[0].image, message, "Remove it from one of them: it counts twice.")


def _same_patient(a: _Side, b: _Side) -> Problem:
    """A warning only: two centres that count their patients from 1 have the same names for other people."""
    patient = b.scans[0].patient_id
    leaks = " If it is, the test would not be independent." if a.held_out != b.held_out else ""
    return warning("patient-in-two-datasets", f"{b.dataset}, patient {patient}",
                   f"The patient_id '{patient}' stands in {a} and {b}: possibly the same patient.{leaks}",
                   "If it is one patient, hold it out in both; if not, nothing need be done.")
