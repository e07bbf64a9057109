"""Fixtures of the experiment tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from rnnet.core.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Empty folders."""
    return Workspace.under(tmp_path)
