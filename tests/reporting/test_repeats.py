from __future__ import annotations

from dataclasses import replace

from rnnet.core.types import CONTROLS, IMAGING_CONFIGS
from rnnet.evaluation.names import CONTROL_NAMES, MODEL_NAMES
from rnnet.evaluation.repeat_results import SeedSpread
from rnnet.reporting.render import to_text
from rnnet.reporting.repeats import SEEDS_INTRO, repeat_tables
from rnnet.reporting.screen import summary_text
from tests.reporting.results import NEGATIVE, POSITIVE, made_up_control, made_up_summaries


def made_up_spread(config: str = "ssl_vit") -> SeedSpread:
    return SeedSpread(
        config, "test", "Same-centre test", POSITIVE, 11, 13, ("0", "1"), (0, 1, 2), (0.8, 0.9, 0.85),
        NEGATIVE,
    )


def test_every_control_has_a_name_and_says_what_its_figure_should_be() -> None:
    (table,) = repeat_tables([made_up_control(c) for c in CONTROLS], ())
    assert len(table.rows) == len(table.notes) == len(CONTROLS)
    for control, row, note in zip(CONTROLS, table.rows, table.notes, strict=True):
        assert CONTROL_NAMES[control] in row[0]
        assert note.lower().startswith(CONTROL_NAMES[control])
        assert "should" in note
    assert table.rows[0][1:] == ("0.710 [0.520, 0.900]", "0.710 [0.520, 0.900]", "11 + 13", "2")


def test_both_tables_name_the_positive_class() -> None:
    tables = repeat_tables([made_up_control("mask_only")], [made_up_spread()])
    assert len(tables) == 2
    assert all("positive class: radiation necrosis" in t.title for t in tables)
    assert all("lesions: radiation necrosis + progression" in t.subtitle for t in tables)


def test_what_true_outcomes_chose_is_said_of_shuffled_labels_and_what_seeds_share_of_the_spread() -> None:
    (table,) = repeat_tables([made_up_control("shuffled_labels")], ())
    assert "the last epoch was taken" in table.notes[0]
    assert "about 0.5 on average" in table.notes[0]
    assert "pretrain.probe.patience" in table.notes[0]
    assert "A pretrained encoder is the same in all seeds" in SEEDS_INTRO


def test_a_control_without_its_model_has_a_dash() -> None:
    (table,) = repeat_tables([made_up_control("mask_only", model=None)], ())
    assert table.rows[0][2] == "–"
    assert table.notes[-1].startswith("–: the model itself has no predictions")


def test_the_spread_over_seeds_has_mean_sd_and_range() -> None:
    (table,) = repeat_tables((), [made_up_spread(), made_up_spread("ssl_vit.control_shuffled_labels")])
    assert table.rows[0][1:4] == ("3", "0.850 ± 0.050", "0.800 to 0.900")
    assert "shuffled labels" in table.rows[1][0]


def test_without_repeats_there_is_no_table() -> None:
    assert repeat_tables((), ()) == ()


def test_the_screen_shows_controls_and_seeds_after_the_models() -> None:
    text = summary_text(made_up_summaries(), [made_up_control("mask_only")], [made_up_spread()])
    places = [text.index(t) for t in ("Same-centre test (", "negative controls", "spread over seeds")]
    assert places == sorted(places)


def test_every_test_set_has_its_table_with_the_notes_once_and_room_on_the_screen() -> None:
    widest = max(MODEL_NAMES, key=lambda config: len(MODEL_NAMES[config]) if config in IMAGING_CONFIGS else 0)
    both = [
        replace(made_up_control("shuffled_labels"), config=widest, n_positive=1234, n_negative=1234, subset=subset)
        for subset in ("test", "Dataset002_Other")
    ]
    tables = repeat_tables(both, [made_up_spread()])
    assert [len(t.rows) for t in tables] == [1, 1, 1]
    assert [bool(t.notes) for t in tables] == [False, True, True]
    assert max(len(line) for t in tables for line in to_text(t).splitlines()) <= 100
    assert "those of the first seed" in to_text(tables[-1])
