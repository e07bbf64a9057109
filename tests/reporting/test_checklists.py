from __future__ import annotations

import csv
import io

from rnnet.reporting.checklist import Guideline, Item, Place, answer, counts
from rnnet.reporting.checklist_section import GUIDELINES, checklist_section, checklists_csv
from rnnet.reporting.claim import CLAIM
from rnnet.reporting.places import _FIGURES, _SECTIONS, _TABLES
from rnnet.reporting.tripod import TRIPOD_AI

_OF_FACTS = {
    "source", "scans", "labels", "distances", "leakage", "digests", "features", "missing", "internal", "external"
}


def test_claim_has_items_1_to_44_and_tripod_its_27_with_their_letters() -> None:
    assert [item.number for item in CLAIM.items] == [str(n) for n in range(1, 45)]
    numbers = [item.number for item in TRIPOD_AI.items]
    assert list(dict.fromkeys(int(n.rstrip("abcdefg")) for n in numbers)) == list(range(1, 28))
    assert len(numbers) == len(set(numbers)) == 52


def test_every_place_that_an_item_names_is_one_that_a_report_can_have() -> None:
    known = {*_SECTIONS, *_TABLES, *_FIGURES, *_OF_FACTS}
    assert {place for g in GUIDELINES for item in g.items for place in item.places} <= known


def test_an_item_is_answered_where_the_report_has_the_place_and_open_where_it_has_not() -> None:
    place = Place("results", "Table 2a")
    items = answer(Guideline("G", "", (
        Item("1", "", "a", ("there",)), Item("2", "", "b", ("absent",), "c"),
        Item("3", "", "d", ("there", "absent"), "e"),
    )), {"there": place})
    assert [(x.status, x.places, x.left) for x in items] == [
        ("answered", (place,), ""), ("open", (), "for the authors to report"), ("in part", (place,), "e")]
    assert counts(items) == {"answered": 1, "in part": 1, "open": 1}


def test_what_is_not_known_of_the_numbers_of_a_guideline_stands_below_its_name() -> None:
    assert checklist_section({}).count("not compared with the published table") == 1


def test_the_section_links_to_the_place_and_the_csv_says_the_same() -> None:
    places = {"external": Place("table-2c", "Table 2c")}
    page = checklist_section(places)
    assert '<a href="#table-2c">Table 2c</a>' in page
    assert "44 items: 1 answered, 0 in part, 43 open." in page
    rows = list(csv.DictReader(io.StringIO(checklists_csv(places))))
    assert len(rows) == 44 + 52
    assert [r["answered_in"] for r in rows if r["status"] == "answered"] == ["Table 2c"]
