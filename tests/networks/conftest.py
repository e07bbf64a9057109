from __future__ import annotations

import pytest

from rnnet.planning.plan import ExperimentPlan
from tests.factories import make_plan


@pytest.fixture
def plan() -> ExperimentPlan:
    return make_plan()
