from __future__ import annotations

import logging

import pytest


@pytest.fixture(autouse=True)
def _log_reaches_caplog(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line turns propagation off for the process; caplog needs it."""
    monkeypatch.setattr(logging.getLogger("rnnet"), "propagate", True)
