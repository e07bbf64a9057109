"""Fixtures of the preprocessing tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from rnnet.preprocessing.atlas import Atlas, load_atlas
from tests.factories import make_atlas


@pytest.fixture(scope="session")
def atlas() -> Atlas:
    """The small head, away from the origin of the world."""
    return make_atlas(origin_xyz_mm=(-30.0, 5.0, 12.0))


@pytest.fixture(scope="session")
def sri24(test_data: Path) -> Atlas:
    """The real atlas."""
    if not (test_data / "atlas").is_dir():
        pytest.skip(f"no atlas in {test_data}: put the two SRI24 files into its folder atlas")
    return load_atlas(test_data / "atlas")
