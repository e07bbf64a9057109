from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest

from rnnet.core.codec import write_artefact
from rnnet.core.provenance import make_run_record
from rnnet.core.workspace import FoldLayout, ScanStoreLayout
from rnnet.inference.strippers import training_strippers, warn_of_strippers
from rnnet.preprocessing.skull_strip.record import STRIPPERS_INPUT, stripper_change, strippers_in, strippers_text
from rnnet.preprocessing.state import StepRecord
from rnnet.preprocessing.store import ScanStore
from tests.logs import own_messages
from tests.preprocessing.scans import make_scan

DEEPBET = ("deepbet", "1.0.2")
HD_BET = ("hd_bet", "2.0.1 (weights 0123abcd)")
GIVEN = ("mask", "")
NONE = ("none", "")


def put_scan(store: ScanStore, scan_id: str, stripper: tuple[str, str]) -> None:
    name, version = stripper
    history = (StepRecord("reorient"), StepRecord("skull_strip", {"stripper": name, "version": version}))
    store.write_scan(make_scan(np.ones((4, 4, 4)), scan_id=scan_id, history=history), {})


@pytest.fixture
def store(tmp_path: Path) -> ScanStore:
    """Two scans by deepbet, one of each other kind."""
    made = ScanStore(ScanStoreLayout(tmp_path / "scans"))
    for scan_id, stripper in {"a": DEEPBET, "b": NONE, "c": DEEPBET, "d": HD_BET, "e": GIVEN}.items():
        put_scan(made, scan_id, stripper)
    return made


def test_scans_are_counted_by_stripper_once_each(store: ScanStore) -> None:
    counts = strippers_in(store, ["a", "a", "b", "c", "d"])
    assert counts == {"deepbet 1.0.2": 2, "hd_bet 2.0.1 (weights 0123abcd)": 1, "none": 1}
    assert next(iter(counts)) == "deepbet 1.0.2"


@pytest.mark.parametrize("new", ["deepbet 1.0.2", "none"])
def test_scans_stripped_as_some_training_scans_were_need_no_warning(new: str) -> None:
    assert stripper_change(new, ["deepbet 1.0.2", "none"]) == ""


@pytest.mark.parametrize("new", ["hd_bet 2.0.1 (weights 0123abcd)", "deepbet 1.1", "none", "mask"])
def test_another_stripper_or_version_is_a_sentence_that_names_both(new: str) -> None:
    sentence = stripper_change(new, ["deepbet 1.0.2"])
    assert new in sentence
    assert "the training scans with deepbet 1.0.2" in sentence
    assert ("may differ a little" in sentence) == (new in ("none", "mask"))


def test_the_strippers_of_training_travel_with_the_models(tmp_path: Path) -> None:
    folds = [FoldLayout(tmp_path / name) for name in ("fold_0", "fold_1", "fold_2", "not copied")]
    for layout, names in zip(folds, ({"deepbet 1.0.2": 8, "none": 1}, {"deepbet 1.0.2": 9}, {}), strict=False):
        inputs = {STRIPPERS_INPUT: strippers_text(names)}
        write_artefact(layout.run_json, make_run_record("rnnet_train", inputs=inputs))
    assert training_strippers(folds) == ("deepbet 1.0.2", "none")
    assert training_strippers(folds[2:]) == ()


def test_a_change_of_stripper_is_said_by_scan_and_once_on_the_screen(
    store: ScanStore, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("rnnet"), "propagate", True)
    found = warn_of_strippers(("hd_bet 2.0.1 (weights 0123abcd)",), store, ["a", "c", "d", "a"])
    assert found["d"] == ()
    assert found["a"] == found["c"]
    assert "deepbet 1.0.2" in found["a"][0]
    (message,) = own_messages(caplog)
    assert "2 of 3 scans: a, c" in message
    assert "hd_bet 2.0.1" in message


def test_models_that_do_not_say_their_stripper_are_named_and_no_change_is_made_up(
    store: ScanStore, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("rnnet"), "propagate", True)
    assert warn_of_strippers((), store, ["a", "b"]) == {"a": (), "b": ()}
    assert "do not say how their training scans were skull-stripped" in caplog.text
