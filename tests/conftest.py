"""Fixtures shared by all tests."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
# Dask's loop may tell of a connection that it lost long ago, while another test reads what rnnet writes to the screen.
logging.getLogger("asyncio").addHandler(logging.NullHandler())


@pytest.fixture(scope="session")
def test_data() -> Path:
    """Folder of real scans; tests that need it are skipped, with the reason, where it is absent."""
    folder = Path(os.environ.get("RNNET_TEST_DATA", PROJECT.parent / "shared" / "data"))
    if not (folder / "t1ce").is_dir():
        pytest.skip(f"no real test data in {folder}: set RNNET_TEST_DATA to the folder that holds t1ce and atlas")
    return folder

