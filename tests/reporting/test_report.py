from __future__ import annotations

import csv
import io
import json
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from matplotlib.image import imsave
from numpy import zeros

from rnnet.core.codec import read_artefact
from rnnet.core.errors import DatasetError, FileFormatError, MissingStageError, SettingError
from rnnet.core.provenance import RunRecord
from rnnet.core.workspace import ReportLayout
from rnnet.evaluation.summary import SAME_CENTER_TEST, Evaluation
from rnnet.reporting import report
from rnnet.reporting.markup import Figure
from rnnet.reporting.report import write_report
from rnnet.reporting.report_tables import report_tables
from rnnet.reporting.stored import read_report
from tests.reporting.browser import find_browser
from tests.reporting.results import made_up_facts, made_up_plan, made_up_summaries, made_up_summary, store_made_up

EVIL = "<script>alert('x')</script> & \"quoted\""
VOID = {"meta", "img", "br", "hr"}
STORED = ("summary.json", "metrics.csv", "facts.json", "cohorts.json", "lesions.csv")


class Page(HTMLParser):
    """Collects tags, attributes, text and the cells of tables by anchor, and checks that every tag is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.open: list[str] = []
        self.words = ""
        self.anchor = ""
        self.cells: dict[str, list[str]] = {}
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, k, v or "") for k, v in attrs]
        found = dict(attrs)
        if found.get("class") == "table":
            self.anchor = found["id"]
        if (tag in ("td", "th") and "scope" not in found) or found.get("scope") == "row":
            self.cells.setdefault(self.anchor, []).append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
        if tag == "section":
            self.anchor = ""

    def handle_data(self, data):
        self.words += data
        if {"td", "th"} & set(self.open) and "thead" not in self.open:
            self.cells[self.anchor][-1] += data


@pytest.fixture
def no_drawing(monkeypatch, tmp_path):
    """Pages with a single grey picture: what is drawn has tests of its own."""
    imsave(tmp_path / "grey.png", zeros((4, 4)))
    figure = Figure("Figure 1. ROC curves.", EVIL, tmp_path / "grey.png", wide=True, anchor="figure-1")
    monkeypatch.setattr(report, "draw_figures", lambda *_: {"roc": figure})
    return tmp_path / "grey.png"


def written(folder: Path, *, gallery=(), facts=None, **changes) -> tuple[ReportLayout, Page]:
    layout = ReportLayout(folder / "evaluation")
    store_made_up(layout, facts=facts, **changes)
    write_report(layout, gallery=gallery)
    return layout, Page(layout.report_html.read_text(encoding="utf-8"))


def evil_facts():
    return made_up_facts(
        title=f"Report {EVIL}", failures=(("P009_s1", EVIL),), warnings=(EVIL,), notes=(EVIL,), demonstration=EVIL,
        leaks=(EVIL,), digests=((EVIL, EVIL),),
        dataset_facts={"Licence": EVIL, EVIL: 3, "Columns": {"age": EVIL, "share": 0.123456, "none": None},
                       "Folds": [{"Fold": 0, EVIL: EVIL}], "Spacing": (1.0, 2.5), "Registered": True},
        runs=(RunRecord("rnnet_train", (EVIL,), 7, "cpu", "2025-01-02T03:04:05+00:00", "3.11", "Linux",
                        {"torch": "2.13.0"}),
              RunRecord("rnnet_evaluate", (), 7, "cpu", "2025-01-02T04:00:00+00:00", "3.11", "Linux",
                        {"torch": "2.13.1"})),
    )


def test_the_page_loads_nothing_and_shows_every_text_as_text(tmp_path, no_drawing):
    layout, page = written(tmp_path, gallery=[no_drawing], facts=evil_facts())
    text = layout.report_html.read_text(encoding="utf-8")
    assert not {"script", "link", "iframe", "object", "embed"} & set(page.tags)
    for tag, name, value in page.attributes:
        if name in ("src", "href", "srcset", "action"):
            assert value.startswith("data:image/png;base64,") if tag == "img" else value.startswith("#")
    assert not re.search(r"@import|url\(", text)
    assert page.open == []
    # title twice, figure, licence, fact name, column value, row header and cell, failure, warning, note,
    # demonstration, leak, digest twice, argument
    assert page.words.count(EVIL) >= 15
    assert page.tags.count("img") == 2


def test_every_link_inside_the_page_has_its_target(tmp_path, no_drawing):
    _, page = written(tmp_path)
    targets = [v for _, k, v in page.attributes if k == "id"]
    links = {v.removeprefix("#") for _, k, v in page.attributes if k == "href"}
    assert {"cohort", "table-2a", "figure-1", "checklists"} <= links | set(targets)
    assert links <= set(targets)
    assert len(set(targets)) == len(targets)


def test_the_published_tables_come_first_and_each_names_the_positive_class(tmp_path, no_drawing):
    layout, page = written(tmp_path)
    for word in ("Table 1a. Characteristics by patient", "Table 2a. Models, cross-validation (positive class: ",
                 "Table 2c. Models, external test, Dataset002_Other (positive class: radiation necrosis)",
                 "Table 3. Comparison of models, same-centre test (positive class: radiation necrosis)",
                 "Fold models, mean ± SD", "Out-of-fold predictions [95 % CI]", "Table S1. What travels"):
        assert word in page.words, word
    tables = report_tables(read_report(layout))
    assert list(tables) == ["cohort", "results", "comparisons", "decisions", "labels", "controls", "kept", "figures",
                            "subgroups"]
    for item in (item for group in tables.values() for item in group):
        assert "ositive class: radiation necrosis" in f"{item.table.title} {item.table.subtitle}"


def test_every_cell_of_every_table_stands_in_a_file_beside_the_page(tmp_path, no_drawing):
    layout, page = written(tmp_path)
    names = [p.stem for p in sorted((layout.folder / "tables").iterdir())]
    assert len(names) == 14
    assert set(names) == set(page.cells) - {""}
    for name in names:
        rows = list(csv.reader(io.StringIO(layout.table_csv(name).read_text(encoding="utf-8"))))[1:]
        assert [cell.strip() for row in rows for cell in row] == [c.replace("−", "-") for c in page.cells[name]]


def test_every_figure_of_a_model_in_the_tables_is_one_of_the_stored_evaluation(tmp_path, no_drawing):
    layout, _ = written(tmp_path)
    stored = read_artefact(layout.summary_json, Evaluation, made_by="rnnet_evaluate")
    assert list(stored.summaries) == made_up_summaries()
    known = {f"{v:.3f}" for v in _numbers(json.loads(layout.summary_json.read_text(encoding="utf-8")))}
    for letter in "abc":
        rows = csv.reader(io.StringIO(layout.table_csv(f"table-2{letter}").read_text(encoding="utf-8")))
        found = {n for row in list(rows)[1:] for cell in row for n in re.findall(r"\d\.\d{3}", cell)}
        assert len(found) > 10
        assert found <= known
    for s in stored.summaries:
        assert repr(s.intervals["auc"].low) in layout.metrics_csv.read_text(encoding="utf-8")


def _numbers(value):
    if isinstance(value, dict | list):
        for v in value.values() if isinstance(value, dict) else value:
            yield from _numbers(v)
    elif isinstance(value, float | int):
        yield value


def test_the_page_is_drawn_from_the_stored_files_alone(tmp_path, no_drawing):
    layout, _ = written(tmp_path)
    elsewhere = ReportLayout(tmp_path / "copy")
    elsewhere.folder.mkdir()
    for name in STORED:
        shutil.copy(layout.folder / name, elsewhere.folder / name)
    assert write_report(elsewhere).read_bytes() == layout.report_html.read_bytes()
    (elsewhere.folder / "lesions.csv").unlink()
    with pytest.raises(MissingStageError, match="evaluated lesions are needed"):
        write_report(elsewhere)
    (elsewhere.folder / "facts.json").write_text("{}")
    with pytest.raises(FileFormatError, match="Schema version None"):
        write_report(elsewhere)


def test_flow_splits_kept_features_and_digests_are_shown(tmp_path, no_drawing):
    _, page = written(tmp_path)
    for word in ("Lesions on scans in cases.csv50 lesions, 25 patients", "Excluded: 7 lesions",
                 "No patient stands on both", "radiomics_glcm_Idmn",
                 "fold 1: 9 all, 2 LASSO", "Fold 1: no alpha", "0123456789abcdef",
                 "Toy", "2025-01-02 03:04", "95th percentile of extent", "Radiomic and clinical values"):
        assert word in page.words, word


def test_the_headline_is_of_the_multimodal_model_whatever_its_figures(tmp_path, no_drawing):
    summaries = [made_up_summary("multimodal", strength=-1.0), made_up_summary("ssl_vit", strength=20.0)]
    layout, _ = written(tmp_path, summaries=summaries)
    tile = re.findall(r'<div class="value">([^<]*)</div>', layout.report_html.read_text(encoding="utf-8"))
    assert tile == [f"{summaries[0].pooled.auc:.3f}"]


def test_a_report_without_extras_says_nothing_of_them_and_leaves_their_items_open(tmp_path, no_drawing):
    bare = made_up_facts(runs=(), flows=(), splits=None, digests=(), kept=())
    layout, page = written(tmp_path, facts=bare, summaries=[made_up_summary()], comparisons=(), subgroups=(),
                           label_shares=(), controls=())
    for word in ("Attention rollout", "No scan and no lesion failed", "Warnings", "Versions", "Table 3", "Subgroups",
                 "Label efficiency", "Negative controls", "Kept features"):
        assert word not in page.words, word
    rows = {(r["guideline"], r["item"]): r for r in csv.DictReader(layout.checklists_csv.open(encoding="utf-8"))}
    assert rows["CLAIM 2024", "33"]["status"] == rows["CLAIM 2024", "35"]["status"] == "open"
    assert rows["CLAIM 2024", "38"]["status"] == "answered"


def test_splits_of_unknown_origin_do_not_answer_how_cases_were_assigned(tmp_path, no_drawing):
    known = made_up_facts().splits
    for facts, status in ((made_up_facts(), "answered"), (made_up_facts(splits=replace(known, rule="")), "open")):
        layout, _ = written(tmp_path / status, facts=facts)
        rows = {(r["guideline"], r["item"]): r for r in csv.DictReader(layout.checklists_csv.open(encoding="utf-8"))}
        assert rows["CLAIM 2024", "19"]["status"] == status


def test_a_leak_stands_in_red_above_every_figure_and_beside_the_tables(tmp_path, no_drawing):
    layout, _ = written(tmp_path, facts=made_up_facts(leaks=(f"ssl_vit has seen {EVIL}.",)))
    page = layout.report_html.read_text(encoding="utf-8")
    start, tiles = page.index('<div class="leaks"'), page.index('class="tiles"')
    assert start < page.index("LEAKAGE, allowed by --allow_leakage") < tiles
    assert "ssl_vit has seen &lt;script&gt;" in page[start:tiles]
    assert re.search(r"\.leaks \{[^}]*color: var\(--bad\)", page)
    assert "ssl_vit has seen" in layout.tables_md.read_text()
    rows = {(r["guideline"], r["item"]): r for r in csv.DictReader(layout.checklists_csv.open(encoding="utf-8"))}
    assert rows["CLAIM 2024", "20"]["status"] == "open"


def test_what_cannot_be_reported_is_refused_before_anything_is_written(tmp_path, no_drawing):
    layout = ReportLayout(tmp_path / "evaluation")
    with pytest.raises(DatasetError, match="positive class radiation_necrosis, the plan's is progression"):
        store_made_up(layout, facts=made_up_facts(
            plan=made_up_plan(positive_outcome="progression", negative_outcome="other")))
    with pytest.raises(DatasetError, match="different lesions"):
        store_made_up(layout, summaries=[made_up_summary("ssl_vit", n=20), made_up_summary("radiomics", n=22)])
    assert not layout.folder.exists()
    evaluation = store_made_up(layout)
    from rnnet.reporting.stored import store_report

    stored = read_report(layout)
    with pytest.raises(SettingError, match="no model to report"):
        store_report(layout, replace(evaluation, summaries=()), stored.facts, stored.cohorts, ())
    with pytest.raises(MissingStageError, match="is not there"):
        write_report(layout, gallery=[tmp_path / "none.png"])
    assert not layout.report_html.exists()


@pytest.mark.slow
def test_figures_are_drawn_numbered_and_linked(tmp_path):
    layout, page = written(tmp_path, summaries=made_up_summaries(("multimodal",))[:1])
    drawn = sorted(p.stem for p in (layout.folder / "figures").iterdir())
    assert drawn == ["calibration", "decision_curve", "forest", "label_efficiency", "precision_recall", "roc", "scores",
                     "subgroups"]
    assert page.tags.count("img") == len(drawn)
    assert [f"Figure {i}. " in page.words for i in range(1, 9)] == [True] * 8
    assert "Positive outcome" not in page.words
    assert SAME_CENTER_TEST in layout.summary_json.read_text(encoding="utf-8")


@pytest.mark.slow
def test_in_a_browser_nothing_is_wider_than_the_page(tmp_path, no_drawing):
    browser = find_browser(tmp_path / "profile")
    layout, _ = written(tmp_path)
    # The measuring script is the test's own: the report has none.
    script = "<script>document.title = String(document.documentElement.scrollWidth <= innerWidth)</script></html>"
    copy = tmp_path / "measured.html"
    copy.write_text(layout.report_html.read_text(encoding="utf-8").replace("</html>", script), encoding="utf-8")
    for width in (1200, 390):
        frame = tmp_path / f"{width}.html"
        frame.write_text(f'<iframe id="f" src="measured.html" style="width:{width}px;height:900px"></iframe><script>'
                         'f.onload = () => { document.title = f.contentDocument.title }</script>', encoding="utf-8")
        dom, complaints = browser.dom(frame.as_uri(), "--allow-file-access-from-files")
        assert complaints == []
        assert "<title>true</title>" in dom
