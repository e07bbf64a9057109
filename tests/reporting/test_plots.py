from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.image import imread
from matplotlib.text import Text

from rnnet.core.errors import SettingError
from rnnet.core.types import CONFIGS
from rnnet.evaluation.summary import CROSS_VALIDATION
from rnnet.reporting import panels, plots, plots_subgroups
from rnnet.reporting.curves import pr_points
from rnnet.reporting.panels import Panel, wrapped_title
from rnnet.reporting.plots import plot_forest, plot_precision_recall, plot_roc, plot_scores
from rnnet.reporting.plots_decision import plot_calibration, plot_decision
from rnnet.reporting.plots_subgroups import plot_label_shares, plot_subgroups
from rnnet.reporting.scores import Scores
from rnnet.reporting.style import colour_of, in_order, line_of, picture
from tests.reporting.results import (
    NEGATIVE,
    POSITIVE,
    made_up_evaluated,
    made_up_scores,
    made_up_shares,
    made_up_subgroups,
    made_up_summaries,
)

NAMED = {"positive_outcome": POSITIVE}


def panel(*configs: str, title: str = "Test", **settings: float) -> Panel:
    return Panel(title, {c: made_up_scores(c, **settings) for c in configs})


def colours_in(path) -> set[tuple[int, int, int]]:
    pixels = (imread(path)[..., :3] * 255).round().astype(int).reshape(-1, 3)
    return set(map(tuple, np.unique(pixels, axis=0).tolist()))


def rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def test_the_roc_picture_shows_a_curve_of_every_model(tmp_path):
    configs = ("ssl_vit", "radiomics", "multimodal")
    shown = replace(panel(*configs), scores={c: made_up_scores(c, strength=0.2 * i) for i, c in enumerate(configs)})
    plot_roc(tmp_path / "a" / "roc.png", [shown], **NAMED, seed=0)
    assert {rgb(colour_of(c)) for c in configs} <= colours_in(tmp_path / "a" / "roc.png")
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["roc.png"]


@pytest.mark.parametrize(("draw", "label"), [
    (lambda path, p: plot_roc(path, p, **NAMED, seed=0), "Sensitivity for radiation necrosis"),
    (lambda path, p: plot_precision_recall(path, p, **NAMED), "Precision (PPV) for radiation necrosis"),
    (lambda path, p: plot_calibration(path, p, **NAMED), "Observed share of\nradiation necrosis"),
    (lambda path, p: plot_decision(path, p, **NAMED), "Net benefit per lesion"),
])
def test_curves_name_test_set_model_and_what_the_axis_is_of(tmp_path, drawn, draw, label):
    draw(tmp_path / "curve.png", [panel("ssl_vit", title="Same-centre test")])
    assert {label, "Same-centre test", "SSL ViT"} <= drawn()
    assert (tmp_path / "curve.png").is_file()


def test_the_decision_curve_names_both_strategies_without_a_model(tmp_path, drawn):
    plot_decision(tmp_path / "d.png", [panel("ssl_vit")], **NAMED)
    assert {"all radiation necrosis", "none radiation necrosis", "Threshold probability"} <= drawn()


def test_probabilities_without_a_finite_calibration_slope_have_no_line_and_no_error(tmp_path, drawn):
    plot_calibration(tmp_path / "c.png", [panel("ssl_vit", strength=20.0)], **NAMED)
    assert "Predicted probability" in drawn()


