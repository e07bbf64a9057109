"""Fixtures of the preprocessing tests."""

from __future__ import annotations

import pytest

from rnnet.preprocessing.atlas import Atlas
from tests.factories import make_atlas


@pytest.fixture(scope="session")
def atlas() -> Atlas:
    """The small head, away from the origin of the world."""
    return make_atlas(origin_xyz_mm=(-30.0, 5.0, 12.0))
