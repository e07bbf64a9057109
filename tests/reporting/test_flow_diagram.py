"""The flow diagram: what its boxes say, and that no text leaves its box or meets another."""

from __future__ import annotations

from itertools import combinations, pairwise
from xml.etree import ElementTree

import pytest
from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from rnnet.dataset.cohort.candidates import CohortSettings
from rnnet.dataset.cohort.report import report_of
from rnnet.dataset.cohort.select import select
from rnnet.reporting.flow_diagram import draw_flow_diagram, plot_flow_diagram
from rnnet.reporting.flow_layout import WIDTH_INCH, flow_layout
from tests.dataset.cohort.scans import candidates, lesion_over_time

GROWS = {0.0: 20.0, 90.0: 30.0, 180.0: 40.0}


def make_report(unit="lesion", *, positions=True, long_names=False, require_srs=True):
    source = candidates(
        lesion_over_time("a", GROWS, outcome="radiation_necrosis", srs_days=(5.0,), neighbours=("b",)),
        lesion_over_time("b", GROWS, outcome="progression", srs_days=(), patient="P2", neighbours=()),
        lesion_over_time("c", GROWS, srs_days=(), patient="P3"),
        lesion_over_time("d", GROWS, outcome="progression", srs_days=(), patient="P4", motion=True),
        lesion_over_time("e", {0.0: 20.0, 90.0: 20.0}, outcome="progression", srs_days=(), patient="P5"),
        [*lesion_over_time("f", {0.0: 20.0, 90.0: float("nan")}, patient="P6", srs_days=(),
                           unmeasured="a reason that is so long that it does not fit into one line of its box")],
        positions=positions, srs=True, motion=True,
        failures=("P9: not readable",),
    )
    if long_names:
        from dataclasses import replace

        source = replace(source, source="Dataset001_" + "VeryLongName" * 8 + "$x_1$", diameter="made up " * 20)
    return report_of(select(source, CohortSettings(unit, require_srs=require_srs)))


def test_there_is_a_box_for_every_step_with_the_reasons_beside_it():
    layout = flow_layout(make_report())
    titles = [" ".join(box.title) for box in layout.boxes]
    assert titles[0] == "Lesions of the source"
    assert titles[-1] == "Selected; sample unit: lesion"
    assert layout.boxes[3].excluded == ("Excluded", "1 lesion-scan: growth below 20 % or 5 mm",
                                        "No scan is left of 1 lesion and 1 patient")
    assert [row.outcome for row in layout.boxes[0].rows] == ["", "radiation_necrosis", "progression", "not_known"]
    assert layout.boxes[0].rows[0].counts.lesion_scans == 16


def test_unit_positive_class_and_missing_radiosurgery_are_said():
    layout = flow_layout(make_report("lesion_scan", require_srs=False))
    text = " ".join(layout.subheading)
    assert "Sample unit: lesion_scan" in text
    assert "Positive class: radiation necrosis." in text
    assert any("samples have no radiosurgery" in note for note in layout.notes)
    assert any("1 scan could not be measured" in note for note in layout.notes)


def test_where_each_sample_must_have_a_radiosurgery_none_is_said_to_lack_one():
    assert not any("samples have no radiosurgery" in note for note in flow_layout(make_report()).notes)


def test_the_footnote_says_that_the_record_of_radiosurgery_tells_the_outcome():
    lesions = [
        lesion_over_time(f"{outcome}{n}", GROWS, outcome=outcome, srs_days=days)
        for outcome, days in (("radiation_necrosis", (5.0,)), ("progression", ())) for n in range(6)
    ]
    report = report_of(select(candidates(*lesions, srs=True), CohortSettings("lesion")))
    notes = " ".join(flow_layout(report).notes)
    assert "radiation necrosis (positive class) 0 of 6, progression 6 of 6" in notes
    assert "gives the outcome away in part; --require_srs leaves these samples out." in notes
    assert "gives the outcome away" not in " ".join(flow_layout(make_report()).notes)


def test_a_rule_that_was_not_applied_says_why():
    box = next(b for b in flow_layout(make_report(positions=False)).boxes if "neighbour" in " ".join(b.title))
    assert " ".join(box.title).endswith("not applied: the table has no positions")
    assert box.rows == ()


def test_boxes_follow_each_other_with_a_gap():
    boxes = flow_layout(make_report()).boxes
    assert all(below.top - above.bottom >= 0.25 for above, below in pairwise(boxes))


@pytest.mark.parametrize("options", [
    {}, {"unit": "lesion_scan"}, {"positions": False}, {"long_names": True},
])
def test_no_text_leaves_its_box_or_the_picture_or_overlaps_another(options):
    report = make_report(**options)
    with rc_context({"font.family": "sans-serif", "font.sans-serif": ["DejaVu Sans"]}):
        figure = Figure(figsize=(WIDTH_INCH, flow_layout(report).height))
        canvas = FigureCanvasAgg(figure)
        draw_flow_diagram(figure, report)
        canvas.draw()
        axes = figure.axes[0]
        texts = [t.get_window_extent() for t in axes.texts if t.get_text()]
    frames = [p.get_window_extent() for p in axes.patches if isinstance(p, Rectangle)]
    picture = figure.bbox
    for text in texts:
        assert picture.x0 <= text.x0
        assert text.x1 <= picture.x1
        for frame in frames:
            if frame.overlaps(text):
                assert frame.x0 < text.x0
                assert text.x1 < frame.x1
                assert frame.y0 < text.y0
                assert text.y1 < frame.y1
    assert not [1 for a, b in combinations(texts, 2) if a.overlaps(b)]
    assert not [1 for a, b in combinations(frames, 2) if a.overlaps(b)]


def test_the_same_selection_gives_the_same_bytes_as_png_and_svg(tmp_path):
    for name in ("a", "b"):
        plot_flow_diagram(tmp_path / f"{name}.png", tmp_path / f"{name}.svg", make_report())
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert ElementTree.parse(tmp_path / "a.svg").getroot().tag.endswith("svg")
    for ending in ("png", "svg"):
        assert (tmp_path / f"a.{ending}").read_bytes() == (tmp_path / f"b.{ending}").read_bytes()
    assert len(list(tmp_path.iterdir())) == 4
