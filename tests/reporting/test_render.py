from __future__ import annotations

import csv
import io

import pytest

from rnnet.core.types import CONFIGS
from rnnet.evaluation.summary import METRIC_NAMES
from rnnet.reporting.render import metrics_csv, to_markdown, to_text
from rnnet.reporting.tables import Table, model_tables
from tests.reporting.results import made_up_summaries, made_up_summary


def test_the_terminal_table_is_aligned_and_fits_eighty_columns():
    table = model_tables([made_up_summary(c) for c in CONFIGS])[0]
    lines = to_text(table).splitlines()
    assert max(map(len, lines)) <= 80
    assert "positive class: radiation necrosis" in lines[0]
    brackets = {line.index("[") for line in lines if "[0." in line}
    assert len(brackets) == 1
    assert sum(line.startswith("━") for line in lines) == 2


def test_the_markdown_table_has_as_many_cells_in_every_row():
    text = to_markdown(Table("T | x", "s", ("A", "B"), ("A", "B"), (("a|b", "1"), ("c", "2")), ("a note",)))
    assert text.startswith("## T | x\n\ns\n")
    assert "| a\\|b | 1 |" in text
    assert [line.replace("\\|", "").count("|") for line in text.splitlines() if line.startswith("|")] == [3, 3, 3, 3]
    assert "- a note" in text


def test_the_csv_holds_every_figure_with_all_digits():
    summaries = made_up_summaries()
    rows = list(csv.DictReader(io.StringIO(metrics_csv(summaries))))
    assert len(rows) == len(summaries) * (1 + 2 + 2)
    for s in summaries:
        mine = {r["figure"]: r for r in rows if (r["config"], r["subset"]) == (s.config, s.subset)}
        assert list(mine) == [s.pooling, "fold_0", "fold_1", "mean", "sd"]
        for name in METRIC_NAMES:
            assert float(mine[s.pooling][name]) == getattr(s.pooled, name)
            assert float(mine["fold_1"][name]) == getattr(s.folds[1].metrics, name)
            assert float(mine["mean"][name]) == s.mean_sd[name].mean
            assert float(mine["sd"][name]) == s.mean_sd[name].sd
        assert float(mine[s.pooling]["auc_low"]) == s.intervals["auc"].low
        assert {r["positive_outcome"] for r in mine.values()} == {"radiation_necrosis"}


def test_an_undefined_figure_is_an_empty_cell():
    from dataclasses import replace

    summary = made_up_summary()
    undefined = replace(summary, pooled=replace(summary.pooled, ppv=None))
    row = next(csv.DictReader(io.StringIO(metrics_csv([undefined]))))
    assert row["ppv"] == ""
    assert float(row["npv"]) == pytest.approx(summary.pooled.npv)
