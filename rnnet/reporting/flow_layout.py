"""Where the boxes of a flow diagram stand and what they say, in inches and lines of text; nothing is drawn here."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rnnet.dataset.cohort.counts import UNKNOWN, Counts, StepCounts
from rnnet.dataset.cohort.report import CohortReport

LINE_INCH, PADDING_INCH, GAP_INCH = 0.185, 0.1, 0.3
WIDTH_INCH, MARGIN_INCH, BOX_INCH, SIDE_INCH = 9.4, 0.2, 5.0, 3.6
# So many characters fit a box at the size of its text.
_TITLE_CHARACTERS, _PASSED_CHARACTERS, _SIDE_CHARACTERS, _NOTE_CHARACTERS = 56, 74, 50, 122
HEADER = ("lesions", "lesion-scans", "patients")
Look = Literal["step", "selected", "passed"]


@dataclass(frozen=True, slots=True)
class Row:
    """A row of counts in a box. outcome: '' for all."""

    label: str
    outcome: str
    counts: Counts


@dataclass(frozen=True, slots=True)
class Box:
    """A box of the main column, and what was excluded on the way to it, '' lines for nothing.

    top, height: inches from the top of the picture. look: 'passed' for a rule that excluded nothing or was not applied.
    """

    top: float
    height: float
    title: tuple[str, ...]
    rows: tuple[Row, ...]
    look: Look
    excluded: tuple[str, ...] = ()

    @property
    def bottom(self) -> float:
        """The lower edge."""
        return self.top + self.height


@dataclass(frozen=True, slots=True)
class FlowLayout:
    """Everything of the diagram from top to bottom."""

    heading: str
    subheading: tuple[str, ...]
    boxes: tuple[Box, ...]
    notes: tuple[str, ...]
    height: float


def flow_layout(report: CohortReport) -> FlowLayout:
    """The diagram of a selection: a box for every step, the reasons for exclusion beside the arrows."""
    subheading = textwrap.wrap(
        f"{report.source}. Sample unit: {report.unit_title}. Positive class: {_plain(report.positive_outcome)}. "
        f"Diameter: {report.diameter}.", _NOTE_CHARACTERS,
    )
    top = 0.55 + LINE_INCH * len(subheading)
    readings = {rule.name: rule.reading for rule in report.rules}
    boxes: list[Box] = []
    for number, step in enumerate(report.steps):
        excluded = _excluded(step)
        # The list of what was excluded stands beside the arrow, and the gap has room for it.
        gap = 0.0 if number == 0 else max(GAP_INCH, side_height(excluded) + 0.12 if excluded else 0.0)
        box = _box(report, step, top + gap, readings.get(step.rule, ""), excluded, last=step is report.steps[-1])
        boxes.append(box)
        top = box.bottom
    notes = [line for note in _notes(report) for line in textwrap.wrap(note, _NOTE_CHARACTERS)]
    height = top + 0.25 + LINE_INCH * len(notes) + 0.1
    return FlowLayout("Selection of the cohort", tuple(subheading), tuple(boxes), tuple(notes), height)


def side_height(lines: Sequence[str]) -> float:
    """Height in inches of a box with these lines."""
    return LINE_INCH * len(lines) + 2 * PADDING_INCH


def _box(
    report: CohortReport, step: StepCounts, top: float, reading: str, excluded: tuple[str, ...], *, last: bool
) -> Box:
    if not (last or excluded or step.rule == "candidates"):
        text = f"{step.title}: {'none excluded' if step.applied else _lower(reading)}"
        title = tuple(textwrap.wrap(text, _PASSED_CHARACTERS))
        return Box(top, side_height(title), title, (), "passed")
    title = tuple(textwrap.wrap(step.title, _TITLE_CHARACTERS))
    rows = [Row("all", "", step.left)]
    for name in (report.positive_outcome, report.negative_outcome, UNKNOWN):
        counts = step.by_outcome.get(name, Counts())
        if name != UNKNOWN or counts.lesions:
            rows.append(Row("outcome not known" if name == UNKNOWN else _plain(name), name, counts))
    lines = len(title) + 1 + len(rows)
    return Box(top, LINE_INCH * lines + 2 * PADDING_INCH, title, tuple(rows), "selected" if last else "step", excluded)


def _excluded(step: StepCounts) -> tuple[str, ...]:
    if not step.excluded:
        return ()
    lines = ["Excluded"]
    for reason, number in step.excluded.items():
        # Rows without a scan are lesions.
        noun = "lesion-scan" if step.lost.lesion_scans else "lesion"
        lines += textwrap.wrap(f"{_many(number, noun)}: {reason}", _SIDE_CHARACTERS, subsequent_indent="   ")
    if step.lost.lesion_scans and step.lost.lesions:
        patients = f" and {_many(step.lost.patients, 'patient')}" if step.lost.patients else ""
        lines.append(f"No scan is left of {_many(step.lost.lesions, 'lesion')}{patients}")
    return tuple(lines)


def _notes(report: CohortReport) -> list[str]:
    notes = ["Lesion-scan: a lesion on one scan. A patient with lesions of both outcomes counts under both.",
             "The outcomes in the first boxes are those that the outcome rule gives at the end."]
    if report.srs_note:
        notes.append(report.srs_note)
    notes += [f"Warning: {warning}" for warning in report.warnings]
    if report.failures:
        notes.append(f"{_many(len(report.failures), 'scan')} could not be measured; cohort.json names them.")
    return notes


def _lower(text: str) -> str:
    return (text[:1].lower() + text[1:]).rstrip(".")


def _plain(outcome: str) -> str:
    return outcome.replace("_", " ")


def _many(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
