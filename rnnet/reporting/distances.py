"""How far centres and data sets lie from each other, as a table."""

from __future__ import annotations

from collections.abc import Sequence

from rnnet.planning.center_distance import FAR_SD, FAR_SHARE, FAR_UNTESTED_SD, LEVEL, Comparison, Distance
from rnnet.reporting.tables import Table

_HEADER = ("", "quantity", "distance", "p", "patients", "")
DISTANCE_NOTE = (
    f"Numbers: Wasserstein distance in units of the SD inside the groups (for a mere shift Cohen's d). Categories: "
    f"total variation. Each patient counts once. p: share of random redistributions of the patients that lie at least "
    f"as far apart. 'far': at least {FAR_SD:g} SD or {FAR_SHARE:.0%} of the patients, and p < {LEVEL:g}. 'far, "
    f"untested': so few patients cannot give p < {LEVEL:g}, but they lie at least {FAR_UNTESTED_SD:g} SD apart, and "
    "further than Student's t would let pass."
)


def distance_rows(comparisons: Sequence[Comparison]) -> list[tuple[str, ...]]:
    """(compared, quantity, distance, p, patients, 'far', 'far, untested' or ''); `compared` stands once."""
    return [
        (f"{c.first} and {c.second}" if i == 0 else "", d.title, d.text, f"{d.p:.3f}", f"{d.n[0]} and {d.n[1]}",
         _far(d))
        for c in comparisons for i, d in enumerate(c.distances)
    ]


def _far(distance: Distance) -> str:
    return "far" if distance.far else "far, untested" if distance.far_untested else ""


def distance_facts(comparisons: Sequence[Comparison]) -> list[dict[str, str]]:
    """The same as rows of the report's section on the data set."""
    names = ("compared", "quantity", "distance", "p", "patients", "far")
    return [dict(zip(names, row, strict=True)) for row in distance_rows(comparisons)]


def distance_table(comparisons: Sequence[Comparison], title: str) -> Table:
    """The comparisons as a table with the note on how to read it."""
    return Table(title, "", _HEADER, _HEADER, tuple(distance_rows(comparisons)), (DISTANCE_NOTE,))
