"""What is wrong with an own table, told kind by kind with all lines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rnnet.core.errors import DatasetError

_MOST_LINES = 20


@dataclass(frozen=True, slots=True)
class Problem:
    """A fault and its cure. Faults of one kind have one text: what tells them apart stands in the other fields.

    line: None where the fault is the whole table's or mapping's. against: the line that this one contradicts.
    """

    text: str
    line: int | None = None
    column: str = ""
    against: int | None = None


def raise_if_any(problems: Iterable[Problem], path: Path) -> None:
    """Raises DatasetError with every kind of fault on a line of its own; says nothing if there is none."""
    kinds: dict[tuple[str, str], list[Problem]] = {}
    count = 0
    for problem in sorted(set(problems), key=lambda p: (p.line or 0, p.column, p.text)):
        kinds.setdefault((problem.column, problem.text), []).append(problem)
        count += 1
    if kinds:
        of_kinds = f" of {len(kinds)} kind(s)" if len(kinds) < count else ""
        told = "".join(f"\n    {_told(found)}" for found in kinds.values())
        raise DatasetError(f"The table has {count} error(s){of_kinds}.", where=path,
                           fix=f"Correct the table or the mapping file:{told}")


def lines_text(lines: Sequence[int]) -> str:
    """'line 2', 'lines 2, 4-7': rising line numbers, of many only the first."""
    runs: list[list[int]] = []
    for line in lines:
        if runs and line == runs[-1][-1] + 1:
            runs[-1].append(line)
        else:
            runs.append([line])
    named = [f"{run[0]}-{run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs]
    return _listed(named, [len(run) for run in runs])


def _told(found: Sequence[Problem]) -> str:
    first = found[0]
    if first.line is None:
        return first.text
    if any(p.against is not None for p in found):
        lines = _listed([f"{p.line} (see line {p.against})" for p in found], [1] * len(found))
    else:
        lines = lines_text([p.line for p in found if p.line is not None])
    return f"{lines}{f', column {first.column}' if first.column else ''}: {first.text}"


def _listed(names: Sequence[str], sizes: Sequence[int]) -> str:
    """sizes: how many lines each name stands for."""
    rest = sum(sizes[_MOST_LINES:])
    return (f"line{'s' if sum(sizes) > 1 else ''} {', '.join(names[:_MOST_LINES])}"
            f"{f' and {rest} more' if rest else ''}")
