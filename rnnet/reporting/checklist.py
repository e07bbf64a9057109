"""Items of a reporting guideline: which of them a run answers, where in the report, and what is left to the authors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Status = Literal["answered", "in part", "open"]


@dataclass(frozen=True, slots=True)
class Place:
    """A place of the report: its anchor, and how a link to it is called."""

    anchor: str
    label: str


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a guideline, by number, in rnnet's own words.

    places: names of places that answer it, where the report has them. left: what they do not say, for the authors; ''
    where they say it all.
    """

    number: str
    section: str
    topic: str
    places: tuple[str, ...] = ()
    left: str = ""


@dataclass(frozen=True, slots=True)
class Guideline:
    """A guideline: its name, the publication that numbers its items, and the items.

    caution: what is not known of the numbers, in a sentence; '' where they are known.
    """

    name: str
    source: str
    items: tuple[Item, ...]
    caution: str = ""


@dataclass(frozen=True, slots=True)
class AnsweredItem:
    """An item with its places in this report."""

    item: Item
    status: Status
    places: tuple[Place, ...]

    @property
    def left(self) -> str:
        """What the authors have to add."""
        return "for the authors to report" if self.status == "open" else self.item.left


def answer(guideline: Guideline, places: Mapping[str, Place]) -> tuple[AnsweredItem, ...]:
    """Every item with the places that this report has for it.

    Args:
        guideline: the items.
        places: by name, the places that this report has.
    """
    return tuple(_answered(item, [places[name] for name in item.places if name in places]) for item in guideline.items)


def counts(items: Sequence[AnsweredItem]) -> dict[Status, int]:
    """How many items are answered, answered in part, and open."""
    statuses: tuple[Status, ...] = ("answered", "in part", "open")
    return {status: sum(item.status == status for item in items) for status in statuses}


def _answered(item: Item, found: Sequence[Place]) -> AnsweredItem:
    status: Status = "open" if not found else "in part" if item.left else "answered"
    return AnsweredItem(item, status, tuple(dict.fromkeys(found)))
