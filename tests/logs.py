"""What rnnet itself logged: a library's late lines, of whatever ran before in the process, are not its words."""

from __future__ import annotations

import logging

import pytest


def own_messages(caplog: pytest.LogCaptureFixture, *, level: int = logging.NOTSET) -> list[str]:
    """Messages of rnnet's loggers of at least this level, in their order.

    Where the command line has set up logging before, one record reaches caplog by two ways: it counts once.
    """
    records = {id(record): record for record in caplog.records}
    return [
        record.getMessage() for record in records.values()
        if record.name.partition(".")[0] == "rnnet" and record.levelno >= level
    ]
