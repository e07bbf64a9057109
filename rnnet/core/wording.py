"""Lists within sentences."""

from __future__ import annotations

from collections.abc import Iterable


def listed(things: Iterable[object], most: int = 5, *, separator: str = ", ") -> str:
    """The first `most` of them and how many more there are, as 'a, b, c, d, e and 3 more'."""
    names = [str(thing) for thing in things]
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return separator.join(names[:most]) + more
