import numpy as np
from sklearn.metrics import roc_auc_score

from rnnet.demo.clinical import COLUMNS, draw_days_since_srs, draw_patient_row, draw_row


def test_rows_have_every_column_known_categories_and_some_gaps():
    rng = np.random.default_rng(0)
    rows = [draw_row(draw_patient_row(rng), days_since_srs=100.0, rng=rng) for _ in range(200)]
    assert all(set(row) == set(COLUMNS) for row in rows)
    for name, column in COLUMNS.items():
        values = [row[name] for row in rows]
        assert None in values
        if column.type == "categorical":
            assert {v for v in values if v is not None} <= set(column.categories)


def test_the_time_since_radiosurgery_says_something_but_not_all():
    rng = np.random.default_rng(0)
    labels = [i % 2 for i in range(600)]
    days = [draw_days_since_srs(is_necrosis=bool(label), rng=rng) for label in labels]
    assert 0.65 < roc_auc_score(labels, days) < 0.8
