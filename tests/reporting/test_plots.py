from __future__ import annotations

import numpy as np
import pytest
from matplotlib.image import imread

from rnnet.core.errors import SettingError
from rnnet.core.types import CONFIGS
from rnnet.reporting import plots
from rnnet.reporting.plots import plot_forest, plot_roc, plot_scores
from rnnet.reporting.style import colour_of, in_order, picture
from tests.reporting.results import NEGATIVE, POSITIVE, made_up_lesions, made_up_summaries


def colours_in(path) -> set[tuple[int, int, int]]:
    pixels = (imread(path)[..., :3] * 255).round().astype(int).reshape(-1, 3)
    return set(map(tuple, np.unique(pixels, axis=0).tolist()))


def rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def test_the_roc_picture_shows_a_curve_of_every_model(tmp_path):
    predictions = {c: made_up_lesions(40, seed=i) for i, c in enumerate(CONFIGS)}
    plot_roc(tmp_path / "a" / "roc.png", predictions, subset_title="Test", positive_outcome=POSITIVE)
    assert {rgb(colour_of(c)) for c in CONFIGS} <= colours_in(tmp_path / "a" / "roc.png")
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["roc.png"]


def test_the_legend_and_the_labels_name_auc_and_positive_class(tmp_path, monkeypatch):
    texts = drawn_texts(monkeypatch)
    plot_roc(tmp_path / "roc.png", {"ssl_vit": made_up_lesions(strength=20.0)}, subset_title="Same-centre test",
             positive_outcome=POSITIVE)
    assert {"Same-centre test", "Sensitivity for radiation necrosis", "AUC", "1.000  SSL ViT"} <= texts()


def test_the_score_picture_has_one_panel_a_model(tmp_path, monkeypatch):
    texts = drawn_texts(monkeypatch)
    plot_scores(tmp_path / "s.png", {c: made_up_lesions() for c in CONFIGS[:5]}, thresholds={"ssl_vit": 0.5},
                subset_title="Test", positive_outcome=POSITIVE, negative_outcome=NEGATIVE)
    wanted = {"SSL ViT", "Radiomics", "Probability of radiation necrosis", "progression", "radiation\nnecrosis"}
    assert wanted <= texts()


def test_the_forest_picture_names_every_subset_and_interval(tmp_path, monkeypatch):
    texts = drawn_texts(monkeypatch)
    summaries = made_up_summaries()
    plot_forest(tmp_path / "f.png", summaries)
    interval = summaries[0].intervals["auc"]
    assert f"{interval.value:.3f} [{interval.low:.3f}, {interval.high:.3f}]" in texts()
    assert "Cross-validation: 20 radiation necrosis, 20 progression" in texts()
    assert any("positive class: radiation necrosis" in t for t in texts())


def test_points_of_equal_score_do_not_hide_each_other():
    offsets = plots._spread(np.array([0.5, 0.5, 0.5, 0.9]))
    assert len(set(offsets[:3].tolist())) == 3
    assert offsets[3] == 0
    assert np.abs(plots._spread(np.full(200, 0.3))).max() <= 0.3


def test_nothing_to_draw_or_one_class_is_refused_and_no_file_is_left(tmp_path):
    with pytest.raises(SettingError, match="no model"):
        plot_roc(tmp_path / "r.png", {}, subset_title="T", positive_outcome=POSITIVE)
    with pytest.raises(SettingError, match="no model"):
        plot_forest(tmp_path / "f.png", [])
    with pytest.raises(SettingError, match="same outcome"):
        plot_scores(tmp_path / "s.png", {"ssl_vit": made_up_lesions()[::2]}, thresholds={}, subset_title="T",
                    positive_outcome=POSITIVE, negative_outcome=NEGATIVE)
    assert list(tmp_path.iterdir()) == []


def test_every_configuration_has_a_colour_of_its_own():
    assert len({colour_of(c) for c in CONFIGS}) == len(CONFIGS)
    assert in_order(["multimodal", "own_model", "ssl_vit"]) == ["ssl_vit", "multimodal", "own_model"]


def drawn_texts(monkeypatch):
    """A function that returns every text in the figures drawn since."""
    from contextlib import contextmanager

    from matplotlib.text import Text

    figures = []

    @contextmanager
    def recording(path, **size):
        with picture(path, **size) as figure:
            figures.append(figure)
            yield figure

    monkeypatch.setattr(plots, "picture", recording)
    return lambda: {t.get_text() for f in figures for t in f.findobj(Text)}