def test_the_score_picture_has_a_row_a_model_and_a_column_a_test_set_and_names_the_centres(tmp_path, drawn):
    two = made_up_scores()
    mixed = replace(two, centers=tuple("AB"[i % 4 // 2] for i in range(len(two.centers))))
    shown = [Panel("Test", {"ssl_vit": mixed, "radiomics": mixed}), Panel("Elsewhere", {"ssl_vit": mixed})]
    plot_scores(tmp_path / "s.png", shown, configs=("ssl_vit", "radiomics"), **NAMED, negative_outcome=NEGATIVE)
    assert {"Test\nSSL ViT", "Test\nRadiomics", "Elsewhere\nSSL ViT", "centre A", "centre B",
            "Probability of\nradiation necrosis", "progression", "radiation necrosis"} <= drawn()
    assert "Elsewhere\nRadiomics" not in drawn()


def test_precision_begins_with_the_first_positive_lesion_found_and_not_with_a_convention():
    scores = replace(made_up_scores(), y=np.array([0, 1, 0, 1]), z=np.array([4.0, 3.0, 2.0, 1.0]))
    recall, precision = pr_points(scores)
    assert recall.tolist() == [0.0, 0.5, 0.5, 1.0]
    assert precision.tolist() == pytest.approx([0.5, 0.5, 1 / 3, 0.5])


def test_every_threshold_at_which_lesions_were_decided_is_drawn(tmp_path, monkeypatch):
    from matplotlib.axes import Axes

    drawn = []
    monkeypatch.setattr(Axes, "axhline", lambda _, y, **__: drawn.append(y))
    decided = [replace(x, threshold=0.3 + 0.1 * (x.fold or 0)) for x in made_up_evaluated("ssl_vit", CROSS_VALIDATION)]
    plot_scores(tmp_path / "s.png", [Panel("Cross-validation", {"ssl_vit": Scores.of(decided)})], configs=("ssl_vit",),
                **NAMED, negative_outcome=NEGATIVE)
    assert drawn == [0.3, 0.4]


def test_the_forest_picture_names_every_subset_and_interval(tmp_path, drawn):
    summaries = made_up_summaries()
    plot_forest(tmp_path / "f.png", summaries)
    interval = summaries[0].intervals["auc"]
    assert f"{interval.value:.3f} [{interval.low:.3f}, {interval.high:.3f}]" in drawn()
    assert any(t.startswith("Cross-validation: 20 radiation necrosis, 20") for t in drawn())
    assert any("positive class: radiation necrosis" in t for t in drawn())


def test_subgroups_show_interval_sizes_and_why_there_is_none(tmp_path, drawn):
    plot_subgroups(tmp_path / "g.png", made_up_subgroups())
    assert {"Centre", "A  (9 + 8)", "B  (1 + 2)", "0.710 [0.520, 0.900]", "too few lesions"} <= drawn()


def test_label_efficiency_has_its_axis_in_patients(tmp_path, drawn):
    plot_label_shares(tmp_path / "l.png", made_up_shares())
    assert {"Labelled training patients", "Same-centre test", "SSL ViT"} <= drawn()


def test_points_of_equal_score_do_not_hide_each_other():
    offsets = plots._spread(np.array([0.5, 0.5, 0.5, 0.9]))
    assert len(set(offsets[:3].tolist())) == 3
    assert offsets[3] == 0
    assert np.abs(plots._spread(np.full(200, 0.3))).max() <= 0.3


def test_nothing_to_draw_or_one_class_is_refused_and_no_file_is_left(tmp_path):
    one = made_up_scores()
    only = Panel("T", {"ssl_vit": replace(one, y=np.ones_like(one.y))})
    with pytest.raises(SettingError, match="no model"):
        plot_roc(tmp_path / "r.png", [], **NAMED, seed=0)
    with pytest.raises(SettingError, match="no model"):
        plot_forest(tmp_path / "f.png", [])
    with pytest.raises(SettingError, match="same outcome"):
        plot_scores(tmp_path / "s.png", [only], configs=("ssl_vit",), **NAMED, negative_outcome=NEGATIVE)
    with pytest.raises(SettingError, match="one model"):
        plot_subgroups(tmp_path / "g.png", (*made_up_subgroups(), *made_up_subgroups("ssl_vit")))
    with pytest.raises(SettingError, match="share of the labels"):
        plot_label_shares(tmp_path / "l.png", ())
    assert list(tmp_path.iterdir()) == []


def test_long_names_of_test_sets_are_wrapped_at_their_underscore():
    assert wrapped_title("External test, Dataset003_DemoSecondCentre") == "External test,\nDataset003_DemoSecondCentre"
    assert wrapped_title("Same-centre test") == "Same-centre test"


def test_every_configuration_has_a_line_of_its_own():
    assert len({(colour_of(c), line_of(c)) for c in CONFIGS}) == len(CONFIGS)
    assert in_order(["multimodal", "own_model", "ssl_vit"]) == ["ssl_vit", "multimodal", "own_model"]


@pytest.fixture
def drawn(monkeypatch):
    """A function that returns every text in the figures drawn since."""
    figures = []

    @contextmanager
    def recording(path, **size):
        with picture(path, **size) as figure:
            figures.append(figure)
            yield figure

    for module in (plots, panels, plots_subgroups):
        monkeypatch.setattr(module, "picture", recording)
    return lambda: {t.get_text() for f in figures for t in f.findobj(Text)}
