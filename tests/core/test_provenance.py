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
