"""The section of the report on reporting guidelines, and the same as CSV."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rnnet.core.csv_text import csv_text
from rnnet.reporting.checklist import AnsweredItem, Guideline, Place, answer, counts
from rnnet.reporting.claim import CLAIM
from rnnet.reporting.markup import Html, data_table, element, joined
from rnnet.reporting.tripod import TRIPOD_AI

GUIDELINES = (CLAIM, TRIPOD_AI)
_MARKS = {"answered": "●", "in part": "◐", "open": "○"}


def checklist_section(places: Mapping[str, Place]) -> Html:
    """One table per guideline, with links to the places that answer its items."""
    intro = element("p", "What a run can know is answered by a link. 'In part' names what is left to say; what is "
                         "open is for the authors. Items go by the number of the guideline, in words of our own.")
    return joined([intro, *(_table(guideline, answer(guideline, places)) for guideline in GUIDELINES)])


def checklists_csv(places: Mapping[str, Place]) -> str:
    """Every item: guideline, number, section, topic, status, where it is answered, what is left."""
    return csv_text(("guideline", "item", "section", "topic", "status", "answered_in", "left"), (
        (guideline.name, found.item.number, found.item.section, found.item.topic, found.status,
         "; ".join(place.label for place in found.places), "" if found.status == "answered" else found.left)
        for guideline in GUIDELINES for found in answer(guideline, places)
    ))


def _table(guideline: Guideline, items: Sequence[AnsweredItem]) -> Html:
    n = counts(items)
    summary = (f"{guideline.source}. {len(items)} items: {n['answered']} answered, {n['in part']} in part, "
               f"{n['open']} open.")
    rows = [(found.item.number, found.item.topic, _status(found), _where(found)) for found in items]
    return joined([
        element("h3", guideline.name), element("p", summary, class_="subtitle"),
        element("p", guideline.caution, class_="subtitle") if guideline.caution else None,
        data_table(("Item", "Topic", "Status", "Where, and what is left"), rows, kind="checklist"),
    ])


def _status(found: AnsweredItem) -> Html:
    return element("span", f"{_MARKS[found.status]} {found.status}", class_="nowrap")


def _where(found: AnsweredItem) -> Html:
    links: list[object] = []
    for place in found.places:
        links += [", " if links else "", element("a", place.label, href=f"#{place.anchor}")]
    if found.status == "answered":
        return joined(links)
    left = element("span", found.left, class_="left")
    return joined([*links, ". Left: " if links else "", left])
