from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest
from matplotlib.image import imsave
from numpy import zeros

from rnnet.core.codec import read_artefact
from rnnet.core.errors import DatasetError, MissingStageError, SettingError
from rnnet.core.provenance import RunRecord
from rnnet.core.workspace import ReportLayout
from rnnet.evaluation.summary import Evaluation
from rnnet.reporting.markup import Figure
from rnnet.reporting.report import write_report
from tests.reporting.results import made_up_plan, made_up_summaries, made_up_summary

EVIL = "<script>alert('x')</script> & \"quoted\""
VOID = {"meta", "img", "br", "hr"}


class Page(HTMLParser):
    """Collects tags, attributes and text, and checks that every tag is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.open: list[str] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, k, v or "") for k, v in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words += data


@pytest.fixture
def picture(tmp_path):
    imsave(tmp_path / "source.png", zeros((4, 4)))
    return tmp_path / "source.png"


def write(folder, picture, **changes):
    layout = ReportLayout(folder / "evaluation")
    values = {
        "title": f"Report {EVIL}", "summaries": made_up_summaries(), "plan": made_up_plan(),
        "figures": [Figure(f"ROC {EVIL}", EVIL, picture, wide=True)], "gallery": [Figure("P001_1", EVIL, picture)],
        "dataset_facts": {"Licence": EVIL, EVIL: 3, "Columns": {"age": EVIL, "share": 0.123456, "none": None},
                          "Folds": [{"Fold": 0, EVIL: EVIL}], "Spacing": (1.0, 2.5), "Registered": True},
        "failures": [("P009_s1", EVIL)], "warnings": [EVIL], "notes": [EVIL], "demonstration": EVIL,
        "runs": [RunRecord("rnnet_train", (EVIL,), 7, "cpu", "2025-01-02T03:04:05+00:00", "3.11", "Linux",
                           {"torch": "2.13.0"}),
                 RunRecord("rnnet_evaluate", (), 7, "cpu", "2025-01-02T04:00:00+00:00", "3.11", "Linux",
                           {"torch": "2.13.1"})],
        **changes,
    }
    write_report(layout.report_html, **values)
    return layout, Page(layout.report_html.read_text(encoding="utf-8"))


def test_the_page_loads_nothing_from_elsewhere(tmp_path, picture):
    layout, page = write(tmp_path, picture)
    assert not {"script", "link", "iframe", "object", "embed"} & set(page.tags)
    for tag, name, value in page.attributes:
        if name in ("src", "href", "srcset", "action"):
            assert value.startswith("data:image/png;base64,") if tag == "img" else value.startswith("#")
    assert not re.search(r"@import|url\(", layout.report_html.read_text(encoding="utf-8"))
    assert page.open == []


def test_every_link_inside_the_page_has_its_target(tmp_path, picture):
    _, page = write(tmp_path, picture)
    targets = {v for _, k, v in page.attributes if k == "id"}
    links = {v.removeprefix("#") for _, k, v in page.attributes if k == "href"}
    assert links
    assert links <= targets


def test_every_given_text_is_shown_and_none_becomes_markup(tmp_path, picture):
    layout, page = write(tmp_path, picture)
    text = layout.report_html.read_text(encoding="utf-8")
    assert "<script" not in text
    # title twice, figure, caption twice, licence, fact name, column value, row header and cell, failure, warning,
    # note, demonstration, argument
    assert page.words.count(EVIL) >= 14


def test_the_sections_hold_what_they_were_given(tmp_path, picture):
    _, page = write(tmp_path, picture)
    for word in ("positive class: radiation necrosis", "95th percentile of extent", "extent (mm) = 38.4", "P009_s1",
                 "0.1235", "1, 2.5", "2.13.0, 2.13.1", "2025-01-02 03:04", "External test, Dataset002_Other",
                 "64 x 64 x 64 mm", "Demonstration. "):
        assert word in page.words, word
    assert page.tags.count("img") == 2


def test_every_auc_of_the_page_stands_in_the_file_beside_it(tmp_path, picture):
    layout, page = write(tmp_path, picture)
    stored = read_artefact(layout.summary_json, Evaluation, made_by="rnnet_evaluate")
    assert list(stored.summaries) == made_up_summaries()
    for s in stored.summaries:
        interval = s.intervals["auc"]
        text = f"{interval.value:.3f} [{interval.low:.3f}, {interval.high:.3f}]"
        assert text in page.words
        assert text in layout.tables_md.read_text(encoding="utf-8")
        assert repr(interval.low) in layout.metrics_csv.read_text(encoding="utf-8")
    facts = json.loads(layout.facts_json.read_text(encoding="utf-8"))
    assert facts["dataset_facts"]["Licence"] == EVIL
    assert facts["plan"]["crop"]["edge_vox"] == 64
    assert facts["runs"][0]["versions"] == {"torch": "2.13.0"}


def test_the_headline_is_of_the_multimodal_model_whatever_its_figures(tmp_path, picture):
    summaries = [made_up_summary("multimodal", strength=-1.0), made_up_summary("ssl_vit", strength=20.0)]
    layout, _ = write(tmp_path, picture, summaries=summaries)
    tile = re.findall(r'<div class="value">([^<]*)</div>', layout.report_html.read_text(encoding="utf-8"))
    assert tile == [f"{summaries[0].pooled.auc:.3f}"]


def test_a_report_without_extras_says_nothing_of_them(tmp_path, picture):
    _, page = write(tmp_path, picture, gallery=(), failures=None, warnings=(), notes=(), runs=(), demonstration="")
    for word in ("Attention rollout", "No scan and no lesion failed", "Warnings", "Demonstration", "Versions"):
        assert word not in page.words, word
    _, page = write(tmp_path, picture, failures=())
    assert "No scan and no lesion failed" in page.words


def test_a_leak_stands_in_red_above_every_figure_and_beside_the_tables(tmp_path, picture):
    layout, _ = write(tmp_path, picture, leaks=[f"ssl_vit has seen {EVIL}."])
    page = layout.report_html.read_text(encoding="utf-8")
    start, tiles = page.index('<div class="leaks"'), page.index('class="tiles"')
    assert page.index("LEAKAGE, allowed by --allow_leakage") > start
    assert start < tiles
    assert "ssl_vit has seen &lt;script&gt;" in page[start:tiles]
    assert re.search(r"\.leaks \{[^}]*color: var\(--bad\)", page)
    assert "ssl_vit has seen" in layout.tables_md.read_text()
    assert json.loads(layout.facts_json.read_text())["leaks"] == [f"ssl_vit has seen {EVIL}."]
    without, _ = write(tmp_path / "without", picture)
    assert '<div class="leaks"' not in without.report_html.read_text(encoding="utf-8")


def test_what_cannot_be_reported_is_refused_before_anything_is_written(tmp_path, picture):
    with pytest.raises(SettingError, match="no model to report"):
        write(tmp_path, picture, summaries=[])
    with pytest.raises(DatasetError, match="positive class radiation_necrosis, the plan's is progression"):
        write(tmp_path, picture, plan=made_up_plan(positive_outcome="progression", negative_outcome="other"))
    with pytest.raises(MissingStageError, match="is not there"):
        write(tmp_path, picture, figures=[Figure("ROC", "", tmp_path / "none.png")])
    assert not (tmp_path / "evaluation").exists()
