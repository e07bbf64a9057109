"""Panels of a scan's picture in rows, with a title, the facts of the scan and a legend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rnnet.preprocessing.qc_canvas import Canvas, Colour, Plane, shortened
from rnnet.preprocessing.state import PreprocessedScan

_SCALE_BAR_MM = 50
# Rows of pixels above and below the panels.
HEADER_PX, FOOTER_PX = 62, 24
_GAP, _CAPTION, _SMALL = 6, 16, 11
_OUTLINES: tuple[tuple[Colour, str], ...] = (("yellow", "atlas brain"), ("blue", "brain mask"), ("red", "lesion"))


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """One picture with its name, and letters of the directions at its top, bottom, left and right."""

    grey: Plane
    lines: dict[Colour, Plane]
    caption: str
    letters: str = ""


def draw_panels(rows: Sequence[Sequence[Panel]], scan: PreprocessedScan, problem: str, path: Path) -> None:
    """Write the rows of panels to `path` (PNG), with the scan's facts above and the legend below."""
    columns = [[row[i] for row in rows if i < len(row)] for i in range(max(map(len, rows)))]
    widths = [max(p.grey.shape[1] for p in column) for column in columns]
    heights = [max(p.grey.shape[0] for p in row) for row in rows]
    width = sum(widths) + _GAP * (len(widths) + 1)
    canvas = Canvas(HEADER_PX + sum(heights) + (_CAPTION + _GAP) * len(rows) + FOOTER_PX, width)
    top = HEADER_PX
    for row, height in zip(rows, heights, strict=True):
        left = _GAP
        for panel, column_width in zip(row, widths, strict=False):
            canvas.text(top, left, panel.caption, size=_SMALL, brightness=0.8)
            _place(canvas, top + _CAPTION + (height - panel.grey.shape[0]) // 2, left, panel)
            left += column_width + _GAP
        top += _CAPTION + height + _GAP
    _header(canvas, scan, problem, width - 2 * _GAP)
    _legend(canvas, top, width)
    canvas.save(path)


def _place(canvas: Canvas, top: int, left: int, panel: Panel) -> None:
    height, width = panel.grey.shape
    canvas.picture(top, left, panel.grey, panel.lines)
    places = ((2, width // 2, "ma"), (height - 2, width // 2, "ms"), (height // 2, 2, "lm"),
              (height // 2, width - 2, "rm"))
    for letter, (down, across, anchor) in zip(panel.letters, places, strict=False):
        canvas.text(top + down, left + across, letter, size=_SMALL, bold=True, anchor=anchor, backed=True)


def _header(canvas: Canvas, scan: PreprocessedScan, problem: str, width: int) -> None:
    title = f"{scan.scan_id}: not used" if problem else scan.scan_id
    canvas.text(4, _GAP, shortened(title, width, size=15, bold=True), size=15, bold=True,
                colour="red" if problem else None)
    canvas.text(25, _GAP, shortened(_facts(scan), width), brightness=0.85)
    if problem:
        canvas.text(41, _GAP, shortened(problem, width), colour="red")
    elif scan.warnings:
        more = f" (and {len(scan.warnings) - 1} more)" if len(scan.warnings) > 1 else ""
        first = scan.warnings[0].rstrip(".")
        canvas.text(41, _GAP, shortened(f"warning: {first}{more}", width), colour="yellow")
    else:
        canvas.text(41, _GAP, "no warning", brightness=0.55)


def _facts(scan: PreprocessedScan) -> str:
    """Fit, what moved the scan and what found the brain, in one line; a step that did not run is left out."""
    values = {record.step: record.values for record in scan.history}
    facts = []
    if "brain_dice" in values.get("quality", {}):
        facts.append(f"Dice with the atlas's brain {values['quality']['brain_dice']:.3f}")
    registration = values.get("registration", {})
    if "angle_degrees" in registration:
        facts.append(f"turned by {registration['angle_degrees']:.1f}°")
    elif "reason" in registration:
        facts.append(f"not registered ({registration['reason']})")
    stripped = values.get("skull_strip", {})
    if stripped:
        tool = f"brain mask by {stripped['stripper']} {stripped.get('version', '')}".rstrip()
        facts.append("came without skull" if stripped["stripper"] == "none" else tool)
    numbers = np.bincount(scan.lesions[scan.lesions > 0]) if scan.lesions.any() else np.zeros(0, int)
    present = int((numbers > 0).sum())
    volume = f"{present} lesion{'' if present == 1 else 's'}, {numbers.sum() / 1000:.3g} ml"
    facts.append(volume if present else "no lesion")
    return " · ".join(facts)


def _legend(canvas: Canvas, top: int, width: int) -> None:
    left = _GAP
    for colour, name in _OUTLINES:
        left = canvas.text(top, left, name, size=_SMALL, colour=colour) + 14
    canvas.text(top, left, "radiological convention: the patient's right is on the left", size=_SMALL, brightness=0.8)
    canvas.rule(top + 6, width - _GAP - _SCALE_BAR_MM, _SCALE_BAR_MM)
    canvas.text(top, width - _GAP - _SCALE_BAR_MM - 6, f"{_SCALE_BAR_MM} mm", size=_SMALL, anchor="ra", brightness=0.8)
