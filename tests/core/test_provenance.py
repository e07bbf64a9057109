from __future__ import annotations

import argparse

from rnnet.cli import _common
from rnnet.core.provenance import RunRecord, make_run_record


def test_a_record_holds_what_was_typed() -> None:
    records: list[RunRecord] = []
    parser = _common.make_parser("rnnet_toy", "A toy.", "rnnet_toy --word x")
    parser.add_argument("--word")

    def body(_: argparse.Namespace) -> None:
        records.append(make_run_record("rnnet_toy"))

    assert _common.run(body, parser, ["--word", "x"]) == 0
    assert records[0].arguments == ("--word", "x")
    assert make_run_record("rnnet_toy").arguments == ()


def test_a_run_record_holds_versions_seed_and_time() -> None:
    record = make_run_record("rnnet_train", seed=7, device="cpu", inputs={"plan": "abc"})
    assert (record.seed, record.inputs) == (7, {"plan": "abc"})
    assert record.versions["numpy"][0].isdigit()
    assert record.started.endswith("+00:00")
