"""The flow diagram of a cohort (in the manner of CONSORT 2010): who was excluded at which rule, and why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rnnet.core.files import atomic_path
from rnnet.dataset.cohort.report import CohortReport
from rnnet.reporting.flow_layout import (
    BOX_INCH,
    HEADER,
    LINE_INCH,
    MARGIN_INCH,
    PADDING_INCH,
    SIDE_INCH,
    WIDTH_INCH,
    Box,
    flow_layout,
    side_height,
)
from rnnet.reporting.style import INK, LINE, MUTED, NEGATIVE, POSITIVE, picture

_TEXT_POINTS, _TITLE_POINTS = 8.5, 9
# Right edges of the columns of counts, from the left edge of a box.
_COLUMNS_INCH = (2.9, 3.95, 4.85)
_SIDE_LEFT = WIDTH_INCH - MARGIN_INCH - SIDE_INCH


def plot_flow_diagram(png: Path, svg: Path, report: CohortReport) -> None:
    """The diagram of a selection as PNG and as SVG."""
    from matplotlib import rc_context

    height = flow_layout(report).height
    # With a fixed salt the same selection gives the same bytes.
    with rc_context({"svg.hashsalt": "rnnet"}), picture(png, width_inch=WIDTH_INCH, height_inch=height) as figure:
        draw_flow_diagram(figure, report)
        with atomic_path(svg) as temporary:
            figure.savefig(temporary, format="svg", metadata={"Date": None, "Creator": None})


def draw_flow_diagram(figure: Any, report: CohortReport) -> None:
    """Draw it on a matplotlib figure of WIDTH_INCH by the height of flow_layout(report)."""
    layout = flow_layout(report)
    figure.set_layout_engine("none")  # every place is given in inches
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, WIDTH_INCH), ylim=(layout.height, 0))
    axes.axis("off")
    _text(axes, MARGIN_INCH, 0.3, layout.heading, points=12, weight="bold")
    for number, line in enumerate(layout.subheading):
        _text(axes, MARGIN_INCH, 0.53 + number * LINE_INCH, line, colour=MUTED)
    outcomes = {report.positive_outcome: POSITIVE, report.negative_outcome: NEGATIVE}
    for above, box in zip((None, *layout.boxes), layout.boxes, strict=False):
        _draw_box(axes, box, outcomes)
        if above is not None:
            _draw_arrow(axes, above, box)
    for number, note in enumerate(layout.notes):
        _text(axes, MARGIN_INCH, layout.boxes[-1].bottom + 0.3 + number * LINE_INCH, note, colour=MUTED)


def _draw_box(axes: Any, box: Box, outcomes: dict[str, str]) -> None:
    passed, selected = box.look == "passed", box.look == "selected"
    _frame(axes, MARGIN_INCH, box.top, BOX_INCH, box.height, dashed=passed, strong=selected)
    left, y = MARGIN_INCH + PADDING_INCH, box.top + PADDING_INCH + LINE_INCH / 2
    for line in box.title:
        _text(axes, left, y, line, points=_TEXT_POINTS if passed else _TITLE_POINTS, colour=MUTED if passed else INK,
              weight="normal" if passed else "bold")
        y += LINE_INCH
    if not box.rows:
        return
    for caption, right in zip(HEADER, _COLUMNS_INCH, strict=True):
        _text(axes, MARGIN_INCH + right, y, caption, colour=MUTED, align="right")
    for row in box.rows:
        y += LINE_INCH
        colour = outcomes.get(row.outcome)
        if colour is not None:
            axes.plot([left + 0.07], [y], marker="s", markersize=5, color=colour, linewidth=0)
        _text(axes, left if not row.outcome else left + 0.2, y, row.label)
        for value, right in zip(
            (row.counts.lesions, row.counts.lesion_scans, row.counts.patients), _COLUMNS_INCH, strict=True
        ):
            _text(axes, MARGIN_INCH + right, y, str(value), align="right", weight="bold" if selected else "normal")


def _draw_arrow(axes: Any, above: Box, box: Box) -> None:
    """The arrow between two boxes, and beside it what was excluded on the way."""
    middle = MARGIN_INCH + BOX_INCH / 2
    style = {"arrowstyle": "-|>", "color": MUTED, "linewidth": 1, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 9}
    axes.annotate("", (middle, box.top), (middle, above.bottom), arrowprops=style)
    if not box.excluded:
        return
    height = side_height(box.excluded)
    centre = (above.bottom + box.top) / 2
    axes.annotate("", (_SIDE_LEFT, centre), (middle, centre), arrowprops=style)
    _frame(axes, _SIDE_LEFT, centre - height / 2, SIDE_INCH, height, dashed=False, strong=False)
    for number, line in enumerate(box.excluded):
        y = centre - height / 2 + PADDING_INCH + (number + 0.5) * LINE_INCH
        _text(axes, _SIDE_LEFT + PADDING_INCH, y, line, weight="normal" if number else "bold")


def _frame(axes: Any, left: float, top: float, width: float, height: float, *, dashed: bool, strong: bool) -> None:
    from matplotlib.patches import Rectangle

    axes.add_patch(Rectangle(
        (left, top), width, height, facecolor="white", edgecolor=INK if strong else LINE if dashed else MUTED,
        linewidth=2 if strong else 1, linestyle=(0, (3, 3)) if dashed else "-", zorder=2,
    ))


def _text(
    axes: Any, x: float, y: float, text: str, *, points: float = _TEXT_POINTS, colour: str = INK,
    weight: str = "normal", align: str = "left",
) -> None:
    # parse_math off: a file's name may hold dollar signs.
    axes.text(x, y, text, fontsize=points, color=colour, fontweight=weight, ha=align, va="center", zorder=3,
              parse_math=False)
