"""What pictures with one panel per test set share."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rnnet.core.errors import SettingError
from rnnet.evaluation.checks import labels_and_scores
from rnnet.evaluation.names import model_name
from rnnet.reporting.scores import Scores
from rnnet.reporting.style import LINE, colour_of, in_order, line_of, picture

_MOST_IN_A_ROW = 4
_SIDE_INCH, _LEFT_INCH, _GAP_INCH, _RIGHT_INCH, _FOOT_INCH, _LINE_INCH = 2.4, 0.75, 0.5, 0.25, 0.52, 0.19
_TITLE_CHARACTERS = 28


@dataclass(frozen=True, slots=True)
class Panel:
    """One test set: its title, and what each model says of its lesions."""

    title: str
    scores: Mapping[str, Scores]

    @property
    def configs(self) -> list[str]:
        """The models in the order of the tables."""
        return in_order(self.scores)


def check_panels(panels: Sequence[Panel]) -> None:
    """Raises SettingError: there is no model, or lesions of one outcome only."""
    if not panels or not all(panel.scores for panel in panels):
        raise SettingError("There is no model to draw.", fix="Give the predictions of at least one configuration.")
    for panel in panels:
        for scores in panel.scores.values():
            labels_and_scores(scores.y, scores.z)


def models_of(panels: Sequence[Panel]) -> list[str]:
    """Every model of the panels once, in the order of the tables."""
    return in_order({config for panel in panels for config in panel.scores})


@contextmanager
def panel_row(
    path: Path, titles: Sequence[str], *, rows: int = 1, n_legend: int = 0, height_inch: float = _SIDE_INCH
) -> Iterator[tuple[Any, list[Any]]]:
    """A figure with a panel per title, the whole `rows` times one below the other; the axes row by row.

    Every place is given in inches: to find them by the size of the texts would take longer than the drawing.

    Args:
        path: PNG to write.
        titles: of the panels of one row; more than four go into further rows.
        rows: how often the row of panels is repeated; 1 where the panels themselves need several rows.
        n_legend: entries of the legend below all panels.
        height_inch: of one panel.
    """
    columns = min(len(titles), _MOST_IN_A_ROW) if rows == 1 else len(titles)
    lines = max(wrapped_title(title).count("\n") + 1 for title in titles) + (rows > 1)
    n_rows = -(-len(titles) // columns) if rows == 1 else rows
    head, legend = 0.12 + _LINE_INCH * lines, 0.08 + _LINE_INCH * -(-n_legend // _legend_columns(columns))
    width = max(4.6, _LEFT_INCH + columns * _SIDE_INCH + (columns - 1) * _GAP_INCH + _RIGHT_INCH)
    height = n_rows * (head + height_inch + _FOOT_INCH) + legend
    with picture(path, width_inch=width, height_inch=height) as figure:
        figure.set_layout_engine("none")
        axes = []
        for number in range(len(titles) * (rows if rows > 1 else 1)):
            row, column = divmod(number, columns)
            left = _LEFT_INCH + column * (_SIDE_INCH + _GAP_INCH)
            top = height - row * (head + height_inch + _FOOT_INCH) - head
            box = (left / width, (top - height_inch) / height, _SIDE_INCH / width, height_inch / height)
            axes.append(figure.add_axes(box))
        yield figure, axes


def _legend_columns(n_panels: int) -> int:
    return 4 if n_panels > 2 else 2


def wrapped_title(title: str) -> str:
    """The title of a panel in lines that fit it; a long name is cut in two at an underscore or in its middle."""
    lines = textwrap.wrap(title.replace("_", "_\u200b"), _TITLE_CHARACTERS, break_on_hyphens=False)
    return "\n".join(lines).replace("\u200b", "")


def draw_chance(axes: Any) -> None:
    """The diagonal."""
    axes.plot([0, 1], [0, 1], color=LINE, linewidth=1)


def shared_legend(
    figure: Any, configs: Sequence[str], *, n_panels: int, others: Mapping[str, Mapping[str, Any]] | None = None
) -> None:
    """One legend for all panels below them: the models, and further lines by name with their properties."""
    from matplotlib.lines import Line2D

    handles, names = [], []
    for config in configs:
        style, width = line_of(config)
        handles.append(Line2D([], [], linestyle=style, color=colour_of(config), linewidth=width))
        names.append(model_name(config))
    for name, properties in (others or {}).items():
        handles.append(Line2D([], [], **properties))
        names.append(name)
    columns = min(_legend_columns(n_panels), len(names))
    figure.legend(handles, names, loc="lower center", ncols=columns, columnspacing=1.6, borderaxespad=0.2,
                  labelspacing=0.35)
