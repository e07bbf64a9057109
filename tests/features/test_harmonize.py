from __future__ import annotations

import contextlib
import io
import json
import sys

import numpy as np
import pytest

from rnnet.core.codec import from_plain, to_plain
from rnnet.core.errors import DatasetError, MissingDependencyError
from rnnet.features.harmonize import FEWEST_LESIONS, FittedHarmonizer, fit_harmonizer
from rnnet.features.table import FeatureTable


def make_rows(counts: dict[str, int], f: int = 6, seed: int = 0) -> tuple[FeatureTable, list[str]]:
    """Noise; centre number k lies 3 k higher and spreads 1 + k times as far, in units that differ by feature."""
    rng = np.random.default_rng(seed)
    centers = [c for c, n in counts.items() for _ in range(n)]
    which = np.array([list(counts).index(c) for c in centers])[:, None]
    values = (rng.standard_normal((len(centers), f)) * (1 + which) + 3 * which) * 10.0 ** np.arange(f)
    ids = tuple(f"{c}{i}" for i, c in enumerate(centers))
    return FeatureTable(ids, tuple(f"f{i}" for i in range(f)), values), centers


def mean_gap(table: FeatureTable, centers: list[str]) -> float:
    """Largest difference between the centres' means, in SD of the feature."""
    means = [table.values[np.array(centers) == c].mean(axis=0) for c in sorted(set(centers))]
    return float((np.ptp(means, axis=0) / table.values.std(axis=0)).max())


needs_combat = pytest.mark.skipif("not __import__('importlib').util.find_spec('neuroCombat')",
                                  reason="neuroCombat is not installed: pip install neuroCombat")


@needs_combat
def test_training_rows_become_what_neurocombat_itself_makes_of_them() -> None:
    import pandas as pd
    from neuroCombat import neuroCombat

    table, centers = make_rows({"A": 20, "B": 15, "C": 9})
    with contextlib.redirect_stdout(io.StringIO()):
        expected = neuroCombat(np.array(table.values.T), pd.DataFrame({"center": centers}), "center")["data"].T
    found = fit_harmonizer(table, centers).transform(table, centers)
    np.testing.assert_allclose(found.values, expected, rtol=1e-10)
    assert mean_gap(table, centers) > 1
    assert mean_gap(found, centers) < 0.5  # empirical Bayes holds back the centre of nine


@needs_combat
def test_new_rows_of_a_training_centre_are_moved_as_its_training_rows_were() -> None:
    table, centers = make_rows({"A": 30, "B": 30})
    new, new_centers = make_rows({"A": 40, "B": 40}, seed=1)
    fitted = fit_harmonizer(table, centers)
    assert mean_gap(fitted.transform(new, new_centers), new_centers) < 0.8 < mean_gap(new, new_centers)
    one = fitted.transform(new.rows(new.case_ids[-1:]), new_centers[-1:])
    np.testing.assert_array_equal(one.values[0], fitted.transform(new, new_centers).values[-1])


@needs_combat
def test_a_centre_that_was_never_seen_stays_as_it_is_and_is_named() -> None:
    table, centers = make_rows({"A": 12, "B": 12})
    fitted = fit_harmonizer(table, centers)
    new, _ = make_rows({"A": 3}, seed=2)
    np.testing.assert_array_equal(fitted.transform(new, ["new"] * 3).values, new.values)
    assert fitted.unknown(["new", "A", "new"]) == ("new",)


@needs_combat
def test_a_small_training_centre_counts_as_unseen(caplog: pytest.LogCaptureFixture) -> None:
    table, centers = make_rows({"A": 12, "B": 12, "C": FEWEST_LESIONS - 1})
    fitted = fit_harmonizer(table, centers)
    assert fitted.centers == ("A", "B")
    assert "under 5 lesions as they are: C" in caplog.text
    without = fit_harmonizer(table.rows(table.case_ids[:24]), centers[:24])
    assert fitted == without


@needs_combat
def test_rows_without_radiomics_and_constant_features_take_no_part() -> None:
    table, centers = make_rows({"A": 12, "B": 12})
    values = np.array(table.values)
    values[:, 2] = [5.0 if c == "A" else 7.0 for c in centers]
    values[3] = np.nan
    holed = FeatureTable(table.case_ids, table.names, values)
    fitted = fit_harmonizer(holed, centers)
    assert fitted.names == ("f0", "f1", "f3", "f4", "f5")
    found = fitted.transform(holed, centers)
    assert np.isnan(found.values[3]).all()
    np.testing.assert_array_equal(np.delete(found.values[:, 2], 3), np.delete(values[:, 2], 3))
    assert np.isfinite(np.delete(found.values, 3, axis=0)).all()


@needs_combat
def test_a_feature_that_no_lesion_has_takes_no_part() -> None:
    table, centers = make_rows({"A": 12, "B": 12})
    values = np.array(table.values)
    values[:, 2] = np.nan
    holed = FeatureTable(table.case_ids, table.names, values)
    fitted = fit_harmonizer(holed, centers)
    assert fitted.names == ("f0", "f1", "f3", "f4", "f5")
    assert np.isnan(fitted.transform(holed, centers).values[:, 2]).all()


@needs_combat
def test_features_that_are_one_in_two_units_are_left_as_they_are_and_not_made_nan() -> None:
    table, centers = make_rows({"A": 10, "B": 10}, f=1)
    twins = FeatureTable(table.case_ids, ("f0", "f1"), np.hstack([table.values, 2 * table.values]))
    fitted = fit_harmonizer(twins, centers)
    assert "spreads of the features do not differ" in fitted.note
    np.testing.assert_array_equal(fitted.transform(twins, centers).values, twins.values)


@needs_combat
def test_the_fitted_numbers_survive_json() -> None:
    fitted = fit_harmonizer(*make_rows({"A": 8, "B": 9}))
    assert from_plain(FittedHarmonizer, json.loads(json.dumps(to_plain(fitted)))) == fitted


def test_one_centre_leaves_everything_as_it_is_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    table, centers = make_rows({"A": 12, "B": 2})
    fitted = fit_harmonizer(table, centers)
    assert "there is 1" in fitted.note
    assert fitted.note in caplog.text
    np.testing.assert_array_equal(fitted.transform(table, centers).values, table.values)


def test_without_the_library_the_error_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "neuroCombat", None)
    with pytest.raises(MissingDependencyError, match="pip install 'neuroCombat>="):
        fit_harmonizer(*make_rows({"A": 8, "B": 8}))


def test_rows_and_centres_must_be_as_many() -> None:
    table, centers = make_rows({"A": 8, "B": 8})
    with pytest.raises(DatasetError, match="16 rows got 3 centres"):
        fit_harmonizer(table, centers[:3])
