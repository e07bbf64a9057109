"""How many patients the demonstration has."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DemoSize:
    """Patients of the two centres and scans of the pool. One patient in `follow_up_every` has a second scan."""

    n_train_patients: int = 12
    n_test_patients: int = 5
    n_second_center_patients: int = 5
    n_pool_scans: int = 12
    follow_up_every: int = 5
    # Skull-stripping is the slow step, so that only this share of the labelled scans shows the whole head.
    whole_head_share: float = 0.3
